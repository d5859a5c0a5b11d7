package rule

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// repairAfter is when sweep-due looks at an action that was begun and isn't known to be done.
const repairAfter = 2 * time.Minute

// acted is what became of the actions of a rule that matched.
type acted struct {
	effects []ops.Effect // one for each action
	did     bool         // something is done or will be, that wasn't before
	failed  error        // why the first that failed did
}

// unneeded asks the `unless` of an action that is to be done at once: when it holds, the action is dropped and the effect says
// why. That of a put-off action is asked when it is due.
func (r *ready) unneeded(index int, doc Doc, now time.Time) (ops.Effect, bool) {
	if r.unless[index] == nil || !r.Actions[index].Delay.IsZero() {
		return ops.Effect{}, false
	}
	holds, leaf := r.unless[index].Eval(doc, now)
	if !holds {
		return ops.Effect{}, false
	}
	return ops.Effect{Status: ops.ActionDropped, Reason: ops.DroppedUnless, Leaf: leaf}, true
}

// act plans the actions of a rule that matched, in order. What is done in the transaction of the event has failed or not when
// it is planned; what isn't, and stops the others when it fails, has those behind it wait.
func (p *plan) act(ctx context.Context, r *ready) (acted, error) {
	got := acted{effects: make([]ops.Effect, len(r.Actions))}
	stopped := false
	var before waited
	for i := range r.Actions {
		a, effect := &r.Actions[i], &got.effects[i]
		if stopped {
			*effect = ops.Effect{Status: ops.ActionDropped, Reason: ops.DroppedStopped}
			continue
		}
		if before.id == "" {
			if dropped, ok := r.unneeded(i, p.doc, p.now); ok {
				*effect = dropped
				continue
			}
		}
		ref, marked := p.marker(r, i)
		if marked && p.known.exists[ref] {
			*effect = ops.EffectOf(ref)
			before.follow(a, *effect, nil)
			continue
		}
		made, pending, err := p.actOne(ctx, r, i, ref, before)
		switch {
		case refused(err):
			*effect = ops.Effect{Status: ops.ActionFailed, Error: err.Error()}
			if got.failed == nil {
				got.failed = err
			}
			stopped = a.OnError == ops.StopOnError
			continue
		case err != nil:
			return acted{}, err
		}
		*effect, got.did = made, true
		before.follow(a, made, pending)
	}
	return got, nil
}

// waited is the action for which those behind it wait.
type waited struct {
	id     string
	record *ops.PendingAction // nil when an earlier event planned it
}

// follow has the next actions wait for an action, if it stops them when it fails and hasn't ended yet.
func (w *waited) follow(a *ops.Action, effect ops.Effect, record *ops.PendingAction) {
	if a.OnError == ops.StopOnError && effect.Kind == ops.KindAction {
		w.id, w.record = effect.ID, record
	}
}

// actOne plans one action: a workflow, an alert, or a record of what is to be done.
func (p *plan) actOne(ctx context.Context, r *ready, index int, ref ops.Ref, before waited) (ops.Effect, *ops.PendingAction, error) {
	a := &r.Actions[index]
	if ref.Kind == ops.KindInstance {
		instance, err := p.engine.planStart(ctx, ref.ID, a, p.event, r.ID, p.doc)
		if err != nil {
			return ops.Effect{}, nil, fmt.Errorf("start %s: %w", a.Template, err)
		}
		p.records = append(p.records, instance)
		p.follows = append(p.follows, instance)
		return ops.EffectOf(ref), nil, nil
	}
	pending := p.pending(r, index, ref, before)
	if !r.putOff[index] && (a.Type == ops.RaiseAlert || a.Type == ops.Escalate) {
		raised, err := p.raise(ctx, warning(a, index, p.event.Subject, r.Rule, p.doc, p.cause(r)))
		if err != nil {
			return ops.Effect{}, nil, err
		}
		effect := ops.EffectOf(raised.Ref())
		if a.OncePer != "" { // the record says that it was done for this value
			pending.Status, pending.Effect, pending.Timers = ops.ActionDone, &effect, nil
			p.records = append(p.records, pending)
		}
		return effect, nil, nil
	}
	p.records = append(p.records, pending)
	if before.record != nil {
		before.record.Next = append(before.record.Next, pending.ID)
	} else if a.Delay.IsZero() {
		p.follows = append(p.follows, pending)
	}
	return ops.EffectOf(ref), pending, nil
}

// pending is the record of an action that is to be done.
func (p *plan) pending(r *ready, index int, ref ops.Ref, before waited) *ops.PendingAction {
	a := &ops.PendingAction{
		ID: ref.ID, RuleID: r.ID, Index: index, Action: r.Actions[index], EventID: p.event.ID, Event: ops.EventType(p.event.Type),
		Source: p.event.Source, At: p.event.Time, Detail: p.event.Detail, Subject: p.event.Subject,
		Status: ops.ActionWaiting, DueAt: p.now, After: before.id, Cause: p.event.Cause,
	}
	timer := p.now.Add(repairAfter)
	if !a.Action.Delay.IsZero() {
		a.DueAt = p.engine.calendar.Deadline(p.event.Time, a.Action.Delay)
		timer = a.DueAt
	}
	if before.record != nil && timer.Before(before.record.DueAt.Add(repairAfter)) {
		timer = before.record.DueAt.Add(repairAfter)
	}
	a.SetTimer(ops.TimerDue, timer)
	a.CreatedAt, a.UpdatedAt = p.now, p.now
	a.ExpiresAt = a.DueAt.Add(ops.EventRetention)
	return a
}

// carryOut does what was written, in order: starts instances, and does actions. What fails here isn't lost, and is no reason to
// have the event delivered again: instances and actions have timers of their own, by which sweep-due does them.
func (e *Engine) carryOut(ctx context.Context, follows ...ops.Record) {
	for _, r := range follows {
		var err error
		switch r := r.(type) {
		case *ops.Instance:
			err = e.workflows.Launch(ctx, r)
		case *ops.PendingAction:
			if r.After != "" { // of an earlier event, and perhaps over
				err = e.attempt(ctx, r.ID, e.isDue)
			} else {
				err = e.do(ctx, r)
			}
		}
		if err != nil {
			e.log.WarnContext(ctx, "not done, its timer will", "record", r.Ref(), "error", err)
		}
	}
}
