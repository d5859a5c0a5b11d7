package task

import (
	"context"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// OfferStore is what an offer goes by.
type OfferStore interface {
	ops.WatchStore
	ops.VendorStore
	ops.AssignmentStore
	ops.CounterStore
	ops.EvidenceStore
}

// NextTurn asks the next vendor of an offer whose last turn is over: one that takes everything has the booking at once, one
// that can't take it any more is passed over. When nobody is left the task ends with OutcomeNobody: as expired if the last
// one asked let its time run out, else as completed. It gives what is to be saved together with the task. A Save that loses to another booking over the vendor's last place of the day fails
// with a Conflict: the caller reads the task again and begins again.
func NextTurn(ctx context.Context, s OfferStore, t *ops.Task, now time.Time) ([]ops.Record, error) {
	o := t.Offer
	for len(o.Waiting) > 0 {
		turn := o.Waiting[0]
		o.Waiting = o.Waiting[1:]
		v, reason, err := fits(ctx, s, o, turn.VendorID)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			turn.Answer, turn.AnsweredAt, turn.AnsweredBy, turn.Comment = ops.ReplyPassed, now, ops.System().ID, reason
			o.Turns = append(o.Turns, turn)
			continue
		}
		turn.AskedAt, turn.Until = now, now.Add(o.For.D)
		o.Turns = append(o.Turns, turn)
		t.Assignee = v.ID
		if v.AutoAccept {
			return accept(ctx, s, t, v, ops.System().ID, now)
		}
		t.DueAt = turn.Until
		t.SetTimer(ops.TimerOffer, turn.Until)
		return nil, nil
	}
	t.Assignee = ""
	decided(t, ops.OutcomeNobody, ops.System().ID, now)
	for _, turn := range slices.Backward(o.Turns) {
		if turn.Answer != ops.ReplyPassed {
			if turn.Answer == ops.ReplyExpired {
				t.Status = ops.TaskExpired
			}
			break
		}
	}
	return nil, nil
}

// fits reads a vendor and tells why it can't take the offer's booking any more, or "".
func fits(ctx context.Context, s OfferStore, o *ops.Offer, vendorID string) (*ops.Vendor, string, error) {
	v, err := s.Vendor(ctx, vendorID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, "is no vendor any more", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read vendor %s: %w", vendorID, err)
	}
	if reason := vendor.Unfit(v); reason != "" || v.DailyCapacity == 0 {
		return v, reason, nil
	}
	if a, err := s.Assignment(ctx, o.BookingID); err != nil || a != nil && a.VendorID == vendorID && a.Day == o.Day {
		return v, "", err // the booking itself is among those that it has
	}
	n, err := vendor.Booked(ctx, s, vendorID, o.Day)
	if err != nil {
		return nil, "", err
	}
	return v, vendor.Full(v, n), nil
}

// accept gives the booking to the vendor that is asked now.
func accept(ctx context.Context, s OfferStore, t *ops.Task, v *ops.Vendor, by string, now time.Time) ([]ops.Record, error) {
	endTurn(t, ops.ReplyAccepted, by, "", now)
	decided(t, ops.OutcomeAccepted, by, now)
	if t.Offer.BookingID == "" {
		return nil, nil
	}
	return vendor.Take(ctx, s, t.Offer.BookingID, v.ID, t.Offer.Day, v.DailyCapacity)
}

// endTurn ends the turn of the vendor that is asked now.
func endTurn(t *ops.Task, answer ops.Reply, by, comment string, now time.Time) {
	turn := t.Offer.Now()
	turn.Answer, turn.AnsweredAt, turn.AnsweredBy, turn.Comment = answer, now, by, comment
	t.ClearTimer(ops.TimerOffer)
}

// decided ends the task. Until the workflow has taken the outcome up, it is delivered again.
func decided(t *ops.Task, outcome, by string, now time.Time) {
	t.Status, t.Outcome, t.DecidedBy, t.DecidedAt = ops.TaskCompleted, outcome, by, now
	t.DueAt = time.Time{}
	t.SetTimer(ops.TimerDeliver, now.Add(deliverWithin))
}
