package rule_test

import (
	"testing"
	"time"

	"opsflow/shared/ops"
)

// Of three business hours after Tuesday 16:00, one is on Tuesday and two are on Wednesday morning.
func TestADelayInBusinessHoursPassesOverTheNight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.create(t, `{"name": "look", "type": "trigger", "event": "service_completed", "mode": "active", "priority": 5,
		"actions": [{"type": "start_workflow", "template": "quality_assurance", "delay": "3bh"}]}`)
	e := b.deliverAs(t, ops.Envelope{
		ID: "e-1", Source: "booking", DetailType: "service_completed", Time: time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC),
		Detail: []byte(`{"booking_id": "bk-1", "vendor_id": "v-1"}`),
	})
	a, err := b.store.PendingAction(t.Context(), decision(t, e, r.ID).Effects[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 11, 25, 11, 0, 0, 0, time.UTC); !a.DueAt.Equal(want) {
		t.Errorf("due at %s, want %s", a.DueAt, want)
	}
}
