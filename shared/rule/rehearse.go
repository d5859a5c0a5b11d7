package rule

import (
	"time"

	"opsflow/shared/ops"
)

// rehearsal decides about events for one rule as decide does, in memory: what limits it is counted here, and nothing is
// written, started or sent.
type rehearsal struct {
	rule   *ready
	cooled map[ops.SubjectRef]time.Time // until when
	acted  map[string]int               // by day
	done   map[ops.Ref]bool             // what once_per has been done for
}

func (e *Engine) rehearse(r *ops.Rule) (*rehearsal, error) {
	made := e.prepare(r)
	return &rehearsal{
		rule: made, cooled: map[ops.SubjectRef]time.Time{}, acted: map[string]int{}, done: map[ops.Ref]bool{},
	}, made.broken
}

// seesSubject reports whether the rule asks about subjects.
func (h *rehearsal) seesSubject() bool {
	sees := false
	h.rule.condition.eachLeaf(func(l *leaf) { sees = sees || l.path.in("subject") || l.ref != nil && l.ref.in("subject") })
	return sees
}

// ask decides about an event that came when it did. The effects are the actions that would be done, by their places.
func (h *rehearsal) ask(event *ops.Event, doc Doc) (d ops.Decision, actions []int) {
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
	d.Outcome = ops.Matched
	h.acted[day]++
	h.cooled[event.Subject] = now.Add(r.Cooldown.D)
	for i := range r.Actions {
		if ref, ok := p.marker(r, i); ok {
			if h.done[ref] {
				continue
			}
			if r.Actions[i].OncePer != "" { // without it the event itself is what is done once
				h.done[ref] = true
			}
		}
		actions = append(actions, i)
	}
	return d, actions
}

// in reports whether the path begins with a word.
func (p *path) in(root string) bool {
	return p.plain == root || len(p.plain) > len(root) && p.plain[:len(root)+1] == root+"."
}
