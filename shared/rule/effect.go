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
	case a.Type == ops.StartWorkflow && !r.putOff[index]:
		return ops.Ref{Kind: ops.KindInstance, ID: effectID("wf-", p.event, p.doc, r.ID, index, a)}, true
	case (a.Type == ops.RaiseAlert || a.Type == ops.Escalate) && !r.putOff[index] && a.OncePer == "":
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
		waitsForSlot := i.WaitingFor != nil && i.WaitingFor.Kind == ops.WaitSlot
		if i.Status == ops.InstancePending && !waitsForSlot {
			e.carryOut(ctx, i)
		}
	case ops.KindAction:
		return e.attempt(ctx, effect.ID, e.isDue)
	default: // written whole with the event
	}
	return nil
}

// planStart plans the workflow that an action starts. CodeInvalid also when what it is to be about can't be told.
func (e *Engine) planStart(
	ctx context.Context, id string, a *ops.Action, event *ops.Event, ruleID string, doc Doc,
) (*ops.Instance, error) {
	input := ResolveAll(a.Input, doc)
	if a.Input == nil && json.Unmarshal(event.Detail, &input) != nil {
		input = nil
	}
	subject := event.Subject
	if !a.Subject.IsZero() {
		found, _ := Resolve(mustJSON(a.Subject.ID), doc)
		subject = ops.SubjectRef{Type: a.Subject.Type}
		if subject.ID, _ = unquote(found); !ops.ValidID(subject.ID) {
			return nil, ops.Errorf(ops.CodeInvalid, "%s leads to no id of a %s", a.Subject.ID, a.Subject.Type)
		}
	}
	return e.workflows.Plan(ctx, ops.StartRequest{
		ID: id, Template: a.Template, Subject: subject, Context: input,
		TriggeredBy: ops.TriggeredBy{Kind: "event", EventID: event.ID, RuleID: ruleID, Depth: event.Cause.Depth + 1},
	})
}

// warning is the alert that an action of a rule, by its index, asks for. The event's subject and the action make its cause:
// two actions of one rule raise two alerts.
func warning(a *ops.Action, index int, subject ops.SubjectRef, r *ops.Rule, doc Doc, cause ops.Cause) alert.Spec {
	spec := alert.Spec{
		Type: a.Alert, Severity: a.Severity, Subject: subject, Key: "rule/" + r.ID + "/" + strconv.Itoa(index),
		Detail: "Raised by rule " + r.ID + ".", Cause: cause,
	}
	spec.Title = titleOf(a, r, doc)
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

// titleOf is the title of an alert: the rule's name when it is a path to nothing.
func titleOf(a *ops.Action, r *ops.Rule, doc Doc) string {
	v, _ := Resolve(mustJSON(a.Title), doc)
	switch kindOf(v) {
	case textKind:
		text, _ := unquote(v)
		return text
	case numberKind, boolKind:
		return string(v)
	case noKind, nullKind, listKind, objectKind:
	}
	return cmp.Or(r.Name, r.ID)
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

// refused reports whether an action can't be done, however often it is tried.
func refused(err error) bool {
	switch ops.ErrorCode(err) { //nolint:exhaustive // all others may pass
	case ops.CodeNotFound, ops.CodeInvalid, ops.CodeTooLarge:
		return true
	default:
		return false
	}
}
