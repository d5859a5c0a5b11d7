package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Pause, resume, cancel and retry. Each is one Save, conditional on the record's version, together with its audit entry and
// the tasks that it changes. What must happen at Step Functions afterwards has a timer: TimerStop for the execution that is
// to be stopped, TimerStart for the one that is to begin.
//
// While an invocation holds the lease nobody takes its work away: what is wanted is written on the record (ops.Asked), and
// the invocation does it after its step, or whoever takes the instance over when it died.

// askedTo begins the history entry of what somebody asked for: asked_to_pause.
const askedTo = "asked_to_"

// stopWithin is how long after a pause or the end its execution should have been stopped.
const stopWithin = time.Minute

// Pause puts an instance that has not ended to a stop: its execution ends, its tasks can't be decided and their timers stand
// still. One that an invocation works on is paused after its step; until then Asked says so. For the instance's team,
// Operations and admins. CodeNotFound, CodeForbidden, CodeIllegalMove when it is paused or has ended.
func (e *Engine) Pause(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return e.ask(ctx, id, actor, ops.Asked{What: ops.AskPause, Reason: reason})
}

// Cancel ends an instance for good: its execution, tasks and timers end, and what its completed steps have for that undoes
// them, the last first. One that an invocation works on is cancelled after its step; until then Asked says so. Rights and
// errors are Pause's; a paused instance can be cancelled.
func (e *Engine) Cancel(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return e.ask(ctx, id, actor, ops.Asked{What: ops.AskCancel, Reason: reason})
}

// ask does what is asked of an instance, or leaves it to the invocation that works on it.
func (e *Engine) ask(ctx context.Context, id string, actor ops.Actor, asked ops.Asked) (*ops.Instance, error) {
	return e.control(ctx, id, actor, func(i *ops.Instance) error {
		switch {
		case i.Status.Ended(), i.Status == ops.InstancePaused && asked.What == ops.AskPause:
			return illegal(i, asked.What)
		case i.Asked != nil && (i.Asked.What == asked.What || i.Asked.What == ops.AskCancel):
			return ops.Errorf(ops.CodeIllegalMove, "workflow %s: %s has asked to %s it already", i.ID, i.Asked.By, i.Asked.What)
		}
		now := e.Clock.Now()
		asked.By, asked.At = actor.ID, now
		before := viewOf(i)
		i.Asked, i.UpdatedAt = &asked, now
		i.Log(ops.HistoryEntry{At: now, What: askedTo + asked.What, By: actor.ID, Detail: reasonOf(asked.Reason)})
		after := viewOf(i)
		working := i.Lease.Owner != "" && i.Lease.Until.After(now)
		if !working {
			after.Status = statusAfter(asked.What)
		}
		entry, err := audit.Entry(ctx, e.Store, audit.Change{
			Actor: actor, Action: "workflow." + asked.What, Target: i.Ref(), Before: before, After: after, Reason: asked.Reason,
		}, now)
		if err != nil {
			return err
		}
		if working {
			return e.Store.Save(ctx, i, entry)
		}
		return e.obey(ctx, i, true, entry)
	})
}

