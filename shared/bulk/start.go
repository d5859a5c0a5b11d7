package bulk

import (
	"context"
	"encoding/json"
	"fmt"

	"opsflow/shared/audit"
	"opsflow/shared/drive"
	"opsflow/shared/ops"
)

// Begin freezes the selection, stores the operation and has it worked through. An operation of nothing is completed at
// once. CodeInvalid for an unknown action, unknown parameters, a filter that does not fit, and a selection of more than
// ops.MaxBulkItems.
func (s *Service) Begin(ctx context.Context, r Request, by ops.Actor) (*ops.Bulk, error) {
	kind, _, err := find(r.Action, r.Params)
	if err != nil {
		return nil, err
	}
	b, err := s.plan(r, by)
	if err != nil {
		return nil, err
	}
	ids, err := s.selected(ctx, kind, r)
	if err != nil {
		return nil, err
	}
	records := fill(b, ids)
	entry, err := audit.First(ctx, audit.Change{Actor: by, Action: "bulk.begin", Target: b.Ref(), After: begun{
		Action: b.Action, Params: b.Params, Filter: b.Filter, Total: b.Total,
	}}, b.CreatedAt)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Save(ctx, append(records, entry)...); err != nil {
		return nil, fmt.Errorf("store bulk operation %s: %w", b.ID, err)
	}
	if b.Status == ops.BulkCompleted {
		return b, nil
	}
	if err := s.driver().Start(ctx, b); err != nil {
		// The operation stands and is driven later: the person has nothing to do about it.
		s.Logger.WarnContext(ctx, "bulk operation not started; sweep-due will", "bulk", b.ID, "error", err)
	}
	return b, nil
}

// plan makes the operation without its items.
func (s *Service) plan(r Request, by ops.Actor) (*ops.Bulk, error) {
	now := s.Clock.Now()
	b := &ops.Bulk{
		Meta:   ops.Meta{CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(ops.EventRetention)},
		Action: r.Action, Params: r.Params, Actor: by, Status: ops.BulkRunning, Attempt: 1,
	}
	var err error
	if r.Filter != nil {
		if b.Filter, err = json.Marshal(r.Filter); err != nil {
			return nil, fmt.Errorf("write down the filter: %w", err)
		}
	}
	b.ID, err = ops.RandomID("blk-", s.Random)
	return b, err
}

// begun is what the audit entry of an operation tells.
type begun struct {
	Action ops.BulkAction  `json:"action"`
	Params json.RawMessage `json:"params,omitempty"`
	Filter json.RawMessage `json:"filter,omitempty"`
	Total  int             `json:"total"`
}

// fill gives the operation its items, and all records that it is then made of.
func fill(b *ops.Bulk, ids []string) []ops.Record {
	b.Total = len(ids)
	b.Counts.Add(ops.BulkPending, b.Total)
	b.ChunksLeft = b.Parts()
	records := []ops.Record{b}
	for n := range b.Parts() {
		c := &ops.BulkChunk{
			Meta:   ops.Meta{CreatedAt: b.CreatedAt, UpdatedAt: b.UpdatedAt, ExpiresAt: b.ExpiresAt},
			BulkID: b.ID, Number: n,
		}
		for _, id := range ids[n*ops.BulkChunkItems : min((n+1)*ops.BulkChunkItems, len(ids))] {
			c.Items = append(c.Items, ops.BulkItem{ID: id, Outcome: ops.BulkPending})
		}
		records = append(records, c)
	}
	if b.ChunksLeft == 0 {
		b.Status, b.EndedAt = ops.BulkCompleted, b.CreatedAt
	} else {
		drive.Watch(b)
	}
	return records
}
