// Package notify delivers messages: it finds out who is told and how, puts a request for a message into words, and sends it
// by e-mail, SMS and webhook.
package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"opsflow/shared/ops"
)

// Store is what the deliverer needs of the store.
type Store interface {
	ops.Saver
	ops.NotificationStore
	ops.MemberStore
	ops.SubjectStore
	ops.VendorStore
	ops.AuditStore
}

// Email sends e-mails. An error of CodeUnavailable or CodeThrottled says that it can be tried again.
type Email interface {
	SendEmail(ctx context.Context, id, to, title, text string) error
}

// SMS sends short messages. Errors as for Email.
type SMS interface {
	SendSMS(ctx context.Context, id, to, text string) error
}

// Config is what a Deliverer is made of.
type Config struct {
	Store  Store
	Clock  ops.Clock
	Client *http.Client
	// Bus takes the requests of messages that are sent again. Only Resend and HandleDue need it.
	Bus ops.Bus
	// Email and SMS may be nil: then nobody is told that way.
	Email Email
	SMS   SMS
	// Teams are the teams' addresses; a team without one is told through its members.
	Teams map[ops.Team]string
	// Webhook is the URL that messages are posted to, and Secret signs them. Empty: none is configured.
	Webhook string
	Secret  []byte
}

// Deliverer delivers notifications. It is safe for concurrent use.
type Deliverer struct {
	store   Store
	clock   ops.Clock
	bus     ops.Bus
	email   Email
	sms     SMS
	teams   map[ops.Team]string
	webhook webhook
}

// New makes a Deliverer.
func New(c Config) *Deliverer {
	return &Deliverer{
		store: c.Store, clock: c.Clock, bus: c.Bus, email: c.Email, sms: c.SMS, teams: c.Teams,
		webhook: webhook{address: c.Webhook, secret: c.Secret, client: c.Client},
	}
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
// The error is nil when trying again would not help. After an error the event must be delivered again: a channel did not
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
	again := false
	for i := next(n, 0); i < len(n.Deliveries); i = next(n, i) {
		one := &n.Deliveries[i]
		if err := d.send(ctx, n, one); err == nil {
			one.Status, one.SentAt, one.Error, one.Again = ops.DeliverySent, d.clock.Now(), "", false
		} else {
			one.Status, one.Error, one.Again = ops.DeliveryFailed, err.Error(), err.again
			again = again || err.again
		}
		begin(n, next(n, i))
		if err := d.record(ctx, n); err != nil {
			return err
		}
	}
	if again {
		return fmt.Errorf("deliver notification %s: %s", n.ID, n.Error)
	}
	return nil
}

// next is the place of the first delivery from a place on that is to be sent.
func next(n *ops.Notification, from int) int {
	for from < len(n.Deliveries) && n.Deliveries[from].Status != ops.DeliveryPending && n.Deliveries[from].Status != ops.DeliverySending {
		from++
	}
	return from
}

// begin marks a delivery, if there is one, before it is sent: who finds the mark knows that it may have been.
func begin(n *ops.Notification, place int) {
	if place < len(n.Deliveries) {
		n.Deliveries[place].Status = ops.DeliverySending
	}
}

// record writes down what became of a notification so far, even when the time of this delivery is over.
func (d *Deliverer) record(ctx context.Context, n *ops.Notification) error {
	n.UpdatedAt, n.Error = d.clock.Now(), ""
	open := false
	for _, one := range n.Deliveries {
		switch one.Status {
		case ops.DeliveryPending, ops.DeliverySending:
			open = true
		case ops.DeliveryFailed:
			if n.Error == "" {
				n.Error = one.Error
			}
		case ops.DeliverySent:
		}
	}
	switch {
	case open:
	case n.Error != "":
		n.Status = ops.NotificationFailed
	default:
		n.Status, n.SentAt = ops.NotificationSent, n.UpdatedAt
	}
	if err := d.store.Save(context.WithoutCancel(ctx), n); err != nil {
		return fmt.Errorf("record the delivery of notification %s: %w", n.ID, err)
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
	n.ClearTimer(ops.TimerDeliver)
	n.Tries++
	if err := d.prepare(ctx, n); err != nil {
		return nil, err
	}
	if next(n, 0) == len(n.Deliveries) { // all that could be sent was
		return nil, d.record(ctx, n)
	}
	begin(n, next(n, 0))
	return n, d.store.Save(ctx, n)
}

// prepare says which deliveries of a claimed notification are to be sent now. One that was cut off on its way may have
// arrived: a webhook's receiver drops repeats, so it is posted again; people are not told twice, unless somebody asks for it.
func (d *Deliverer) prepare(ctx context.Context, n *ops.Notification) error {
	for i := range n.Deliveries {
		one := &n.Deliveries[i]
		switch {
		case one.Status == ops.DeliverySending && one.Channel != channelWebhook:
			one.Status, one.Error = ops.DeliveryFailed, "it was cut off while it was being sent: it may have arrived"
		case one.Status == ops.DeliverySending, one.Status == ops.DeliveryFailed && one.Again:
			one.Status = ops.DeliveryPending
		}
	}
	if n.Title != "" && len(n.Deliveries) > 0 {
		return nil
	}
	var err error
	if n.Title, n.Text, err = words(n); err != nil {
		return fmt.Errorf("put message %s into words: %w", n.Template, err)
	}
	routes, err := d.route(ctx, n)
	if err != nil {
		return fmt.Errorf("find out who is told: %w", err)
	}
	for _, r := range routes {
		if !reached(n, r) {
			n.Deliveries = append(n.Deliveries, r)
		}
	}
	return nil
}

// reached reports whether a message went out that way before.
func reached(n *ops.Notification, r ops.Way) bool {
	for _, one := range n.Deliveries {
		if one.Channel == r.Channel && one.To == r.To && one.Status == ops.DeliverySent {
			return true
		}
	}
	return false
}

// send hands a notification, in its words, to one channel.
func (d *Deliverer) send(ctx context.Context, n *ops.Notification, one *ops.Way) *sendError {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	var err error
	switch {
	case one.Channel == channelEmail && d.email != nil:
		err = d.email.SendEmail(ctx, n.ID, one.To, n.Title, n.Text)
	case one.Channel == channelSMS && d.sms != nil:
		err = d.sms.SendSMS(ctx, n.ID, one.To, short(n))
	case one.Channel == channelWebhook:
		return d.webhook.post(ctx, n, d.clock.Now())
	default:
		err = errors.New(one.Channel + " is not set up any more")
	}
	if err == nil {
		return nil
	}
	code := ops.ErrorCode(err)
	return &sendError{why: err, again: code == ops.CodeUnavailable || code == ops.CodeThrottled}
}

// maxSMS is how many characters an SMS may have; two parts of one on the way.
const maxSMS = 300

// short is a message as an SMS: its title, or the template's own words for it.
func short(n *ops.Notification) string {
	text := []rune(n.Title)
	if len(text) > maxSMS {
		text = append(text[:maxSMS-1], '…')
	}
	return string(text)
}
