package console

import (
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// undeliveredList is the view of the events that could not be delivered.
type undeliveredList struct {
	Filters []filter
	Source  string
	Items   []*ops.Undelivered
	Pager   pager
}

func (c *Console) undeliveredPages() {
	show(c, page{path: "/delivery/undelivered", action: "undelivered.read", section: "Delivery", file: "undelivereds"}, c.undeliveredList)
	show(c, page{path: "/delivery/undelivered/{id}", action: "undelivered.read", section: "Delivery", file: "undelivered"}, c.undelivered)
	do(c, "/delivery/undelivered/{id}/resend", "undelivered.resend", c.resendUndelivered)
	do(c, "/delivery/undelivered/{id}/close", "undelivered.resend", c.closeUndelivered)
}

func (c *Console) undeliveredList(q *request) (undeliveredList, error) {
	status, chosen := choose(q, "Status", "status", "Any status", ops.UndeliveredStatuses())
	v := undeliveredList{Filters: []filter{status}, Source: q.field("source")}
	p, err := c.Store.UndeliveredList(q.Context(), ops.UndeliveredFilter{Status: chosen, Source: v.Source, PageRequest: pageRequest(q)})
	if err != nil {
		return v, fmt.Errorf("list undelivered events: %w", err)
	}
	v.Items, v.Pager = p.Items, pages(q, p, "undelivered events")
	return v, nil
}

func (c *Console) undelivered(q *request) (*ops.Undelivered, error) {
	u, err := c.Store.Undelivered(q.Context(), q.PathValue("id"))
	if err != nil {
		return nil, fmt.Errorf("read undelivered event: %w", err)
	}
	return u, nil
}

func (c *Console) resendUndelivered(q *request) (outcome, error) {
	u, err := c.Undelivered.Resend(q.Context(), q.PathValue("id"), q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("send undelivered event again: %w", err)
	}
	return outcome{to: "/delivery/undelivered/" + u.ID, said: "It is delivered once more: what was done for it is not done again."}, nil
}

func (c *Console) closeUndelivered(q *request) (outcome, error) {
	u, err := c.Undelivered.Close(q.Context(), q.PathValue("id"), q.Actor, strings.TrimSpace(q.field("reason")))
	if err != nil {
		return outcome{}, fmt.Errorf("put undelivered event away: %w", err)
	}
	return outcome{to: "/delivery/undelivered/" + u.ID, said: "Put away."}, nil
}
