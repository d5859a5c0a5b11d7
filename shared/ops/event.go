package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// EventType is an EventBridge detail-type that rules can be triggered by.
type EventType string

// The trigger events.
const (
	BookingCreated      EventType = "booking_created"
	BookingConfirmed    EventType = "booking_confirmed"
	PaymentReceived     EventType = "payment_received"
	ServiceCompleted    EventType = "service_completed"
	CustomerComplaint   EventType = "customer_complaint"
	VendorAssigned      EventType = "vendor_assigned"
	QualityScoreUpdated EventType = "quality_score_updated"
	SLAViolation        EventType = "sla_violation"
)

// The events that opsflow only sends: no rule can be triggered by them.
const (
	WorkflowCompleted     EventType = "workflow_completed"
	WorkflowFailed        EventType = "workflow_failed"
	AlertRaised           EventType = "alert_raised"
	NotificationRequested EventType = "notification_requested"
)

// EventTypes lists the trigger events.
func EventTypes() []EventType {
	return []EventType{
		BookingCreated, BookingConfirmed, PaymentReceived, ServiceCompleted,
		CustomerComplaint, VendorAssigned, QualityScoreUpdated, SLAViolation,
	}
}

// Source is the EventBridge source of opsflow's own events. Nobody else may use it.
const Source = "opsflow"

// MaxDepth is how many events and effects may follow from one another: the chain is stopped there, with an alert.
const MaxDepth = 8

// EventRetention is how long events, decisions and the records that make effects happen once are kept.
const EventRetention = 90 * 24 * time.Hour

// Envelope is an event as EventBridge delivers it to a function. Times are RFC 3339, Detail the sender's own text.
type Envelope struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Time       time.Time       `json:"time"`
	Detail     json.RawMessage `json:"detail"`
	Account    string          `json:"account,omitempty"`
	Region     string          `json:"region,omitempty"`
	Resources  []string        `json:"resources,omitempty"`
	// ReplayName is set by EventBridge when an archive is replayed.
	ReplayName string `json:"replay-name,omitempty"`
}

// EventStatus tells whether an event could be used.
type EventStatus string

// The statuses of an event.
const (
	EventValid   EventStatus = "valid"
	EventInvalid EventStatus = "invalid"
	// EventCorrected was invalid; what it should have been has arrived as CorrectedBy.
	EventCorrected EventStatus = "corrected"
)

// Event is one domain event with what was decided about it. It is one record however often the event is delivered and
// however many rules there are.
type Event struct {
	Meta
	ID     string          `json:"id"` // "evt-" and a hash of the identity
	Type   string          `json:"type"`
	Source string          `json:"source"`
	Time   time.Time       `json:"time"` // when it happened, by its sender
	Status EventStatus     `json:"status"`
	Detail json.RawMessage `json:"detail"`
	// Identity is what makes two deliveries the same event, readable: "booking_created booking_id=bk-1".
	Identity  string     `json:"identity"`
	Subject   SubjectRef `json:"subject,omitzero"`
	Decisions []Decision `json:"decisions,omitempty"`
	// NotMatched counts the rules that did not match and for which Decisions had no room: the first MaxNotMatched are there.
	NotMatched int     `json:"not_matched,omitempty"`
	Faults     []Fault `json:"faults,omitempty"` // of an invalid event
	// CorrectedBy is the event that came in the place of an invalid one, CorrectionOf leads back.
	CorrectedBy  string      `json:"corrected_by,omitempty"`
	CorrectionOf string      `json:"correction_of,omitempty"`
	Delivered    int         `json:"delivered"`  // how often it arrived
	Envelopes    []Delivered `json:"deliveries"` // the first of those, at most MaxDeliveries
	Cause        Cause       `json:"cause,omitzero"`
}

// MaxNotMatched is how many decisions of rules that did not match an event keeps. What matched is always kept.
const MaxNotMatched = 200

// MaxDeliveries is how many deliveries of one event are recorded one by one; later ones are only counted.
const MaxDeliveries = 50