// obey does what the instance's record asks for, outside of its execution. running says that this does not end by itself: then
// it is stopped.
func (e *Engine) obey(ctx context.Context, i *ops.Instance, running bool, with ...ops.Record) error {
	p, err := e.plan(ctx, i.Template, i.TemplateVersion)
	if err != nil {
		return err
	}
	owner, err := ops.RandomID("req-", e.Random)
	if err != nil {
		return err
	}
	stop := running && (i.Status != ops.InstancePaused || !i.Timers[ops.TimerStop].IsZero())
	r := &run{
		Engine: e, plan: p, d: Drive{InstanceID: i.ID, Attempt: i.Attempt}, i: i, owner: owner, mask: ops.NewMask(i.Secrets), staged: map[ops.Ref]ops.Record{},
		logged: i.Happened(),
	}
	r.stage(with...)
	if i.Asked.What == ops.AskCancel && r.undoable() {
		// Undoing takes its time: nobody else may be at it.
		r.i.Lease = ops.Lease{Owner: owner, Until: e.Clock.Now().Add(leaseFor)}
		r.i.SetTimer(ops.TimerLease, r.i.Lease.Until)
		if err := r.flush(ctx); err != nil && !errors.Is(err, errAsked) {
			return err
		}
	}
	if err := r.obey(ctx, stop); err != nil {
		return err
	}
	if !stop {
		return nil
	}
	if err := e.stop(ctx, i); err != nil {
		e.Logger.WarnContext(ctx, "execution not stopped; sweep-due will", "instance", i.ID, "error", err)
	}
	return nil
}

// heed does what was asked for while an invocation worked on the instance: the execution then ends by itself. Any other
// error is given back.
func (r *run) heed(ctx context.Context, err error) error {
	if !errors.Is(err, errAsked) {
		return err
	}
	for errors.Is(err, errAsked) { // who asked for a pause may ask for the end before that is written
		err = r.obey(ctx, false)
	}
	if err != nil {
		return err
	}
	return &Superseded{InstanceID: r.i.ID}
}

// errAsked says that the instance was stored, and that it is asked to pause or to end: no further step is to be done.
var errAsked = errors.New("asked to pause or to end")

// adopt takes over what people have asked of the instance since this invocation wrote it, if nothing else has changed: then
// what the invocation did can still be stored. Each who asks writes once, and leaves one entry in the history.
func (r *run) adopt(ctx context.Context, conflict *ops.Conflict) bool {
	if len(conflict.Lost) != 1 || conflict.Lost[0] != r.i.Ref() {
		return false
	}
	now, err := r.Store.Instance(ctx, r.i.ID)
	if err != nil || now.Asked == nil || now.Lease.Owner != r.owner || now.Happened() < r.logged || now.Earlier > r.logged {
		return false
	}
	asks := now.History[r.logged-now.Earlier:]
	other := func(h ops.HistoryEntry) bool { return !strings.HasPrefix(h.What, askedTo) }
	if now.V != r.i.V+int64(len(asks)) || slices.ContainsFunc(asks, other) {
		return false
	}
	r.i.V = now.V
	own := r.i.History[r.logged-r.i.Earlier:]
	r.i.History, r.i.Earlier = slices.Concat(now.History, own), now.Earlier
	r.logged = now.Happened()
	if !r.i.Status.Ended() {
		r.i.Asked = now.Asked
		r.i.SetTimer(ops.TimerLease, r.Clock.Now().Add(leaseFor)) // has sweep-due do it, should this invocation die now
	}
	return true
}

// obey pauses or cancels the instance, as it was asked. stop says that its execution does not end by itself.
func (r *run) obey(ctx context.Context, stop bool) error {
	asked, now := r.i.Asked, r.Clock.Now()
	if asked.What == ops.AskCancel {
		if err := r.cancel(ctx); err != nil {
			return err
		}
	} else if err := r.pause(ctx); err != nil {
		return err
	}
	i := r.i
	i.Asked, i.Lease, i.Waits, i.UpdatedAt = nil, ops.Lease{}, ops.TokenWait{}, now
	if stop {
		i.SetTimer(ops.TimerStop, now.Add(stopWithin))
	}
	i.Log(ops.HistoryEntry{At: now, What: string(i.Status), By: asked.By, Detail: reasonOf(asked.Reason)})
	return r.flush(ctx)
}

func (r *run) pause(ctx context.Context) error {
	i, now := r.i, r.Clock.Now()
	tasks, err := r.openTasks(ctx)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		t.Hold()
		t.UpdatedAt = now
		r.stage(t)
	}
	i.Status, i.PausedAt, i.Timers, i.Place = ops.InstancePaused, now, nil, 0
	i.WaitFor(ops.WaitingFor{Kind: ops.WaitResume, Since: now, Ref: i.Asked.By})
	return nil
}

