package console

import (
	"context"
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// controller pauses, resumes and cancels workflows. Each method checks that the actor may do it to this workflow.
type controller interface {
	Pause(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)
	Resume(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)
	Cancel(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)
}

// control changes a workflow by one of the commands that its page offers.
func (c *Console) control(
	command func(controller, context.Context, string, ops.Actor, string) (*ops.Instance, error), said string,
) func(*request) (outcome, error) {
	return func(q *request) (outcome, error) {
		able, ok := c.Workflows.(controller)
		if !ok {
			return outcome{}, ops.Errorf(ops.CodeNotFound, "workflows can't be controlled here")
		}
		i, err := command(able, q.Context(), q.PathValue("id"), q.Actor, strings.TrimSpace(q.field("reason")))
		if err != nil {
			return outcome{}, fmt.Errorf("control workflow: %w", err)
		}
		return outcome{to: "/workflows/" + i.ID, said: i.Name + " " + said}, nil
	}
}
