package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/ops"
)

// claimFor is how long sweep-due has an instance to itself.
const claimFor = 2 * time.Minute

// maxLook is the longest that sweep-due leaves a waiting instance alone.
const maxLook = 6 * time.Hour

// nextLook is how long sweep-due leaves an instance alone that it finds due. Nothing bounds how long people, or events from
// elsewhere, take: the longer one waits for them, the less often each look, which asks Step Functions and writes the record, is worth its price.
func nextLook(i *ops.Instance, now time.Time) time.Duration {
	if i.WaitingFor == nil || i.WaitingFor.Kind != ops.WaitTask && i.WaitingFor.Kind != ops.WaitEvent && i.WaitingFor.Kind != ops.WaitSlot {
		return claimFor
	}
	look := min(max(claimFor, now.Sub(i.WaitingFor.Since)/4), maxLook)
	for n := range i.Steps { // what is due beside that is not to be late
		for _, at := range dueTimes(&i.Steps[n]) {
			if at.After(now) {
				look = min(look, at.Sub(now))
			}
		}
	}
	return look
}

// dueTimes are the times at which a step under way is to be looked at.
func dueTimes(rec *ops.StepRecord) []time.Time {
	if rec.Status != ops.StepInProgress {
		return nil
	}
	return slices.DeleteFunc([]time.Time{rec.WaitUntil, rec.RetryAt}, time.Time.IsZero)
}

// HandleDue looks after an instance whose timer has come: it starts the execution that should have begun, and records the
// outcome of one that is over without the record saying so. It is the only code that asks Step Functions how an execution
// stands. An overlapping or stale call does nothing.
func (e *Engine) HandleDue(ctx context.Context, ref ops.Ref) error {
	i, err := e.Store.Instance(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read workflow %s: %w", ref.ID, err)
	}
	now := e.Clock.Now()
	if i.Status.Ended() || i.Status == ops.InstancePaused {
		if at, ok := i.Timers[ops.TimerStop]; ok {
			if at.After(now) {
				return nil
			}
			return e.stop(ctx, i)
		}
		if at, ok := i.Timers[ops.TimerAnnounce]; ok {
			if at.After(now) {
				return nil
			}
			return e.tellEnd(ctx, i)
		}
		return e.clearTimers(ctx, i)
	}
	if i.Asked != nil && !i.Lease.Until.After(now) { // whoever was to do it died
		return e.obey(ctx, i, true)
	}
	// Whoever works on it must not lose its work to this write: then the next minute will do.
	if at, ok := i.Timers[ops.TimerSLA]; ok && !at.After(now) && !i.Lease.Until.After(now) {
		if err := e.overrun(ctx, i); err != nil {
			return err
		}
	}
	due := false
	for _, name := range []string{ops.TimerStart, ops.TimerSlot, ops.TimerLease, ops.TimerWake} {
		if at, ok := i.Timers[name]; ok && !at.After(now) {
			due = true
			i.SetTimer(name, now.Add(nextLook(i, now)))
		}
	}
	if !due {
		return nil
	}
	// The claim also is the next look: whoever drives the instance then clears or moves the timer.
	if err := e.Store.Save(ctx, i); err != nil {
		if ops.AsConflict(err) != nil {
			return nil //nolint:nilerr // it moves
		}
		return fmt.Errorf("claim workflow %s: %w", i.ID, err)
	}
	if queued(i) {
		return e.recheck(ctx, i.Template)
	}
	if needsSlot(i) {
		return e.Launch(ctx, i)
	}
	if i.Status == ops.InstancePending {
		err := e.launch(ctx, i)
		if !errors.Is(err, ops.ErrExecutionExists) {
			return err
		}
	}
	if step := overdue(i, now); step != "" {
		if woken, err := ops.Wake(ctx, e.Store, e.Executions, i.ID, step); woken || err != nil {
			return err
		}
	}
	if step, err := e.missed(ctx, i); step != "" || err != nil {
		if err == nil {
			_, err = ops.Wake(ctx, e.Store, e.Executions, i.ID, step)
		}
		return err
	}
	x, err := e.Executions.Describe(ctx, i.StateMachine, i.ExecutionName())
	switch {
	case errors.Is(err, ops.ErrNoExecution):
		x = ops.Execution{Status: ops.ExecutionFailed, Cause: "the execution is gone"}
	case err != nil:
		return fmt.Errorf("look after workflow %s: %w", i.ID, err)
	}
	return e.recordOutcome(ctx, i.ID, i.Attempt, x)
}

// overdue gives a step whose wait is over, or that is to be tried again; "" when there is none.
func overdue(i *ops.Instance, now time.Time) string {
	for n := range i.Steps {
		rec := &i.Steps[n]
		for _, at := range dueTimes(rec) {
			if !at.After(now) {
				return rec.ID
			}
		}
	}
	return ""
}

func (e *Engine) clearTimers(ctx context.Context, i *ops.Instance) error {
	if len(i.Timers) == 0 {
		return nil
	}
	i.Timers = nil
	if err := e.Store.Save(ctx, i); err != nil && ops.AsConflict(err) == nil {
		return fmt.Errorf("clear the timers of workflow %s: %w", i.ID, err)
	}
	return nil
}