func (r *run) cancel(ctx context.Context) error {
	tasks, err := r.openTasks(ctx)
	if err != nil {
		return err
	}
	if err := r.takeOffers(ctx); err != nil {
		return err
	}
	if r.undoable() {
		none := &planned{Step: &ops.Step{}} // no step has failed
		if err := r.compensate(ctx, none); err != nil {
			return err
		}
	}
	i, now := r.i, r.Clock.Now()
	for _, t := range tasks {
		t.Status, t.Timers, t.Held, t.UpdatedAt = ops.TaskCancelled, nil, nil, now
		r.stage(t)
	}
	for n := range i.Steps {
		if rec := &i.Steps[n]; rec.Status == ops.StepInProgress {
			rec.Status, rec.FinishedAt = ops.StepSkipped, now
		}
	}
	i.Status, i.EndedAt, i.Timers, i.CurrentStep = ops.InstanceCancelled, now, nil, ""
	i.WaitFor()
	return nil
}

// undoable reports whether a completed step has something that undoes it.
func (r *run) undoable() bool {
	return slices.ContainsFunc(r.plan.steps, func(s planned) bool {
		return s.Compensate != "" && r.i.Step(s.ID).Status == ops.StepCompleted
	})
}

// openTasks reads the tasks of the instance that nobody has decided.
func (r *run) openTasks(ctx context.Context) ([]*ops.Task, error) {
	var open []*ops.Task
	for n := range r.i.Steps {
		rec := &r.i.Steps[n]
		if rec.TaskID == "" || rec.Status != ops.StepInProgress {
			continue
		}
		t, err := r.Store.Task(ctx, rec.TaskID)
		if ops.ErrorCode(err) == ops.CodeNotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the task of step %s: %w", rec.ID, err)
		}
		if !t.Status.Decided() {
			open = append(open, t)
		}
	}
	return open, nil
}

// stop ends the execution of an instance that goes on without it.
func (e *Engine) stop(ctx context.Context, i *ops.Instance) error {
	err := e.Executions.Stop(ctx, i.StateMachine, i.ExecutionName(), "the workflow is "+string(i.Status))
	if err != nil && !errors.Is(err, ops.ErrNoExecution) {
		return fmt.Errorf("stop the execution of workflow %s: %w", i.ID, err)
	}
	i.ClearTimer(ops.TimerStop)
	if err := e.Store.Save(ctx, i); err != nil {
		return fmt.Errorf("note that the execution of workflow %s was stopped: %w", i.ID, err)
	}
	return nil
}

// Resume lets a paused instance go on as its next attempt: what was recorded is not done again, and delays and deadlines are
// later by the time that it stood still. Rights are Pause's. CodeNotFound, CodeForbidden, CodeIllegalMove when it is not
// paused.
func (e *Engine) Resume(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return e.control(ctx, id, actor, func(i *ops.Instance) error {
		if i.Status != ops.InstancePaused {
			return illegal(i, "resume")
		}
		if _, due := i.Timers[ops.TimerStop]; due {
			err := e.Executions.Stop(ctx, i.StateMachine, i.ExecutionName(), "the workflow was paused")
			if err != nil && !errors.Is(err, ops.ErrNoExecution) {
				return ops.Errorf(ops.CodeUnavailable, "stop the execution that workflow %s had before: %w", i.ID, err)
			}
		}
		now := e.Clock.Now()
		stood := now.Sub(i.PausedAt)
		before := viewOf(i)
		r := &run{Engine: e, i: i}
		tasks, err := r.openTasks(ctx)
		if err != nil {
			return err
		}
		var with []ops.Record
		for _, t := range tasks {
			t.Unhold(stood)
			if !t.DueAt.IsZero() {
				t.DueAt = t.DueAt.Add(stood)
			}
			if t.Offer != nil && t.Offer.Now() != nil {
				t.Offer.Now().Until = t.Offer.Now().Until.Add(stood)
			}
			t.UpdatedAt = now
			with = append(with, t)
		}
		for n := range i.Steps {
			rec := &i.Steps[n]
			if rec.Status != ops.StepInProgress {
				continue
			}
			if !rec.WaitUntil.IsZero() {
				rec.WaitUntil = rec.WaitUntil.Add(stood)
			}
			if !rec.RetryAt.IsZero() {
				rec.RetryAt = rec.RetryAt.Add(stood)
			}
		}
		i.DueAt = i.DueAt.Add(stood)
		detail, err := encodeOutput(map[string]any{"reason": reason, "stood_still": stood.String()})
		if err != nil {
			return err
		}
		i.Log(ops.HistoryEntry{At: now, What: "resumed", By: actor.ID, Attempt: i.Attempt + 1, Detail: detail})
		return e.again(ctx, i, actor, "workflow.resume", before, reason, with)
	})
}

