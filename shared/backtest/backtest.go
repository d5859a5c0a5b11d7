// Package backtest runs backtests of rules beside the requests that ask for them: as long as they take, with their progress
// told, and with a result that can be read event by event however many there are.
//
// A backtest is one part of a job (package drive): limits are counted and subjects followed from the first event to the last,
// so a run that breaks off begins again. It reads the same events then, and writes the same pages.
package backtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	"opsflow/shared/audit"
	"opsflow/shared/drive"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// Store is what the service keeps backtests in.
type Store interface {
	ops.Saver
	ops.BacktestStore
}

// Rules are what tells what rules would have made of events; *rule.Engine.
type Rules interface {
	// PlanBacktest checks a request, and gives it with its period written out. CodeInvalid with every fault.
	PlanBacktest(ctx context.Context, req rule.BacktestRequest) (rule.BacktestRequest, error)
	// Backtest goes through the events.
	Backtest(ctx context.Context, req rule.BacktestRequest, w rule.Watch) (*rule.Backtest, error)
}

// Config is what a Service needs; all of it.
type Config struct {
	Store      Store
	Rules      Rules
	Executions ops.Executions
	Machine    string // ARN of the state machine that drives backtests
	Clock      ops.Clock
	Random     io.Reader
	Logger     *slog.Logger
}

// Service begins backtests and runs them. Safe for concurrent use.
type Service struct{ Config }

// New makes a service.
func New(c Config) *Service { return &Service{Config: c} }

func (s *Service) driver() drive.Driver {
	return drive.Driver{Store: s.Store, Executions: s.Executions, Machine: s.Machine, Clock: s.Clock}
}

// Begin checks what is asked and has it run. CodeInvalid with every fault of a rule; CodeTooLarge when the rules have no room
// in a record.
func (s *Service) Begin(ctx context.Context, req rule.BacktestRequest, by ops.Actor) (*ops.Backtest, error) {
	id, err := ops.RandomID(ops.BacktestPrefix, s.Random)
	if err != nil {
		return nil, fmt.Errorf("name the backtest: %w", err)
	}
	b := &ops.Backtest{ID: id, Actor: by, Status: ops.BacktestRunning, Attempt: 1}
	if req, err = s.Rules.PlanBacktest(ctx, req); err != nil {
		return nil, err
	}
	if b.Asked, err = json.Marshal(req); err != nil {
		return nil, fmt.Errorf("write down what is asked: %w", err)
	}
	b.From, b.To = req.From, req.To
	b.CreatedAt = s.Clock.Now()
	b.UpdatedAt, b.ExpiresAt = b.CreatedAt, b.CreatedAt.Add(ops.BacktestRetention)
	drive.Watch(b)
	entry, err := audit.First(ctx, audit.Change{
		Actor: by, Action: "backtest.begin", Target: b.Ref(), After: map[string]any{"asked": b.Asked},
	}, b.CreatedAt)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Save(ctx, b, entry); err != nil {
		return nil, fmt.Errorf("store backtest %s: %w", b.ID, err)
	}
	if err := s.driver().Start(ctx, b); err != nil {
		s.Logger.WarnContext(ctx, "backtest not started; sweep-due will", "backtest", b.ID, "error", err)
	}
	return b, nil
}

// HandleDue looks after a backtest that should have ended: when all of its executions broke off, it has failed.
func (s *Service) HandleDue(ctx context.Context, ref ops.Ref) error {
	b, err := s.Store.Backtest(ctx, ref.ID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read backtest %s: %w", ref.ID, err)
	}
	spent, err := s.driver().LookAfter(ctx, b)
	if err != nil || !spent {
		return err
	}
	return s.end(ctx, b, ops.BacktestFailed, "it broke off too often: choose a shorter period, or fewer rules")
}

// end writes how a backtest ended. A conflict means that it moves: whoever moves it ends it.
func (s *Service) end(ctx context.Context, b *ops.Backtest, status ops.BacktestStatus, why string) error {
	b.Status, b.Error = status, why
	b.EndedAt = s.Clock.Now()
	b.UpdatedAt = b.EndedAt
	b.ClearTimer(ops.TimerDrive)
	if err := s.Store.Save(ctx, b); err != nil && ops.AsConflict(err) == nil {
		return fmt.Errorf("end backtest %s: %w", b.ID, err)
	}
	return nil
}
