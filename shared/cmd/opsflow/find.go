package main

import (
	"context"
	"strings"
)

type findCommand struct {
	ID string `arg:"" help:"Any id of a workflow, task, alert, bulk operation or event."`
}

// Run shows the record; an id says by its beginning what it is of, and EventBridge's own ids are an event's.
func (c *findCommand) Run(ctx context.Context, s *session) error {
	switch kind, _, _ := strings.Cut(c.ID, "-"); kind {
	case "wf":
		return (&workflowsStatus{c.ID}).Run(ctx, s)
	case "tsk":
		return fetch(ctx, s, taskPath(c.ID), describeTask)
	case "alr":
		return fetch(ctx, s, alertPath(c.ID), describeAlert)
	case "blk":
		return fetch(ctx, s, bulkPath(c.ID), describeBulk)
	}
	return (&eventsShow{c.ID}).Run(ctx, s)
}
