package store

import (
	"context"

	"opsflow/shared/ops"
)

// Backtest implements ops.BacktestStore.
func (s *Store) Backtest(ctx context.Context, id string) (*ops.Backtest, error) {
	return get[ops.Backtest](ctx, s, ops.Ref{Kind: ops.KindBacktest, ID: id})
}

// BacktestPage implements ops.BacktestStore.
func (s *Store) BacktestPage(ctx context.Context, id string, number int) (*ops.BacktestPage, error) {
	return get[ops.BacktestPage](ctx, s, (&ops.BacktestPage{BacktestID: id, Number: number}).Ref())
}

// Backtests implements ops.BacktestStore.
func (s *Store) Backtests(ctx context.Context, p ops.PageRequest) (ops.Page[*ops.Backtest], error) {
	return page[ops.Backtest](ctx, s, newest("backtests", ops.KindBacktest, nil), p, nil)
}
