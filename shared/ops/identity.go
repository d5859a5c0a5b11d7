package ops

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// The types of the subjects that events have.
const (
	SubjectBooking   = "booking"
	SubjectPayment   = "payment"
	SubjectVendor    = "vendor"
	SubjectComplaint = "complaint"
)

// eventKey says what makes two events of a type the same, and what they are about.
type eventKey struct {
	natural      []string // required members of the detail that identify the event; none: it has no natural key
	more         []string // optional ones
	subjectType  string
	subjectField string
	names        map[string]string       // other members that are ids, with the type of what they name
	keeps        func(field string) bool // which members the subject's record takes over; nil: all
}

var eventKeys = map[EventType]eventKey{
	BookingCreated:   {natural: []string{"booking_id"}, subjectType: SubjectBooking, subjectField: "booking_id"},
	BookingConfirmed: {natural: []string{"booking_id"}, subjectType: SubjectBooking, subjectField: "booking_id"},
	PaymentReceived: {
		natural: []string{"payment_id"}, more: []string{"status"}, subjectType: SubjectPayment, subjectField: "payment_id",
		names: map[string]string{"booking_id": SubjectBooking},
	},
	ServiceCompleted: {natural: []string{"booking_id"}, more: []string{"completed_at"}, subjectType: SubjectBooking, subjectField: "booking_id"},
	CustomerComplaint: {
		natural: []string{"complaint_id"}, subjectType: SubjectBooking, subjectField: "booking_id",
		names: map[string]string{"complaint_id": SubjectComplaint}, keeps: only("complaint_id", "customer_id", "vendor_id"),
	},
	VendorAssigned: {natural: []string{"booking_id", "vendor_id"}, subjectType: SubjectBooking, subjectField: "booking_id"},
	QualityScoreUpdated: {
		subjectType: SubjectVendor, subjectField: "vendor_id", names: map[string]string{"booking_id": SubjectBooking},
		keeps: only("vendor_id", "score", "max_score"),
	},
	// The subject's type is in the event. Nothing of the event is a property of that subject.
	SLAViolation: {natural: []string{"subject_type", "subject_id"}, more: []string{"policy", "due_at"}, subjectField: "subject_id", keeps: only()},
}

func only(fields ...string) func(string) bool {
	return func(f string) bool {
		for _, k := range fields {
			if f == k {
				return true
			}
		}
		return false
	}
}

// IdentifyEvent says what makes a valid event the same as another (readable: "booking_created booking_id=bk-1") and what it
// is about. An event is identified by its detail's event_id, or the natural key of its type, or the envelope's id, which then
// stands in the event_id's place: so that one that is sent again, with its first id as event_id, is the same. Of the
// key's members, times are compared as instants and a payment without status is pending.
func IdentifyEvent(env Envelope) (identity string, subject SubjectRef) {
	var detail map[string]json.RawMessage
	if json.Unmarshal(env.Detail, &detail) != nil {
		return IdentifyInvalidEvent(env), SubjectRef{}
	}
	t := EventType(env.DetailType)
	key := eventKeys[t]
	subject = SubjectRef{Type: key.subjectType, ID: textOf(detail[key.subjectField])}
	if key.subjectType == "" {
		subject.Type = textOf(detail["subject_type"])
	}
	if id := textOf(detail["event_id"]); id != "" {
		return identityByID(t, id), subject
	}
	if key.natural == nil {
		return identityByID(t, env.ID), subject
	}
	var b strings.Builder
	b.WriteString(env.DetailType)
	for _, name := range key.natural {
		v := textOf(detail[name])
		if v == "" { // it is invalid
			return identityByID(t, env.ID), subject
		}
		b.WriteString(" " + name + "=" + v)
	}
	for _, name := range key.more {
		v := textOf(detail[name])
		switch {
		case name == "status" && v == "":
			v = "pending"
		case strings.HasSuffix(name, "_at"):
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				v = at.UTC().Format(time.RFC3339Nano)
			}
		}
		if v != "" {
			b.WriteString(" " + name + "=" + v)
		}
	}
	return b.String(), subject
}

func identityByID(t EventType, id string) string { return string(t) + " event_id=" + id }

// StoredID is the id under which an event of ours is kept when it comes back as one that triggers rules.
func (e OutEvent) StoredID() string { return EventID(identityByID(e.Type, e.ID)) }

// HasNaturalKey reports whether the events of a type are identified by what they say when they have no event_id.
func HasNaturalKey(t EventType) bool { return eventKeys[t].natural != nil }

// IdentifyInvalidEvent identifies an event whose content can't be relied on: by its envelope alone, so that the corrected
// event, sent again under the same event_id, is another.
func IdentifyInvalidEvent(env Envelope) string {
	id := env.ID
	if id == "" {
		id = HashID("", env.Source, env.DetailType, env.Time.UTC().Format(time.RFC3339Nano), string(env.Detail))
	}
	return "invalid id=" + id
}

