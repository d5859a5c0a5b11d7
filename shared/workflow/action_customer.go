package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// contact is how a customer can be reached.
type contact struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// missing tells what keeps us from writing or calling: a name, and one way to reach who has it.
func (c contact) missing() []string {
	missing := []string{}
	if c.Name == "" {
		missing = append(missing, "name")
	}
	if c.Email == "" && c.Phone == "" {
		missing = append(missing, "email or phone")
	}
	return missing
}

// customerContact reads a contact from where senders put it: an object `customer`, as a booking has it, or fields of its own.
func customerContact(in ActionInput) contact {
	var c contact
	_ = json.Unmarshal(in.value("customer"), &c) // anything else than such an object says nothing
	for name, to := range map[string]*string{"name": &c.Name, "email": &c.Email, "phone": &c.Phone} {
		if *to == "" {
			*to = in.text(name)
		}
	}
	return c
}

// customerCheck tells what a new customer's contact lacks. That is no failure: the next step asks a person for it.
func customerCheck(_ context.Context, in ActionInput) (ActionResult, error) {
	c := customerContact(in)
	missing := c.missing()
	return ActionResult{Output: map[string]any{"complete": len(missing) == 0, "missing": missing, "contact": c}}, nil
}

// customerRegister keeps the customer with a contact that works: what a person verified comes before what was sent.
func customerRegister(ctx context.Context, in ActionInput) (ActionResult, error) {
	id := in.id("customer")
	if id == "" {
		id = ops.HashID("cus-", in.Instance.ID) // the same however often the step is tried
	}
	if !ops.ValidID(id) {
		return ActionResult{}, fmt.Errorf("customer_id %q is no id", id)
	}
	c := customerContact(in)
	_ = json.Unmarshal(in.Params["verified"], &c) // nobody was asked: nothing to replace
	if missing := c.missing(); len(missing) > 0 {
		return ActionResult{}, fmt.Errorf("the contact of customer %s lacks %q", id, missing)
	}
	s, err := in.Read(ctx, ops.SubjectRef{Type: "customer", ID: id})
	if err != nil {
		return ActionResult{}, err
	}
	for name, v := range map[string]any{
		"customer_id": id, "name": c.Name, "email": c.Email, "phone": c.Phone, "status": "active", "registered_at": in.Now,
	} {
		if err := in.set(s, name, v); err != nil {
			return ActionResult{}, err
		}
	}
	return ActionResult{
		Output: map[string]any{"customer_id": id, "customer": c, "registered_at": in.Now.Format(time.RFC3339)},
		Writes: []ops.Record{s},
	}, nil
}
