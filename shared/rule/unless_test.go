package rule_test

import (
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
)

// What each action does is counted alike: a workflow, an alert, a message or an event that came of it.
func TestUnlessIsAskedOfEveryActionAtOnceAndLater(t *testing.T) {
	t.Parallel()
	for _, action := range []string{
		`"type": "start_workflow", "template": "quality_assurance"`,
		`"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Look at it"`,
		`"type": "notify", "template": "confirmed", "to": {"team": "Finance"}`,
		`"type": "escalate", "ladder": "managers"`,
		`"type": "emit_event", "detail_type": "booking_ready"`,
	} {
		for _, delay := range []string{"0s", "1h"} {
			for _, confirmed := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s after %s, confirmed: %t", action, delay, confirmed), func(t *testing.T) {
					t.Parallel()
					b := setup(t)
					b.create(t, fmt.Sprintf(`{"name": "watch", "event": "booking_confirmed", "actions": [{%s, "delay": %q,
						"unless": {"path": "subject.confirmed_at", "op": "exists"}}]}`, action, delay))
					detail := `{"booking_id": "bk-1"}`
					if confirmed {
						detail = `{"booking_id": "bk-1", "confirmed_at": "2026-11-24T11:00:00Z"}`
					}
					e := b.deliver(t, "booking_confirmed", detail)
					b.advance(t, time.Hour)
					b.sweep(t)
					if done := b.done(t); (done == 0) != confirmed {
						t.Errorf("%d things were done", done)
					}
					if d := decision(t, e, "watch"); confirmed && delay == "0s" {
						want := ops.Effect{Status: ops.ActionDropped, Reason: ops.ReasonUnless}
						leaf := d.Effects[0].Leaf
						d.Effects[0].Leaf = nil
						if d.Outcome != ops.Suppressed || d.Reason != ops.ReasonUnless || d.Effects[0] != want ||
							leaf == nil || string(leaf.Got) != `"2026-11-24T11:00:00Z"` {
							t.Errorf("got %+v with %+v", d, leaf)
						}
					} else if d.Outcome != ops.Matched || d.Effects[0].ID == "" {
						t.Errorf("got %+v", d)
					}
				})
			}
		}
	}
}

// done counts what rules brought about.
func (b *bundle) done(t *testing.T) int {
	t.Helper()
	page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
	if err != nil {
		t.Fatal(err)
	}
	n := len(b.workflows.starts()) + len(page.Items)
	for _, e := range b.bus.sent {
		if e.Type != ops.AlertRaised {
			n++
		}
	}
	return n
}

func TestADroppedActionLeavesTheOthersAndWhatIsDroppedWholeCountsForNoLimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "booking_confirmed", "max_executions_per_day": 1, "actions": [
		{"type": "start_workflow", "template": "quality_assurance", "unless": {"path": "detail.vendor_id", "op": "exists"}},
		{"type": "emit_event", "detail_type": "booking_ready", "unless": {"path": "detail.confirmed_at", "op": "exists"}}]}`)
	got := outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1", "vendor_id": "v-1", "confirmed_at": "2026-11-24T11:00:00Z"}`))
	some := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2", "vendor_id": "v-1"}`)
	got = append(got, outcomes(some)...)
	got = append(got, outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-3"}`))...)
	wantEqual(t, "decisions", got, []string{"watch suppressed unless", "watch matched", "watch suppressed cap"})
	if effects := decision(t, some, "watch").Effects; effects[0].Status != ops.ActionDropped || effects[1].Kind != ops.KindAction {
		t.Errorf("got %+v", effects)
	}
	wantEqual(t, "starts", b.workflows.starts(), []string{})
}
