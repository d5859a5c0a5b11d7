package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// skew is how far the clocks of Step Functions and of a function may be apart.
const skew = time.Minute

// step does a step, if it is ready.
func (r *run) step(ctx context.Context, s *planned) error {
	rec := r.i.Step(s.ID)
	if rec == nil {
		return fmt.Errorf("workflow %s has no record of step %s", r.i.ID, s.ID)
	}
	if rec.Status.Ended() || !r.ready(s) {
		return nil
	}
	if rec.Status == ops.StepPending {
		if !r.chosen(s) {
			r.skip(rec, "not chosen")
			return nil
		}
		if s.when != nil {
			doc, err := r.doc(ctx)
			if err != nil {
				return err
			}
			if ok, leaf := s.when.Eval(doc, r.Clock.Now()); !ok {
				r.skip(rec, "its condition does not hold", leaf)
				return nil
			}
		}
	}
	if s.outside && r.unclaimed && !rec.RetryAt.After(r.Clock.Now()) {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	if rec.Status == ops.StepPending {
		rec.Status, rec.StartedAt = ops.StepInProgress, r.Clock.Now()
	}
	r.i.CurrentStep = s.ID
	switch s.Kind {
	case ops.StepDecision:
		return r.decide(ctx, s, rec)
	case ops.StepAwaitEvent:
		return r.awaitEvent(ctx, s, rec)
	case ops.StepDelay:
		return r.delay(ctx, s, rec)
	case ops.StepNotification:
		return r.notify(ctx, s, rec)
	case ops.StepManual, ops.StepApproval, ops.StepQualityCheck:
		return r.human(ctx, s, rec)
	case ops.StepAssignment:
		if s.Offer != nil {
			return r.offer(ctx, s, rec)
		}
		return r.act(ctx, s, rec)
	default:
		return r.act(ctx, s, rec)
	}
}

// ready reports whether all that the step needs has ended.
func (r *run) ready(s *planned) bool {
	return !slices.ContainsFunc(s.needs, func(id string) bool { return !r.i.Step(id).Status.Ended() })
}

// chosen reports whether a step that can choose this one did so, or another one that it needs completed; a step that needs
// none runs. One that a person skipped counts as completed.
func (r *run) chosen(s *planned) bool {
	if len(s.needs) == 0 {
		return true
	}
	for _, id := range s.needs {
		rec := r.i.Step(id)
		if r.plan.template.Step(id).Targets(s.ID) {
			if rec.Chosen == s.ID {
				return true
			}
			continue
		}
		if rec.Status == ops.StepCompleted || rec.SkippedBy != "" {
			return true
		}
	}
	return false
}

func (r *run) skip(rec *ops.StepRecord, why string, leaf ...*ops.Leaf) {
	now := r.Clock.Now()
	rec.Status, rec.FinishedAt = ops.StepSkipped, now
	detail := map[string]any{"reason": why}
	if len(leaf) > 0 && leaf[0] != nil {
		shown := *leaf[0]
		if r.mask.Hides(strings.Split(strings.TrimPrefix(shown.Path, "$."), ".")...) {
			shown.Got = quote(ops.Masked)
		}
		detail["leaf"] = shown
	}
	r.log("step_skipped", rec.ID, "", detail)
}

func (r *run) finish(rec *ops.StepRecord) {
	rec.Status, rec.FinishedAt, rec.Error = ops.StepCompleted, r.Clock.Now(), nil
	r.log("step_completed", rec.ID, "", nil)
}

func (r *run) log(what, step, by string, detail any) {
	b, _ := encodeOutput(detail) // without what can't be written
	r.i.Log(ops.HistoryEntry{At: r.Clock.Now(), What: what, Step: step, By: by, Detail: r.mask.JSON(b)})
}

func (r *run) decide(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	doc, err := r.doc(ctx)
	if err != nil {
		return err
	}
	rec.Tries++
	rec.Chosen = s.Default
	for n, c := range s.choices {
		if ok, _ := c.Eval(doc, r.Clock.Now()); ok {
			rec.Chosen = s.Choices[n].Next
			break
		}
	}
	r.finish(rec)
	return nil
}

func (r *run) delay(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	now := r.Clock.Now()
	if rec.WaitUntil.IsZero() {
		rec.Tries++
		until, err := r.delayEnd(ctx, s, now)
		if err != nil {
			return err
		}
		if until.IsZero() {
			msg := fmt.Sprintf("there is no RFC 3339 time at %s", s.Until)
			return r.fail(ctx, s, rec, s.OnError, ops.StepError{Code: "no_time", Message: msg})
		}
		if until.Sub(now) > ops.MaxStepWait {
			msg := fmt.Sprintf("%s is %s away; a step can wait for %s", until.UTC().Format(time.RFC3339), ops.Duration{D: until.Sub(now).Round(time.Hour)}, ops.Duration{D: ops.MaxStepWait})
			return r.fail(ctx, s, rec, s.OnError, ops.StepError{Code: "wait_too_long", Message: msg})
		}
		rec.WaitUntil = until
	}
	// The execution that has passed the Wait state knows best, but for the difference between two clocks: nobody shortens
	// a delay by calling the function by hand.
	passed := r.plan.behind(r.d.Step, s.ID) && !now.Before(rec.WaitUntil.Add(-skew))
	if passed || !now.Before(rec.WaitUntil) {
		r.finish(rec)
	}
	return nil
}

func (r *run) delayEnd(ctx context.Context, s *planned, now time.Time) (time.Time, error) {
	if s.Until == "" {
		return r.Calendar.Deadline(now, s.For), nil
	}
	doc, err := r.doc(ctx)
	if err != nil {
		return time.Time{}, err
	}
	v, _ := rule.Resolve(quote(s.Until), doc)
	until, err := time.Parse(time.RFC3339, text(v))
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // no time: the step's failure
	}
	return until, nil
}

