package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// How a workflow ended is told after its record says so: until then a pause, a cancellation or the death of the execution may
// still decide otherwise. That it is told, whatever happens between the two, costs a completed workflow nothing: its state
// answers Step Functions only after the event is out, and until it has the answer Step Functions asks again, first that
// function and then record-outcome. A failed workflow, of which nobody may be left to answer, has a timer.

// tellWithin is after how long sweep-due tells that a workflow failed, if whoever recorded it has not.
const tellWithin = 2 * time.Minute

// complete makes an instance completed. The step of the state that it is completed in stays: it alone may have to tell of it.
func (r *run) complete() {
	i, now := r.i, r.Clock.Now()
	i.Waits = ops.TokenWait{Step: r.d.Step}
	i.Status, i.Progress, i.EndedAt, i.Timers = ops.InstanceCompleted, 100, now, nil
	i.Log(ops.HistoryEntry{At: now, What: "completed"})
}

// end makes an instance failed, and gives what is to be stored with it: the alert, and its open tasks, which nobody needs to
// decide any more.
func (e *Engine) end(ctx context.Context, i *ops.Instance, failure ops.StepError, task taskReader) ([]ops.Record, error) {
	now := e.Clock.Now()
	failure.Message = clip(failure.Message)
	i.Status, i.Error, i.EndedAt, i.UpdatedAt = ops.InstanceFailed, &failure, now, now
	i.Timers, i.Lease, i.Waits = nil, ops.Lease{}, ops.TokenWait{}
	i.WaitFor()
	i.SetTimer(ops.TimerAnnounce, now.Add(tellWithin))
	detail, _ := encodeOutput(failure)
	i.Log(ops.HistoryEntry{At: now, What: "failed", Step: failure.Step, Detail: detail})
	a, err := alert.Next(ctx, e.Store, failureOf(i), now)
	if err != nil {
		return nil, err
	}
	records := []ops.Record{a}
	for n := range i.Steps {
		rec := &i.Steps[n]
		if rec.TaskID == "" || rec.Status != ops.StepInProgress {
			continue
		}
		t, err := task(ctx, rec.TaskID)
		if err != nil {
			if ops.ErrorCode(err) == ops.CodeNotFound {
				continue
			}
			return nil, fmt.Errorf("read the task of step %s: %w", rec.ID, err)
		}
		if !t.Status.Decided() {
			t.Status, t.UpdatedAt = ops.TaskCancelled, now
			records = append(records, t)
		}
	}
	return records, nil
}

// ended tells how an instance ended that was just stored; of one that goes on, or was cancelled, there is nothing to tell.
// The error is one after which the state's function must be asked again.
func (e *Engine) ended(ctx context.Context, i *ops.Instance) error {
	e.learn(ctx, i)
	err := e.tellEnd(ctx, i)
	if err != nil && i.Status == ops.InstanceFailed {
		e.Logger.WarnContext(ctx, "the workflow's failure is not told; sweep-due will", "instance", i.ID, "error", err)
		return nil
	}
	return err
}

// tellEnd tells how an instance ended, under an id that its attempt has: again, it does no harm.
func (e *Engine) tellEnd(ctx context.Context, i *ops.Instance) error {
	if i.Status != ops.InstanceCompleted && i.Status != ops.InstanceFailed {
		return nil
	}
	if err := e.Bus.Put(ctx, outcomeEvent(i)); err != nil {
		return fmt.Errorf("tell that workflow %s is %s: %w", i.ID, i.Status, err)
	}
	if _, open := i.Timers[ops.TimerAnnounce]; !open {
		return nil
	}
	i.ClearTimer(ops.TimerAnnounce)
	if err := e.Store.Save(ctx, i); err != nil && ops.AsConflict(err) == nil {
		return fmt.Errorf("note that it was told how workflow %s ended: %w", i.ID, err)
	}
	return nil
}

// outcomeEvent tells the world how a workflow ended, as its record says.
func outcomeEvent(i *ops.Instance) ops.OutEvent {
	t := ops.WorkflowCompleted
	if i.Status == ops.InstanceFailed {
		t = ops.WorkflowFailed
	}
	detail := map[string]any{
		"instance_id": i.ID, "template": i.Template, "type": i.Type, "status": i.Status, "attempt": i.Attempt,
	}
	if !i.Subject.IsZero() {
		detail["subject"] = i.Subject
	}
	if i.Error != nil {
		detail["error"] = i.Error
	}
	b, _ := json.Marshal(detail) //nolint:errchkjson // texts and numbers
	return ops.OutEvent{
		ID: fmt.Sprintf("%s:%s:%d", i.ID, t, i.Attempt), Type: t, Time: i.EndedAt, Detail: b, Cause: cause(i),
	}
}
