package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsflow/shared/notify"
	"opsflow/shared/ops"
)

// Warnings tells what is odd about a rule: names that its event doesn't have (events may have other members than their
// schemas name, so this is no fault), a condition that can't become true, and others among all rules that do the same for
// the same event.
func Warnings(r *ops.Rule, all []*ops.Rule) ([]ops.Warning, error) {
	schema, err := schemaOf(r.Event)
	if err != nil || schema == nil {
		return nil, err
	}
	w := warner{event: r.Event, schema: schema, fields: map[string][]string{}}
	w.names(&r.Condition, "$.condition")
	if why, at := never(schema, &r.Condition, "$.condition"); why != "" {
		w.warn(at, "the rule never matches: "+why)
	}
	for i := range r.Actions {
		a, path := &r.Actions[i], fmt.Sprintf("$.actions[%d]", i)
		eachRef(a, path, w.name)
		if a.Unless != nil {
			w.names(a.Unless, path+".unless")
		}
		if a.Type == ops.Notify && !slices.Contains(notify.Templates(), a.Template) {
			w.warn(path+".template", fmt.Sprintf("there is no message template %q, so the message will be worded in general terms%s",
				a.Template, meant(a.Template, notify.Templates())))
		}
		if a.Type == ops.EmitEvent && a.DetailType == r.Event {
			w.warn(path+".detail_type", fmt.Sprintf("the rule triggers itself; the chain ends at depth %d", ops.MaxDepth))
		}
		if other := twin(schema, r, a, all); other != nil {
			w.warn(path, fmt.Sprintf("rule %s does the same, and both can match one event: %s", other.ID, twice(r, other)))
		}
	}
	return w.found, w.err
}

type warner struct {
	event  ops.EventType
	schema *shape
	fields map[string][]string // that subjects of a type can have, once they were asked for
	found  []ops.Warning
	err    error
}

func (w *warner) warn(path, message string) {
	w.found = append(w.found, ops.Warning{Path: path, Message: message})
}

// names warns of names in a condition that the event doesn't have.
func (w *warner) names(c *ops.Condition, path string) {
	for i := range c.All {
		w.names(&c.All[i], fmt.Sprintf("%s.all[%d]", path, i))
	}
	for i := range c.Any {
		w.names(&c.Any[i], fmt.Sprintf("%s.any[%d]", path, i))
	}
	if c.Not != nil {
		w.names(c.Not, path+".not")
	}
	if c.Path == "" {
		return
	}
	w.name(path+".path", c.Path)
	w.order(c, path)
	if kindOf(c.Value) == textKind && c.Op != ops.OpMatches {
		text, _ := unquote(c.Value)
		if ref, ok := strings.CutPrefix(text, "$."); ok {
			w.name(path+".value", ref)
		}
	}
}

// order warns of times that are compared as texts.
func (w *warner) order(c *ops.Condition, path string) {
	switch c.Op { //nolint:exhaustive // the others don't order
	case ops.OpGt, ops.OpGte, ops.OpLt, ops.OpLte, ops.OpBetween:
		if s := w.schema.at(c.Path); s != nil && s.isTime {
			w.warn(path+".op", c.Path+" is a time, which "+string(c.Op)+" compares as a text; did you mean before or after?")
		}
	}
}

var eventMembers = []string{"id", "source", "time", "type"}

// name warns of a path to what an event or its subject doesn't have.
func (w *warner) name(at, path string) {
	words := strings.Split(path, ".")
	if len(words) < 2 {
		return
	}
	switch words[0] {
	case "event":
		if !slices.Contains(eventMembers, words[1]) {
			w.warn(at, fmt.Sprintf("an event has no %s%s", words[1], meant(words[1], eventMembers)))
		}
	case "subject":
		w.field(at, w.event.SubjectType(), words[1])
	case ops.SubjectBooking, ops.SubjectPayment, ops.SubjectVendor:
		if w.field(at, words[0], words[1]); !w.leadsTo(words[0]) {
			w.warn(at, fmt.Sprintf("%s leads to no %s, so there is never a value", w.event, words[0]))
		}
	case "detail":
		for s, n := w.schema, 1; n < len(words) && s.kind == objectKind; n++ {
			word, _, _ := strings.Cut(words[n], "[")
			inner := s.members[word]
			if inner == nil {
				within := strings.Join(append([]string{string(w.event)}, words[1:n]...), ".")
				w.warn(at, fmt.Sprintf("%s has no %s by its schema%s", within, word, meant(word, s.names)))
				return
			}
			s = inner
		}
	}
}

