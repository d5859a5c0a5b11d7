package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"opsflow/shared/ops"
)

func (a *api) schemaRoutes() {
	handle(a, route{
		id: "get-event-schema", method: http.MethodGet, path: "/v1/schemas/{event}", action: readSchemas,
		summary: "Read the JSON Schema of an event's detail, or as template that of workflow templates",
	}, a.getSchema)
}

type schemaPath struct {
	Event string `path:"event" maxLength:"128" doc:"The event's type, or template." example:"booking_created"`
}

type schemaOutput struct{ Body json.RawMessage }

func (a *api) getSchema(_ context.Context, in *schemaPath) (*schemaOutput, error) {
	if in.Event == "template" {
		return &schemaOutput{Body: ops.TemplateSchema()}, nil
	}
	schema, ok := ops.EventSchema(ops.EventType(in.Event))
	if !ok {
		return nil, ops.Errorf(ops.CodeNotFound, "%s is no event that has a schema; those are %s", ops.Shown(in.Event), join(ops.EventTypes()))
	}
	return &schemaOutput{Body: schema}, nil
}
