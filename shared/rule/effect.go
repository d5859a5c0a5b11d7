package rule

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// repairAfter is when sweep-due looks at an action that was begun and isn't known to be done.
const repairAfter = 2 * time.Minute

// effectID is the id, for its prefix, of what an action of a rule brings about: from the event's identity, or the value at
// once_per, and never from the rule's version. So it is the same however often it is asked for.
func effectID(prefix string, event *ops.Event, doc Doc, ruleID string, index int, a *ops.Action) string {
	key := event.Identity
	if path, ok := strings.CutPrefix(a.OncePer, "$."); ok {
		if v := doc.Lookup(path); v != nil && kindOf(v) != nullKind {
			key = a.OncePer + "=" + string(v)
		}
	}
	return ops.HashID(prefix, key, ruleID, strconv.Itoa(index))
}

// sibling is the id of another record of the same effect.
func sibling(actionID, prefix string) string {
	return prefix + strings.TrimPrefix(actionID, actionPrefix)
}

const actionPrefix = "act-"

// marker names the record whose being there means that the action was planned before; ok is false for an alert that is
// raised at once: only the event's own record says so.
func (p *plan) marker(r *ready, index int) (ref ops.Ref, ok bool) {
	a := &r.Actions[index]
	switch {
	case a.Type == ops.StartWorkflow && a.Delay.IsZero():
		return ops.Ref{Kind: ops.KindInstance, ID: effectID("wf-", p.event, p.doc, r.ID, index, a)}, true
	case (a.Type == ops.RaiseAlert || a.Type == ops.Escalate) && a.Delay.IsZero() && a.OncePer == "":
		return ops.Ref{}, false
	}
	return ops.Ref{Kind: ops.KindAction, ID: effectID(actionPrefix, p.event, p.doc, r.ID, index, a)}, true
}

// lookForEarlier reads whether a rule with limits did all of it for an earlier event: that is a duplicate then, and counts
// for no limit. A rule without limits needn't look, for what it plans anew fails to be written.
func (p *plan) lookForEarlier(ctx context.Context, r *ready) error {
	limited := p.paused || !r.Cooldown.IsZero() || r.MaxExecutionsPerDay > 0
	everyOnce := !slices.ContainsFunc(r.Actions, func(a ops.Action) bool { return a.OncePer == "" })
	if !limited || !everyOnce {
		return nil
	}
	for i := range r.Actions {
		ref, _ := p.marker(r, i)
		var err error
		if ref.Kind == ops.KindInstance {
			_, err = p.engine.store.Instance(ctx, ref.ID)
		} else {
			_, err = p.engine.store.PendingAction(ctx, ref.ID)
		}
		if ops.ErrorCode(err) == ops.CodeNotFound {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for %s: %w", ref, err)
		}
		p.known.found(ref)
	}
	return nil
}

// repeated reports whether everything that the rule would do was done for an earlier event.
func (p *plan) repeated(r *ready) bool {
	for i := range r.Actions {
		if ref, ok := p.marker(r, i); !ok || !p.known.exists[ref] {
			return false
		}
	}
	return len(r.Actions) > 0
}

// effectsOf names what was done for an earlier event.
func (p *plan) effectsOf(r *ready) []ops.Effect {
	var effects []ops.Effect
	for i := range r.Actions {
		if ref, ok := p.marker(r, i); ok {
			effects = append(effects, ops.EffectOf(ref))
		}
	}
	return effects
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
	return ops.Effect{Status: ops.ActionDropped, Reason: ops.ReasonUnless, Leaf: leaf}, true
}

