package main

import (
	"context"
	"encoding/json"
)

type workflowsMove struct {
	ID     string `arg:"" help:"Id of the workflow."`
	Reason string `help:"Why; it is kept."`
}

func (c *workflowsMove) move(ctx context.Context, s *session, what string) error {
	return s.moveWorkflow(ctx, c.ID, what, map[string]string{"reason": c.Reason})
}

type workflowsPause struct{ workflowsMove }

// Run pauses the workflow.
func (c *workflowsPause) Run(ctx context.Context, s *session) error { return c.move(ctx, s, "pause") }

type workflowsResume struct{ workflowsMove }

// Run lets the workflow go on.
func (c *workflowsResume) Run(ctx context.Context, s *session) error { return c.move(ctx, s, "resume") }

type workflowsCancel struct{ workflowsMove }

// Run cancels the workflow.
func (c *workflowsCancel) Run(ctx context.Context, s *session) error { return c.move(ctx, s, "cancel") }

type workflowsRetry struct {
	workflowsMove

	FromStep string   `placeholder:"STEP" help:"A step that has begun: it is done anew, with all that needs it; absent: where it failed."`
	Context  string   `placeholder:"JSON" help:"Replaces values of the context, a JSON object, null takes one out; - reads it from stdin."`
	Skip     []string `placeholder:"STEP" help:"Steps not to do: what needs them goes on as if they were completed."`
	Version  int      `placeholder:"N" help:"The version of its template to go on with, its own or a newer published one; absent: its own."`
}

// Run lets the failed workflow be tried again.
func (c *workflowsRetry) Run(ctx context.Context, s *session) error {
	edited, err := s.object("--context", c.Context)
	if err != nil {
		return err
	}
	return s.moveWorkflow(ctx, c.ID, "retry", struct {
		FromStep string          `json:"from_step,omitempty"`
		Context  json.RawMessage `json:"context,omitempty"`
		Skip     []string        `json:"skip,omitempty"`
		Version  int             `json:"version,omitempty"`
		Reason   string          `json:"reason,omitempty"`
	}{c.FromStep, edited, c.Skip, c.Version, c.Reason})
}

// moveWorkflow does something to a workflow and shows what became of it.
func (s *session) moveWorkflow(ctx context.Context, id, what string, body any) error {
	answer, err := s.api.post(ctx, workflowPath(id)+"/"+what, body, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeWorkflow)
}
