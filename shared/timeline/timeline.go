// Package timeline tells a customer what happened to a booking, in words, behind a signed link. It says nothing of how we
// work: no workflows, tasks, alerts or people, and nothing about other parties.
package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/ops"
)

// Stage is how far a booking has come.
type Stage string

// The stages, in order.
const (
	Received  Stage = "received"
	Confirmed Stage = "confirmed"
	Assigned  Stage = "assigned" // somebody will do the service
	Done      Stage = "done"
)

// inWords says what a stage means.
var inWords = map[Stage]string{
	Received:  "We have your booking and are checking it.",
	Confirmed: "Your booking is confirmed. We are looking for the right provider.",
	Assigned:  "Your booking is confirmed, and a provider is assigned to it.",
	Done:      "The service is done. Thank you!",
}

// Timeline is what a customer may know of a booking.
type Timeline struct {
	Booking      string    `json:"booking"` // the id that the customer knows it by
	Service      string    `json:"service,omitempty"`
	ScheduledFor time.Time `json:"scheduled_for,omitzero"`
	Stage        Stage     `json:"stage"`
	Summary      string    `json:"summary"`
	Entries      []Entry   `json:"entries"` // oldest first
}

// Entry is one thing that happened.
type Entry struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // "booking_received", for programs
	Text string    `json:"text"`
}

// Store is what a timeline is read from.
type Store interface {
	ops.SubjectStore
	ops.EventStore
	ops.InstanceStore
}

// maxPages is how many pages of a booking's events and workflows are read; more are no customer's story.
const maxPages = 5

// Of puts the timeline of a booking together. CodeNotFound when no event has named it.
func Of(ctx context.Context, s Store, booking string) (*Timeline, error) {
	ref := ops.SubjectRef{Type: ops.SubjectBooking, ID: booking}
	subject, err := s.Subject(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("read the booking: %w", err)
	}
	if subject.V == 0 {
		return nil, ops.Errorf(ops.CodeNotFound, "there is no booking %s", booking)
	}
	t := &Timeline{Booking: booking, Stage: Received, Entries: []Entry{}}
	_ = json.Unmarshal(subject.Fields["service_type"], &t.Service)       // absent: nothing to tell
	_ = json.Unmarshal(subject.Fields["scheduled_for"], &t.ScheduledFor) // likewise
	for _, f := range []ops.EventFilter{{Subject: ref}, {Names: ref}} {
		f.Status = ops.EventValid
		err := each(func(p ops.PageRequest) (ops.Page[*ops.Event], error) {
			f.PageRequest = p
			return s.Events(ctx, f)
		}, func(e *ops.Event) error { return t.addEvent(ctx, s, e) })
		if err != nil {
			return nil, fmt.Errorf("read the booking's events: %w", err)
		}
	}
	err = each(func(p ops.PageRequest) (ops.Page[*ops.Instance], error) {
		return s.Instances(ctx, ops.InstanceFilter{Subject: ref, PageRequest: p})
	}, func(i *ops.Instance) error { t.addWorkflow(i); return nil })
	if err != nil {
		return nil, fmt.Errorf("read the booking's workflows: %w", err)
	}
	slices.SortStableFunc(t.Entries, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.What, b.What))
	})
	t.Summary = inWords[t.Stage]
	return t, nil
}

// each reads a list, at most maxPages of it.
func each[T any](read func(ops.PageRequest) (ops.Page[T], error), do func(T) error) error {
	p := ops.PageRequest{Limit: ops.MaxPageLimit}
	for range maxPages {
		page, err := read(p)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := do(item); err != nil {
				return err
			}
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			break
		}
	}
	return nil
}

// stages are the stages that a booking reaches by an event.
var stages = map[ops.EventType]struct {
	stage Stage
	what  string
	text  string
}{
	ops.BookingCreated:    {Received, "booking_received", "We received your booking."},
	ops.BookingConfirmed:  {Confirmed, "booking_confirmed", "Your booking is confirmed."},
	ops.VendorAssigned:    {Assigned, "provider_assigned", "A provider was assigned to your booking."},
	ops.ServiceCompleted:  {Done, "service_done", "The service was done."},
	ops.CustomerComplaint: {Received, "complaint_received", "We received your complaint and will look into it."},
}

var order = []Stage{Received, Confirmed, Assigned, Done}

func (t *Timeline) addEvent(ctx context.Context, s Store, e *ops.Event) error {
	if ops.EventType(e.Type) == ops.PaymentReceived {
		return t.addPayment(ctx, s, e)
	}
	known, ok := stages[ops.EventType(e.Type)]
	if !ok {
		return nil
	}
	if slices.Index(order, known.stage) > slices.Index(order, t.Stage) {
		t.Stage = known.stage
	}
	t.Entries = append(t.Entries, Entry{e.Time, known.what, known.text})
	return nil
}

// addPayment says what a payment event says of the customer's own payment.
func (t *Timeline) addPayment(ctx context.Context, s Store, listed *ops.Event) error {
	e, err := s.Event(ctx, listed.ID) // lists leave the detail out
	if err != nil {
		return fmt.Errorf("read a payment: %w", err)
	}
	var p struct {
		Amount   json.Number `json:"amount"`
		Currency string      `json:"currency"`
		Status   string      `json:"status"`
	}
	if err := json.Unmarshal(e.Detail, &p); err != nil {
		return fmt.Errorf("read a payment: %w", err)
	}
	entry := Entry{e.Time, "payment_received", fmt.Sprintf("We received your payment of %s %s.", p.Amount, p.Currency)}
	switch p.Status {
	case "confirmed":
		entry = Entry{e.Time, "payment_confirmed", fmt.Sprintf("Your payment of %s %s is confirmed.", p.Amount, p.Currency)}
	case "failed":
		entry = Entry{e.Time, "payment_failed", fmt.Sprintf("Your payment of %s %s did not go through.", p.Amount, p.Currency)}
	}
	t.Entries = append(t.Entries, entry)
	if entry.What != "payment_received" {
		return nil
	}
	// Whoever approves the payment confirms it on its record, without an event.
	payment, err := s.Subject(ctx, e.Subject)
	if err != nil {
		return fmt.Errorf("read a payment: %w", err)
	}
	if string(payment.Fields["status"]) == `"confirmed"` && payment.Last[ops.PaymentReceived].EventID == e.ID {
		t.Entries = append(t.Entries, Entry{
			payment.Times["status"], "payment_confirmed", fmt.Sprintf("Your payment of %s %s is confirmed.", p.Amount, p.Currency),
		})
	}
	return nil
}

// addWorkflow says what of our own work the customer has a part in.
func (t *Timeline) addWorkflow(i *ops.Instance) {
	if i.Status != ops.InstanceCompleted || i.Type != ops.ComplaintResolution {
		return // the others are told by events, or are ours alone
	}
	t.Entries = append(t.Entries, Entry{i.EndedAt, "complaint_resolved", "Your complaint was dealt with."})
}
