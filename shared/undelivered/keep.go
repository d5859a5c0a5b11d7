package undelivered

import (
	"context"
	"errors"
	"fmt"

	"opsflow/shared/ops"
)

// HandleBatch keeps dead letters. Those that could not be stored are named in the outcome and come again; when none could
// be, that is an error, for which there is an alarm. A message that comes twice is counted once, and an event that fails
// again is the record that it was: open again.
func (s *Service) HandleBatch(ctx context.Context, b Batch) (Outcome, error) {
	out := Outcome{Failures: []Failure{}}
	var failed []error
	for _, m := range b.Records {
		if err := s.keepMessage(ctx, m); err != nil {
			s.Logger.ErrorContext(ctx, "dead letter not kept, it comes again", "message", m.ID, "queue", m.Queue, "error", err)
			out.Failures = append(out.Failures, Failure{m.ID})
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 && len(failed) == len(b.Records) {
		return Outcome{}, fmt.Errorf("keep %d dead letters: %w", len(failed), errors.Join(failed...))
	}
	return out, nil
}

func (s *Service) keepMessage(ctx context.Context, m Message) error {
	return s.save(ctx, "keep dead letter "+m.ID, func() ([]ops.Record, error) {
		now := s.Clock.Now()
		u := read(m, now)
		old, err := s.Store.Undelivered(ctx, u.ID)
		if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
			return nil, err
		}
		from := ops.UndeliveredStatus("")
		u.Meta = ops.Meta{CreatedAt: now}
		if old != nil {
			if old.Knows(m.ID) {
				return nil, nil
			}
			from = old.Status
			u.Meta, u.Failures, u.Messages = old.Meta, old.Failures, old.Messages
			u.Resends, u.ResentBy, u.ResentAt = old.Resends, old.ResentBy, old.ResentAt
		}
		u.Failures++
		u.Note(m.ID)
		u.Status = ops.UndeliveredOpen
		return s.move(ctx, u, from, true)
	})
}
