// Package notify delivers messages: it puts a request for one into words and hands it to the configured webhook, once.
package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"opsflow/shared/ops"
)

// Store is what the deliverer needs of the store.
type Store interface {
	ops.Saver
	ops.NotificationStore
}

// Config is what a Deliverer is made of.
type Config struct {
	Store  Store
	Clock  ops.Clock
	Client *http.Client
	// Webhook is the URL that every message is posted to. Empty: none is configured, and every message fails.
	Webhook string
}

// Deliverer delivers notifications. It is safe for concurrent use.
type Deliverer struct {
	store   Store
	clock   ops.Clock
	webhook webhook
}

// New makes a Deliverer.
func New(c Config) *Deliverer {
	return &Deliverer{store: c.Store, clock: c.Clock, webhook: webhook{address: c.Webhook, client: c.Client}}
}

// request is the detail of a notification_requested event.
type request struct {
	ID       string                     `json:"event_id"` // becomes the notification's id
	Template string                     `json:"template"`
	To       ops.Recipient              `json:"to"`
	Data     map[string]json.RawMessage `json:"data"`
	Subject  ops.SubjectRef             `json:"subject"`
	Cause    ops.Cause                  `json:"cause"`
}

// claimTime is how long a delivery has before another one of the same notification may take it over. A webhook has
// sendTime to answer, so whoever was overtaken is gone.
const (
	claimTime = 30 * time.Second
	sendTime  = 10 * time.Second
)

// HandleEvent delivers the notification that an event of type notification_requested asks for. The notification's record
// tells what became of it: sent, or failed and why. Nothing is done for one that was sent.
//
// The error is nil when trying again would not help. After an error the event must be delivered again: the webhook did not
// answer or asked to be called later, the store did not answer, or another delivery of the same notification is under way.
// CodeInvalid for an event that asks for nothing.
func (d *Deliverer) HandleEvent(ctx context.Context, env ops.Envelope) error {
	req, err := readRequest(env)
	if err != nil {
		return err
	}
	n, err := d.claim(ctx, req)
	if err != nil {
		return fmt.Errorf("deliver notification %s: %w", req.ID, err)
	}
	if n == nil {
		return nil
	}
	sendErr := d.send(ctx, n)
	if sendErr == nil {
		n.Status, n.SentAt, n.Error = ops.NotificationSent, d.clock.Now(), ""
	} else {
		n.Status, n.Error = ops.NotificationFailed, sendErr.Error()
	}
	n.UpdatedAt = d.clock.Now()
	// What came of it is written down even when the time of this delivery is over.
	if err := d.store.Save(context.WithoutCancel(ctx), n); err != nil {
		return fmt.Errorf("record the delivery of notification %s: %w", n.ID, err)
	}
	if sendErr != nil && sendErr.again {
		return fmt.Errorf("deliver notification %s: %w", n.ID, sendErr)
	}
	return nil
}

func readRequest(env ops.Envelope) (request, error) {
	var req request
	var faults []ops.Fault
	if env.DetailType != string(ops.NotificationRequested) {
		faults = append(faults, ops.Fault{
			Path: "$.detail-type", Expected: string(ops.NotificationRequested), Got: env.DetailType,
		})
	} else if err := json.Unmarshal(env.Detail, &req); err != nil {
		faults = append(faults, ops.Fault{Path: "$.detail", Expected: "a request for a notification", Got: err.Error()})
	} else {
		if !ops.ValidID(req.ID) {
			faults = append(faults, ops.Fault{Path: "$.detail.event_id", Expected: "the notification's id", Got: req.ID})
		}
		if !ops.ValidID(req.Template) {
			faults = append(faults, ops.Fault{Path: "$.detail.template", Expected: "a message template's name", Got: req.Template})
		}
	}
	return req, ops.Invalid("notification request", faults)
}

// claim makes this delivery the only one at work on its notification. nil when there is nothing left to do.
func (d *Deliverer) claim(ctx context.Context, req request) (*ops.Notification, error) {
	now := d.clock.Now()
	n, err := d.store.Notification(ctx, req.ID)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound:
		n = &ops.Notification{
			Meta: ops.Meta{CreatedAt: now, ExpiresAt: now.Add(ops.EventRetention)}, ID: req.ID, Template: req.Template,
			To: req.To, Data: req.Data, Subject: req.Subject, Cause: req.Cause,
		}
	case err != nil:
		return nil, err
	case n.Status == ops.NotificationSent:
		return nil, nil //nolint:nilnil // documented: nothing left to do
	case n.Status == ops.NotificationRequestedStatus && n.Tries > 0 && now.Before(n.UpdatedAt.Add(claimTime)):
		return nil, ops.Errorf(ops.CodeUnavailable, "another delivery of it is under way")
	}
	n.Status, n.UpdatedAt = ops.NotificationRequestedStatus, now
	n.Tries++
	return n, d.store.Save(ctx, n)
}

// send puts a notification into words, which it then holds, and posts it.
func (d *Deliverer) send(ctx context.Context, n *ops.Notification) *sendError {
	title, text, err := words(n)
	if err != nil {
		return &sendError{why: fmt.Errorf("put message %s into words: %w", n.Template, err)}
	}
	n.Title, n.Text, n.Channel = title, text, channelWebhook
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return d.webhook.post(ctx, n, d.clock.Now())
}
