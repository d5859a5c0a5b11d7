package workflow

import (
	"context"
	"errors"
	"slices"
	"strings"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// stuck takes an error of a step: what would be the same at every try, such as an output that can't be kept, is that step's
// failure. Any other error is given back.
func (r *run) stuck(ctx context.Context, s *planned, err error) error {
	if !hopeless(err) {
		return err
	}
	return r.fail(ctx, s, r.i.Step(s.ID), s.OnError, ops.StepError{Code: string(ops.ErrorCode(err)), Message: err.Error()})
}

// fail takes a step's final failure as its template wants it: the step is skipped, maybe for another one, or the workflow
// fails, with or without compensation.
func (r *run) fail(ctx context.Context, s *planned, rec *ops.StepRecord, way ops.ErrorWay, e ops.StepError) error {
	now := r.Clock.Now()
	e.Step, e.Message = s.ID, clip(e.Message)
	rec.Error, rec.FinishedAt = &e, now
	if way.Do == ops.OnErrorSkip || way.Next != "" {
		rec.Status, rec.Chosen = ops.StepSkipped, way.Next
		r.log("step_skipped", s.ID, "", struct {
			ops.StepError
			Next string `json:"next,omitempty"`
		}{e, way.Next})
		return nil
	}
	rec.Status = ops.StepFailed
	r.log("step_failed", s.ID, "", e)
	if way.Do == ops.OnErrorCompensate {
		if err := r.compensate(ctx, s); err != nil {
			return err
		}
	}
	records, err := r.end(ctx, r.i, e, r.task)
	if err != nil {
		return err
	}
	r.stage(records...)
	if err := r.flush(ctx); err != nil {
		return err
	}
	return &WorkflowFailed{Failure: e}
}

// maxMessage is the longest message of an error that is kept, in bytes: it stands on the record and in every list.
const maxMessage = 2000

func clip(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + " …"
}

// compensate undoes: first what the failed step itself has for that, then the completed steps', the latest first. A
// compensation that fails is told in the history and does not keep the others from being done.
func (r *run) compensate(ctx context.Context, failed *planned) error {
	var undo []*ops.Step
	for _, s := range slices.Backward(r.plan.steps) {
		if s.ID != failed.ID && r.i.Step(s.ID).Status == ops.StepCompleted {
			undo = append(undo, s.Step)
		}
	}
	slices.SortStableFunc(undo, func(a, b *ops.Step) int {
		return r.i.Step(b.ID).FinishedAt.Compare(r.i.Step(a.ID).FinishedAt)
	})
	undo = append([]*ops.Step{failed.Step}, undo...)
	for _, s := range undo {
		if s.Compensate == "" {
			continue
		}
		result, err := r.try(ctx, s, s.Compensate)
		if _, ok := errors.AsType[*Unavailable](err); ok {
			return err
		}
		if err != nil {
			r.log("compensation_failed", s.ID, "", ops.StepError{Code: "action_failed", Message: clip(err.Error())})
			continue
		}
		r.take(s.ID+undoing, result)
		r.i.Step(s.ID).Undone = true
		output, _ := encodeOutput(result.Output) // without what can't be written
		r.log("compensated", s.ID, "", r.mask.JSON(output, "steps", s.ID, "output"))
	}
	return nil
}

// failureOf is the cause that an instance which failed is an alert for.
func failureOf(i *ops.Instance) alert.Spec {
	s := alert.Spec{
		Type: ops.AlertWorkflowFailed, Severity: ops.SeverityHigh, Title: "Workflow " + i.Template + " failed",
		Subject: i.Subject, InstanceID: i.ID, Key: i.ID, Cause: cause(i), Team: i.Team,
	}
	if i.Error != nil {
		s.Detail = i.Error.Message
	}
	return s
}

// announce tells of the alerts among records that were just saved.
func (e *Engine) announce(ctx context.Context, saved []ops.Record) {
	alert.Announcer{Store: e.Store, Bus: e.Bus, Clock: e.Clock, Logger: e.Logger}.Announce(ctx, saved...)
}
