package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// change is one of the services that change a workflow.
type change func(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)

// control carries out a command that a workflow's page offers. The services check that the visitor may do it to this workflow.
func (c *Console) control(by change, said string) func(*request) (outcome, error) {
	return func(q *request) (outcome, error) {
		i, err := by(q.Context(), q.PathValue("id"), q.Actor, strings.TrimSpace(q.field("reason")))
		if err != nil {
			return outcome{}, fmt.Errorf("control workflow: %w", err)
		}
		return outcome{to: "/workflows/" + i.ID, said: called(i) + " " + said}, nil
	}
}

// retry lets a failed workflow go on: from where it failed or an earlier step, with what is changed and left out.
func (c *Console) retry(q *request) (outcome, error) {
	f := retryForm{
		From: q.field("from_step"), Skip: q.PostForm["skip"], Context: strings.TrimSpace(q.field("context")), Reason: strings.TrimSpace(q.field("reason")),
	}
	r := workflow.Retry{FromStep: f.From, Skip: f.Skip, Reason: f.Reason}
	var err error
	if f.Context != "" && json.Unmarshal([]byte(f.Context), &r.Context) != nil {
		err = ops.Invalid("retry", []ops.Fault{{Path: "$.context", Expected: `a JSON object like {"amount": 120}`}})
	}
	var i *ops.Instance
	if err == nil {
		i, err = c.Workflows.Retry(q.Context(), q.PathValue("id"), q.Actor, r)
	}
	if told, ok := errors.AsType[*ops.Error](err); ok && told.Code == ops.CodeInvalid {
		v, failed := c.workflow(q)
		if failed != nil {
			return outcome{}, failed
		}
		f.Begun, f.Undone, f.Error, f.Faults = v.Retry.Begun, v.Retry.Undone, sentence(told.Message), told.Faults
		v.Retry = f
		return outcome{}, &invalidForm{page: workflowPage, view: v, err: err}
	}
	if err != nil {
		return outcome{}, fmt.Errorf("retry workflow: %w", err)
	}
	return outcome{to: "/workflows/" + i.ID, said: called(i) + " goes on."}, nil
}