// act plans the actions of a rule that matched and gives what stands for each; did is false when nothing is left to do.
// Workflows come first: they are what can be refused, and then nothing of the rule is done.
func (p *plan) act(ctx context.Context, r *ready) (effects []ops.Effect, did bool, err error) {
	effects = make([]ops.Effect, len(r.Actions))
	starts := map[int]*ops.Instance{}
	for i := range r.Actions {
		var dropped bool
		if effects[i], dropped = r.unneeded(i, p.doc, p.now); dropped {
			continue
		}
		ref, marked := p.marker(r, i)
		if marked {
			effects[i] = ops.EffectOf(ref)
			if p.known.exists[ref] {
				continue
			}
		}
		did = true
		if ref.Kind != ops.KindInstance {
			continue
		}
		if starts[i], err = p.engine.workflows.Plan(ctx, startRequest(ref.ID, &r.Actions[i], p.event, r.ID, p.doc)); err != nil {
			return nil, false, fmt.Errorf("start %s: %w", r.Actions[i].Template, err)
		}
	}
	for i := range r.Actions {
		ref := effects[i].Ref()
		if effects[i].Status == ops.ActionDropped || p.known.exists[ref] {
			continue
		}
		if instance := starts[i]; instance != nil {
			p.records = append(p.records, instance)
			p.launches = append(p.launches, instance)
			continue
		}
		if err := p.actLater(ctx, r, i, ref, &effects[i]); err != nil {
			return nil, false, err
		}
	}
	return effects, did, nil
}

// actLater plans an action that isn't a workflow started at once: an alert, or a record of what is to be done.
func (p *plan) actLater(ctx context.Context, r *ready, index int, ref ops.Ref, effect *ops.Effect) error {
	a := r.Actions[index]
	pending := &ops.PendingAction{
		ID: ref.ID, RuleID: r.ID, Index: index, Action: a, EventID: p.event.ID, Event: ops.EventType(p.event.Type),
		Source: p.event.Source, At: p.event.Time, Detail: p.event.Detail, Subject: p.event.Subject,
		Status: ops.ActionWaiting, DueAt: p.now, Cause: p.event.Cause,
	}
	if !a.Delay.IsZero() {
		pending.DueAt = p.engine.calendar.Deadline(p.event.Time, a.Delay)
		pending.SetTimer(ops.TimerDue, pending.DueAt)
	} else {
		pending.SetTimer(ops.TimerDue, p.now.Add(repairAfter))
	}
	pending.CreatedAt, pending.UpdatedAt = p.now, p.now
	pending.ExpiresAt = pending.DueAt.Add(ops.EventRetention)
	if a.Delay.IsZero() && (a.Type == ops.RaiseAlert || a.Type == ops.Escalate) {
		raised, err := p.raise(ctx, warning(&a, index, p.event.Subject, r.Rule, p.doc, p.cause(r)))
		if err != nil {
			return err
		}
		*effect = ops.Effect{Kind: ops.KindAlert, ID: raised.ID}
		if a.OncePer == "" {
			return nil
		}
		pending.Status, pending.Effect = ops.ActionDone, effect
		pending.ClearTimer(ops.TimerDue)
	}
	p.records = append(p.records, pending)
	if pending.Status == ops.ActionWaiting && a.Delay.IsZero() {
		p.actions = append(p.actions, pending)
	}
	return nil
}

// carryOut does what was written. What fails here isn't lost, and is no reason to have the event delivered again: instances
// and actions have timers of their own, by which sweep-due does them.
func (e *Engine) carryOut(ctx context.Context, launches []*ops.Instance, actions []*ops.PendingAction) {
	for _, i := range launches {
		if err := e.workflows.Launch(ctx, i); err != nil {
			e.log.WarnContext(ctx, "workflow not started, its timer will", "instance", i.ID, "error", err)
		}
	}
	for _, a := range actions {
		if err := e.do(ctx, a); err != nil {
			e.log.WarnContext(ctx, "action not done, its timer will", "action", a.ID, "error", err)
		}
	}
}

// complete does what an earlier delivery of an event had written and not done.
func (e *Engine) complete(ctx context.Context, event *ops.Event) error {
	for _, d := range event.Decisions {
		if d.Outcome != ops.Matched {
			continue
		}
		for _, effect := range d.Effects {
			if err := e.completeEffect(ctx, effect); err != nil {
				return fmt.Errorf("complete rule %s: %w", d.Rule, err)
			}
		}
	}
	return nil
}

