package ops

import (
	"context"
	"encoding/json"
	"time"
)

// SubjectRef names what an event, a workflow or an alert is about: a booking, payment, vendor, complaint.
type SubjectRef struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// IsZero reports whether it names nothing.
func (s SubjectRef) IsZero() bool { return s == SubjectRef{} }

// String is "type/id", the form in which the subject index holds it; "" for the zero value.
func (s SubjectRef) String() string {
	if s.IsZero() {
		return ""
	}
	return s.Type + "/" + s.ID
}

// Subject is what is known of a booking, payment or vendor, put together from its events. A field keeps the value of the
// event with the latest event time, whatever order the events arrived in.
type Subject struct {
	Meta
	SubjectRef
	// Fields holds the values by name; conditions see them as subject.<name>.
	Fields map[string]json.RawMessage `json:"fields"`
	// Times holds the event time that each field's value comes from.
	Times map[string]time.Time `json:"times"`
	// Last is the newest event of each type that named this subject.
	Last map[EventType]LastEvent `json:"last,omitempty"`
	// Arrived are the events of each type that arrived last, with the time of their arrival, oldest first, at most
	// MaxArrived: also events that are about something else and name this subject (see Event.Subjects). Steps that wait for
	// events look here.
	Arrived map[EventType][]LastEvent `json:"arrived,omitempty"`
	// Watched is what condition_based templates last saw of it.
	Watched map[string]WatchState `json:"watched,omitempty"`
}

// MaxArrived is how many arrivals of a type a subject remembers: so many waits for events of one type and key a workflow can
// have one after the other, though all of the events come before the first.
const MaxArrived = 10

// LastEvent names an event and when it happened.
type LastEvent struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
}

// Ref names the record.
func (s *Subject) Ref() Ref { return Ref{KindSubject, s.String()} }

// Set takes a field's value if it is not older than the one that is there, and reports whether it did.
func (s *Subject) Set(name string, value json.RawMessage, at time.Time) bool {
	if t, ok := s.Times[name]; ok && at.Before(t) {
		return false
	}
	if s.Fields == nil {
		s.Fields = map[string]json.RawMessage{}
	}
	if s.Times == nil {
		s.Times = map[string]time.Time{}
	}
	s.Fields[name] = value
	s.Times[name] = at
	return true
}

// SubjectStore keeps subjects.
type SubjectStore interface {
	// Subject reads one, consistently. A subject that no event has named yet comes back empty with V 0, not as an error.
	Subject(ctx context.Context, ref SubjectRef) (*Subject, error)
}
