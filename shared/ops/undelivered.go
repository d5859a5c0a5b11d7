package ops

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// UndeliveredStatus tells how something that could not be delivered stands.
type UndeliveredStatus string

// The statuses of what could not be delivered.
const (
	UndeliveredOpen   UndeliveredStatus = "open"   // nobody has done anything about it
	UndeliveredResent UndeliveredStatus = "resent" // it was sent again; should it fail again, it is open again
	UndeliveredClosed UndeliveredStatus = "closed" // somebody decided that it is not to be sent again
)

// UndeliveredStatuses lists the statuses.
func UndeliveredStatuses() []UndeliveredStatus {
	return []UndeliveredStatus{UndeliveredOpen, UndeliveredResent, UndeliveredClosed}
}

// MaxUndeliveredEvent is how many bytes of an event are kept with its failure. A larger one is only in the bus's archive.
const MaxUndeliveredEvent = 256 << 10

// maxUndeliveredMessages is how many dead letters of one record are known by their ids, to tell a second delivery of one.
const maxUndeliveredMessages = 50

// Undelivered is an event that a function crashed on, or that could not be handed to it, after all tries: what was found in
// a dead-letter queue. It is one record for an event and a function, however often that fails.
type Undelivered struct {
	Meta
	ID      string `json:"id"`             // "und-" and a hash of the source and what identifies the event
	Source  string `json:"source"`         // the function's name, or of what else the event was for
	Target  string `json:"target"`         // its ARN
	Rule    string `json:"rule,omitempty"` // ARN of the bus's rule, when the event did not even reach the function
	Queue   string `json:"queue"`          // name of the dead-letter queue
	Code    string `json:"code"`           // the function's error type, or EventBridge's error code
	Message string `json:"message"`        // the last error
	// EventType, EventSource, EventTime and EventID, EventBridge's id, are the event's own; empty when it is no event.
	EventType   string    `json:"event_type,omitempty"`
	EventSource string    `json:"event_source,omitempty"`
	EventID     string    `json:"event_id,omitempty"`
	EventTime   time.Time `json:"event_time,omitzero"`
	// Event is what was to be delivered, as it was; absent over MaxUndeliveredEvent.
	Event        json.RawMessage   `json:"event,omitempty"`
	Bytes        int               `json:"bytes"` // how large it was
	Status       UndeliveredStatus `json:"status"`
	Tries        int               `json:"tries"`    // at the last delivery
	Failures     int               `json:"failures"` // how often a delivery was given up
	LastFailedAt time.Time         `json:"last_failed_at"`
	Resends      int               `json:"resends"`
	ResentBy     string            `json:"resent_by,omitempty"`
	ResentAt     time.Time         `json:"resent_at,omitzero"`
	ClosedBy     string            `json:"closed_by,omitempty"`
	ClosedAt     time.Time         `json:"closed_at,omitzero"`
	Reason       string            `json:"reason,omitempty"`
	Messages     []string          `json:"messages,omitempty"` // ids of the dead letters it was made from, the newest last
}

// Ref names the record.
func (u *Undelivered) Ref() Ref { return Ref{KindUndelivered, u.ID} }

// Knows reports whether the record was made from a dead letter already.
func (u *Undelivered) Knows(message string) bool { return slices.Contains(u.Messages, message) }

// Note remembers the id of a dead letter.
func (u *Undelivered) Note(message string) {
	u.Messages = append(u.Messages, message)
	u.Messages = u.Messages[max(0, len(u.Messages)-maxUndeliveredMessages):]
}

// UndeliveredSource counts what is open of one source, in the transactions that change it: exact, as an index is not.
type UndeliveredSource struct {
	Meta
	Source string `json:"source"`
	Open   int    `json:"open"`
}

// Ref names the record.
func (s *UndeliveredSource) Ref() Ref { return Ref{KindUndeliveredSource, s.Source} }

// UndeliveredFilter narrows a list. Zero fields match everything.
type UndeliveredFilter struct {
	Status UndeliveredStatus
	Source string
	PageRequest
}

// UndeliveredStore keeps what could not be delivered: open ones until somebody deals with them, others for EventRetention.
type UndeliveredStore interface {
	// Undelivered reads one. CodeNotFound.
	Undelivered(ctx context.Context, id string) (*Undelivered, error)
	// UndeliveredList lists newest first.
	UndeliveredList(ctx context.Context, f UndeliveredFilter) (Page[*Undelivered], error)
	// UndeliveredSource reads the count of a source; a new record when there is none.
	UndeliveredSource(ctx context.Context, source string) (*UndeliveredSource, error)
}