// again stores an instance as its next attempt, and starts that.
func (e *Engine) again(
	ctx context.Context, i *ops.Instance, actor ops.Actor, action string, before view, reason string, with []ops.Record,
) error {
	p, err := e.plan(ctx, i.Template, i.TemplateVersion)
	if err != nil {
		return err
	}
	now := e.Clock.Now()
	i.Attempt++
	i.Status, i.Lease, i.Waits, i.Timers, i.Asked = ops.InstancePending, ops.Lease{}, ops.TokenWait{}, nil, nil
	i.PausedAt, i.EndedAt, i.Error, i.UpdatedAt = time.Time{}, time.Time{}, nil, now
	toStart(i, p.template, now)
	e.expect(ctx, p, i)
	watchDue(i)
	entry, err := audit.Entry(ctx, e.Store, audit.Change{
		Actor: actor, Action: action, Target: i.Ref(), Before: before, After: viewOf(i, before.edited...), Reason: reason,
	}, now)
	if err != nil {
		return err
	}
	if err := e.admit(ctx, i, append(with, entry)...); err != nil {
		return err
	}
	e.begin(ctx, i)
	return nil
}

// control changes an instance for a person, again from the new state when somebody else wrote it first.
func (e *Engine) control(
	ctx context.Context, id string, actor ops.Actor, change func(*ops.Instance) error,
) (i *ops.Instance, err error) {
	_ = e.retrier.Do(ctx, "change workflow "+id, func() error { // whose error is err
		if i, err = e.Store.Instance(ctx, id); err != nil {
			return err
		}
		if !actor.In(i.Team) && !actor.In(ops.Operations) {
			err = ops.Errorf(ops.CodeForbidden, "workflow %s is for team %s and Operations to control", i.ID, i.Team)
			return err
		}
		err = change(i)
		return err
	})
	if ops.AsConflict(err) != nil {
		err = ops.Errorf(ops.CodeUnavailable, "workflow %s is being changed too often; try again", id)
	}
	if err != nil {
		return nil, err
	}
	return i, nil
}

func illegal(i *ops.Instance, what string) error {
	may := map[string]string{
		ops.AskPause:  "only one that has not ended and is not paused",
		ops.AskCancel: "only one that has not ended",
		"resume":      "only a paused one",
		"retry":       "only a failed one",
	}
	return ops.Errorf(ops.CodeIllegalMove, "workflow %s is %s: can't %s it, %s", i.ID, i.Status, what, may[what])
}

func statusAfter(asked string) ops.InstanceStatus {
	if asked == ops.AskCancel {
		return ops.InstanceCancelled
	}
	return ops.InstancePaused
}

func reasonOf(reason string) []byte {
	if reason == "" {
		return nil
	}
	b, _ := encodeOutput(map[string]string{"reason": reason}) // a short text
	return b
}
