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
	Channel  string                     `json:"channel,omitempty"` // webhook, email, sms
	Title    string                     `json:"title,omitempty"`   // as sent
	Text     string                     `json:"text,omitempty"`    // as sent
	SentAt   time.Time                  `json:"sent_at,omitzero"`
	Tries    int                        `json:"tries"`
	Error    string                     `json:"error,omitempty"`
	Cause    Cause                      `json:"cause,omitzero"`
}

// Ref names the record.
func (n *Notification) Ref() Ref { return Ref{KindNotification, n.ID} }

// NotificationStore keeps notifications.
type NotificationStore interface {
	// Notification reads one. CodeNotFound.
	Notification(ctx context.Context, id string) (*Notification, error)
	// Notifications lists newest first.
	Notifications(ctx context.Context, p PageRequest) (Page[*Notification], error)
}
