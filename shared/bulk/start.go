package bulk

import (
	"context"
	"encoding/json"
	"fmt"

	"opsflow/shared/drive"
	"opsflow/shared/ops"
)

// Begin freezes the selection, stores the operation and has it worked through. An operation of nothing is completed at
// once. The same key by the same person gives the operation that it has begun before, CodeInvalid when that was asked for
// with another request; an empty key begins a new one each time. CodeInvalid for an unknown action, unknown parameters, a
// filter that does not fit, and a selection of more than ops.MaxBulkItems.
func (s *Service) Begin(ctx context.Context, r Request, by ops.Actor, key string) (*ops.Bulk, error) {
	kind, _, err := find(r.Action, r.Params)
	if err != nil {
		return nil, err
	}
	b, err := s.plan(r, by, key)
	if err != nil {
		return nil, err
	}
	if key != "" {
		if before, err := s.begun(ctx, b); before != nil || err != nil {
			return before, err
		}
	}
	ids, err := s.selected(ctx, kind, r)
	if err != nil {
		return nil, err
	}
	records := fill(b, ids)
	err = s.Store.Save(ctx, records...)
	if key != "" && ops.AsConflict(err) != nil { // the same request at the same moment was first
		return s.begun(ctx, b)
	}
	if err != nil {
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
func (s *Service) plan(r Request, by ops.Actor, key string) (*ops.Bulk, error) {
	now := s.Clock.Now()
	asked, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write down the request: %w", err)
	}
	b := &ops.Bulk{
		Meta:   ops.Meta{CreatedAt: now, UpdatedAt: now, ExpiresAt: now.Add(ops.EventRetention)},
		Action: r.Action, Params: r.Params, Actor: by, Status: ops.BulkRunning, Attempt: 1,
		Request: ops.HashID("", string(asked)),
	}
	if r.Filter != nil {
		if b.Filter, err = json.Marshal(r.Filter); err != nil {
			return nil, fmt.Errorf("write down the filter: %w", err)
		}
	}
	if key != "" {
		b.ID = ops.HashID("blk-", by.ID, key)
		return b, nil
	}
	b.ID, err = ops.RandomID("blk-", s.Random)
	return b, err
}

// begun gives the operation that the same key has begun; nil when there is none.
func (s *Service) begun(ctx context.Context, b *ops.Bulk) (*ops.Bulk, error) {
	before, err := s.Store.Bulk(ctx, b.ID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, nil //nolint:nilnil // documented
	}
	if err != nil {
		return nil, fmt.Errorf("look for the bulk operation of the Idempotency-Key: %w", err)
	}
	if before.Request != b.Request {
		return nil, ops.Invalid("request", []ops.Fault{{
			Path: "header.Idempotency-Key", Expected: "new for each request: it has begun another operation as " + before.ID,
		}})
	}
	return before, nil
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
