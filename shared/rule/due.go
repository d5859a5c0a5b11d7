package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// HandleDue does what is due of a rule's action, and sums up what rules did before those events are deleted. sweep-due calls
// it for records of kind action and ruletally.
//
// Events have no timer. Whatever an event brings about is a record that was written with it and repairs itself: an
// instance by its start timer, everything else by the timer of its action. A timer on each event would cost a write to
// clear it, for nothing. So an event that is asked about here has nothing to do.
func (e *Engine) HandleDue(ctx context.Context, ref ops.Ref) error {
	if ref.Kind == ops.KindRuleTally {
		_, err := e.Activity(ctx)
		return err
	}
	if ref.Kind != ops.KindAction {
		return nil
	}
	return e.attempt(ctx, ref.ID, func(a *ops.PendingAction) bool {
		return !a.Timers[ops.TimerDue].After(e.clock.Now())
	})
}

// attempt does a waiting action, unless it isn't due yet or somebody else is at it. It claims the action first, by moving
// its timer on, so that of two sweeps one does it; if it fails, the timer brings it back.
func (e *Engine) attempt(ctx context.Context, id string, due func(*ops.PendingAction) bool) error {
	a, err := e.store.PendingAction(ctx, id)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read action %s: %w", id, err)
	}
	if a.Status != ops.ActionWaiting || !due(a) {
		return nil
	}
	set, err := e.current(ctx)
	if err != nil {
		return err
	}
	now := e.clock.Now()
	reason, held, err := e.hindrance(ctx, a, set, now)
	if err != nil {
		return err
	}
	if reason != "" {
		return e.drop(ctx, a, reason)
	}
	if held.IsZero() {
		a.Tries++
		a.UpdatedAt = now
		a.SetTimer(ops.TimerDue, now.Add(backoff(a.Tries)))
	} else {
		a.SetTimer(ops.TimerDue, held)
	}
	err = e.store.Save(ctx, a)
	if ops.AsConflict(err) != nil {
		return nil //nolint:nilerr // somebody else claimed it, or it is done
	}
	if err != nil {
		return fmt.Errorf("claim action %s: %w", id, err)
	}
	if !held.IsZero() {
		return nil
	}
	return e.do(ctx, a)
}

// hindrance tells what keeps an action from being done: for which reason it is to be dropped, or until when it has to wait. One
// that was begun at once with its event is only finished.
func (e *Engine) hindrance(ctx context.Context, a *ops.PendingAction, set *ruleSet, now time.Time) (reason string, until time.Time, err error) {
	if !a.PutOff() {
		return "", time.Time{}, nil
	}
	if a.Tries == 0 {
		switch set.rule(a.RuleID).Mode {
		case ops.RuleOff:
			return ops.DroppedRuleOff, time.Time{}, nil
		case ops.RuleShadow:
			return ops.DroppedShadow, time.Time{}, nil
		case ops.RuleActive:
		}
		if a.After != "" {
			if reason, until, err = e.lookBefore(ctx, a.After, now); err != nil || reason != "" {
				return reason, time.Time{}, err
			}
		}
	}
	if set.paused(now) { // which may end before its time
		until = later(until, earlier(set.switches.PausedUntil, now.Add(lookAgain)))
	}
	return "", until, nil
}

// isDue reports whether an action's time has come, whenever it was tried last.
func (e *Engine) isDue(a *ops.PendingAction) bool { return !a.DueAt.After(e.clock.Now()) }

// lookBefore looks at the action that another waits for: whether the other is to be dropped because it failed, or else until
// when the other has to wait; the zero time when it has ended.
func (e *Engine) lookBefore(ctx context.Context, id string, now time.Time) (reason string, until time.Time, err error) {
	before, err := e.store.PendingAction(ctx, id)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound: // it ended so long ago
		return "", time.Time{}, nil
	case err != nil:
		return "", time.Time{}, fmt.Errorf("read action %s: %w", id, err)
	case before.Status == ops.ActionWaiting:
		return "", later(before.DueAt.Add(repairAfter), now.Add(lookAgain)), nil
	case before.Status == ops.ActionFailed || before.Reason == ops.DroppedStopped:
		return ops.DroppedStopped, time.Time{}, nil
	}
	return "", time.Time{}, nil
}

