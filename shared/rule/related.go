package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/ops"
)

// related are the records that conditions and paths can look into besides what the event itself is about: the booking, payment
// and vendor that the event names, or that its subject or its booking does. They are read only for rules that ask for them.
var related = []string{ops.SubjectBooking, ops.SubjectPayment, ops.SubjectVendor}

// roots are what the conditions and paths of rules look into.
func roots() []string { return append([]string{"detail", "subject", "event"}, related...) }

// wanted gathers which related records are asked for.
type wanted map[string]bool

func (w wanted) path(path string) {
	if root, _, _ := strings.Cut(path, "."); slices.Contains(related, root) {
		w[root] = true
	}
}

func (w wanted) condition(c *ops.Condition) {
	if c == nil {
		return
	}
	for i := range c.All {
		w.condition(&c.All[i])
	}
	for i := range c.Any {
		w.condition(&c.Any[i])
	}
	w.condition(c.Not)
	w.path(c.Path)
	if kindOf(c.Value) == textKind {
		text, _ := unquote(c.Value)
		w.path(strings.TrimPrefix(text, "$."))
	}
}

func (w wanted) action(a *ops.Action) {
	w.condition(a.Unless)
	eachRef(a, "", func(_, ref string) { w.path(ref) })
}

func (w wanted) rule(r *ops.Rule) {
	w.condition(&r.Condition)
	for i := range r.Actions {
		w.action(&r.Actions[i])
	}
}

// relations finds the related records that are wanted.
type relations struct {
	want    wanted
	subject func(context.Context, ops.SubjectRef) (*ops.Subject, error) // what is known of a subject; nothing is no error
	vendor  func(ctx context.Context, id string) (*ops.Vendor, error)
}

// add adds the related records to what conditions and paths of rules see. One that the event doesn't lead to is left out.
func (x relations) add(ctx context.Context, doc Doc, event *ops.Event, about *ops.Subject) error {
	if len(x.want) == 0 {
		return nil
	}
	var detail map[string]json.RawMessage
	if json.Unmarshal(event.Detail, &detail) != nil {
		return nil //nolint:nilerr // it is invalid
	}
	for kind := range x.want {
		s, err := x.named(ctx, kind, detail, about)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if doc[kind], err = x.docOf(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// named finds the record of a type that an event leads to; nil when there is none.
func (x relations) named(ctx context.Context, kind string, detail map[string]json.RawMessage, about *ops.Subject) (*ops.Subject, error) {
	if about.Type == kind {
		return about, nil
	}
	ref := ops.SubjectRef{Type: kind, ID: idIn(detail, kind)}
	if ref.ID == "" {
		ref.ID = idIn(about.Fields, kind)
	}
	if ref.ID == "" && kind != ops.SubjectBooking {
		booking, err := x.named(ctx, ops.SubjectBooking, detail, about)
		if err != nil {
			return nil, err
		}
		if booking != nil {
			ref.ID = idIn(booking.Fields, kind)
		}
	}
	if ref.ID == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	s, err := x.subject(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, err)
	}
	s.SubjectRef = ref
	return s, nil
}

// idIn gives the id of a subject of a type that is among some members; empty when there is none.
func idIn(members map[string]json.RawMessage, kind string) string {
	if id, ok := unquote(members[kind+"_id"]); ok && ops.ValidID(id) {
		return id
	}
	return ""
}

// docOf is a related record as conditions see it; of a vendor also what is kept of it by hand: its rating, categories, areas.
func (x relations) docOf(ctx context.Context, s *ops.Subject) (json.RawMessage, error) {
	doc := SubjectDoc(s)
	if s.Type != ops.SubjectVendor {
		return doc, nil
	}
	v, err := x.vendor(ctx, s.ID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return doc, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read vendor %s: %w", s.ID, err)
	}
	var all map[string]json.RawMessage
	for _, part := range []json.RawMessage{doc, mustJSON(v)} {
		if err := json.Unmarshal(part, &all); err != nil {
			return nil, fmt.Errorf("read vendor %s: %w", s.ID, err)
		}
	}
	return mustJSON(all), nil
}

// vendors reads each vendor once.
func (e *Engine) vendors() func(context.Context, string) (*ops.Vendor, error) {
	type answer struct {
		vendor *ops.Vendor
		err    error
	}
	known := map[string]answer{}
	return func(ctx context.Context, id string) (*ops.Vendor, error) {
		a, ok := known[id]
		if !ok {
			a.vendor, a.err = e.store.Vendor(ctx, id)
			known[id] = a
		}
		return a.vendor, a.err
	}
}
