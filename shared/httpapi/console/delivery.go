package console

import (
	"fmt"

	"opsflow/shared/ops"
)

// deliveryView is the view of the messages that went out, or did not.
type deliveryView struct {
	Filters []filter
	Items   []*ops.Notification
	Pager   pager
}

func (c *Console) deliveryPages() {
	show(c, page{path: "/delivery", action: "notification.read", section: "Delivery", file: "delivery"}, c.delivery)
	show(c, page{path: "/delivery/{id}", action: "notification.read", section: "Delivery", file: "message"}, c.message)
	do(c, "/delivery/{id}/resend", "notification.resend", c.resend)
}

func (c *Console) delivery(q *request) (deliveryView, error) {
	status, chosen := choose(q, "Status", "status", "Any status",
		[]ops.NotificationStatus{ops.NotificationRequestedStatus, ops.NotificationSent, ops.NotificationFailed})
	v := deliveryView{Filters: []filter{status}}
	p, err := c.Store.Notifications(q.Context(), ops.NotificationFilter{Status: chosen, PageRequest: pageRequest(q)})
	if err != nil {
		return v, fmt.Errorf("list notifications: %w", err)
	}
	v.Items, v.Pager = p.Items, pages(q, p, "messages")
	return v, nil
}

func (c *Console) message(q *request) (*ops.Notification, error) {
	n, err := c.Store.Notification(q.Context(), q.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("read notification: %w", err)
	}
	return n, nil
}

func (c *Console) resend(q *request) (outcome, error) {
	n, err := c.Notifications.Resend(q.Context(), q.PathValue("id"), q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("send notification again: %w", err)
	}
	return outcome{to: "/delivery/" + n.ID, said: words(n.Template) + " is sent again to whom it has not reached."}, nil
}

// recipientText says whom a message is for.
func recipientText(r ops.Recipient) string {
	switch {
	case r.Member != "":
		return r.Member
	case r.Team != "":
		return "Team " + words(r.Team)
	case r.Role != "":
		return "The " + r.Role
	}
	return r.Address
}
