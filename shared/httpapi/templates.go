package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"opsflow/shared/ops"
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
		text: "A template; every fault in it is told at once.",
	}, a.createTemplate)
	handle(a, route{
		id: "get-template", method: http.MethodGet, path: "/v1/templates/{name}/versions/{version}", action: readTemplates,
		summary: "Read one version of a template",
	}, a.getTemplate)
	handle(a, route{
		id: "draw-template", method: http.MethodGet, path: "/v1/templates/{name}/versions/{version}/graph", action: readTemplates,
		summary: "Draw the graph of one version of a template, as SVG",
	}, a.drawTemplate)
	handle(a, route{
		id: "publish-template", method: http.MethodPost, path: "/v1/templates/{name}/versions/{version}/publish",
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

func (a *api) createTemplate(ctx context.Context, in *TextInput) (*madeOutput[*ops.Template], error) {
	// huma uses the body's buffer again once we have answered.
	t, err := a.Workflows.CreateTemplate(ctx, bytes.Clone(in.RawBody), actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("create template: %w", err)
	}
	return &madeOutput[*ops.Template]{
		Status: http.StatusCreated, ETag: etag(t), Body: t,
		Location: "/v1/templates/" + t.Name + "/versions/" + strconv.Itoa(t.Version),
	}, nil
}

// TemplatePath are the parameters of every path that leads to one version of a template.
type TemplatePath struct {
	Name    string `path:"name" maxLength:"128"`
	Version int    `path:"version" minimum:"1"`
}

func (a *api) getTemplate(ctx context.Context, in *TemplatePath) (*oneOutput[*ops.Template], error) {
	t, err := a.Workflows.GetTemplate(ctx, in.Name, in.Version)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return &oneOutput[*ops.Template]{ETag: etag(t), Body: t}, nil
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

func (a *api) publishTemplate(ctx context.Context, in *publishInput) (*oneOutput[*ops.Template], error) {
	t, err := a.Workflows.Publish(ctx, in.Name, in.Version, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("publish template: %w", err)
	}
	return &oneOutput[*ops.Template]{ETag: etag(t), Body: t}, nil
}
