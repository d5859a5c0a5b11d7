package workflow_test

import (
	"encoding/json"
	"testing"
	"time"

	"opsflow/shared/ops"
)

const service = `{"booking_id": "bk-1", "status": "confirmed", "vendor_id": "v-1", "service_type": "cleaning", "service_value": 120,
	"scheduled_for": "2026-11-30T09:00:00Z"}`

// templates names the messages that were asked for.
func (b *bundle) templates(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, e := range b.bus.events {
		var detail struct{ Template string }
		if e.Type != ops.NotificationRequested {
			continue
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			t.Fatal(err)
		}
		names = append(names, detail.Template)
	}
	return names
}

func TestTheCustomerIsRemindedADayBefore(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.start(t, "service_delivery", ops.SubjectRef{Type: "booking", ID: "bk-1"}, service)
	if want := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC); i.WaitingFor.Kind != "timer" || !i.WaitingFor.Until.Equal(want) {
		t.Fatalf("it waits for %+v, want until %s", i.WaitingFor, want)
	}
	i = b.wait(t, i.ID)
	if got := b.templates(t); len(got) != 1 || got[0] != "service_reminder" || i.Status != ops.InstanceWaitingApproval {
		t.Errorf("a day before it is %s, messages %q", i.Status, got)
	}
}

func TestWhatIsWrongWithABookingStandsOnTheTask(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.start(t, "service_delivery", ops.SubjectRef{Type: "booking", ID: "bk-1"}, booking)
	const want = "Follow the service to its end: the booking is not confirmed, no vendor is assigned, no time is set"
	if got := b.openTask(t, i.ID).Title; got != want {
		t.Errorf("the title is %q", got)
	}
}

func TestAPerformedServiceIsToldToTheWorldUnlessItKnows(t *testing.T) {
	t.Parallel()
	ref := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	const reminded = `"2026-11-29T09:00:00Z"` // when the task is opened
	tests := []struct {
		name, form, status, completed string
		known                         bool
		events                        int
	}{
		{"performed", `{"performed": true, "completed_at": "2026-11-29T08:30:00Z"}`, `"completed"`, `"2026-11-29T08:30:00Z"`, false, 1},
		{"performed just now", `{"performed": true}`, `"completed"`, reminded, false, 1},
		{"nobody knows of a later end", `{"performed": true, "completed_at": "2026-11-30T09:00:00Z"}`, `"completed"`, reminded, false, 1},
		{"performed, and the booking system said so", `{"performed": true}`, `"completed"`, `"2026-11-24T08:00:00Z"`, true, 0},
		{"not performed", `{"performed": false, "reason": "rain"}`, `"not_performed"`, "", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			i := b.start(t, "service_delivery", ref, service)
			if tt.known {
				s, err := b.store.Subject(t.Context(), ref)
				if err != nil {
					t.Fatal(err)
				}
				detail := json.RawMessage(`{"booking_id": "bk-1", "vendor_id": "v-1", "completed_at": "2026-11-24T08:00:00Z"}`)
				s.Learn(&ops.Event{ID: "evt-1", Type: string(ops.ServiceCompleted), Time: start, Detail: detail})
				b.save(t, s)
			}
			b.wait(t, i.ID)
			b.complete(t, i.ID, "done", tt.form)
			if status, at := b.field(t, ref, "status"), b.field(t, ref, "completed_at"); status != tt.status || at != tt.completed {
				t.Errorf("the booking is %s, completed %s", status, at)
			}
			if n := len(b.bus.ids(ops.ServiceCompleted)); n != tt.events {
				t.Errorf("service_completed was sent %d times, want %d", n, tt.events)
			}
		})
	}
}
