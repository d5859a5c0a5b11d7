package store

import (
	"context"
	"fmt"
	"slices"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// PendingAction implements ops.ActionStore.
func (s *Store) PendingAction(ctx context.Context, id string) (*ops.PendingAction, error) {
	return get[ops.PendingAction](ctx, s, ops.Ref{Kind: ops.KindAction, ID: id})
}

// PendingActions implements ops.ActionStore.
func (s *Store) PendingActions(ctx context.Context, ids []string) ([]*ops.PendingAction, error) {
	var all []*ops.PendingAction
	for batch := range slices.Chunk(ids, table.MaxBatchGet) {
		keys := make([]table.Key, len(batch))
		for i, id := range batch {
			keys[i] = keyOfRef(ops.Ref{Kind: ops.KindAction, ID: id})
		}
		items, err := s.table.BatchGet(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("read %d actions: %w", len(ids), inWords(err))
		}
		for _, item := range items {
			a, err := decode[ops.PendingAction](item)
			if err != nil {
				return nil, err
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// Actions implements ops.ActionStore. The index knows of no more than the ids, so that few bytes are copied into it; one that
// has moved on meanwhile is left out.
func (s *Store) Actions(ctx context.Context, f ops.ActionFilter) (ops.Page[*ops.PendingAction], error) {
	l := list{
		name: "actions", filter: ops.ActionFilter{RuleID: f.RuleID, Status: f.Status}, index: stateIndex,
		partitions: sharded(actionsPartition(f.RuleID, f.Status)),
	}
	listed, err := page[ops.PendingAction](ctx, s, l, f.PageRequest, nil)
	if err != nil {
		return listed, err
	}
	place := make(map[string]int, len(listed.Items))
	ids := make([]string, len(listed.Items))
	for i, a := range listed.Items {
		place[a.ID], ids[i] = i, a.ID
	}
	whole, err := s.PendingActions(ctx, ids)
	if err != nil {
		return listed, err
	}
	listed.Items = slices.DeleteFunc(whole, func(a *ops.PendingAction) bool { return a.Status != f.Status })
	slices.SortFunc(listed.Items, func(a, b *ops.PendingAction) int { return place[a.ID] - place[b.ID] })
	return listed, nil
}
