package bulk

import (
	"context"
	"errors"
	"fmt"

	"opsflow/shared/ops"
)

// HandleDue looks after an operation that should have ended: one whose execution was never started is started, one whose
// execution broke off gets another, and after maxAttempts of them what is left has failed. Overlapping calls do nothing
// twice.
func (s *Service) HandleDue(ctx context.Context, ref ops.Ref) error {
	b, err := s.Store.Bulk(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read bulk operation %s: %w", ref.ID, err)
	}
	now := s.Clock.Now()
	if at, set := b.Timers[ops.TimerDrive]; !set || at.After(now) {
		return nil
	}
	x, err := s.Executions.Describe(ctx, s.Machine, b.ExecutionName())
	never := errors.Is(err, ops.ErrNoExecution)
	if err != nil && !never {
		return fmt.Errorf("look after bulk operation %s: %w", b.ID, err)
	}
	over := err == nil && x.Status != ops.ExecutionRunning
	if over {
		b.Attempt++
	}
	b.SetTimer(ops.TimerDrive, now.Add(driveAgain))
	b.UpdatedAt = now
	if err := s.Store.Save(ctx, b); err != nil {
		if ops.AsConflict(err) != nil {
			return nil //nolint:nilerr // it moves
		}
		return fmt.Errorf("claim bulk operation %s: %w", b.ID, err)
	}
	switch {
	case over && b.Attempt > maxAttempts:
		return s.giveUp(ctx, b)
	case over || never:
		return s.drive(ctx, b)
	}
	return nil
}

// giveUp gives every item that has none an outcome.
func (s *Service) giveUp(ctx context.Context, b *ops.Bulk) error {
	s.Logger.ErrorContext(ctx, "bulk operation given up", "bulk", b.ID, "attempts", maxAttempts)
	for n := range b.Chunks() {
		c, err := s.Store.BulkChunk(ctx, b.ID, n)
		if err != nil {
			return fmt.Errorf("read chunk %d of bulk operation %s: %w", n, b.ID, err)
		}
		if c.Finished() {
			continue
		}
		for i := range c.Items {
			if c.Items[i].Outcome == ops.BulkPending {
				c.Items[i].Outcome, c.Items[i].Code = ops.BulkFailed, ops.CodeUnavailable
				c.Items[i].Reason = "the operation broke off too often; the item may have been done"
			}
		}
		if err := s.save(ctx, c); err != nil {
			return err
		}
	}
	return nil
}
