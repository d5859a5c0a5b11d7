package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

func (a *api) controlRoutes() {
	handle(a, route{
		id: "pause-workflow", method: http.MethodPost, path: "/v1/workflows/{id}/pause", record: byID(a.Store.Instance), action: controlWorkflows,
		summary: "Let a workflow stand still, its deadlines too; one that is at a step does so after it",
	}, a.pauseWorkflow)
	handle(a, route{
		id: "resume-workflow", method: http.MethodPost, path: "/v1/workflows/{id}/resume", record: byID(a.Store.Instance), action: controlWorkflows,
		summary: "Let a paused workflow go on",
	}, a.resumeWorkflow)
	handle(a, route{
		id: "cancel-workflow", method: http.MethodPost, path: "/v1/workflows/{id}/cancel", record: byID(a.Store.Instance), action: controlWorkflows,
		summary: "End a workflow and undo what can be undone; one that is at a step ends after it",
	}, a.cancelWorkflow)
	handle(a, route{
		id: "retry-workflow", method: http.MethodPost, path: "/v1/workflows/{id}/retry", record: byID(a.Store.Instance), action: controlWorkflows,
		summary: "Try a failed workflow again, from where it failed or from an earlier step, on its version or a newer one",
	}, a.retryWorkflow)
}

type controlInput struct {
	IDPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"4000" doc:"Why; it is kept."`
	} `nameHint:"ControlWorkflow"`
}

func (in *controlInput) reason() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Reason
}

func (a *api) pauseWorkflow(ctx context.Context, in *controlInput) (*oneOutput[*ops.Instance], error) {
	i, err := a.Workflows.Pause(ctx, in.ID, actorOf(ctx), in.reason())
	return movedWorkflow("pause", i, err)
}

func (a *api) resumeWorkflow(ctx context.Context, in *controlInput) (*oneOutput[*ops.Instance], error) {
	i, err := a.Workflows.Resume(ctx, in.ID, actorOf(ctx), in.reason())
	return movedWorkflow("resume", i, err)
}

func (a *api) cancelWorkflow(ctx context.Context, in *controlInput) (*oneOutput[*ops.Instance], error) {
	i, err := a.Workflows.Cancel(ctx, in.ID, actorOf(ctx), in.reason())
	return movedWorkflow("cancel", i, err)
}

type retryInput struct {
	IDPath
	Body *struct {
		FromStep string                     `json:"from_step,omitempty" maxLength:"50" doc:"A step that has begun: it is done anew, with all that needs it. Absent: where it failed."`
		Context  map[string]json.RawMessage `json:"context,omitempty" doc:"Replaces values of the context; null takes one out."`
		Skip     []string                   `json:"skip,omitempty" maxItems:"100" doc:"Steps not to do: what needs them goes on as if they were completed."`
		Version  int                        `json:"version,omitempty" minimum:"1" doc:"The version of its template to go on with: its own or a newer published one. Absent: its own."`
		Reason   string                     `json:"reason,omitempty" maxLength:"4000" doc:"Why; it is kept."`
	} `nameHint:"RetryWorkflow"`
}

func (a *api) retryWorkflow(ctx context.Context, in *retryInput) (*oneOutput[*ops.Instance], error) {
	var r workflow.Retry
	if b := in.Body; b != nil {
		r = workflow.Retry{FromStep: b.FromStep, Context: b.Context, Skip: b.Skip, Version: b.Version, Reason: b.Reason}
	}
	i, err := a.Workflows.Retry(ctx, in.ID, actorOf(ctx), r)
	return movedWorkflow("retry", i, err)
}

func movedWorkflow(what string, i *ops.Instance, err error) (*oneOutput[*ops.Instance], error) {
	if err != nil {
		return nil, fmt.Errorf("%s workflow: %w", what, err)
	}
	return &oneOutput[*ops.Instance]{ETag: etag(i), Body: workflowView(i)}, nil
}