// notify asks for a message. The event carries all of it, and its id becomes the notification's: deliver-notification sends
// it once, however often the event arrives.
func (r *run) notify(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	doc, err := r.doc(ctx)
	if err != nil {
		return err
	}
	rec.Tries++
	to := s.To
	if to == nil {
		to = &ops.Recipient{Team: r.plan.template.Team}
	}
	data := map[string]json.RawMessage{}
	// Of the context, what is secret stays here: a message says only what its parameters name.
	maps.Copy(data, r.mask.Fields(r.i.Context, "context"))
	maps.Copy(data, rule.ResolveAll(s.Parameters, doc))
	r.given(s.Step, doc)
	detail := map[string]any{"template": s.Template, "to": to, "data": data}
	if !r.i.Subject.IsZero() {
		detail["subject"] = r.i.Subject
	}
	e, err := event(ops.NotificationRequested, detail)
	if err != nil {
		return err
	}
	e.ID = ops.HashID("ntf-", r.effectKey(s.ID, 0))
	r.emit(s.ID, e)
	if rec.Output, err = encodeOutput(map[string]any{"notification_id": e.ID}); err != nil {
		return err
	}
	r.finish(rec)
	return nil
}

func (r *run) take(step string, result ActionResult) {
	r.stage(result.Writes...)
	r.emit(step, result.Emit...)
	if result.AssignTo != "" {
		r.i.AssignedTo = result.AssignTo
	}
}

// try runs an action once. A panic is the action's failure, not the function's.
func (r *run) try(ctx context.Context, s *ops.Step, name string) (result ActionResult, err error) {
	action := r.action(name)
	if action == nil {
		return ActionResult{}, fmt.Errorf("there is no action %q", name)
	}
	doc, err := r.doc(ctx)
	if err != nil {
		return ActionResult{}, err
	}
	subject, err := r.subject(ctx, r.i.Subject)
	if err != nil {
		return ActionResult{}, err
	}
	if name == s.ActionName() {
		r.given(s, doc)
	}
	whole := ctx
	ctx, cancel := inTime(ctx)
	defer cancel()
	defer func() {
		if ctx.Err() != nil && whole.Err() == nil {
			result, err = ActionResult{}, fmt.Errorf("the action did not end in time: %w", ctx.Err())
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			r.Logger.ErrorContext(ctx, "an action panicked", "action", name, "instance", r.i.ID, "panic", p, "stack", string(debug.Stack()))
			result, err = ActionResult{}, fmt.Errorf("the action panicked: %v", p)
		}
	}()
	return action(ctx, ActionInput{
		Instance: r.i, Step: s, Params: rule.ResolveAll(s.Parameters, doc), Subject: subject, Store: r.Store, Now: r.Clock.Now(),
		Key: r.effectKey(s.ID, 0), Read: r.subject,
	})
}

func cloneSubject(s *ops.Subject) *ops.Subject {
	c := *s
	c.Fields, c.Times, c.Last = maps.Clone(s.Fields), maps.Clone(s.Times), maps.Clone(s.Last)
	c.Arrived, c.Watched = maps.Clone(s.Arrived), maps.Clone(s.Watched)
	return &c
}
