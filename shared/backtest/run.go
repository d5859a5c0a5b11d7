package backtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// saveEvery is how many events are read between two writes that tell how far a backtest has come.
const saveEvery = 10_000

// errOvertaken ends a run of a backtest that another invocation has taken over.
var errOvertaken = errors.New("another invocation runs this backtest")

// Run runs a backtest from its begin to its end, unless it has ended. Of two runs the one that begins later goes on. An error
// says that something did not answer, or that the time is over: to be run again.
func (s *Service) Run(ctx context.Context, id string) error {
	b, err := s.Store.Backtest(ctx, id)
	if err != nil {
		return fmt.Errorf("read backtest %s: %w", id, err)
	}
	if b.Status != ops.BacktestRunning {
		return nil
	}
	var req rule.BacktestRequest
	if err := json.Unmarshal(b.Asked, &req); err != nil {
		return s.end(ctx, b, ops.BacktestFailed, "what was asked can't be read: "+err.Error())
	}
	b.Read, b.Lines, b.Pages, b.Cut = 0, 0, 0, false
	if err := s.save(ctx, b); err != nil {
		return overtaken(err)
	}
	w := &writer{store: s.Store, clock: s.Clock, backtest: b}
	sum, err := s.Rules.Backtest(ctx, req, rule.Watch{
		Event: func(e rule.BacktestEvent) error { return w.add(ctx, e) },
		Progress: func(p rule.BacktestProgress) error {
			b.ReadFrom, b.Through, b.Read = p.From, p.Through, p.Read
			if p.Read%saveEvery != 0 {
				return nil
			}
			return s.save(ctx, b)
		},
	})
	if code := ops.ErrorCode(err); code == ops.CodeInvalid || code == ops.CodeNotFound { // a rule has changed since
		return s.end(ctx, b, ops.BacktestFailed, err.Error())
	}
	if err != nil {
		return overtaken(fmt.Errorf("run backtest %s: %w", b.ID, err))
	}
	if err := w.flush(ctx); err != nil {
		return overtaken(err)
	}
	if b.Result, err = json.Marshal(sum); err != nil {
		return fmt.Errorf("write the result of backtest %s: %w", b.ID, err)
	}
	return s.end(ctx, b, ops.BacktestCompleted, "")
}

func (s *Service) save(ctx context.Context, b *ops.Backtest) error {
	b.UpdatedAt = s.Clock.Now()
	err := s.Store.Save(ctx, b)
	if ops.AsConflict(err) != nil {
		return errOvertaken
	}
	if err != nil {
		return fmt.Errorf("store backtest %s: %w", b.ID, err)
	}
	return nil
}

// overtaken is err, unless that only says that somebody else is at it.
func overtaken(err error) error {
	if errors.Is(err, errOvertaken) {
		return nil
	}
	return err
}
