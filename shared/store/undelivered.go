package store

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
)

// Undelivered implements ops.UndeliveredStore.
func (s *Store) Undelivered(ctx context.Context, id string) (*ops.Undelivered, error) {
	return get[ops.Undelivered](ctx, s, ops.Ref{Kind: ops.KindUndelivered, ID: id})
}

// UndeliveredList implements ops.UndeliveredStore.
func (s *Store) UndeliveredList(ctx context.Context, f ops.UndeliveredFilter) (ops.Page[*ops.Undelivered], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	l := newest("undelivered events", ops.KindUndelivered, f)
	if f.Status != "" {
		l.index, l.partitions = stateIndex, sharded("undelivered#"+string(f.Status))
	}
	var keep func(*ops.Undelivered) bool
	if f.Source != "" {
		keep = func(u *ops.Undelivered) bool { return u.Source == f.Source }
	}
	return page(ctx, s, l, req, keep)
}

// UndeliveredSource implements ops.UndeliveredStore.
func (s *Store) UndeliveredSource(ctx context.Context, source string) (*ops.UndeliveredSource, error) {
	u, found, err := read[ops.UndeliveredSource](ctx, s, keyOfRef(ops.Ref{Kind: ops.KindUndeliveredSource, ID: source}))
	if err != nil {
		return nil, fmt.Errorf("read what is undelivered of %s: %w", source, err)
	}
	if !found {
		return &ops.UndeliveredSource{Source: source}, nil
	}
	return u, nil
}
