package rule_test

import (
	"encoding/json"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// withVendor stores a vendor that has been given a booking.
func withVendor(t *testing.T) *bundle {
	t.Helper()
	b := setup(t)
	if err := b.store.Save(t.Context(), &ops.Vendor{ID: "v-1", Name: "Ali", Rating: 2.5, Categories: []string{"cleaning"}}); err != nil {
		t.Fatal(err)
	}
	b.deliver(t, "booking_created", `{"booking_id": "bk-1", "customer_id": "cu-1", "service_value": 300}`)
	b.deliver(t, "vendor_assigned", `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	b.advance(t, time.Minute)
	return b
}

func TestARuleLooksIntoTheRecordsThatItsEventLeadsTo(t *testing.T) {
	t.Parallel()
	const (
		completed = `{"booking_id": "bk-1", "vendor_id": "v-1"}`
		payment   = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED"}`
	)
	for _, c := range []struct{ event, detail, condition, leaf string }{
		{"service_completed", completed, `{"path": "vendor.rating", "op": "lt", "value": 3}`, `2.5`},
		{"service_completed", completed, `{"path": "vendor.categories[any]", "op": "eq", "value": "cleaning"}`, `"cleaning"`},
		{"service_completed", completed, `{"path": "booking.service_value", "op": "gt", "value": 200}`, `300`},
		{"payment_received", payment, `{"path": "booking.customer_id", "op": "eq", "value": "cu-1"}`, `"cu-1"`},
		{"payment_received", payment, `{"path": "detail.amount", "op": "lt", "value": "$.booking.service_value"}`, `10`},
		{"payment_received", payment, `{"path": "vendor.name", "op": "eq", "value": "Ali"}`, `"Ali"`}, // by way of the booking
		{"payment_received", payment, `{"path": "payment.status", "op": "eq", "value": "pending"}`, `"pending"`},
		{"quality_score_updated", `{"vendor_id": "v-1", "score": 4, "max_score": 5}`, `{"all": [{"path": "vendor.score", "op": "eq", "value": 4}, {"path": "vendor.rating", "op": "lt", "value": 4}]}`, `2.5`},
		{"booking_confirmed", `{"booking_id": "bk-2"}`, `{"path": "vendor.rating", "op": "absent"}`, ``},
	} {
		t.Run(c.event+" "+c.condition, func(t *testing.T) {
			t.Parallel()
			b := withVendor(t)
			b.create(t, `{"name": "watch", "event": "`+c.event+`", "condition": `+c.condition+`, "actions": [
				{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Look"}]}`)
			d := decision(t, b.deliver(t, c.event, c.detail), "watch")
			if d.Outcome != ops.Matched || string(d.Leaf.Got) != c.leaf {
				t.Errorf("got %+v with %+v", d, d.Leaf)
			}
			b.advance(t, time.Minute)
			if tested, err := b.Backtest(t.Context(), rule.BacktestRequest{Rule: json.RawMessage(`"watch"`)}, rule.Watch{}); err != nil || tested.Matched != 1 {
				t.Errorf("backtest: %+v, %v", tested, err)
			}
		})
	}
}

func TestAWorkflowIsAboutWhatTheActionSays(t *testing.T) {
	t.Parallel()
	b := withVendor(t)
	b.create(t, `{"name": "review", "event": "payment_received", "actions": [
		{"type": "start_workflow", "template": "quality_assurance", "subject": {"type": "vendor", "id": "$.booking.vendor_id"},
			"input": {"rating": "$.vendor.rating"}},
		{"type": "start_workflow", "template": "quality_assurance", "subject": {"type": "vendor", "id": "$.detail.nobody"}},
		{"type": "start_workflow", "template": "customer_follow_up", "subject": {"type": "booking", "id": "$.booking.id"}, "delay": "1h",
			"unless": {"path": "booking.status", "op": "eq", "value": "confirmed"}}]}`)
	effects := decision(t, b.deliver(t, "payment_received", `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED"}`), "review").Effects
	i, err := b.store.Instance(t.Context(), effects[0].ID)
	if err != nil || i.Subject != (ops.SubjectRef{Type: "vendor", ID: "v-1"}) || string(i.Context["rating"]) != "2.5" {
		t.Errorf("got %+v, %v", i, err)
	}
	if effects[1].Status != ops.ActionFailed || effects[1].Error == "" {
		t.Errorf("of nobody: %+v", effects[1])
	}
	b.advance(t, time.Hour)
	b.sweep(t)
	later, err := b.store.PendingAction(t.Context(), effects[2].ID)
	if err != nil || later.Effect == nil {
		t.Fatalf("got %+v, %v", later, err)
	}
	if i, err = b.store.Instance(t.Context(), later.Effect.ID); err != nil || i.Subject != (ops.SubjectRef{Type: "booking", ID: "bk-1"}) {
		t.Errorf("got %+v, %v", i, err)
	}
}
