package task

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// offered reads a task if it is an offer; nil for any other task, and for one that is not there.
func (s *Service) offered(ctx context.Context, id string) (*ops.Task, error) {
	t, err := s.Store.Task(ctx, id)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, nil //nolint:nilerr // whoever changes it will say so
	}
	if err != nil {
		return nil, fmt.Errorf("read task %s: %w", id, err)
	}
	if t.Offer == nil {
		return nil, nil
	}
	return t, nil
}

// answer takes the answer of the vendor that is asked now, from itself or from a person of Vendor_Management, Operations or
// the offer's team for it. A person may name the vendor that the answer is for (form.vendor_id), so as not to answer for
// the next one by accident. Errors: CodeNotFound to a vendor that was never asked, CodeGone when its turn is over,
// CodeForbidden, CodeConflict when another vendor is asked now and when the vendor's last place of the day went to another
// booking, CodeAlreadyDecided, CodeWorkflowPaused, CodeInvalid.
func (s *Service) answer(ctx context.Context, t *ops.Task, actor ops.Actor, d Decision) (*ops.Task, error) {
	named, err := readAnswer(d)
	if err != nil {
		return nil, err
	}
	id := t.ID
	for range maxConflicts {
		if err := s.mayAnswer(ctx, t, actor, named); err != nil {
			return nil, err
		}
		now, before := s.Clock.Now(), *t
		offer := *t.Offer
		offer.Turns = slices.Clone(offer.Turns)
		before.Offer = &offer
		late := !now.Before(t.Offer.Now().Until)
		var taken []ops.Record
		switch {
		case late:
			endTurn(t, ops.ReplyExpired, ops.System().ID, "", now)
			taken, err = NextTurn(ctx, s.Store, t, now)
		case d.Outcome == ops.OutcomeAccepted:
			taken, err = s.acceptNow(ctx, t, actor, now)
		default:
			endTurn(t, ops.ReplyDeclined, actor.ID, d.Comment, now)
			taken, err = NextTurn(ctx, s.Store, t, now)
		}
		if err != nil {
			return nil, fmt.Errorf("answer offer %s: %w", id, err)
		}
		refused := refusal(t, d.Outcome, late)
		saving := ctx
		if refused != nil {
			// The turn is over all the same, by nobody's answer: the request has not done it, and whoever sends it again is
			// refused again.
			saving = ops.WithRequest(ctx, nil)
		} else {
			entry, err := audit.Entry(ctx, s.Store, audit.Change{
				Actor: actor, Action: "offer." + d.Outcome, Target: t.Ref(), Before: before.Masked(), After: t.Masked(), Reason: d.Comment,
			}, now)
			if err != nil {
				return nil, fmt.Errorf("answer offer %s: %w", id, err)
			}
			taken = append(taken, entry)
		}
		saved, err := s.saveOffer(saving, t, taken)
		switch {
		case err != nil:
			return nil, err
		case saved && refused != nil:
			return nil, refused
		case saved:
			return t, nil
		}
		if t, err = s.Store.Task(ctx, id); err != nil {
			return nil, fmt.Errorf("read offer %s: %w", id, err)
		}
	}
	return nil, ops.Errorf(ops.CodeUnavailable, "offer %s is being changed too often; try again", id)
}

// refusal tells why an answer did not count, after which the offer has gone on; nil when it did.
func refusal(t *ops.Task, outcome string, late bool) error {
	switch {
	case late:
		return ops.Errorf(ops.CodeGone, "the time to answer offer %s is over", t.ID)
	case outcome == ops.OutcomeAccepted && t.Offer.Accepted() == nil:
		return ops.Errorf(ops.CodeConflict, "the last place of that day went to another booking")
	}
	return nil
}

// readAnswer checks an answer, and reads the vendor that it is for, if it names one.
func readAnswer(d Decision) (string, error) {
	var form struct {
		VendorID string `json:"vendor_id"`
	}
	faults := checkComment(d.Comment)
	if d.Outcome != ops.OutcomeAccepted && d.Outcome != ops.OutcomeDeclined {
		faults = append(faults, ops.Fault{
			Path: "$.outcome", Expected: "one of " + ops.OutcomeAccepted + ", " + ops.OutcomeDeclined, Got: d.Outcome,
		})
	}
	if len(d.Form) > 0 && string(d.Form) != "null" {
		if err := json.Unmarshal(d.Form, &form); err != nil {
			faults = append(faults, ops.Fault{Path: "$.form", Expected: `an object with nothing but "vendor_id", or absent`, Got: ops.Shown(d.Form)})
		}
	}
	return form.VendorID, ops.Invalid("answer", faults)
}

