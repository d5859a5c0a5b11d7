package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
	"opsflow/shared/workflow/graph"
)

func (a *api) templateRoutes() {
	handle(a, route{
		id: "list-templates", method: http.MethodGet, path: "/v1/templates", action: readTemplates,
		summary: "List the templates of workflows, built-in ones included",
	}, a.listTemplates)
	handle(a, route{
		id: "create-template", method: http.MethodPost, path: "/v1/templates", action: writeTemplates,
		summary: "Store a new version of a template", status: http.StatusCreated,
		text: "A template; every fault in it is told at once.", schema: "template",
	}, a.createTemplate)
	handle(a, route{
		id: "validate-template", method: http.MethodPost, path: "/v1/templates/validate", action: readTemplates, reads: true,
		summary: "Say what is wrong with a template, or else what is odd about it and what a run costs; nothing is stored",
		text:    "A template.",
		schema:  "template",
	}, a.validateTemplate)
	handle(a, route{
		id: "get-template", method: http.MethodGet, path: "/v1/templates/{name}/versions/{version}", action: readTemplates,
		summary: "Read one version of a template",
	}, a.getTemplate)
	handle(a, route{
		id: "draw-template", method: http.MethodGet, path: "/v1/templates/{name}/versions/{version}/graph", action: readTemplates,
		summary: "Draw the graph of one version of a template, as SVG",
	}, a.drawTemplate)
	handle(a, route{
		id: "publish-template", method: http.MethodPost, path: "/v1/templates/{name}/versions/{version}/publish", record: a.templateVersion,
		action: publishTemplates, summary: "Make a version unchangeable and startable; without activating it, only where its number is named",
	}, a.publishTemplate)
	handle(a, route{
		id: "activate-template", method: http.MethodPost, path: "/v1/templates/{name}/versions/{version}/activate", record: a.templateVersion,
		action: publishTemplates, summary: "Let a published version start where none is named: the newest active one does",
	}, a.activateTemplate)
	handle(a, route{
		id: "deactivate-template", method: http.MethodPost, path: "/v1/templates/{name}/versions/{version}/deactivate", record: a.templateVersion,
		action: publishTemplates, summary: "Withdraw a version: the newest that is still active starts instead; what runs goes on",
	}, a.deactivateTemplate)
}

type templateTrigger string

// Schema names the values.
func (templateTrigger) Schema(huma.Registry) *huma.Schema { return oneOf(ops.Triggers()...) }

type templatesQuery struct {
	PageQuery
	Name      string          `query:"name" maxLength:"128" doc:"All versions of one template."`
	Type      workflowType    `query:"type" doc:"Only those of this type."`
	Team      string          `query:"team" doc:"The team's name, in any case."`
	Trigger   templateTrigger `query:"trigger" doc:"Only those that are started so."`
	Active    string          `query:"active" enum:"true,false" doc:"Whether it may start where no version is named."`
	Published string          `query:"published" enum:"true,false" doc:"Whether it can no longer be changed."`
}

func (q *templatesQuery) fits(t *ops.Template, team ops.Team) bool {
	return (q.Name == "" || t.Name == q.Name) && (q.Type == "" || t.Type == ops.WorkflowType(q.Type)) &&
		(team == "" || t.Team == team) && (q.Trigger == "" || t.Trigger == ops.Trigger(q.Trigger)) &&
		isOf(q.Active, t.Active) && isOf(q.Published, t.Published)
}

// isOf reports whether a yes or no is the one that is asked for; empty: either.
func isOf(asked string, is bool) bool { return asked == "" || asked == strconv.FormatBool(is) }

func (a *api) listTemplates(ctx context.Context, q *templatesQuery) (*listOutput[*ops.Template], error) {
	team, badTeam := teamQuery(q.Team)
	if err := invalid(badTeam); err != nil {
		return nil, err
	}
	all, err := a.Workflows.ListTemplates(ctx)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	fitting := slices.DeleteFunc(slices.Clone(all), func(t *ops.Template) bool { return !q.fits(t, team) })
	filter := *q
	filter.PageQuery = PageQuery{}
	place := func(t *ops.Template) string { return fmt.Sprintf("%s\x00%010d", t.Name, math.MaxInt32-t.Version) } // as they are listed
	page, err := ops.Cut(ctx, a.Store, ops.List{Name: "templates", Filter: filter}, fitting, place, q.request())
	if err != nil {
		return nil, err
	}
	return listOf(page, same[*ops.Template]), nil
}

// TextInput is of a request whose body the domain decodes from its text.
type TextInput struct {
	RawBody []byte `contentType:"application/json"`
}

// TemplateBody is one version of a template, with what there is to know of it.
type TemplateBody struct {
	ops.Template
	workflow.Advice
	UsedBy []string `json:"used_by" nullable:"false" doc:"The rules that start workflows of this name, those that are off included."`
}

