package bulk

import (
	"context"
	"fmt"

	"opsflow/shared/drive"
	"opsflow/shared/ops"
)

// HandleDue looks after an operation that should have ended: when all of its executions broke off, what is left has failed.
func (s *Service) HandleDue(ctx context.Context, ref ops.Ref) error {
	b, err := s.Store.Bulk(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read bulk operation %s: %w", ref.ID, err)
	}
	spent, err := s.driver().LookAfter(ctx, b)
	if err != nil || !spent {
		return err
	}
	return s.giveUp(ctx, b)
}

func (s *Service) driver() drive.Driver {
	return drive.Driver{Store: s.Store, Executions: s.Executions, Machine: s.Machine, Clock: s.Clock}
}

// giveUp gives every item that has none an outcome.
func (s *Service) giveUp(ctx context.Context, b *ops.Bulk) error {
	s.Logger.ErrorContext(ctx, "bulk operation given up", "bulk", b.ID, "attempts", drive.MaxAttempts)
	for n := range b.Parts() {
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
