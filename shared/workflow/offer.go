package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/task"
	"opsflow/shared/vendor"
)

// shownToVendors are the booking's fields that a vendor sees of an offer.
var shownToVendors = []string{"service_type", "location", "scheduled_for", "service_value", "currency", "skills"}

// offer asks vendors, one after the other, to take the booking. All of them are asked in one task: whoever answers asks the
// next one (package task), and only the end of it reaches the execution. An offer that ends at once, because its vendor
// takes everything or none is left, needs no task.
func (r *run) offer(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	now := r.Clock.Now()
	id := ops.TaskID(r.i.ID, s.ID, rec.Loop)
	t, err := r.earlier(ctx, rec, id)
	if err != nil {
		return err
	}
	changed := false
	switch {
	case t == nil:
		if t, err = r.newOffer(ctx, s, id, rec.Loop); err != nil {
			return r.fail(ctx, s, rec, s.OnError, ops.StepError{Code: "no_ranking", Message: err.Error()})
		}
		taken, err := task.NextTurn(ctx, r.Store, t, now)
		if err != nil {
			return &Unavailable{Err: fmt.Errorf("offer the booking: %w", err)}
		}
		r.stage(taken...)
		changed = true
	case t.Status == ops.TaskCancelled: // by the end of an earlier attempt
		if turn := t.Offer.Now(); turn != nil { // the vendor has its whole time again
			turn.Until = now.Add(t.Offer.For.D)
			t.DueAt = turn.Until
			t.SetTimer(ops.TimerOffer, turn.Until)
		}
		t.Status, changed = ops.TaskOpen, true
	}
	if t.Status.Decided() {
		return r.takeOffer(s, rec, t)
	}
	r.open(rec, t, changed, "offer_opened", map[string]any{"task": id, "vendor": t.Assignee, "until": t.DueAt})
	return nil
}

// newOffer makes the task of an offer to the vendors that the ranking names.
func (r *run) newOffer(ctx context.Context, s *planned, id string, loop int) (*ops.Task, error) {
	doc, err := r.doc(ctx)
	if err != nil {
		return nil, err
	}
	ranking, _ := rule.Resolve(quote(s.Offer.To), doc)
	waiting, err := ops.Candidates(ranking)
	if err != nil {
		return nil, err
	}
	booking, err := r.subject(ctx, r.i.Subject)
	if err != nil {
		return nil, err
	}
	in := ActionInput{Instance: r.i, Subject: booking}
	o := &ops.Offer{BookingID: in.id(ops.SubjectBooking), For: s.Offer.Expires, Waiting: waiting, Details: map[string]json.RawMessage{}}
	for _, name := range shownToVendors {
		if v := in.value(name); present(v) {
			o.Details[name] = v
		}
	}
	if at, err := time.Parse(time.RFC3339, in.text("scheduled_for")); err == nil {
		o.Day = vendor.Day(at)
	}
	t := r.newTask(s, id, loop, nil)
	t.Offer = o
	if o.BookingID != "" {
		t.Title += ": " + o.BookingID
	}
	return t, nil
}

// takeOffer makes the end of an offer the step's outcome.
func (r *run) takeOffer(s *planned, rec *ops.StepRecord, t *ops.Task) error {
	out := map[string]any{"outcome": t.Outcome, "turns": t.Offer.Turns}
	if turn := t.Offer.Accepted(); turn != nil {
		out["vendor_id"], out["score"] = turn.VendorID, turn.Score
	}
	rec.TaskID = t.ID
	r.delivered(t)
	output, err := encode(out, maxSaid)
	if err != nil {
		return fmt.Errorf("keep the answers of offer %s: %w", t.ID, err)
	}
	rec.Output = output
	r.log("offer_ended", s.ID, t.DecidedBy, map[string]any{"outcome": t.Outcome, "vendor": out["vendor_id"], "asked": len(t.Offer.Turns)})
	r.finish(rec)
	return nil
}

// takeOffers takes up the offers that were accepted while nobody was there to do so: what they took can then be given back.
func (r *run) takeOffers(ctx context.Context) error {
	for n := range r.plan.steps {
		s := &r.plan.steps[n]
		rec := r.i.Step(s.ID)
		if s.Offer == nil || rec.TaskID == "" || rec.Status != ops.StepInProgress {
			continue
		}
		t, err := r.task(ctx, rec.TaskID)
		if err != nil {
			return fmt.Errorf("read the offer of step %s: %w", s.ID, err)
		}
		if t.Offer.Accepted() == nil {
			continue
		}
		if err := r.takeOffer(s, rec, t); err != nil {
			return err
		}
	}
	return nil
}
