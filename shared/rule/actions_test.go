package rule_test

import (
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
)

const remindRule = `{"name": "remind", "event": "booking_confirmed", "actions": [
	{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Look", "delay": "1h",
		"unless": {"path": "subject.vendor_id", "op": "exists"}}]}`

func TestWhatBecameOfAnActionIsReadWithItsDecision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, remindRule)
	unseen := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	seen := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`)
	read := func(id string) ops.Effect {
		t.Helper()
		e, err := b.Event(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return decision(t, e, "remind").Effects[0]
	}
	if got := read(unseen.ID); got.Status != ops.ActionWaiting || !got.DueAt.Equal(now.Add(time.Hour)) || got.Effect != nil {
		t.Errorf("before: %+v", got)
	}
	b.advance(t, time.Minute)
	b.deliver(t, "vendor_assigned", `{"booking_id": "bk-2", "vendor_id": "v-1"}`)
	b.advance(t, time.Hour)
	b.sweep(t)
	if got := read(unseen.ID); got.Status != ops.ActionDone || got.Effect == nil || got.Effect.Kind != ops.KindAlert {
		t.Errorf("done: %+v", got)
	}
	if got := read(seen.ID); got.Status != ops.ActionDropped || got.Reason != ops.DroppedUnless || got.Leaf == nil || string(got.Leaf.Got) != `"v-1"` {
		t.Errorf("dropped: %+v", got)
	}
	page, err := b.Decisions(t.Context(), "remind", "", ops.PageRequest{})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d decisions, %v", len(page.Items), err)
	}
	if newest := page.Items[0].Effects[0]; newest.Status != ops.ActionDropped {
		t.Errorf("by rule: %+v", newest)
	}
}

func TestAllThatARulePutOffIsCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, remindRule)
	var first *ops.Event
	for n := range 120 {
		e := b.deliver(t, "booking_confirmed", fmt.Sprintf(`{"booking_id": "bk-%d"}`, n))
		if n == 0 {
			first = e
		}
	}
	ann := ops.Actor{ID: "ann"}
	id := decision(t, first, "remind").Effects[0].ID
	if _, err := b.CancelAction(t.Context(), id, " ", ann); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("without a reason: %v", err)
	}
	a, err := b.CancelAction(t.Context(), id, "wrong", ann)
	if err != nil || a.Status != ops.ActionDropped || a.Reason != ops.DroppedCancelled {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := b.CancelAction(t.Context(), id, "wrong", ann); ops.ErrorCode(err) != ops.CodeIllegalMove {
		t.Errorf("again: %v", err)
	}
	if done, err := b.CancelActions(t.Context(), "remind", "wrong", ann); err != nil || done.Cancelled != 119 || done.More {
		t.Errorf("got %+v, %v", done, err)
	}
	if entry, err := b.store.LastAudit(t.Context(), a.Ref()); err != nil || entry == nil || entry.Reason != "wrong" || entry.Actor.ID != "ann" {
		t.Errorf("audit: %+v, %v", entry, err)
	}
	b.advance(t, time.Hour)
	if n := b.sweep(t); n != 0 || b.done(t) != 0 {
		t.Errorf("%d are due, %d things were done", n, b.done(t))
	}
	if _, err := b.CancelActions(t.Context(), "none", "wrong", ann); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("of no rule: %v", err)
	}
}

func TestAnActionThatIsBeingDoneIsNotCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "tell", "event": "booking_confirmed", "actions": [
		{"type": "emit_event", "detail_type": "booking_ready", "delay": "1h"}]}`)
	id := decision(t, b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`), "tell").Effects[0].ID
	b.advance(t, time.Hour)
	b.bus.during = func() {
		b.bus.during = nil
		if _, err := b.CancelAction(t.Context(), id, "wrong", ops.Actor{ID: "ann"}); ops.ErrorCode(err) != ops.CodeIllegalMove {
			t.Errorf("got %v", err)
		}
	}
	b.sweep(t)
	if a, err := b.Action(t.Context(), id); err != nil || a.Status != ops.ActionDone || len(b.bus.sent) != 1 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestAFailedActionIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "tell", "event": "booking_confirmed", "actions": [{"type": "emit_event", "detail_type": "booking_ready"}]}`)
	b.bus.fail = ops.Errorf(ops.CodeTooLarge, "too large")
	id := decision(t, b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`), "tell").Effects[0].ID
	failed, err := b.Actions(t.Context(), ops.ActionFilter{RuleID: "tell", Status: ops.ActionFailed})
	if err != nil || len(failed.Items) != 1 || failed.Items[0].Error == "" {
		t.Fatalf("got %+v, %v", failed.Items, err)
	}
	ann := ops.Actor{ID: "ann"}
	if a, err := b.RetryAction(t.Context(), id, "now?", ann); err != nil || a.Status != ops.ActionFailed {
		t.Errorf("got %+v, %v", a, err)
	}
	b.bus.fail = nil
	a, err := b.RetryAction(t.Context(), id, "the limit is higher", ann)
	if err != nil || a.Status != ops.ActionDone || a.Error != "" || len(b.bus.sent) != 1 {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := b.RetryAction(t.Context(), id, "once more", ann); ops.ErrorCode(err) != ops.CodeIllegalMove {
		t.Errorf("again: %v", err)
	}
}
