package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/bulk"
	"opsflow/shared/ops"
)

func (a *api) bulkRoutes() {
	handle(a, route{
		id: "start-bulk", method: http.MethodPost, path: "/v1/bulk", action: workInBulk,
		summary: "Do one thing to many records, or preview it", status: http.StatusAccepted, or: http.StatusOK, // of a preview
	}, a.startBulk)
	handle(a, route{
		id: "list-bulk", method: http.MethodGet, path: "/v1/bulk", action: readBulk,
		summary: "List bulk operations, newest first",
	}, a.listBulk)
	handle(a, route{
		id: "get-bulk", method: http.MethodGet, path: "/v1/bulk/{id}", action: readBulk,
		summary: "Read a bulk operation with the outcome of each item",
	}, a.getBulk)
}

type bulkAction string

// Schema names the values.
func (bulkAction) Schema(huma.Registry) *huma.Schema { return oneOf(ops.BulkActions()...) }

type bulkOutcome string

// Schema names the values.
func (bulkOutcome) Schema(huma.Registry) *huma.Schema { return oneOf(ops.BulkOutcomes()...) }

type bulkInput struct {
	Body bulkBody
}

type bulkBody struct {
	Action  bulkAction      `json:"action"`
	IDs     []string        `json:"ids,omitempty" maxItems:"10000" nullable:"false" doc:"The records, or filter."`
	Filter  *bulk.Filter    `json:"filter,omitempty" doc:"Those that match now; the selection is frozen with that."`
	Preview bool            `json:"preview,omitempty" doc:"Only tell what would happen to each item."`
	Params  json.RawMessage `json:"params,omitempty" doc:"What the request for a single record has as its body."`
}

// bulkView is a bulk operation, or the preview of one, which has no id, as callers see it.
type bulkView struct {
	ID         string          `json:"id,omitempty"`
	Action     ops.BulkAction  `json:"action"`
	Params     json.RawMessage `json:"params,omitempty"`
	Filter     json.RawMessage `json:"filter,omitempty"`
	Actor      *ops.Actor      `json:"actor,omitempty" doc:"Who asked for it."`
	Status     string          `json:"status" enum:"preview,running,completed"`
	Total      int             `json:"total" doc:"How many items it has."`
	Counts     ops.BulkCounts  `json:"counts" doc:"Items by outcome; while it runs, of the parts that are finished."`
	CreatedAt  time.Time       `json:"created_at,omitzero"`
	EndedAt    time.Time       `json:"ended_at,omitzero"`
	Items      []ops.BulkItem  `json:"items,omitzero" nullable:"false" doc:"In a preview, done means that it would be."`
	NextCursor *string         `json:"next_cursor,omitempty" doc:"Absent on the last page of items."`
}

type bulkOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     bulkView
}

func viewBulk(b *ops.Bulk) bulkView {
	return bulkView{
		ID: b.ID, Action: b.Action, Params: b.Params, Filter: b.Filter, Actor: &b.Actor, Status: string(b.Status), Total: b.Total,
		Counts: b.Counts, CreatedAt: b.CreatedAt, EndedAt: b.EndedAt,
	}
}

func (a *api) startBulk(ctx context.Context, in *bulkInput) (*bulkOutput, error) {
	actor := actorOf(ctx)
	r := bulk.Request{
		Action: ops.BulkAction(in.Body.Action), IDs: in.Body.IDs, Filter: in.Body.Filter, Params: in.Body.Params,
	}
	if err := AuthorizeBulk(actor, r.Action); err != nil {
		return nil, err
	}
	if in.Body.Preview {
		p, err := a.Bulk.Preview(ctx, r, actor)
		if err != nil {
			return nil, fmt.Errorf("preview bulk operation: %w", err)
		}
		return &bulkOutput{Status: http.StatusOK, Body: bulkView{
			Action: p.Action, Status: "preview", Total: len(p.Items), Counts: p.Counts, Items: p.Items,
		}}, nil
	}
	b, err := a.Bulk.Begin(ctx, r, actor)
	if err != nil {
		return nil, fmt.Errorf("begin bulk operation: %w", err)
	}
	return &bulkOutput{Status: http.StatusAccepted, ETag: etag(b), Location: "/v1/bulk/" + b.ID, Body: viewBulk(b)}, nil
}

func (a *api) listBulk(ctx context.Context, q *PageQuery) (*listOutput[bulkView], error) {
	page, err := a.Store.Bulks(ctx, q.request())
	if err != nil {
		return nil, fmt.Errorf("list bulk operations: %w", err)
	}
	return listOf(page, viewBulk), nil
}

type bulkItemsInput struct {
	IDPath
	Outcome bulkOutcome `query:"outcome" doc:"Only items with this outcome."`
	Limit   int         `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most."`
	Cursor  string      `query:"cursor" maxLength:"8192" doc:"next_cursor of the page before, with the same outcome."`
}

func (a *api) getBulk(ctx context.Context, in *bulkItemsInput) (*oneOutput[bulkView], error) {
	b, err := a.Store.Bulk(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read bulk operation: %w", err)
	}
	scope, err := ops.List{Name: "bulk items " + b.ID, Filter: in.Outcome}.Scope()
	if err != nil {
		return nil, err
	}
	place, err := a.Store.OpenCursor(ctx, scope, in.Cursor)
	if err != nil {
		return nil, err
	}
	view := viewBulk(b)
	var next int
	if view.Items, next, err = a.Bulk.Items(ctx, b, ops.BulkOutcome(in.Outcome), place.Seen, in.Limit); err != nil {
		return nil, fmt.Errorf("read the items: %w", err)
	}
	if next < b.Total {
		cursor, err := a.Store.SealCursor(ctx, scope, ops.Position{Seen: next})
		if err != nil {
			return nil, err
		}
		view.NextCursor = &cursor
	}
	return &oneOutput[bulkView]{ETag: etag(b), Body: view}, nil
}
