package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// eventList is the view of the events, by day.
type eventList struct {
	Filters []filter
	Subject string
	Days    []eventDay
	Pager   pager
}

type eventDay struct {
	Day   string
	Items []*ops.Event
}

// eventView is the view of one event.
type eventView struct {
	*ops.Event
	Detail  string
	Entered string // the corrected detail, when the form is shown again
	As      string // the corrected type, likewise
	Types   []ops.EventType
	Wrong   string
	Bad     []ops.Fault // what is wrong with it
}

var eventPage = page{path: "/events/{id}", action: "event.read", section: "Events", file: "event"}

func (c *Console) eventPages() {
	show(c, page{path: "/events", action: "event.read", section: "Events", file: "events"}, c.eventList)
	show(c, eventPage, c.event)
	do(c, "/events/{id}/replay", "event.replay", c.replay)
	c.replayPages()
}

func (c *Console) eventList(q *request) (eventList, error) {
	status, chosenStatus := choose(q, "Status", "status", "Any status", []ops.EventStatus{ops.EventValid, ops.EventInvalid})
	kind, chosenType := choose(q, "Type", "type", "Any type", ops.EventTypes())
	subject, err := subjectField(q.field("subject"))
	if err != nil {
		return eventList{}, err
	}
	v := eventList{Filters: []filter{status, kind}, Subject: q.field("subject")}
	p, err := c.Store.Events(q.Context(), ops.EventFilter{
		Status: chosenStatus, Type: string(chosenType), Subject: subject, PageRequest: pageRequest(q),
	})
	if err != nil {
		return v, fmt.Errorf("list events: %w", err)
	}
	for _, e := range p.Items { // newest first
		day := e.CreatedAt.UTC().Format("Monday, 2 January 2006")
		if n := len(v.Days); n == 0 || v.Days[n-1].Day != day {
			v.Days = append(v.Days, eventDay{Day: day})
		}
		last := &v.Days[len(v.Days)-1]
		last.Items = append(last.Items, e)
	}
	v.Pager = pages(q, p, "events")
	return v, nil
}

func (c *Console) event(q *request) (eventView, error) {
	e, err := c.Rules.Event(q.Context(), q.PathValue("id"))
	if err != nil {
		return eventView{}, fmt.Errorf("read event: %w", err)
	}
	v := eventView{Event: e, Detail: pretty(e.Detail), As: e.Type, Types: ops.EventTypes()}
	v.Entered = v.Detail
	if as := ops.EventType(e.Type); !slices.Contains(v.Types, as) {
		v.Types = append([]ops.EventType{as}, v.Types...)
	}
	return v, nil
}

// replay takes a stored event in once more, an invalid one as it was corrected.
func (c *Console) replay(q *request) (outcome, error) {
	v, err := c.event(q)
	if err != nil {
		return outcome{}, err
	}
	var fixed rule.Correction
	if v.Status == ops.EventInvalid {
		v.Entered = q.field("detail")
		fixed.Detail = json.RawMessage(strings.TrimSpace(v.Entered))
		if as := q.field("type"); as != "" {
			v.As, fixed.Type = as, as
		}
		if !json.Valid(fixed.Detail) {
			err = ops.Invalid("event", []ops.Fault{{Path: "$.detail", Expected: "a JSON object", Got: ops.Shown(v.Entered)}})
		}
	}
	var e *ops.Event
	if err == nil {
		e, err = c.Rules.Replay(q.Context(), v.ID, fixed, q.Actor)
	}
	if told, ok := errors.AsType[*ops.Error](err); ok && told.Code == ops.CodeInvalid {
		v.Wrong, v.Bad = sentence(told.Message), told.Faults
		return outcome{}, &invalidForm{page: eventPage, view: v, err: err}
	}
	if err != nil {
		return outcome{}, fmt.Errorf("replay event: %w", err)
	}
	return outcome{to: "/events/" + e.ID, said: "The event was taken in again: rules that had acted on it did nothing twice."}, nil
}

// effectURL is the page of what a decision brought about; empty when it has none.
func effectURL(e ops.Effect) string {
	if e.Effect != nil {
		e = *e.Effect
	}
	return targetURL(e.Ref())
}

// effectText is what people call it; of an action of which nothing came, how it stands.
func effectText(e ops.Effect) string {
	switch e.Status {
	case ops.ActionWaiting:
		return "to be done " + e.DueAt.UTC().Format("2 Jan 2006 15:04 UTC")
	case ops.ActionDropped:
		return "dropped: " + droppedText(e.Reason)
	case ops.ActionFailed:
		return "failed: " + e.Error
	case ops.ActionShadow:
		return "would do: " + words(e.Action)
	case ops.ActionDone:
	}
	if e.Effect != nil {
		e = *e.Effect
	}
	kind, _, _ := strings.Cut(targetText(e.Ref()), "/")
	return words(kind) + " " + short(e.ID)
}

// droppedText says why an action was dropped.
func droppedText(reason string) string {
	switch reason {
	case ops.DroppedUnless:
		return "its unless held"
	case ops.DroppedStopped:
		return "an action before it failed"
	case ops.DroppedRuleOff:
		return "the rule was off"
	case ops.DroppedShadow:
		return "the rule was in shadow mode"
	}
	return words(reason)
}
