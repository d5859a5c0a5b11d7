package undelivered

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// Resend delivers an event once more: on the bus, as it was, so that every function that it is for gets it. It keeps its
// identity, so those that have seen it do nothing twice. Step Functions' own events go straight to what handles them. It
// may be resent as often as somebody likes; when it fails again it is open again. CodeNotFound; CodeIllegalMove when it is
// closed, or when it is nothing that can be sent.
func (s *Service) Resend(ctx context.Context, id string, by ops.Actor) (*ops.Undelivered, error) {
	u, err := s.Store.Undelivered(ctx, id)
	if err != nil {
		return nil, err
	}
	if u.Status == ops.UndeliveredClosed {
		return nil, ops.Errorf(ops.CodeIllegalMove, "%s is closed: it is not to be sent again", id)
	}
	// Sent first and noted then: after a crash between it may be sent twice, and is the same event both times.
	if err := s.send(ctx, u); err != nil {
		return nil, fmt.Errorf("resend %s: %w", id, err)
	}
	failures := u.Failures
	err = s.save(ctx, "note that "+id+" was resent", func() (_ []ops.Record, err error) {
		if u, err = s.Store.Undelivered(ctx, id); err != nil {
			return nil, err
		}
		before := *u
		u.Resends++
		u.ResentBy, u.ResentAt = by.ID, s.Clock.Now()
		if u.Failures == failures && u.Status != ops.UndeliveredClosed { // else it has failed again meanwhile, or was closed
			u.Status = ops.UndeliveredResent
		}
		return s.moved(ctx, "undelivered.resend", &before, u, by)
	})
	return u, err
}

// Close puts away what is not to be sent again. CodeNotFound, CodeIllegalMove when it is closed; CodeInvalid without a reason.
func (s *Service) Close(ctx context.Context, id string, by ops.Actor, reason string) (*ops.Undelivered, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return nil, ops.Invalid("request", []ops.Fault{{Path: "$.reason", Expected: "a text that says why it is not to be sent again", Got: "nothing"}})
	}
	var u *ops.Undelivered
	err := s.save(ctx, "close "+id, func() (_ []ops.Record, err error) {
		if u, err = s.Store.Undelivered(ctx, id); err != nil {
			return nil, err
		}
		if u.Status == ops.UndeliveredClosed {
			return nil, ops.Errorf(ops.CodeIllegalMove, "%s was closed by %s", id, u.ClosedBy)
		}
		before := *u
		u.Status, u.ClosedBy, u.ClosedAt, u.Reason = ops.UndeliveredClosed, by.ID, s.Clock.Now(), reason
		return s.moved(ctx, "undelivered.close", &before, u, by)
	})
	return u, err
}

// moved gives what is to be saved when a person changed a record.
func (s *Service) moved(ctx context.Context, action string, before, after *ops.Undelivered, by ops.Actor) ([]ops.Record, error) {
	records, err := s.move(ctx, after, before.Status, false)
	if err != nil {
		return nil, err
	}
	entry, err := s.entry(ctx, action, before, after, by)
	if err != nil {
		return nil, err
	}
	return append(records, entry), nil
}

func (s *Service) send(ctx context.Context, u *ops.Undelivered) error {
	switch {
	case u.Event == nil:
		return ops.Errorf(ops.CodeIllegalMove, "the event has %d bytes, too many to be kept here: replay it from the bus's archive", u.Bytes)
	case u.EventID == "":
		return ops.Errorf(ops.CodeIllegalMove, "this is no event: only who sent it to %s can send it again", u.Source)
	}
	var env ops.Envelope
	if err := json.Unmarshal(u.Event, &env); err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	switch {
	case env.Source == "aws.states":
		return s.RecordOutcome(ctx, u.Event)
	case strings.HasPrefix(env.Source, "aws."):
		return ops.Errorf(ops.CodeIllegalMove, "it was a tick of a schedule, and the next one does the same: close it")
	case env.Source == ops.Source:
		return s.sendOwn(ctx, env)
	}
	detail, err := sameEvent(env)
	if err != nil {
		return err
	}
	_, err = s.Senders.PutDomain(ctx, env.Source, env.DetailType, detail, env.Time)
	return err
}

func (s *Service) sendOwn(ctx context.Context, env ops.Envelope) error {
	var detail struct {
		ID    string    `json:"event_id"`
		Cause ops.Cause `json:"cause"`
	}
	if err := json.Unmarshal(env.Detail, &detail); err != nil || detail.ID == "" {
		return ops.Errorf(ops.CodeIllegalMove, "it says that it is opsflow's own event, and has no event_id")
	}
	return s.Bus.Put(ctx, ops.OutEvent{
		ID: detail.ID, Type: ops.EventType(env.DetailType), Time: env.Time, Detail: env.Detail, Cause: detail.Cause,
	})
}

// sameEvent is an event's detail for another delivery. EventBridge gives that a new id; an event that was known by its old
// one takes it along as event_id.
func sameEvent(env ops.Envelope) (json.RawMessage, error) {
	var detail map[string]json.RawMessage
	_ = json.Unmarshal(env.Detail, &detail) // what is no object has no event_id, and gets none
	if detail == nil || detail["event_id"] != nil {
		return env.Detail, nil
	}
	before, _ := ops.IdentifyEvent(env)
	id, err := json.Marshal(env.ID)
	if err != nil {
		return nil, fmt.Errorf("write event_id: %w", err)
	}
	detail["event_id"] = id
	with, err := json.Marshal(detail)
	if err != nil {
		return nil, fmt.Errorf("write the event's detail: %w", err)
	}
	again := env
	again.Detail = with
	if after, _ := ops.IdentifyEvent(again); after != before { // it is known by its natural key
		return env.Detail, nil
	}
	return with, nil
}
