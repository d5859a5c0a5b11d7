package console

import (
	"context"
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
		return outcome{to: "/workflows/" + i.ID, said: i.Name + " " + said}, nil
	}
}

// retry lets a failed workflow go on from where it failed.
func (c *Console) retry(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return c.Workflows.Retry(ctx, id, actor, workflow.Retry{Reason: reason})
}