// advised puts to a template what there is to know of it.
func (a *api) advised(ctx context.Context, t *ops.Template) (TemplateBody, error) {
	advice, err := a.Workflows.Advise(ctx, t)
	if err != nil {
		return TemplateBody{}, fmt.Errorf("look for what is odd about template %s: %w", ops.TemplateID(t.Name, t.Version), err)
	}
	rules, err := a.Rules.List(ctx)
	if err != nil {
		return TemplateBody{}, fmt.Errorf("look for the rules that use template %s: %w", t.Name, err)
	}
	body := TemplateBody{*t, advice, []string{}}
	for _, r := range rules {
		if r.Starts(t.Name) {
			body.UsedBy = append(body.UsedBy, r.ID)
		}
	}
	return body, nil
}

func (a *api) createTemplate(ctx context.Context, in *TextInput) (*madeOutput[TemplateBody], error) {
	// huma uses the body's buffer again once we have answered.
	t, err := a.Workflows.CreateTemplate(ctx, bytes.Clone(in.RawBody), actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("create template: %w", err)
	}
	body, err := a.advised(ctx, t)
	if err != nil {
		return nil, err
	}
	return &madeOutput[TemplateBody]{
		Status: http.StatusCreated, ETag: etag(t), Body: body,
		Location: "/v1/templates/" + t.Name + "/versions/" + strconv.Itoa(t.Version),
	}, nil
}

func (a *api) validateTemplate(ctx context.Context, in *TextInput) (*oneOutput[workflow.Verdict], error) {
	v, err := a.Workflows.ValidateTemplate(ctx, bytes.Clone(in.RawBody))
	if err != nil {
		return nil, fmt.Errorf("validate template: %w", err)
	}
	return &oneOutput[workflow.Verdict]{Body: v}, nil
}

// TemplatePath are the parameters of every path that leads to one version of a template.
type TemplatePath struct {
	Name    string `path:"name" maxLength:"128" doc:"The template's name."`
	Version int    `path:"version" minimum:"1" doc:"Which of its versions."`
}

func (a *api) getTemplate(ctx context.Context, in *TemplatePath) (*oneOutput[TemplateBody], error) {
	t, err := a.Workflows.GetTemplate(ctx, in.Name, in.Version)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return a.oneTemplate(ctx, t)
}

func (a *api) oneTemplate(ctx context.Context, t *ops.Template) (*oneOutput[TemplateBody], error) {
	body, err := a.advised(ctx, t)
	if err != nil {
		return nil, err
	}
	return &oneOutput[TemplateBody]{ETag: etag(t), Body: body}, nil
}

type drawingOutput struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

func (a *api) drawTemplate(ctx context.Context, in *TemplatePath) (*drawingOutput, error) {
	t, err := a.Workflows.GetTemplate(ctx, in.Name, in.Version)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return &drawingOutput{
		ContentType: "image/svg+xml", Policy: "default-src 'none'; style-src 'unsafe-inline'", Body: graph.Document(t, nil),
	}, nil
}

type publishInput struct {
	TemplatePath
	Body *struct {
		Activate *bool `json:"activate,omitempty" doc:"False: it starts only where its number is named, to try it. Absent: true."`
	} `nameHint:"PublishTemplate"`
}

func (a *api) publishTemplate(ctx context.Context, in *publishInput) (*oneOutput[TemplateBody], error) {
	activate := in.Body == nil || in.Body.Activate == nil || *in.Body.Activate
	t, err := a.Workflows.Publish(ctx, in.Name, in.Version, actorOf(ctx), activate)
	if err != nil {
		return nil, fmt.Errorf("publish template: %w", err)
	}
	return a.oneTemplate(ctx, t)
}

type activeInput struct {
	TemplatePath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"4000" doc:"Why; it is kept."`
	} `nameHint:"ActivateTemplate"`
}

func (in *activeInput) reason() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Reason
}

func (a *api) activateTemplate(ctx context.Context, in *activeInput) (*oneOutput[TemplateBody], error) {
	t, err := a.Workflows.Activate(ctx, in.Name, in.Version, actorOf(ctx), in.reason())
	if err != nil {
		return nil, fmt.Errorf("activate template: %w", err)
	}
	return a.oneTemplate(ctx, t)
}

func (a *api) deactivateTemplate(ctx context.Context, in *activeInput) (*oneOutput[TemplateBody], error) {
	t, err := a.Workflows.Deactivate(ctx, in.Name, in.Version, actorOf(ctx), in.reason())
	if err != nil {
		return nil, fmt.Errorf("deactivate template: %w", err)
	}
	return a.oneTemplate(ctx, t)
}
