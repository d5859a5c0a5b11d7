package rule_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestASurveyFollowsTwoHoursLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	b.advance(t, 2*time.Hour-time.Minute)
	b.sweep(t)
	wantEqual(t, "starts before", b.workflows.starts(), []string{})
	b.advance(t, time.Minute)
	b.sweep(t)
	wantEqual(t, "starts after", b.workflows.starts(), []string{"customer_follow_up"})
	b.advance(t, time.Hour)
	if n := b.sweep(t); n != 0 {
		t.Errorf("%d actions are still due", n)
	}
	// The vendor corrects when it was done: the customer is asked no second time.
	e := b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1", "completed_at": "2026-11-24T11:00:00Z"}`)
	if d := decision(t, e, "satisfaction-survey"); d.Reason != ops.ReasonDuplicate {
		t.Errorf("got %+v", d)
	}
}

func TestAPaymentThatStaysPendingIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		later string // status of a second event; "" for none
		alert bool
	}{
		{"pending", "", true},
		{"confirmed", "confirmed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			const payment = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED"`
			b.deliver(t, "payment_received", payment+"}")
			if c.later != "" {
				b.advance(t, time.Hour)
				b.deliver(t, "payment_received", payment+`, "status": "`+c.later+`"}`)
			}
			b.advance(t, 25*time.Hour)
			b.sweep(t)
			page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(page.Items) == 1 && page.Items[0].Severity == ops.SeverityHigh; got != c.alert {
				t.Errorf("alerts: %d", len(page.Items))
			}
			sent := []ops.EventType{}
			for _, e := range b.bus.sent {
				sent = append(sent, e.Type)
			}
			slices.Sort(sent)
			want := []ops.EventType{}
			if c.alert { // the rule tells Finance by itself: its alert does not do so too
				want = append(want, ops.AlertRaised, ops.NotificationRequested)
			}
			wantEqual(t, "sent", sent, want)
			wantEqual(t, "starts", b.workflows.starts(), []string{"payment_processing"})
		})
	}
}

func TestAPaymentIsProcessedOnceHoweverManyEventsNameIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const payment = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED", "event_id": "e-%d"}`
	b.deliver(t, "payment_received", fmt.Sprintf(payment, 1))
	e := b.deliver(t, "payment_received", fmt.Sprintf(payment, 2))
	if d := decision(t, e, "process-payment"); d.Outcome != ops.Suppressed || d.Reason != ops.ReasonDuplicate || len(d.Effects) != 1 {
		t.Errorf("got %+v", d)
	}
	wantEqual(t, "starts", b.workflows.starts(), []string{"payment_processing"})
}

func TestAWorkflowThatWasNotLaunchedIsLaunchedByARedelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.workflows.fail = errors.New("Step Functions is away")
	b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts at first", b.workflows.starts(), []string{})
	b.workflows.fail = nil
	b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts then", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
}

const notifyRule = `{"name": "Tell finance", "event": "booking_confirmed", "actions": [
	{"type": "notify", "template": "confirmed", "to": {"team": "Finance"}, "detail": {"booking": "$.detail.booking_id"}},
	{"type": "emit_event", "detail_type": "booking_ready", "detail": {"booking_id": "$.detail.booking_id"}}]}`

func TestMessagesGoOutAtOnceAndSurviveAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, notifyRule)
	b.bus.fail = errors.New("EventBridge is away")
	b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	b.bus.fail = nil
	b.advance(t, time.Minute)
	b.sweep(t)
	if len(b.bus.sent) != 0 {
		t.Errorf("sent before its time: %+v", b.bus.sent)
	}
	b.advance(t, time.Minute)
	b.sweep(t)
	b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`)
	got := []string{}
	ids := map[string]bool{}
	for _, s := range b.bus.sent {
		got = append(got, string(s.Type)+" "+string(s.Detail))
		ids[s.ID] = true
	}
	slices.Sort(got)
	wantEqual(t, "sent", got, []string{
		`booking_ready {"booking_id":"bk-1"}`,
		`booking_ready {"booking_id":"bk-2"}`,
		`notification_requested {"template":"confirmed","to":{"team":"Finance"},"data":{"booking":"bk-1"},"subject":{"type":"booking","id":"bk-1"}}`,
		`notification_requested {"template":"confirmed","to":{"team":"Finance"},"data":{"booking":"bk-2"},"subject":{"type":"booking","id":"bk-2"}}`,
	})
	if len(ids) != 4 {
		t.Errorf("%d ids", len(ids))
	}
	b.advance(t, 3*time.Hour)
	if n := b.sweep(t); n != 0 || len(b.bus.sent) != 4 {
		t.Errorf("%d still due, %d sent", n, len(b.bus.sent))
	}
}

func TestASweepThatComesWhileAnActionIsDoneLeavesItAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "remind", "event": "booking_confirmed", "actions": [
		{"type": "notify", "template": "confirmed", "to": {"team": "Finance"}, "delay": "1h"}]}`)
	e := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	ref := decision(t, e, "remind").Effects[0].Ref()
	b.advance(t, time.Hour)
	b.bus.during = func() { // the message is on its way and nothing says so but the claim
		b.bus.during = nil
		if err := b.HandleDue(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	if err := b.HandleDue(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if len(b.bus.sent) != 1 {
		t.Errorf("%d messages were sent", len(b.bus.sent))
	}
}