// Delivered is one arrival of an event.
type Delivered struct {
	ID string    `json:"id"` // EventBridge's id of it; of a replay that a person asked for "rpl-" and 26 characters
	At time.Time `json:"at"`
	// Replay says that it came again on purpose: the name of EventBridge's replay, or of the person who asked for it.
	Replay string `json:"replay,omitempty"`
}

// Cause says what an event or effect of ours follows from. It travels in our events' detail as "cause".
type Cause struct {
	EventID    string `json:"event_id,omitempty"`
	RuleID     string `json:"rule,omitempty"`
	InstanceID string `json:"instance,omitempty"`
	Depth      int    `json:"depth,omitempty"` // 0 for what came from outside
}

// Ends reports whether nothing may follow from an event with this cause.
func (c Cause) Ends() bool { return c.Depth >= MaxDepth }

// Ref names the record.
func (e *Event) Ref() Ref { return Ref{KindEvent, e.ID} }

// Names gives the booking that a valid event about something else names: a payment's.
func (e *Event) Names() SubjectRef {
	if e.Status != EventValid || e.Subject.Type == SubjectBooking {
		return SubjectRef{}
	}
	var detail struct {
		BookingID string `json:"booking_id"`
	}
	if json.Unmarshal(e.Detail, &detail) != nil || !ValidID(detail.BookingID) {
		return SubjectRef{}
	}
	return SubjectRef{Type: SubjectBooking, ID: detail.BookingID}
}

// Delivery leads from EventBridge's id of one arrival to the event.
type Delivery struct {
	Meta
	ID      string `json:"id"` // EventBridge's id
	EventID string `json:"event_id"`
}

// Ref names the record.
func (d *Delivery) Ref() Ref { return Ref{KindDelivery, d.ID} }

// EventFilter narrows a list of events. Zero fields match everything.
type EventFilter struct {
	Status  EventStatus
	Type    string
	Subject SubjectRef
	// Names finds valid events that name this booking, though they are about something else: its payments. It goes with no
	// other Subject.
	Names SubjectRef
	// From and To narrow it to events that arrived in [From, To).
	From, To time.Time
	PageRequest
}

// EventStore keeps events with their decisions, 90 days.
type EventStore interface {
	// Event reads one by its id or by EventBridge's id of any of its deliveries. CodeNotFound.
	Event(ctx context.Context, id string) (*Event, error)
	// Events lists newest first.
	Events(ctx context.Context, f EventFilter) (Page[*Event], error)
}

// EventHistory reads the stored events of a time.
type EventHistory interface {
	// EachEvent calls f with every stored event that arrived in [from, to), whole and in the order of arrival. It ends with
	// the first error of f. Events of the last seconds may be missing: the order comes from an index.
	EachEvent(ctx context.Context, from, to time.Time, f func(*Event) error) error
	// EventsOfType lists the valid events of a type, whole, newest first.
	EventsOfType(ctx context.Context, t EventType, p PageRequest) (Page[*Event], error)
}

// OutEvent is an event that opsflow puts on its bus.
type OutEvent struct {
	// ID travels as detail.event_id: receivers drop what they have seen.
	ID     string
	Type   EventType
	Time   time.Time
	Detail json.RawMessage // a JSON object; event_id and cause are added to it on sending
	Cause  Cause
}

// Bus puts events on the opsflow bus.
type Bus interface {
	// Put sends events, in batches as large as EventBridge takes. It returns nil only when all were accepted; after an
	// error any of them may have been: send all again under the same ids.
	Put(ctx context.Context, events ...OutEvent) error
}

// Body is the event's detail as it is sent: Detail with event_id and cause added.
func (e OutEvent) Body() (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(e.Detail) > 0 {
		if err := json.Unmarshal(e.Detail, &fields); err != nil {
			return nil, fmt.Errorf("the detail of %s %s is no JSON object: %w", e.Type, e.ID, err)
		}
	}
	id, err := json.Marshal(e.ID)
	if err != nil {
		return nil, fmt.Errorf("marshal event id: %w", err)
	}
	cause, err := json.Marshal(e.Cause)
	if err != nil {
		return nil, fmt.Errorf("marshal cause: %w", err)
	}
	fields["event_id"], fields["cause"] = id, cause
	return json.Marshal(fields)
}
