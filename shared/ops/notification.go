package ops

import (
	"context"
	"encoding/json"
	"time"
)

// Recipient is whom a message goes to: a team, one of its members, a person of the subject (customer, vendor), or an address.
type Recipient struct {
	Team    Team   `json:"team,omitempty"`
	Member  string `json:"member,omitempty"` // a member's id
	Role    string `json:"role,omitempty"`   // "customer" or "vendor" of the subject
	Address string `json:"address,omitempty"`
}

// NotificationStatus tells how a message stands.
type NotificationStatus string

// The statuses of a notification.
const (
	NotificationRequestedStatus NotificationStatus = "requested"
	NotificationSent            NotificationStatus = "sent"
	NotificationFailed          NotificationStatus = "failed" // Error says why; it can be sent again
)

// Notification is one message: asked for by a rule or a workflow step, delivered by deliver-notification, once under its
// id however often it is asked for.
type Notification struct {
	Meta
	ID       string                     `json:"id"` // "ntf-" and a hash of the effect key
	Template string                     `json:"template"`
	To       Recipient                  `json:"to"`
	Data     map[string]json.RawMessage `json:"data,omitempty"` // what the message template can use
	Subject  SubjectRef                 `json:"subject,omitzero"`
	Status   NotificationStatus         `json:"status"`
	// Deliveries are the ways in which it goes out: each person and channel once.
	Deliveries []Way     `json:"deliveries,omitempty"`
	Title      string    `json:"title,omitempty"` // as sent
	Text       string    `json:"text,omitempty"`  // as sent
	SentAt     time.Time `json:"sent_at,omitzero"`
	Tries      int       `json:"tries"`
	Error      string    `json:"error,omitempty"`
	Cause      Cause     `json:"cause,omitzero"`
}

// DeliveryStatus tells how one way of a message stands.
type DeliveryStatus string

// The statuses of a delivery.
const (
	DeliveryPending DeliveryStatus = "pending"
	DeliverySending DeliveryStatus = "sending"
	DeliverySent    DeliveryStatus = "sent"
	DeliveryFailed  DeliveryStatus = "failed"
)

// Way is one way in which a message goes out.
type Way struct {
	Channel string         `json:"channel"`      // email, sms, webhook
	To      string         `json:"to,omitempty"` // address or number; none for the webhook
	Status  DeliveryStatus `json:"status"`
	SentAt  time.Time      `json:"sent_at,omitzero"`
	Error   string         `json:"error,omitempty"`
	Again   bool           `json:"again,omitempty"` // it failed for a reason that may pass
}

// NotificationFilter narrows a list of notifications. Zero fields match everything.
type NotificationFilter struct {
	Status  NotificationStatus
	Subject SubjectRef
	PageRequest
}

// Ref names the record.
func (n *Notification) Ref() Ref { return Ref{KindNotification, n.ID} }

// NotificationStore keeps notifications.
type NotificationStore interface {
	// Notification reads one. CodeNotFound.
	Notification(ctx context.Context, id string) (*Notification, error)
	// Notifications lists newest first.
	Notifications(ctx context.Context, f NotificationFilter) (Page[*Notification], error)
}
