package undelivered

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

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
	alias, err := s.arrival(ctx, read(m, s.Clock.Now()))
	if err != nil {
		return fmt.Errorf("keep dead letter %s: %w", m.ID, err)
	}
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
		records, err := s.move(ctx, u, from, true)
		if err == nil && alias != nil {
			records, alias = append(records, alias), nil // should it be there by now, the next try goes without
		}
		return records, err
	})
}

// arrival leads from the id that EventBridge gave to an event of another system to the event, as the function would have that
// it did not reach: another arrival brings the event, or it is sent again, under another id of EventBridge's. nil when the id
// leads there, or nowhere ever.
func (s *Service) arrival(ctx context.Context, u *ops.Undelivered) (*ops.Delivery, error) {
	var env ops.Envelope
	readable := json.Unmarshal(u.Event, &env) == nil
	if !readable || !ops.ValidID(u.EventID) || env.Source == ops.Source || strings.HasPrefix(env.Source, "aws.") {
		return nil, nil //nolint:nilnil // documented: none
	}
	if _, err := s.Store.Event(ctx, u.EventID); ops.ErrorCode(err) != ops.CodeNotFound {
		return nil, err
	}
	identity, _ := ops.IdentifyEvent(env)
	d := &ops.Delivery{ID: u.EventID, EventID: ops.EventID(identity)}
	d.ExpiresAt = s.Clock.Now().Add(ops.EventRetention)
	return d, nil
}
