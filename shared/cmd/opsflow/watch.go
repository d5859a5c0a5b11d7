package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"opsflow/shared/ops"
)

// How often a workflow that is followed is read: soon at first, then less and less while nothing happens.
const (
	firstLook = 100 * time.Millisecond
	restLook  = 2 * time.Second
)

type workflowsWatch struct {
	ID string `arg:"" help:"Id of the workflow."`
}

// Run follows the workflow, through whatever it waits for. The lines are the data; with --json the ended workflow is.
func (c *workflowsWatch) Run(ctx context.Context, s *session) error {
	lines := s.out
	if s.json {
		lines = s.err
	}
	return follow(ctx, s, c.ID, lines, func(*ops.Instance) bool { return true })
}

// follow writes a line for everything that a workflow does until it has ended or goesOn says no, and then shows it. A
// workflow that failed or was cancelled is an error.
func follow(ctx context.Context, s *session, id string, lines io.Writer, goesOn func(*ops.Instance) bool) error {
	before := &ops.Instance{}
	for pause := firstLook; ; pause = min(pause*3/2, restLook) {
		answer, i, err := s.workflow(ctx, id)
		if err != nil {
			return err
		}
		if news(lines, before, i) {
			pause = firstLook
		}
		if before = i; i.Status.Ended() || !goesOn(i) {
			return conclude(s, answer, i, lines)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (s *session) workflow(ctx context.Context, id string) (json.RawMessage, *ops.Instance, error) {
	answer, err := s.api.get(ctx, workflowPath(id), nil)
	if err != nil {
		return nil, nil, err
	}
	i := &ops.Instance{}
	return answer, i, decode(answer, i)
}

// news writes what changed between two looks, and reports whether anything did.
func news(w io.Writer, before, now *ops.Instance) bool {
	if before.V == now.V {
		return false
	}
	for n := range now.Steps {
		step := &now.Steps[n]
		if old := before.Step(step.ID); step.Status == ops.StepPending || old != nil && old.Status == step.Status {
			continue
		}
		at := step.FinishedAt
		if at.IsZero() {
			at = step.StartedAt
		}
		if at.IsZero() {
			at = now.UpdatedAt
		}
		line := fmt.Sprintf("%s  %s: %s", when(at), step.ID, step.Status)
		if step.Error != nil {
			line += ", " + step.Error.Message
		}
		fmt.Fprintln(w, printable(line))
	}
	if f := now.WaitingFor; f != nil && f.Kind == "task" && (before.WaitingFor == nil || before.WaitingFor.Ref != f.Ref) {
		fmt.Fprintln(w, printable(when(f.Since)+"  waiting for "+waiting(f)))
	}
	if before.Status != now.Status {
		fmt.Fprintln(w, printable(fmt.Sprintf("%s  workflow: %s, %d%%", when(now.UpdatedAt), now.Status, now.Progress)))
	}
	return true
}

// conclude shows a workflow when there is no more to wait for. Lines on out have told all of it already.
func conclude(s *session, answer json.RawMessage, i *ops.Instance, lines io.Writer) error {
	if lines != s.out {
		if err := s.show(answer, func(w io.Writer) { describeWorkflow(w, i) }); err != nil {
			return err
		}
	}
	if i.Status == ops.InstanceFailed || i.Status == ops.InstanceCancelled {
		why := ""
		if i.Error != nil {
			why = ": " + stepError(i.Error)
		}
		return fmt.Errorf("workflow %s is %s%s", i.ID, i.Status, why)
	}
	return nil
}
