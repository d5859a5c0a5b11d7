package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"opsflow/shared/ops"
)

// Retry says how a failed instance is to be tried again.
type Retry struct {
	// FromStep is where: a step that has begun before. It, and all that needs it, is done anew. Empty: where it failed.
	FromStep string
	// Context replaces values of the instance's context; null takes one out.
	Context map[string]json.RawMessage
	// Skip are steps that are not done: what needs them goes on as if they were completed.
	Skip []string
	// Version is the version of its template on which it goes on: its own or a newer one that is published. 0: its own.
	Version int
	Reason  string
}

// Retry lets a failed instance go on as its next attempt. What is completed before the step that it goes on from is not done
// again, unless it was undone. Rights are Pause's. CodeNotFound, CodeForbidden, CodeIllegalMove when it has not failed,
// CodeInvalid with every fault, CodeTooLarge.
func (e *Engine) Retry(ctx context.Context, id string, actor ops.Actor, r Retry) (*ops.Instance, error) {
	return e.control(ctx, id, actor, func(i *ops.Instance) error {
		if i.Status != ops.InstanceFailed {
			return illegal(i, "retry")
		}
		if _, untold := i.Timers[ops.TimerAnnounce]; untold {
			if err := e.Bus.Put(ctx, outcomeEvent(i)); err != nil {
				return ops.Errorf(ops.CodeUnavailable, "tell that workflow %s failed before: %w", i.ID, err)
			}
		}
		before := viewOf(i, slices.Sorted(maps.Keys(r.Context))...)
		from := i.TemplateVersion
		p, err := e.goOnFrom(ctx, i, r.Version)
		if err != nil {
			return err
		}
		anew := p.anew(i, r.FromStep)
		faults, err := r.apply(i, anew)
		if err == nil {
			err = ops.Invalid("retry", faults)
		}
		if err != nil {
			return err
		}
		if err := e.Store.Load(ctx, i, 0); err != nil {
			return err
		}
		if len(r.Context) > 0 && !slices.Contains(i.EditedBy, actor.ID) {
			i.EditedBy = append(i.EditedBy, actor.ID)
		}
		now := e.Clock.Now()
		for n := range i.Steps {
			rec := &i.Steps[n]
			switch {
			case slices.Contains(r.Skip, rec.ID):
				putAside(i, rec, now)
				renew(rec)
				rec.Status, rec.FinishedAt, rec.SkippedBy = ops.StepSkipped, now, actor.ID
			case anew[rec.ID]:
				if err := e.reopen(ctx, rec); err != nil {
					return err
				}
				putAside(i, rec, now)
				renew(rec)
			}
		}
		said := map[string]any{"skip": r.Skip, "context": before.edited, "reason": r.Reason}
		if i.TemplateVersion != from {
			said["from_version"], said["to_version"] = from, i.TemplateVersion
		}
		detail, err := encodeOutput(said)
		if err != nil {
			return err
		}
		step := r.FromStep
		if step == "" && i.Error != nil {
			step = i.Error.Step
		}
		i.CurrentStep = ""
		i.Log(ops.HistoryEntry{At: now, What: "retried", Step: step, By: actor.ID, Attempt: i.Attempt + 1, Detail: detail})
		return e.again(ctx, i, actor, "workflow.retry", before, r.Reason, nil)
	})
}

// apply edits the context, and tells what is wrong with the request.
func (r *Retry) apply(i *ops.Instance, anew map[string]bool) ([]ops.Fault, error) {
	var faults []ops.Fault
	if r.FromStep != "" {
		switch rec := i.Step(r.FromStep); {
		case rec == nil:
			faults = append(faults, ops.Fault{Path: "$.from_step", Expected: "the id of a step of this workflow", Got: r.FromStep})
		case rec.StartedAt.IsZero():
			faults = append(faults, ops.Fault{Path: "$.from_step", Expected: "a step that has begun", Got: r.FromStep})
		}
	}
	for n, id := range r.Skip {
		path := fmt.Sprintf("$.skip[%d]", n)
		switch rec := i.Step(id); {
		case rec == nil:
			faults = append(faults, ops.Fault{Path: path, Expected: "the id of a step of this workflow", Got: id})
		case rec.Kind == ops.StepDecision:
			faults = append(faults, ops.Fault{Path: path, Expected: "a step that decides nothing: edit the context instead", Got: id})
		case rec.Status.Ended() && !anew[id]:
			faults = append(faults, ops.Fault{Path: path, Expected: "a step that would be done: it is " + string(rec.Status), Got: id})
		}
	}
	if len(r.Context) == 0 {
		return faults, nil
	}
	edited := maps.Clone(i.Context)
	if edited == nil {
		edited = map[string]json.RawMessage{}
	}
	for name, v := range r.Context {
		switch string(v) {
		case "null":
			delete(edited, name)
		case string(quote(ops.Masked)): // as it was shown
		default:
			edited[name] = v
		}
	}
	i.Context = edited
	return faults, keepable(edited)
}

// anew finds the steps that are to be done again: the one to go on from, every one that failed or was undone, and all that
// need one of those.
func (p *plan) anew(i *ops.Instance, from string) map[string]bool {
	anew := map[string]bool{}
	for n := range p.steps { // in an order in which each comes after all that it needs
		s := &p.steps[n]
		rec := i.Step(s.ID)
		anew[s.ID] = s.ID == from || rec.Status == ops.StepFailed || rec.Undone ||
			slices.ContainsFunc(s.needs, func(id string) bool { return anew[id] })
	}
	return anew
}

// reopen has a step that is done again ask people anew, where its task was decided but the workflow did not take that up.
func (e *Engine) reopen(ctx context.Context, rec *ops.StepRecord) error {
	if rec.TaskID == "" || rec.Status != ops.StepInProgress {
		return nil
	}
	t, err := e.Store.Task(ctx, rec.TaskID)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound:
		return nil
	case err != nil:
		return fmt.Errorf("read the task of step %s: %w", rec.ID, err)
	case t.Status != ops.TaskCancelled && t.Status.Decided():
		rec.Loop++
	}
	return nil
}

// renew makes a step's record that of one to be done. What is done again though it was completed, decided by somebody or
// undone, is done under a new key; what failed goes on under the old one, so that a receiver drops what it has got already.
func renew(rec *ops.StepRecord) {
	loop := rec.Loop
	if rec.Undone || rec.Status == ops.StepCompleted || rec.Status == ops.StepFailed && rec.TaskID != "" {
		loop++
	}
	*rec = ops.StepRecord{ID: rec.ID, Name: rec.Name, Kind: rec.Kind, Status: ops.StepPending, Loop: loop}
}