func (e *Engine) completeEffect(ctx context.Context, effect ops.Effect) error {
	switch effect.Kind {
	case ops.KindInstance:
		i, err := e.store.Instance(ctx, effect.ID)
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		waitsForSlot := i.WaitingFor != nil && i.WaitingFor.Kind == "slot"
		if i.Status == ops.InstancePending && !waitsForSlot {
			e.carryOut(ctx, []*ops.Instance{i}, nil)
		}
	case ops.KindAction:
		return e.attempt(ctx, effect.ID, func(a *ops.PendingAction) bool { return !a.DueAt.After(e.clock.Now()) })
	default: // written whole with the event
	}
	return nil
}

func startRequest(id string, a *ops.Action, event *ops.Event, ruleID string, doc Doc) ops.StartRequest {
	input := ResolveAll(a.Input, doc)
	if a.Input == nil && json.Unmarshal(event.Detail, &input) != nil {
		input = nil
	}
	return ops.StartRequest{
		ID: id, Template: a.Template, Subject: event.Subject, Context: input,
		TriggeredBy: ops.TriggeredBy{Kind: "event", EventID: event.ID, RuleID: ruleID, Depth: event.Cause.Depth + 1},
	}
}

// warning is the alert that an action of a rule, by its index, asks for. The event's subject and the action make its cause:
// two actions of one rule raise two alerts.
func warning(a *ops.Action, index int, subject ops.SubjectRef, r *ops.Rule, doc Doc, cause ops.Cause) alert.Spec {
	spec := alert.Spec{
		Type: a.Alert, Severity: a.Severity, Title: a.Title, Subject: subject, Key: "rule/" + r.ID + "/" + strconv.Itoa(index),
		Detail: "Raised by rule " + r.ID + ".", Cause: cause,
	}
	if v, ok := Resolve(mustJSON(a.Title), doc); ok && kindOf(v) == textKind {
		spec.Title, _ = unquote(v)
	}
	if a.Type != ops.Escalate {
		spec.Told = tells(r, alert.Team(spec.Type, subject))
		return spec
	}
	spec.Ladder = a.Ladder
	spec.Detail = "Escalated by rule " + r.ID + " along the ladder " + a.Ladder + "."
	spec.Type = cmp.Or(spec.Type, ops.AlertSLAViolation)
	spec.Severity = cmp.Or(spec.Severity, ops.SeverityHigh)
	spec.Title = cmp.Or(spec.Title, "Escalation: "+a.Ladder)
	return spec
}

// tells reports whether a rule sends a message to the team by itself: the alert that it raises need not do so too.
func tells(r *ops.Rule, team ops.Team) bool {
	return slices.ContainsFunc(r.Actions, func(a ops.Action) bool {
		return a.Type == ops.Notify && a.To != nil && a.To.Team == team
	})
}

// eventDoc is what the conditions and paths of a rule look into.
func eventDoc(event *ops.Event, subject *ops.Subject) Doc {
	return Doc{
		"detail":  event.Detail,
		"subject": SubjectDoc(subject),
		"event": mustJSON(map[string]any{
			"id": event.ID, "type": event.Type, "source": event.Source, "time": event.Time.Format(time.RFC3339Nano),
		}),
	}
}

// SubjectDoc is a subject as conditions see it: its fields, with its own type and id. A payment of which no status is known
// is pending.
func SubjectDoc(s *ops.Subject) json.RawMessage {
	fields := make(map[string]json.RawMessage, len(s.Fields)+3)
	for name, v := range s.Fields {
		fields[name] = v
	}
	if !s.IsZero() {
		fields["type"], fields["id"] = mustJSON(s.Type), mustJSON(s.ID)
	}
	if status := fields["status"]; s.Type == ops.SubjectPayment && (status == nil || kindOf(status) == nullKind) {
		fields["status"] = mustJSON("pending")
	}
	return mustJSON(fields)
}

// refused reports whether a workflow can't be started, however often it is tried.
func refused(err error) bool {
	switch ops.ErrorCode(err) { //nolint:exhaustive // all others may pass
	case ops.CodeNotFound, ops.CodeInvalid, ops.CodeTooLarge:
		return true
	default:
		return false
	}
}
