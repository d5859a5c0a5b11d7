package rule

import (
	"strings"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// rehearsal decides about events for one rule as decide does, in memory: what limits it is counted here, and nothing is
// written, started or sent. No action fails.
type rehearsal struct {
	rule     *ready
	calendar *calendar.Calendar
	cooled   map[ops.SubjectRef]time.Time // until when
	acted    map[string]int               // by day
	done     map[ops.Ref]bool             // what once_per has been done for
}

func (e *Engine) rehearse(r *ops.Rule) (*rehearsal, error) {
	made := e.prepare(r)
	return &rehearsal{
		rule: made, calendar: e.calendar, cooled: map[ops.SubjectRef]time.Time{}, acted: map[string]int{}, done: map[ops.Ref]bool{},
	}, made.broken
}

// seesSubject reports whether what the rule does depends on subjects.
func (h *rehearsal) seesSubject() bool {
	sees := false
	look := func(l *leaf) { sees = sees || l.path.in("subject") || l.ref != nil && l.ref.in("subject") }
	h.rule.condition.eachLeaf(look)
	for i, unless := range h.rule.unless {
		unless.eachLeaf(look)
		sees = sees || strings.HasPrefix(h.rule.Actions[i].OncePer, "$.subject.")
	}
	return sees
}

// rehearsed is what becomes of an action: it is done, dropped because its `unless` holds, or waiting until it is due.
type rehearsed struct {
	index  int
	status ops.ActionStatus
	due    time.Time
	putOff bool      // it is waiting, or was planned apart from its event
	leaf   *ops.Leaf // of its `unless`
}

// ask decides about an event that came when it did, and tells of each action what becomes of it.
func (h *rehearsal) ask(event *ops.Event, doc Doc) (d ops.Decision, actions []rehearsed) {
	r, now := h.rule, event.CreatedAt
	p := plan{event: event, doc: doc, known: &knowledge{exists: h.done}}
	ok, leaf := r.condition.Eval(doc, now)
	d = ops.Decision{Rule: r.ID, RuleVersion: r.Version, Leaf: leaf, At: now}
	day := dayOf(r, event)
	switch {
	case !ok:
		d.Outcome = ops.NotMatched
		return d, nil
	case p.repeated(r):
		d.Reason = ops.ReasonDuplicate
	case event.Cause.Ends():
		d.Reason = ops.ReasonDepth
	case !r.Cooldown.IsZero() && !event.Subject.IsZero() && now.Before(h.cooled[event.Subject]):
		d.Reason = ops.ReasonCooldown
	case r.MaxExecutionsPerDay > 0 && h.acted[day] >= r.MaxExecutionsPerDay:
		d.Reason = ops.ReasonCap
	}
	if d.Reason != "" {
		d.Outcome = ops.Suppressed
		return d, nil
	}
	actions, did := h.act(&p, now)
	if !did {
		d.Outcome, d.Reason = ops.Suppressed, ops.ReasonUnless
		return d, actions
	}
	d.Outcome = ops.Matched
	h.acted[day]++
	h.cooled[event.Subject] = now.Add(r.Cooldown.D)
	return d, actions
}

// act plans the actions of the rule, as plan.act does; did says that one of them is done, or will be.
func (h *rehearsal) act(p *plan, now time.Time) (actions []rehearsed, did bool) {
	r := h.rule
	var before time.Time // when the action is due for which the next ones wait; zero: none
	for i := range r.Actions {
		a := &r.Actions[i]
		one := rehearsed{index: i, status: ops.ActionDone, due: now, putOff: r.putOff[i]}
		if before.IsZero() {
			if dropped, ok := r.unneeded(i, p.doc, now); ok {
				one.status, one.leaf = ops.ActionDropped, dropped.Leaf
				actions = append(actions, one)
				continue
			}
		}
		if !a.Delay.IsZero() {
			one.due = h.calendar.Deadline(p.event.Time, a.Delay)
		}
		if one.due.Before(before) {
			one.due = before
		}
		if ref, ok := p.marker(r, i); ok {
			if h.done[ref] {
				continue
			}
			if a.OncePer != "" { // without it the event itself is what is done once
				h.done[ref] = true
			}
		}
		did = true
		if one.due.After(now) {
			one.status = ops.ActionWaiting
		} else if one.putOff {
			h.fallDue(&one, p.doc, now)
		}
		if a.OnError == ops.StopOnError && (one.putOff || a.Type == ops.Notify || a.Type == ops.EmitEvent) {
			before = one.due
		}
		actions = append(actions, one)
	}
	return actions, did
}

// fallDue decides about an action that was put off, when it is due.
func (h *rehearsal) fallDue(one *rehearsed, doc Doc, now time.Time) {
	one.status = ops.ActionDone
	if unless := h.rule.unless[one.index]; unless != nil {
		holds, leaf := unless.Eval(doc, now)
		if one.leaf = leaf; holds {
			one.status = ops.ActionDropped
		}
	}
}

// in reports whether the path begins with a word.
func (p *path) in(root string) bool {
	return p.plain == root || len(p.plain) > len(root) && p.plain[:len(root)+1] == root+"."
}
