package store

import (
	"context"

	"opsflow/shared/ops"
)

// Connection implements ops.ConnectionStore.
func (s *Store) Connection(ctx context.Context, name string) (*ops.Connection, error) {
	return get[ops.Connection](ctx, s, ops.Ref{Kind: ops.KindConnection, ID: name})
}

// Connections implements ops.ConnectionStore.
func (s *Store) Connections(ctx context.Context) ([]*ops.Connection, error) {
	return readAll[ops.Connection](ctx, s, string(ops.KindConnection))
}
