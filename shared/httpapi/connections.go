package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"opsflow/shared/ops"
)

func (a *api) connectionRoutes() {
	handle(a, route{
		id: "list-connections", method: http.MethodGet, path: "/v1/connections", action: readConnections,
		summary: "List the systems outside that api_call steps may call, by name; secrets are never shown",
	}, a.listConnections)
	handle(a, route{
		id: "get-connection", method: http.MethodGet, path: "/v1/connections/{id}", action: readConnections,
		summary: "Read a connection",
	}, a.getConnection)
	handle(a, route{
		id: "put-connection", method: http.MethodPut, path: "/v1/connections/{id}", record: byID(a.Store.Connection), action: writeConnections,
		summary: "Add a connection or replace one; steps use it from their next call on",
	}, a.putConnection)
}

func (a *api) listConnections(ctx context.Context, q *PageQuery) (*listOutput[*ops.Connection], error) {
	all, err := a.Store.Connections(ctx)
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	page, err := ops.Cut(ctx, a.Store, ops.List{Name: "connections"}, all, func(c *ops.Connection) string { return c.Name }, q.request())
	if err != nil {
		return nil, err
	}
	return listOf(page, same[*ops.Connection]), nil
}

func (a *api) getConnection(ctx context.Context, in *IDPath) (*oneOutput[*ops.Connection], error) {
	c, err := a.Store.Connection(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read connection: %w", err)
	}
	return &oneOutput[*ops.Connection]{ETag: etag(c), Body: c}, nil
}

type putConnectionInput struct {
	IDPath
	Body struct {
		BaseURL      string              `json:"base_url" doc:"The paths of calls are below it." example:"https://payments.example/v2"`
		AllowedHosts []string            `json:"allowed_hosts,omitempty" nullable:"false" doc:"The hosts that a redirect may lead to, besides the base URL's own."`
		Auth         *ops.ConnectionAuth `json:"auth,omitempty" doc:"How requests say who they come from. The secret is named here, and kept in Secrets Manager as <prefix>/<name>."`
		Headers      map[string]string   `json:"headers,omitempty" doc:"Sent with each request."`
		Timeout      string              `json:"timeout,omitempty" doc:"How long one request may take, 1s to 20s; absent: 10s." example:"5s"`
	} `nameHint:"PutConnection"`
}

func (a *api) putConnection(ctx context.Context, in *putConnectionInput) (*oneOutput[*ops.Connection], error) {
	b := in.Body
	c := ops.Connection{Name: in.ID, BaseURL: b.BaseURL, AllowedHosts: b.AllowedHosts, Auth: b.Auth, Headers: b.Headers}
	if b.Timeout != "" {
		d, err := ops.ParseDuration(b.Timeout)
		if err != nil {
			return nil, ops.Invalid("connection", []ops.Fault{{Path: "$.timeout", Expected: `a duration like "5s"`, Got: b.Timeout}})
		}
		c.Timeout = d
	}
	stored, err := a.Connections.Put(ctx, c, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("write connection: %w", err)
	}
	return &oneOutput[*ops.Connection]{ETag: etag(stored), Body: stored}, nil
}
