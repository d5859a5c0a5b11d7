package notify

import (
	"context"
	"encoding/json"
	"fmt"

	"opsflow/shared/ops"
)

// The channels.
const (
	channelEmail   = "email"
	channelSMS     = "sms"
	channelWebhook = "webhook"
)

// audience is who a message is for, as far as its channels go.
type audience string

const (
	staff    audience = "staff" // teams and members
	customer audience = "customer"
	vendor   audience = "vendor"
)

// channels says how each audience is told, by how urgent it is; a channel without an address or that is not set up is left
// out. What can't be told in any of these ways goes to the webhook, so that it is not lost.
var channels = map[audience]map[ops.Severity][]string{
	staff: {
		ops.SeverityLow: {channelEmail}, ops.SeverityMedium: {channelEmail},
		ops.SeverityHigh: {channelEmail, channelWebhook}, ops.SeverityCritical: {channelEmail, channelSMS, channelWebhook},
	},
	customer: {
		ops.SeverityLow: {channelEmail}, ops.SeverityMedium: {channelEmail},
		ops.SeverityHigh: {channelEmail, channelSMS}, ops.SeverityCritical: {channelEmail, channelSMS},
	},
	vendor: {
		ops.SeverityLow: {channelEmail}, ops.SeverityMedium: {channelEmail},
		ops.SeverityHigh: {channelEmail, channelSMS}, ops.SeverityCritical: {channelEmail, channelSMS},
	},
}

// urgencies are those of messages that do not say it themselves (data.urgency or data.severity); others are medium.
var urgencies = map[string]ops.Severity{
	"vendor_offer": ops.SeverityHigh, "service_reminder": ops.SeverityHigh, "customer_welcome": ops.SeverityLow,
}

func urgency(n *ops.Notification) ops.Severity {
	for _, name := range []string{"urgency", "severity"} {
		if s := ops.Severity(plain(n.Data[name])); s.Rank() > 0 {
			return s
		}
	}
	if s, ok := urgencies[n.Template]; ok {
		return s
	}
	return ops.SeverityMedium
}

// contact is how somebody can be reached.
type contact struct {
	Email string `json:"email"`
	Phone string `json:"phone"`
}

// route finds out where a message goes.
func (d *Deliverer) route(ctx context.Context, n *ops.Notification) ([]ops.Way, error) {
	who, people, err := d.people(ctx, n)
	if err != nil {
		return nil, err
	}
	var all []ops.Way
	seen := map[ops.Way]bool{}
	add := func(channel, to string) {
		one := ops.Way{Channel: channel, To: to, Status: ops.DeliveryPending}
		if !seen[one] {
			seen[one] = true
			all = append(all, one)
		}
	}
	for _, channel := range channels[who][urgency(n)] {
		if channel == channelWebhook && d.webhook.address != "" {
			add(channelWebhook, "")
		}
		for _, p := range people {
			switch {
			case channel == channelEmail && d.email != nil && ops.ValidEmail(p.Email):
				add(channelEmail, p.Email)
			case channel == channelSMS && d.sms != nil && ops.ValidPhone(p.Phone):
				add(channelSMS, p.Phone)
			}
		}
	}
	if len(all) == 0 {
		add(channelWebhook, "")
	}
	return all, nil
}

// people finds the contacts of a recipient.
func (d *Deliverer) people(ctx context.Context, n *ops.Notification) (audience, []contact, error) {
	switch to := n.To; {
	case to.Address != "":
		return customer, []contact{{Email: to.Address, Phone: to.Address}}, nil
	case to.Team != "":
		if address := d.teams[to.Team]; address != "" {
			return staff, []contact{{Email: address}}, nil
		}
		all, err := d.store.Members(ctx)
		var team []contact
		for _, m := range all {
			if m.Takes(to.Team) {
				team = append(team, contact{m.Email, m.Phone})
			}
		}
		return staff, team, err
	case to.Member != "":
		m, err := d.store.Member(ctx, to.Member)
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return staff, nil, nil
		}
		if err != nil {
			return staff, nil, err
		}
		return staff, []contact{{m.Email, m.Phone}}, nil
	case to.Role == string(vendor):
		c, err := d.vendorContact(ctx, n)
		return vendor, c, err
	}
	c, err := d.customerContact(ctx, n)
	return customer, c, err
}

// customerContact is the customer of the message's data, else of its subject, which is a booking or leads to one.
func (d *Deliverer) customerContact(ctx context.Context, n *ops.Notification) ([]contact, error) {
	fields := n.Data
	for range 3 {
		var c contact
		if json.Unmarshal(fields["customer"], &c) == nil && c != (contact{}) {
			return []contact{c}, nil
		}
		ref := n.Subject
		if booking := plain(fields["booking_id"]); booking != "" {
			ref = ops.SubjectRef{Type: ops.SubjectBooking, ID: booking}
		}
		if ref.IsZero() {
			return nil, nil
		}
		s, err := d.store.Subject(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", ref, err)
		}
		fields = s.Fields
	}
	return nil, nil
}

// vendorContact is the vendor that the message's data name, or its subject.
func (d *Deliverer) vendorContact(ctx context.Context, n *ops.Notification) ([]contact, error) {
	id := plain(n.Data["vendor_id"])
	if id == "" && n.Subject.Type == ops.SubjectVendor {
		id = n.Subject.ID
	}
	if id == "" && !n.Subject.IsZero() {
		s, err := d.store.Subject(ctx, n.Subject)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", n.Subject, err)
		}
		id = plain(s.Fields["vendor_id"])
	}
	v, err := d.store.Vendor(ctx, id)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []contact{{v.Email, v.Phone}}, nil
}
