package workflow

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
)

// sendBack has the work of a refused step done again from the step that its template names.
func (r *run) sendBack(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	rec.SentBack++
	r.log("sent_back", s.ID, "", map[string]any{"to": s.Rework.To, "time": rec.SentBack, "of": s.Rework.Times})
	output := rec.Output // whoever does it again sees what was said about it
	cancelled, err := r.redo(ctx, r.plan, r.i, s.Rework.To, r.task)
	if err != nil {
		return err
	}
	rec.Output = output
	for _, t := range cancelled {
		if t.Step != s.ID {
			r.stage(t)
		}
	}
	r.redone = true
	return nil
}

// taskReader reads a task; CodeNotFound.
type taskReader func(ctx context.Context, id string) (*ops.Task, error)

// redo makes a step pending again, with all that follows it, each in its next loop: whatever they do has new keys. It gives
// the tasks that nobody is to decide any more, cancelled, for the caller to store with the instance.
func (e *Engine) redo(ctx context.Context, p *plan, i *ops.Instance, from string, task taskReader) ([]*ops.Task, error) {
	if err := e.Store.Load(ctx, i, 0); err != nil {
		return nil, err
	}
	var cancelled []*ops.Task
	for n := range i.Steps {
		rec := &i.Steps[n]
		if rec.ID != from && !p.graph.follows(rec.ID, from) || rec.Status == ops.StepPending {
			continue
		}
		if rec.TaskID != "" && rec.Status == ops.StepInProgress {
			t, err := task(ctx, rec.TaskID)
			if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
				return nil, fmt.Errorf("read the task of step %s: %w", rec.ID, err)
			}
			if err == nil && !t.Status.Decided() {
				t.Status, t.UpdatedAt = ops.TaskCancelled, e.Clock.Now()
				cancelled = append(cancelled, t)
			}
		}
		putAside(i, rec, e.Clock.Now())
		*rec = ops.StepRecord{
			ID: rec.ID, Name: rec.Name, Kind: rec.Kind, Status: ops.StepPending, Loop: rec.Loop + 1, SentBack: rec.SentBack,
		}
	}
	return cancelled, nil
}