// lookAgain is how often an action is looked at that the kill switch holds, or that waits for another.
const lookAgain = 5 * time.Minute

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// backoff is how long a claim holds: two minutes, doubled with each try, an hour at most.
func backoff(tries int) time.Duration {
	return min(repairAfter<<min(max(tries-1, 0), 5), time.Hour)
}

// do carries out an action that is ours to do, and then what waits for it.
func (e *Engine) do(ctx context.Context, a *ops.PendingAction) error {
	if err := e.perform(ctx, a); err != nil {
		return err
	}
	e.goOn(ctx, a)
	return nil
}

// goOn does what waited for an action, if that has ended. What fails has a timer.
func (e *Engine) goOn(ctx context.Context, ended *ops.PendingAction) {
	if ended.Status == ops.ActionWaiting {
		return
	}
	for _, id := range ended.Next {
		if err := e.attempt(ctx, id, e.isDue); err != nil {
			e.log.WarnContext(ctx, "action not done, its timer will", "action", id, "error", err)
		}
	}
}

// drop ends an action that isn't done.
func (e *Engine) drop(ctx context.Context, a *ops.PendingAction, reason string) error {
	if err := e.end(ctx, a, ending{status: ops.ActionDropped, reason: reason}); err != nil {
		return err
	}
	e.goOn(ctx, a)
	return nil
}

// perform does an action on the subject as it is now, and marks it done.
func (e *Engine) perform(ctx context.Context, a *ops.PendingAction) error {
	event := &ops.Event{
		ID: a.EventID, Type: string(a.Event), Source: a.Source, Time: a.At, Detail: a.Detail, Subject: a.Subject, Cause: a.Cause,
	}
	subject := &ops.Subject{}
	if !a.Subject.IsZero() {
		var err error
		if subject, err = e.store.Subject(ctx, a.Subject); err != nil {
			return fmt.Errorf("read %s: %w", a.Subject, err)
		}
		subject.SubjectRef = a.Subject
	}
	doc := eventDoc(event, subject)
	want := wanted{}
	want.action(&a.Action)
	if err := (relations{want, e.store.Subject, e.store.Vendor}).add(ctx, doc, event, subject); err != nil {
		return err
	}
	if a.Action.Unless != nil && a.PutOff() {
		unless, err := CompileCondition(*a.Action.Unless, e.calendar)
		if err != nil {
			return e.end(ctx, a, ending{status: ops.ActionFailed, err: err})
		}
		holds, leaf := unless.Eval(doc, e.clock.Now())
		if a.Leaf = leaf; holds {
			return e.end(ctx, a, ending{status: ops.ActionDropped, reason: ops.DroppedUnless})
		}
	}
	switch a.Action.Type {
	case ops.StartWorkflow:
		return e.doStart(ctx, a, event, doc)
	case ops.RaiseAlert, ops.Escalate:
		return e.doAlert(ctx, a, doc)
	case ops.Notify, ops.EmitEvent:
		return e.doSend(ctx, a, doc)
	}
	return e.end(ctx, a, ending{status: ops.ActionFailed, err: fmt.Errorf("no action is called %q", a.Action.Type)})
}

// ending is how an action ended.
type ending struct {
	status ops.ActionStatus
	reason string // of one that was dropped
	err    error  // of one that failed
}

// end writes how an action ended, together with what it brought about. A conflict means that somebody else did it too: all
// that an action does is done once under its own id, so there is nothing to take back.
func (e *Engine) end(ctx context.Context, a *ops.PendingAction, how ending, made ...ops.Record) error {
	ended := *a
	ended.Timers = nil
	ended.Status, ended.Reason = how.status, how.reason
	ended.UpdatedAt = e.clock.Now()
	if how.err != nil {
		ended.Error = how.err.Error()
		e.log.ErrorContext(ctx, "action failed", "action", a.ID, "rule", a.RuleID, "error", how.err)
		failed, err := e.failure(ctx, a.RuleID, ended.Error, causeOfAction(a))
		if err != nil {
			return err
		}
		made = append(made, failed...)
	}
	err := e.store.Save(ctx, append([]ops.Record{&ended}, made...)...)
	c := ops.AsConflict(err)
	if c != nil && c.Has(a.Ref()) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end action %s: %w", a.ID, err)
	}
	*a = ended
	e.announcer.Announce(ctx, made...)
	return nil
}