// field warns of a field that no record of a subject of a type has.
func (w *warner) field(at, subjectType, name string) {
	known := w.known(subjectType)
	name, _, _ = strings.Cut(name, "[")
	if known != nil && !slices.Contains(known, name) {
		w.warn(at, fmt.Sprintf("nothing gives a %s a field %s%s", subjectType, name, meant(name, known)))
	}
}

// known lists the fields that subjects of a type can have; nil when nobody knows.
func (w *warner) known(subjectType string) []string {
	if subjectType == "" {
		return nil
	}
	if w.fields[subjectType] == nil {
		fields, err := subjectFields(subjectType)
		if err != nil {
			w.err = err
		}
		w.fields[subjectType] = fields
	}
	return w.fields[subjectType]
}

// leadsTo reports whether an event can lead to a record of a type: see relate.
func (w *warner) leadsTo(kind string) bool {
	about, field := w.event.SubjectType(), kind+"_id"
	switch {
	case about == "" || about == kind || w.schema.members[field] != nil || slices.Contains(w.known(about), field):
		return true
	}
	return kind != ops.SubjectBooking && w.leadsTo(ops.SubjectBooking) && slices.Contains(w.known(ops.SubjectBooking), field)
}

// meant asks whether the nearest of the known names was meant, as the end of a message; "" when none is near.
func meant(word string, known []string) string {
	near := ops.Nearest(word, known)
	if near == "" {
		return ""
	}
	return "; did you mean " + near + "?"
}

// twin finds another rule that does what an action does for an event that both can match; nil when there is none.
func twin(schema *shape, r *ops.Rule, a *ops.Action, all []*ops.Rule) *ops.Rule {
	if a.OncePer != "" || r.Mode == ops.RuleOff {
		return nil
	}
	for _, other := range all {
		if other.ID == r.ID || other.Event != r.Event || other.Mode == ops.RuleOff {
			continue
		}
		for i := range other.Actions {
			b := &other.Actions[i]
			if b.OncePer != "" || !sameEffect(a, b) {
				continue
			}
			both := ops.Condition{All: []ops.Condition{r.Condition, other.Condition}}
			if why, _ := never(schema, &both, "$"); why == "" {
				return other
			}
		}
	}
	return nil
}

// twice says when what two rules do is done twice.
func twice(r, other *ops.Rule) string {
	switch {
	case r.Mode == ops.RuleShadow && other.Mode == ops.RuleShadow:
		return "it would be done twice if both were active"
	case r.Mode == ops.RuleShadow:
		return "it will be done twice once this rule is active"
	case other.Mode == ops.RuleShadow:
		return "it will be done twice once that one is active, too"
	}
	return "it is done twice then"
}

// sameEffect reports whether two actions do the same. Alerts of one cause are counted, so two of them do no harm.
func sameEffect(a, b *ops.Action) bool {
	switch {
	case a.Type != b.Type || a.Template != b.Template || a.DetailType != b.DetailType || a.Delay != b.Delay:
		return false
	case a.Type == ops.StartWorkflow:
		return a.Subject == b.Subject && maps.EqualFunc(a.Input, b.Input, sameRaw)
	case a.Type == ops.Notify:
		return a.To != nil && b.To != nil && *a.To == *b.To
	case a.Type == ops.EmitEvent:
		return maps.EqualFunc(a.Detail, b.Detail, sameRaw)
	}
	return false
}

func sameRaw(a, b json.RawMessage) bool { return bytes.Equal(a, b) }
