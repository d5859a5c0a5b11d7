package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

func (a *api) undeliveredRoutes() {
	handle(a, route{
		id: "list-undelivered", method: http.MethodGet, path: "/v1/undelivered", action: readUndelivered,
		summary: "List the events that could not be delivered, newest first, each with its reason",
	}, a.listUndelivered)
	handle(a, route{
		id: "get-undelivered", method: http.MethodGet, path: "/v1/undelivered/{id}", action: readUndelivered,
		summary: "Read what could not be delivered, with the event",
	}, a.getUndelivered)
	handle(a, route{
		id: "resend-undelivered", method: http.MethodPost, path: "/v1/undelivered/{id}/resend", record: byID(a.Store.Undelivered), action: resendUndelivered,
		summary: "Deliver it once more, as the event that it was: what was done for it is not done again",
	}, a.resendUndelivered)
	handle(a, route{
		id: "close-undelivered", method: http.MethodPost, path: "/v1/undelivered/{id}/close", record: byID(a.Store.Undelivered), action: resendUndelivered,
		summary: "Put away what is not to be sent again",
	}, a.closeUndelivered)
}

type undeliveredStatus string

// Schema names the values.
func (undeliveredStatus) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.UndeliveredStatuses()...)
}

type undeliveredQuery struct {
	PageQuery
	Status undeliveredStatus `query:"status" doc:"Only those with this status."`
	Source string            `query:"source" maxLength:"128" doc:"The function that they were for."`
}

func (a *api) listUndelivered(ctx context.Context, q *undeliveredQuery) (*listOutput[*ops.Undelivered], error) {
	page, err := a.Store.UndeliveredList(ctx, ops.UndeliveredFilter{
		Status: ops.UndeliveredStatus(q.Status), Source: q.Source, PageRequest: q.request(),
	})
	if err != nil {
		return nil, fmt.Errorf("list undelivered events: %w", err)
	}
	return listOf(page, same), nil
}

func (a *api) getUndelivered(ctx context.Context, in *IDPath) (*oneOutput[*ops.Undelivered], error) {
	return oneUndelivered(a.Store.Undelivered(ctx, in.ID))
}

func (a *api) resendUndelivered(ctx context.Context, in *bareInput) (*oneOutput[*ops.Undelivered], error) {
	return oneUndelivered(a.Undelivered.Resend(ctx, in.ID, actorOf(ctx)))
}

type closeUndeliveredInput struct {
	IDPath
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"4000" doc:"Why it is not to be sent again."`
	} `nameHint:"CloseUndelivered"`
}

func (a *api) closeUndelivered(ctx context.Context, in *closeUndeliveredInput) (*oneOutput[*ops.Undelivered], error) {
	return oneUndelivered(a.Undelivered.Close(ctx, in.ID, actorOf(ctx), in.Body.Reason))
}

func oneUndelivered(u *ops.Undelivered, err error) (*oneOutput[*ops.Undelivered], error) {
	if err != nil {
		return nil, fmt.Errorf("undelivered event: %w", err)
	}
	return &oneOutput[*ops.Undelivered]{ETag: etag(u), Body: u}, nil
}
