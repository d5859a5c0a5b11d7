package store

import (
	"context"

	"opsflow/shared/ops"
)

// Bulk implements ops.BulkStore.
func (s *Store) Bulk(ctx context.Context, id string) (*ops.Bulk, error) {
	return get[ops.Bulk](ctx, s, ops.Ref{Kind: ops.KindBulk, ID: id})
}

// BulkChunk implements ops.BulkStore.
func (s *Store) BulkChunk(ctx context.Context, id string, number int) (*ops.BulkChunk, error) {
	return get[ops.BulkChunk](ctx, s, (&ops.BulkChunk{BulkID: id, Number: number}).Ref())
}

// Bulks implements ops.BulkStore.
func (s *Store) Bulks(ctx context.Context, p ops.PageRequest) (ops.Page[*ops.Bulk], error) {
	return page[ops.Bulk](ctx, s, newest("bulk operations", ops.KindBulk, nil), p, nil)
}