// EventID is the id of the event with this identity.
func EventID(identity string) string { return HashID("evt-", identity) }

// Learn takes over what a valid event says about the subject. Each field keeps the value of the event with the latest time;
// on equal times the greater value wins, so that the order of arrival doesn't matter. It reports whether
// anything changed.
func (s *Subject) Learn(e *Event) bool {
	var detail map[string]json.RawMessage
	if json.Unmarshal(e.Detail, &detail) != nil {
		return false
	}
	t := EventType(e.Type)
	changed := false
	for name, v := range detail {
		if !t.Tells(name) {
			continue
		}
		if at, ok := s.Times[name]; ok && at.Equal(e.Time) && string(s.Fields[name]) >= string(v) {
			continue
		}
		changed = s.Set(name, v, e.Time) || changed
	}
	s.fit()
	last, ok := s.Last[t]
	if ok && (last.At.After(e.Time) || last.At.Equal(e.Time) && last.EventID >= e.ID) {
		return changed
	}
	if s.Last == nil {
		s.Last = map[EventType]LastEvent{}
	}
	s.Last[t] = LastEvent{EventID: e.ID, At: e.Time}
	return true
}

// SubjectType is the type of what events of this type are about; "" when each says so itself.
func (t EventType) SubjectType() string { return eventKeys[t].subjectType }

// Tells reports whether a member of an event's detail is taken over by the record of its subject.
func (t EventType) Tells(member string) bool {
	if member == "event_id" || member == "correlation_id" || member == "cause" {
		return false
	}
	keeps := eventKeys[t].keeps
	return keeps == nil || keeps(member)
}

// Arrive notes that a valid event which names the subject has arrived.
func (s *Subject) Arrive(e *Event) {
	t := EventType(e.Type)
	known := s.Arrived[t]
	if slices.ContainsFunc(known, func(l LastEvent) bool { return l.EventID == e.ID }) {
		return
	}
	all := append(slices.Clone(known), LastEvent{EventID: e.ID, At: e.CreatedAt})
	slices.SortStableFunc(all, func(a, b LastEvent) int { return a.At.Compare(b.At) })
	if s.Arrived == nil {
		s.Arrived = map[EventType][]LastEvent{}
	}
	s.Arrived[t] = all[max(0, len(all)-MaxArrived):]
}

// Subjects lists what a valid event names and steps can wait for it by: first what it is about, then the booking of a
// payment or a score, and a complaint. A vendor only where the event is about it: all that happens to a busy vendor would
// have to wait for that one record.
func (e *Event) Subjects() []SubjectRef {
	if e.Status != EventValid || e.Subject.IsZero() {
		return nil
	}
	all := []SubjectRef{e.Subject}
	var detail map[string]json.RawMessage
	if json.Unmarshal(e.Detail, &detail) != nil {
		return all
	}
	for field, kind := range eventKeys[EventType(e.Type)].names {
		if id := textOf(detail[field]); ValidID(id) {
			all = append(all, SubjectRef{Type: kind, ID: id})
		}
	}
	return all
}

// Awaited lists the subjects among whose events a step finds the one that it waits for: all that key can be the id of.
func Awaited(t EventType, key string) []SubjectRef {
	k := eventKeys[t]
	types := []string{k.subjectType}
	if k.subjectType == "" {
		types = []string{SubjectBooking, SubjectPayment, SubjectVendor, SubjectComplaint}
	}
	types = append(types, slices.Sorted(maps.Values(k.names))...)
	all := make([]SubjectRef, 0, len(types))
	for _, kind := range types {
		all = append(all, SubjectRef{Type: kind, ID: key})
	}
	return all
}

// fit leaves out the largest fields while all together are over maxSubject: the ones that rules ask about are small, and a
// record that can't be stored would stop every later event of its subject.
func (s *Subject) fit() {
	const perField = 48 // bytes that a field's time takes
	size := 0
	for name, v := range s.Fields {
		size += 2*len(name) + len(v) + perField
	}
	if size <= maxSubject {
		return
	}
	names := slices.SortedFunc(maps.Keys(s.Fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b)+len(s.Fields[b]), len(a)+len(s.Fields[a])), cmp.Compare(a, b))
	})
	for _, name := range names {
		if size <= maxSubject {
			return
		}
		size -= 2*len(name) + len(s.Fields[name]) + perField
		delete(s.Fields, name)
		delete(s.Times, name)
	}
}

// maxSubject is the most that a subject's fields may take, in bytes, of the 400 KB that a record has.
const maxSubject = 256 << 10

func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
