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
	At      time.Time `json:"at"`
	What    What      `json:"what"`
	Text    string    `json:"text"`
	arrived time.Time // when we heard of it
}

// What happened, for programs.
type What string

// Whatever can happen, in the order in which it happens to a booking. EventBridge gives times in seconds, so that much of
// it seems to happen at once: this order then says what came first.
const (
	BookingReceived   What = "booking_received"
	BookingConfirmed  What = "booking_confirmed"
	ProviderAssigned  What = "provider_assigned"
	PaymentReceived   What = "payment_received"
	PaymentConfirmed  What = "payment_confirmed"
	PaymentFailed     What = "payment_failed"
	ServiceDone       What = "service_done"
	ComplaintReceived What = "complaint_received"
	ComplaintResolved What = "complaint_resolved"
)

var course = []What{
	BookingReceived, BookingConfirmed, ProviderAssigned, PaymentReceived, PaymentConfirmed, PaymentFailed, ServiceDone,
	ComplaintReceived, ComplaintResolved,
}

// inOrder compares entries: by time, then by the course of things, then by arrival.
func inOrder(a, b Entry) int {
	return cmp.Or(
		a.At.Compare(b.At),
		cmp.Compare(slices.Index(course, a.What), slices.Index(course, b.What)),
		a.arrived.Compare(b.arrived),
	)
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
	slices.SortStableFunc(t.Entries, inOrder)
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
	what  What
	text  string
}{
	ops.BookingCreated:    {Received, BookingReceived, "We received your booking."},
	ops.BookingConfirmed:  {Confirmed, BookingConfirmed, "Your booking is confirmed."},
	ops.VendorAssigned:    {Assigned, ProviderAssigned, "A provider was assigned to your booking."},
	ops.ServiceCompleted:  {Done, ServiceDone, "The service was done."},
	ops.CustomerComplaint: {Received, ComplaintReceived, "We received your complaint and will look into it."},
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
	t.Entries = append(t.Entries, Entry{e.Time, known.what, known.text, e.CreatedAt})
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
	entry := func(at time.Time, status string) (Entry, bool) {
		said, ok := payments[status]
		return Entry{at, said.what, fmt.Sprintf(said.text, p.Amount, p.Currency), e.CreatedAt}, ok
	}
	if end, ok := entry(e.Time, p.Status); ok {
		t.Entries = append(t.Entries, end)
		return nil
	}
	t.Entries = append(t.Entries, Entry{
		e.Time, PaymentReceived, fmt.Sprintf("We received your payment of %s %s.", p.Amount, p.Currency), e.CreatedAt,
	})
	// Whoever approves or refuses the payment confirms it or lets it fail on its record, without an event.
	payment, err := s.Subject(ctx, e.Subject)
	if err != nil {
		return fmt.Errorf("read a payment: %w", err)
	}
	var status string
	_ = json.Unmarshal(payment.Fields["status"], &status) // absent or no text: it is pending
	if end, ok := entry(payment.Times["status"], status); ok && payment.Last[ops.PaymentReceived].EventID == e.ID {
		t.Entries = append(t.Entries, end)
	}
	return nil
}

// payments are the ends of a payment by its status, in words about an amount and a currency.
var payments = map[string]struct {
	what What
	text string
}{
	"confirmed": {PaymentConfirmed, "Your payment of %s %s is confirmed."},
	"failed":    {PaymentFailed, "Your payment of %s %s did not go through."},
}

// addWorkflow says what of our own work the customer has a part in.
func (t *Timeline) addWorkflow(i *ops.Instance) {
	if i.Status != ops.InstanceCompleted || i.Type != ops.ComplaintResolution {
		return // the others are told by events, or are ours alone
	}
	t.Entries = append(t.Entries, Entry{i.EndedAt, ComplaintResolved, "Your complaint was dealt with.", i.EndedAt})
}
