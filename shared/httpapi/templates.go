package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

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
		action: publishTemplates, summary: "Make a version startable, and unchangeable",
	}, a.publishTemplate)
}

func (a *api) listTemplates(ctx context.Context, q *PageQuery) (*listOutput[*ops.Template], error) {
	all, err := a.Workflows.ListTemplates(ctx)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	page, err := pageOf(all, q.request())
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
}

// advised puts to a template what there is to know of it.
func (a *api) advised(ctx context.Context, t *ops.Template) (TemplateBody, error) {
	advice, err := a.Workflows.Advise(ctx, t)
	if err != nil {
		return TemplateBody{}, fmt.Errorf("look for what is odd about template %s: %w", ops.TemplateID(t.Name, t.Version), err)
	}
	return TemplateBody{*t, advice}, nil
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
	Name    string `path:"name" maxLength:"128"`
	Version int    `path:"version" minimum:"1"`
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
	Body *struct{}
}

func (a *api) publishTemplate(ctx context.Context, in *publishInput) (*oneOutput[TemplateBody], error) {
	t, err := a.Workflows.Publish(ctx, in.Name, in.Version, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("publish template: %w", err)
	}
	return a.oneTemplate(ctx, t)
}