func (e *Engine) doStart(ctx context.Context, a *ops.PendingAction, event *ops.Event, doc Doc) error {
	id := sibling(a.ID, "wf-")
	instance, err := e.planStart(ctx, id, &a.Action, event, a.RuleID, doc)
	if refused(err) {
		return e.end(ctx, a, ending{status: ops.ActionFailed, err: err})
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", a.Action.Template, err)
	}
	a.Effect = &ops.Effect{Kind: ops.KindInstance, ID: id}
	err = e.end(ctx, a, ending{status: ops.ActionDone}, instance)
	if c := ops.AsConflict(err); c != nil && c.Has(instance.Ref()) { // started before: only the mark is missing
		return e.end(ctx, a, ending{status: ops.ActionDone})
	}
	if err != nil {
		return err
	}
	if instance.V > 0 { // else somebody else ended the action, and launches
		e.carryOut(ctx, instance)
	}
	return nil
}

func (e *Engine) doAlert(ctx context.Context, a *ops.PendingAction, doc Doc) error {
	set, err := e.current(ctx)
	if err != nil {
		return err
	}
	spec := warning(&a.Action, a.Index, a.Subject, set.rule(a.RuleID), doc, causeOfAction(a))
	return e.retry(ctx, "raise an alert", func() error {
		next, err := alert.Next(ctx, e.store, spec, e.clock.Now())
		if err != nil {
			return err
		}
		a.Effect = &ops.Effect{Kind: ops.KindAlert, ID: next.ID}
		return e.end(ctx, a, ending{status: ops.ActionDone}, next)
	})
}

// doSend puts an event on the bus: first that, then the mark. Between the two lies a second sending at most, under the same
// id.
func (e *Engine) doSend(ctx context.Context, a *ops.PendingAction, doc Doc) error {
	out := ops.OutEvent{Time: e.clock.Now(), Cause: causeOfAction(a)}
	if a.Action.Type == ops.Notify {
		out.ID, out.Type = sibling(a.ID, "ntf-"), ops.NotificationRequested
		out.Detail = notificationDetail(a, doc)
		a.Effect = &ops.Effect{Kind: ops.KindNotification, ID: out.ID}
	} else {
		out.ID, out.Type = sibling(a.ID, "out-"), a.Action.DetailType
		out.Detail = mustJSON(orEmpty(ResolveAll(a.Action.Detail, doc)))
		a.Effect = &ops.Effect{Kind: ops.KindEvent, ID: out.StoredID()}
	}
	err := e.bus.Put(ctx, out)
	if refused(err) {
		a.Effect = nil
		return e.end(ctx, a, ending{status: ops.ActionFailed, err: err})
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", out.Type, err)
	}
	return e.end(ctx, a, ending{status: ops.ActionDone})
}

// notificationDetail asks for a message, in the words of ops.Notification. Without a detail of its own the message can use
// the event's.
func notificationDetail(a *ops.PendingAction, doc Doc) json.RawMessage {
	data := ResolveAll(a.Action.Detail, doc)
	if data == nil && json.Unmarshal(a.Detail, &data) != nil {
		data = nil
	}
	n := struct {
		Template string                     `json:"template"`
		To       ops.Recipient              `json:"to"`
		Data     map[string]json.RawMessage `json:"data,omitempty"`
		Subject  ops.SubjectRef             `json:"subject,omitzero"`
	}{Template: a.Action.Template, Data: data, Subject: a.Subject}
	if a.Action.To != nil {
		n.To = *a.Action.To
	}
	return mustJSON(n)
}

func orEmpty(m map[string]json.RawMessage) map[string]json.RawMessage {
	if m == nil {
		return map[string]json.RawMessage{}
	}
	return m
}

func causeOfAction(a *ops.PendingAction) ops.Cause {
	return ops.Cause{EventID: a.EventID, RuleID: a.RuleID, Depth: a.Cause.Depth + 1}
}
