package workflow

import (
	"slices"
	"time"

	"opsflow/shared/ops"
)

// settle writes down how the instance stands when nothing more is ready.
func (r *run) settle() {
	i := r.i
	i.Lease = ops.Lease{}
	i.ClearTimer(ops.TimerLease)
	i.CurrentStep, i.Status = "", ops.InstanceRunning
	if r.waits() {
		i.Waits.Step, i.Waits.Token = r.d.Step, r.d.Token
	}
	var waits []ops.WaitingFor
	open := false
	for n := range i.Steps {
		rec := &i.Steps[n]
		if rec.Status.Ended() {
			continue
		}
		open = true
		if rec.Status != ops.StepInProgress {
			continue
		}
		if i.CurrentStep == "" {
			i.CurrentStep = rec.ID
		}
		w := r.settleStep(rec)
		if w.Kind == ops.WaitTask && i.Status != ops.InstanceWaitingApproval { // people come first
			i.CurrentStep, i.Status = rec.ID, ops.InstanceWaitingApproval
			waits = slices.Insert(waits, 0, w)
		} else {
			waits = append(waits, w)
		}
	}
	i.WaitFor(waits...)
	if !open {
		r.complete()
	}
}

// settleStep sets when sweep-due is to look after a step under way, and tells what it waits for.
func (r *run) settleStep(rec *ops.StepRecord) ops.WaitingFor {
	now := r.Clock.Now()
	w := ops.WaitingFor{Step: rec.ID, Since: rec.StartedAt}
	switch {
	case !rec.RetryAt.IsZero():
		w.Kind, w.Since, w.Until = ops.WaitRetry, now, rec.RetryAt
		r.wakeAt(rec.RetryAt, r.waits())
	case rec.TaskID != "":
		w.Kind, w.Ref = ops.WaitTask, rec.TaskID
		r.lookAfter(now.Add(lookAfterHuman))
	case rec.Kind == ops.StepAwaitEvent:
		w.Kind, w.Until, w.Ref = ops.WaitEvent, rec.WaitUntil, string(r.plan.template.Step(rec.ID).Event)+" "+rec.Key
		r.lookAfter(now.Add(lookAfterEvent))
		if !rec.WaitUntil.IsZero() {
			r.wakeAt(rec.WaitUntil, true)
		}
	default:
		w.Kind, w.Until = ops.WaitTimer, rec.WaitUntil
		r.wakeAt(rec.WaitUntil, r.plan.token[rec.ID])
	}
	return w
}

// lookAfter sets the earliest time at which sweep-due looks whether the execution is still there.
func (r *run) lookAfter(at time.Time) {
	if t, ok := r.i.Timers[ops.TimerWake]; !ok || at.Before(t) {
		r.i.SetTimer(ops.TimerWake, at)
	}
}

// wakeAt has sweep-due look at the instance when something is due: at once if it is sweep-due that tells the execution, else
// when the execution should have gone on by itself.
func (r *run) wakeAt(at time.Time, bySweep bool) {
	if !bySweep {
		at = at.Add(lookAfter)
	}
	r.lookAfter(at)
}
