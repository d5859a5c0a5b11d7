package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

func (a *api) workflowRoutes() {
	handle(a, route{
		id: "list-workflows", method: http.MethodGet, path: "/v1/workflows", action: readWorkflows,
		summary: "List workflows, newest first",
	}, a.listWorkflows)
	handle(a, route{
		id: "start-workflow", method: http.MethodPost, path: "/v1/workflows", action: startWorkflows,
		summary: "Start a workflow", status: http.StatusCreated,
		refuses: []ops.Code{ops.CodeNotFound}, // the template
	}, a.startWorkflow)
	handle(a, route{
		id: "get-workflow", method: http.MethodGet, path: "/v1/workflows/{id}", action: readWorkflows,
		summary: "Read a workflow with its steps; an output_apart without its output is one that the step's own request reads",
	}, a.getWorkflow)
	handle(a, route{
		id: "get-workflow-step", method: http.MethodGet, path: "/v1/workflows/{id}/steps/{step}", action: readWorkflows,
		summary: "Read one step of a workflow, with all that it gave",
	}, a.getWorkflowStep)
	handle(a, route{
		id: "get-workflow-history", method: http.MethodGet, path: "/v1/workflows/{id}/history", action: readWorkflows,
		summary: "Read what happened to a workflow, oldest first",
	}, a.getWorkflowHistory)
}

// IDPath is the parameter of every path that leads to one record.
type IDPath struct {
	ID string `path:"id" maxLength:"256" doc:"The record's id."`
}

type instanceStatus string

// Schema names the values.
func (instanceStatus) Schema(huma.Registry) *huma.Schema { return oneOf(ops.InstanceStatuses()...) }

type workflowType string

// Schema names the values.
func (workflowType) Schema(huma.Registry) *huma.Schema { return oneOf(ops.WorkflowTypes()...) }

type workflowsQuery struct {
	PageQuery
	Status   instanceStatus `query:"status" doc:"Only those with this status."`
	Type     workflowType   `query:"type" doc:"Only those of this type."`
	Template string         `query:"template" maxLength:"128" doc:"Only those of this template."`
	Subject  string         `query:"subject" maxLength:"257" doc:"What they are about, as type/id." example:"booking/bk-1"`
	Team     string         `query:"team" doc:"The team's name, in any case."`
	Assignee string         `query:"assignee" maxLength:"128" doc:"A team or a person."`
	Overdue  bool           `query:"overdue" doc:"Only those that are open and past their due time."`
}

func (a *api) listWorkflows(ctx context.Context, q *workflowsQuery) (*listOutput[*ops.Instance], error) {
	subject, badSubject := subjectQuery(q.Subject)
	team, badTeam := teamQuery(q.Team)
	if err := invalid(badSubject, badTeam); err != nil {
		return nil, err
	}
	f := ops.InstanceFilter{
		Status: ops.InstanceStatus(q.Status), Type: ops.WorkflowType(q.Type), Template: q.Template, Subject: subject,
		Team: team, Assignee: q.Assignee, PageRequest: q.request(),
	}
	if q.Overdue {
		f.Overdue = a.Clock.Now()
	}
	page, err := a.Store.Instances(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list workflows: %w", err)
	}
	return listOf(page, workflowView), nil
}

// workflowView leaves out secrets, what is only ours to know, and the history, which has its own request.
func workflowView(i *ops.Instance) *ops.Instance {
	v := *i.Masked()
	v.History, v.Earlier, v.Timers, v.Lease, v.Waits = nil, 0, nil, ops.Lease{}, ops.TokenWait{}
	return &v
}

type startInput struct {
	Body startBody
}

type startBody struct {
	Template string                     `json:"template" minLength:"1" maxLength:"128"`
	Version  int                        `json:"version,omitempty" minimum:"1" doc:"Absent: the newest published."`
	Name     string                     `json:"name,omitempty" maxLength:"200"`
	Subject  *ops.SubjectRef            `json:"subject,omitempty" doc:"What it is about."`
	Context  map[string]json.RawMessage `json:"context,omitempty" doc:"What its steps work on."`
}

func (a *api) startWorkflow(ctx context.Context, in *startInput) (*madeOutput[*ops.Instance], error) {
	r := ops.StartRequest{
		Template: in.Body.Template, Version: in.Body.Version, Name: in.Body.Name, Context: in.Body.Context,
	}
	if s := in.Body.Subject; s != nil {
		if !ops.ValidID(s.Type) || !ops.ValidID(s.ID) {
			return nil, invalid(&ops.Fault{
				Path: "$.subject", Expected: "a type and an id, each 1 to 128 characters of A-Z a-z 0-9 . _ : -", Got: ops.Shown(s),
			})
		}
		r.Subject = *s
	}
	i, err := a.Workflows.Start(ctx, r, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("start workflow: %w", err)
	}
	return &madeOutput[*ops.Instance]{
		Status: http.StatusCreated, ETag: etag(i), Location: "/v1/workflows/" + i.ID, Body: workflowView(i),
	}, nil
}

// maxLoaded is how many bytes of large values an answer holds: a function's answer has a limit of 6 MB.
const maxLoaded = 2 << 20

func (a *api) getWorkflow(ctx context.Context, in *IDPath) (*oneOutput[*ops.Instance], error) {
	i, err := a.Store.Instance(ctx, in.ID)
	if err == nil {
		err = a.Store.Load(ctx, i, maxLoaded)
	}
	if err != nil {
		return nil, fmt.Errorf("read workflow: %w", err)
	}
	return &oneOutput[*ops.Instance]{ETag: etag(i), Body: workflowView(i)}, nil
}

type stepPath struct {
	IDPath
	Step string `path:"step" maxLength:"128" doc:"The step's id, as its template has it."`
}

func (a *api) getWorkflowStep(ctx context.Context, in *stepPath) (*oneOutput[ops.StepRecord], error) {
	i, err := a.Store.Instance(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read workflow: %w", err)
	}
	rec := i.Step(in.Step)
	if rec == nil {
		return nil, ops.Errorf(ops.CodeNotFound, "workflow %s has no step %s", in.ID, in.Step)
	}
	one := &ops.Instance{ID: i.ID, Secrets: i.Secrets, Steps: []ops.StepRecord{*rec}}
	if err := a.Store.Load(ctx, one, 0); err != nil {
		return nil, fmt.Errorf("read step: %w", err)
	}
	return &oneOutput[ops.StepRecord]{ETag: etag(i), Body: one.Masked().Steps[0]}, nil
}

type historyInput struct {
	IDPath
	PageQuery
}

func (a *api) getWorkflowHistory(ctx context.Context, in *historyInput) (*listOutput[ops.HistoryEntry], error) {
	i, err := a.Store.Instance(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read workflow: %w", err)
	}
	list := ops.List{Name: "history", Filter: i.ID}
	page, err := numberedOf(ctx, a.Store, list, i.Happened(), in.request(), func(from, to int) ([]ops.HistoryEntry, error) {
		return a.Store.History(ctx, i, from, to-from, maxLoaded)
	})
	if err == nil {
		err = a.Store.Load(ctx, i, maxLoaded)
	}
	if err != nil {
		return nil, err
	}
	return listOf(page, i.Masked().Whole), nil
}
