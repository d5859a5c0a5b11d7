package wire

import (
	"context"

	"opsflow/shared/backtest"
	"opsflow/shared/bulk"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// Backtests makes what runs backtests of the rules.
func (p Parts) Backtests(rules *rule.Engine) *backtest.Service {
	return backtest.New(backtest.Config{
		Store: p.Store, Rules: rules, Executions: p.Executions, Machine: p.MachinePrefix + bulkMachine,
		Clock: p.Clock, Random: p.Random, Logger: p.Logger,
	})
}

// ProcessBulk makes the handler of process-bulk: it works through a chunk of a bulk operation, or runs a backtest, which is
// driven by the same state machine and has one part.
func (p Parts) ProcessBulk() func(context.Context, bulk.Work) error {
	bulks, backtests := p.Bulk(), p.Backtests(p.Rules(p.Workflows()))
	return func(ctx context.Context, w bulk.Work) error {
		if ops.IsBacktest(w.Bulk) {
			return backtests.Run(ctx, w.Bulk)
		}
		return bulks.Process(ctx, w)
	}
}
