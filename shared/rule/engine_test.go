package rule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

const booking = `{"booking_id": "bk-1", "customer_id": "cu-1", "service_type": "cleaning", "location": {"area": "marina"}}`

func TestABookingStartsItsTwoWorkflows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
	wantEqual(t, "decisions", outcomes(e), []string{"process-booking matched", "assign-vendor matched"})
	if e.Identity != "booking_created booking_id=bk-1" || e.Subject != (ops.SubjectRef{Type: "booking", ID: "bk-1"}) {
		t.Errorf("got %q about %v", e.Identity, e.Subject)
	}
	effect := e.Decisions[0].Effects[0]
	i, err := b.store.Instance(t.Context(), effect.ID)
	if err != nil || i.Template != "booking_processing" || i.TriggeredBy.EventID != e.ID || string(i.Context["customer_id"]) != `"cu-1"` {
		t.Errorf("got %+v, %v", i, err)
	}
	s, err := b.store.Subject(t.Context(), e.Subject)
	if err != nil || string(s.Fields["service_type"]) != `"cleaning"` || s.Last[ops.BookingCreated].EventID != e.ID {
		t.Errorf("subject %+v, %v", s, err)
	}
}

func TestTheSameEventAgainDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "booking_created", booking)
	e := b.deliver(t, "booking_created", booking)
	e = b.deliverAs(t, ops.Envelope{ID: e.Envelopes[1].ID, Source: "booking", DetailType: "booking_created", Time: now, Detail: json.RawMessage(booking)})
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
	wantEqual(t, "decisions", outcomes(e), []string{
		"process-booking matched", "assign-vendor matched",
		"process-booking suppressed duplicate", "assign-vendor suppressed duplicate",
		"process-booking suppressed duplicate", "assign-vendor suppressed duplicate",
	})
	if e.Delivered != 3 || len(e.Envelopes) != 3 {
		t.Errorf("delivered %d times, %d recorded", e.Delivered, len(e.Envelopes))
	}
}

func TestDeliveriesAreRecordedUpToALimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var e *ops.Event
	for range ops.MaxDeliveries + 5 {
		e = b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	}
	if e.Delivered != ops.MaxDeliveries+5 || len(e.Envelopes) != ops.MaxDeliveries {
		t.Errorf("delivered %d times, %d recorded", e.Delivered, len(e.Envelopes))
	}
}

func TestQualityIsCheckedAboveAHundred(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1", "service_value": 100}`)
	leaf, err := json.Marshal(decision(t, e, "quality-check").Leaf)
	if err != nil || string(leaf) != `{"path":"detail.service_value","op":"gt","want":100,"got":100}` {
		t.Errorf("got %s, %v", leaf, err)
	}
	wantEqual(t, "starts at 100", b.workflows.starts(), []string{})
	b.deliver(t, "service_completed", `{"booking_id": "bk-2", "vendor_id": "v-1", "service_value": 100.01}`)
	wantEqual(t, "starts at 100.01", b.workflows.starts(), []string{"quality_assurance"})
}

func TestOurOwnOutboundEventsArePassedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	env := ops.Envelope{ID: "eb-1", Source: "opsflow", DetailType: "workflow_completed", Time: now, Detail: json.RawMessage(`{}`)}
	if err := b.HandleEvent(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Event(t.Context(), "eb-1"); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("it was stored: %v", err)
	}
}

func TestSubjectsKeepTheLatestEventsValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const payment = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED", "status": "%s"}`
	b.deliver(t, "payment_received", fmt.Sprintf(payment, "confirmed"))
	late := b.deliverAs(t, ops.Envelope{ID: "late", Source: "payments", DetailType: "payment_received", Time: now.Add(-time.Hour), Detail: json.RawMessage(fmt.Sprintf(payment, "pending"))})
	s, err := b.store.Subject(t.Context(), late.Subject)
	if err != nil || string(s.Fields["status"]) != `"confirmed"` {
		t.Errorf("got %s, %v", s.Fields["status"], err)
	}
}

func TestABookingOfWhichMoreIsSaidThanARecordHoldsGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 4 {
		detail := fmt.Sprintf(`{"event_id": "e-%d", "booking_id": "bk-1", "vendor_id": "v-%[1]d", "x%[1]d": %q}`, i, strings.Repeat("x", 150<<10))
		if e := b.deliver(t, "booking_confirmed", detail); e.Status != ops.EventValid {
			t.Fatalf("event %d: %s", i, e.Status)
		}
	}
	s, err := b.store.Subject(t.Context(), ops.SubjectRef{Type: ops.SubjectBooking, ID: "bk-1"})
	if err != nil || string(s.Fields["vendor_id"]) != `"v-3"` {
		t.Errorf("vendor_id is %s, %v", s.Fields["vendor_id"], err)
	}
}
