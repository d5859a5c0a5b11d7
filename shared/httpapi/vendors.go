package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"opsflow/shared/ops"
)

func (a *api) vendorRoutes() {
	handle(a, route{
		id: "list-vendors", method: http.MethodGet, path: "/v1/vendors", action: readVendors,
		summary: "List vendors, newest first",
	}, a.listVendors)
	handle(a, route{
		id: "get-vendor", method: http.MethodGet, path: "/v1/vendors/{id}", action: readVendors,
		summary: "Read a vendor",
	}, a.getVendor)
}

func (a *api) listVendors(ctx context.Context, q *PageQuery) (*listOutput[*ops.Vendor], error) {
	page, err := a.Store.Vendors(ctx, q.request())
	if err != nil {
		return nil, fmt.Errorf("list vendors: %w", err)
	}
	return listOf(page, same[*ops.Vendor]), nil
}

func (a *api) getVendor(ctx context.Context, in *IDPath) (*oneOutput[*ops.Vendor], error) {
	v, err := a.Store.Vendor(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read vendor: %w", err)
	}
	return &oneOutput[*ops.Vendor]{ETag: etag(v), Body: v}, nil
}