// mayAnswer refuses who may not answer, or what can't be answered any more.
func (s *Service) mayAnswer(ctx context.Context, t *ops.Task, actor ops.Actor, named string) error {
	o := t.Offer
	now := o.Now()
	own := now != nil && now.VendorID == actor.ID && actor.In(ops.Vendors)
	switch {
	case own && (named == "" || named == actor.ID):
	case actor.OnlyVendor() && o.Asked(actor.ID):
		turn := o.Turns[slices.IndexFunc(o.Turns, func(t ops.Turn) bool { return t.VendorID == actor.ID })]
		if turn.Answer == ops.ReplyAccepted || turn.Answer == ops.ReplyDeclined {
			return ops.Errorf(ops.CodeAlreadyDecided, "offer %s was answered by %s: %s", t.ID, turn.AnsweredBy, turn.Answer)
		}
		return ops.Errorf(ops.CodeGone, "the time to answer offer %s is over", t.ID)
	case actor.OnlyVendor():
		return ops.Errorf(ops.CodeNotFound, "there is no task %s", t.ID)
	case !actor.In(t.Team) && !actor.In(ops.VendorManagement) && !actor.In(ops.Operations):
		return ops.Errorf(ops.CodeForbidden, "offer %s is for its vendor, %s or %s to answer", t.ID, ops.VendorManagement, ops.Operations)
	}
	if err := open(t); err != nil {
		return err
	}
	if named != "" && named != now.VendorID {
		return ops.Errorf(ops.CodeConflict, "offer %s is now %s's to answer, not %s's", t.ID, now.VendorID, named)
	}
	return s.mayGoOn(ctx, t)
}

// acceptNow accepts for the vendor that is asked, if it still can take the booking; else the next one is asked.
func (s *Service) acceptNow(ctx context.Context, t *ops.Task, actor ops.Actor, now time.Time) ([]ops.Record, error) {
	v, reason, err := fits(ctx, s.Store, t.Offer, t.Offer.Now().VendorID)
	if err != nil {
		return nil, err
	}
	if reason != "" {
		endTurn(t, ops.ReplyPassed, ops.System().ID, reason, now)
		return NextTurn(ctx, s.Store, t, now)
	}
	return accept(ctx, s.Store, t, v, actor.ID, now)
}

// saveOffer writes the task with what its answer takes and says of the vendor, and delivers an outcome. It reports false when somebody else wrote
// one of the records first: all is to be decided again.
func (s *Service) saveOffer(ctx context.Context, t *ops.Task, taken []ops.Record) (bool, error) {
	t.UpdatedAt = s.Clock.Now()
	evidence, facts := vendor.Answered(t.ID, t.Offer)
	scored, err := vendor.Records(ctx, s.Store, evidence, facts, t.UpdatedAt)
	if err != nil {
		return false, fmt.Errorf("score the answers to offer %s: %w", t.ID, err)
	}
	err = s.Store.Save(ctx, slices.Concat([]ops.Record{t}, taken, scored)...)
	switch {
	case ops.AsConflict(err) != nil:
		return false, nil //nolint:nilerr // the caller decides again
	case err != nil:
		return false, fmt.Errorf("store offer %s: %w", t.ID, err)
	case !t.Status.Decided():
		return true, nil
	}
	if err := s.deliver(ctx, t); err != nil {
		s.Logger.WarnContext(ctx, "offer's outcome not delivered; sweep-due will", "task", t.ID, "error", err)
	}
	return true, nil
}

// offerDue asks the next vendor when the time of the one that is asked is over. While the workflow is paused nobody can
// answer: then the vendor has its whole time again.
func (s *Service) offerDue(ctx context.Context, t *ops.Task) error {
	now := s.Clock.Now()
	i, err := s.Store.Instance(ctx, t.InstanceID)
	if err != nil {
		return fmt.Errorf("read the workflow of offer %s: %w", t.ID, err)
	}
	var taken []ops.Record
	switch turn := t.Offer.Now(); {
	case t.Status.Decided() || i.Status.Ended() || turn == nil:
		t.ClearTimer(ops.TimerOffer)
	case i.Status == ops.InstancePaused:
		turn.Until = now.Add(t.Offer.For.D)
		t.DueAt = turn.Until
		t.SetTimer(ops.TimerOffer, turn.Until)
	default:
		endTurn(t, ops.ReplyExpired, ops.System().ID, "", now)
		if taken, err = NextTurn(ctx, s.Store, t, now); err != nil {
			return fmt.Errorf("go on with offer %s: %w", t.ID, err)
		}
	}
	_, err = s.saveOffer(ctx, t, taken) // who wrote it first saw to it, or the next sweep does
	return err
}
