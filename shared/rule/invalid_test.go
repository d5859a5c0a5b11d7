package rule_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func TestAnInvalidEventIsKeptAndStartsNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, detail string
		faults             []string
	}{
		{"wrong type", "booking_created", `{"booking_id": 12, "customer_id": "cu-1"}`, []string{"$.detail.booking_id must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -, got 12"}},
		{"missing", "booking_created", `{"booking_id": "bk-1"}`, []string{"$.detail.customer_id must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -, got nothing"}},
		{"malformed id", "booking_created", `{"booking_id": "bk 1", "customer_id": "cu-1"}`, []string{`$.detail.booking_id must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -, got "bk 1"`}},
		{"several", "payment_received", `{"payment_id": "p", "booking_id": "b", "amount": "10", "currency": "dirham", "status": "paid"}`, []string{
			`$.detail.amount must be a number of at least 0, in major units of the currency, got "10"`,
			`$.detail.currency must be a currency of three capital letters like AED, got "dirham"`,
			`$.detail.status must be one of pending, confirmed, failed, got "paid"`,
		}},
		{"nested", "booking_created", `{"booking_id": "b", "customer_id": "c", "location": {"lat": 91}}`, []string{"$.detail.location.lat must be a latitude from -90 to 90, got 91"}},
		{"time", "booking_confirmed", `{"booking_id": "b", "confirmed_at": "yesterday"}`, []string{`$.detail.confirmed_at must be a time by RFC 3339 like 2026-01-31T10:00:00Z, got "yesterday"`}},
		{"huge number", "payment_received", `{"payment_id": "p", "booking_id": "b", "amount": 1e999999999, "currency": "AED"}`, []string{"$.detail.amount must be a number of at most 38 digits, from 1E-130 to 9.9E+125, got 1e999999999"}},
		{"too deep", "booking_confirmed", `{"booking_id": "b", "x": ` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + "}", []string{
			"$.detail.x" + strings.Repeat("[0]", 24) + " must be nested at most 24 levels deep, got more levels",
		}},
		{"too large", "booking_confirmed", `{"booking_id": "b", "x": "` + strings.Repeat("é", rule.MaxDetail/2) + `"}`, []string{
			"$.detail must be at most 196608 bytes of JSON, got 196636 bytes",
		}},
		{"too large, of no known type", "booking_vanished", `{"x": "` + strings.Repeat("x", 900<<10) + `"}`, []string{
			`$.detail-type must be one of booking_created, booking_confirmed, payment_received, service_completed, customer_complaint, vendor_assigned, quality_score_updated, sla_violation, got "booking_vanished"`,
		}},
		{"long name", "booking_confirmed", `{"booking_id": "b", "` + strings.Repeat("x", 70<<10) + `": 1}`, []string{
			`$.detail must be an object whose members have names of at most 1024 bytes, got "` + strings.Repeat("x", 100) + `... (71682 bytes)"`,
		}},
		{"no JSON", "booking_confirmed", `{"booking_id`, []string{`$.detail must be a JSON object, got "{\"booking_id"`}},
		{"no object", "booking_created", `["booking"]`, []string{`$.detail must be a JSON object, got ["booking"]`}},
		{"unknown type", "booking_vanished", `{}`, []string{`$.detail-type must be one of booking_created, booking_confirmed, payment_received, service_completed, customer_complaint, vendor_assigned, quality_score_updated, sla_violation, got "booking_vanished"`}},
		{"outbound type from outside", "workflow_failed", `{}`, []string{`$.detail-type must be one of booking_created, booking_confirmed, payment_received, service_completed, customer_complaint, vendor_assigned, quality_score_updated, sla_violation, got "workflow_failed"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			e := b.deliver(t, c.kind, c.detail)
			faults := []string{}
			for _, f := range e.Faults {
				faults = append(faults, f.Path+" must be "+f.Expected+", got "+f.Got)
			}
			slices.Sort(faults)
			wantEqual(t, "faults", faults, c.faults)
			if e.Status != ops.EventInvalid || len(e.Decisions) != 0 || len(b.workflows.starts()) != 0 {
				t.Errorf("status %s, decisions %v", e.Status, outcomes(e))
			}
			again := b.deliverAs(t, ops.Envelope{ID: e.Envelopes[0].ID, Source: "booking", DetailType: c.kind, Detail: json.RawMessage(c.detail)})
			if again.Delivered != 2 || again.ID != e.ID {
				t.Errorf("again: delivered %d", again.Delivered)
			}
			listed, err := b.store.Events(t.Context(), ops.EventFilter{Status: ops.EventInvalid})
			if err != nil || len(listed.Items) != 1 {
				t.Errorf("listed %d, %v", len(listed.Items), err)
			}
		})
	}
}

func TestTheCorrectedEventIsNoDuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "booking_created", `{"event_id": "e-1", "booking_id": "bk-1"}`)
	e := b.deliver(t, "booking_created", `{"event_id": "e-1", "booking_id": "bk-1", "customer_id": "cu-1"}`)
	if e.Status != ops.EventValid || e.Identity != "booking_created event_id=e-1" {
		t.Errorf("got %s %q", e.Status, e.Identity)
	}
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing"})
}

func TestAnInvalidEventWithManyFaultsUnderLongNamesIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	detail := strings.Repeat(`{"`+strings.Repeat("n", 1000)+`":`, 20) + "[" + strings.Repeat("1e400,", 20_000) + "0]" + strings.Repeat("}", 20)
	e := b.deliver(t, "booking_created", detail)
	if e.Status != ops.EventInvalid || len(e.Faults) != 100 || len(e.Faults[0].Path) > 600 {
		t.Errorf("status %s, %d faults, the first with a path of %d bytes", e.Status, len(e.Faults), len(e.Faults[0].Path))
	}
}
