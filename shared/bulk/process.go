package bulk

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

const (
	// saveEvery is how many items are done between two writes of their outcomes.
	saveEvery = 25
	// itemTries is how often an item is tried that could not be done just now, with itemPause before the second time and
	// twice as long before each other.
	itemTries = 3
	itemPause = 200 * time.Millisecond
	// maxConflicts is how often a write is tried again because somebody else wrote first: chunks that end at the same
	// moment count into one record.
	maxConflicts = 50
)

// Work is what the state machine hands to one invocation.
type Work struct {
	Bulk  string `json:"bulk"`
	Chunk int    `json:"chunk"`
}

// Process works through one chunk, from wherever an earlier delivery left it. Deliveries of one chunk, one after another
// or at once, do every item once and keep one outcome for it. An error says that something did not answer, or that the
// time is over: to be delivered again.
func (s *Service) Process(ctx context.Context, w Work) error {
	b, err := s.Store.Bulk(ctx, w.Bulk)
	if err != nil {
		return fmt.Errorf("read bulk operation %s: %w", w.Bulk, err)
	}
	kind, run, err := find(b.Action, b.Params)
	if err != nil {
		return fmt.Errorf("bulk operation %s: %w", b.ID, err)
	}
	c, err := s.enter(ctx, w)
	if err != nil {
		return err
	}
	ctx = audit.WithRequestID(ctx, b.ID)
	unsaved := 0
	for i := range c.Items {
		if c.Items[i].Outcome != ops.BulkPending {
			continue
		}
		ref := ops.Ref{Kind: kind, ID: c.Items[i].ID}
		item, err := s.item(ctx, b, ref, c.Tries > 1, func() (string, error) { return run(ctx, s.Services, ref.ID, b.Actor) })
		if err != nil {
			return fmt.Errorf("chunk %d of bulk operation %s: %w", c.Number, b.ID, err)
		}
		c.Items[i] = item
		if unsaved++; unsaved == saveEvery {
			unsaved = 0
			if err := s.save(ctx, c); err != nil {
				return err
			}
		}
	}
	if unsaved == 0 {
		return nil
	}
	return s.save(ctx, c)
}

// enter reads a chunk and notes on it that somebody works on it, unless nothing is left to do.
func (s *Service) enter(ctx context.Context, w Work) (*ops.BulkChunk, error) {
	for range maxConflicts {
		c, err := s.Store.BulkChunk(ctx, w.Bulk, w.Chunk)
		if err != nil {
			return nil, fmt.Errorf("read chunk %d of bulk operation %s: %w", w.Chunk, w.Bulk, err)
		}
		if c.Finished() {
			return c, nil
		}
		c.Tries++
		c.UpdatedAt = s.Clock.Now()
		err = s.Store.Save(ctx, c)
		if err == nil {
			return c, nil
		}
		if ops.AsConflict(err) == nil {
			return nil, fmt.Errorf("begin chunk %d of bulk operation %s: %w", w.Chunk, w.Bulk, err)
		}
	}
	return nil, tooBusy(w.Bulk, w.Chunk)
}

func tooBusy(bulk string, chunk int) error {
	return ops.Errorf(ops.CodeUnavailable, "chunk %d of bulk operation %s is being written too often", chunk, bulk)
}

// item does one item, unless this operation has done it before, and tells what became of it. An error is no outcome: the
// time is over, or nobody can tell whether it was done.
func (s *Service) item(ctx context.Context, b *ops.Bulk, ref ops.Ref, again bool, run func() (string, error)) (ops.BulkItem, error) {
	done := ops.BulkItem{ID: ref.ID, Outcome: ops.BulkDone}
	if again {
		if before, err := s.doneBefore(ctx, b, ref); before || err != nil {
			return done, err
		}
	}
	for try := 1; ; try++ {
		note, err := s.safely(run)
		item := s.outcome(ctx, ref.ID, note, err)
		if err := ctx.Err(); err != nil {
			return item, err
		}
		if item.Outcome == ops.BulkDone {
			return item, nil
		}
		// Another delivery of the chunk may have been faster, or this one's own answer was lost.
		if before, err := s.doneBefore(ctx, b, ref); before || err != nil {
			return done, err
		}
		if item.Outcome == ops.BulkRefused || item.Code == ops.CodeInternal || try == itemTries {
			return item, nil
		}
		if err := s.Clock.Sleep(ctx, itemPause<<(try-1)); err != nil {
			return item, err
		}
	}
}

// doneBefore reports whether this operation has changed the record: then the record's audit trail says so.
func (s *Service) doneBefore(ctx context.Context, b *ops.Bulk, ref ops.Ref) (bool, error) {
	for p := (ops.PageRequest{Limit: ops.MaxPageLimit}); ; {
		page, err := s.Store.AuditTrail(ctx, ops.AuditFilter{Target: ref, PageRequest: p})
		if err != nil {
			return false, fmt.Errorf("look whether %s was done before: %w", ref, err)
		}
		for _, e := range page.Items {
			if e.RequestID == b.ID {
				return true, nil
			}
		}
		if p.Cursor = page.NextCursor; p.Cursor == "" {
			return false, nil
		}
	}
}

// save writes the outcomes of a chunk. With the last of them, in one transaction, the chunk is counted into its
// operation, and with the last chunk the operation ends. What another delivery has written meanwhile stays.
func (s *Service) save(ctx context.Context, c *ops.BulkChunk) error {
	for range maxConflicts {
		c.UpdatedAt = s.Clock.Now()
		records := []ops.Record{c}
		if c.Finished() {
			b, err := s.Store.Bulk(ctx, c.BulkID)
			if err != nil {
				return fmt.Errorf("read bulk operation %s: %w", c.BulkID, err)
			}
			count(b, c, s.Clock.Now())
			records = append(records, b)
		}
		err := s.Store.Save(ctx, records...)
		if err == nil {
			return nil
		}
		lost := ops.AsConflict(err)
		if lost == nil {
			return fmt.Errorf("store chunk %d of bulk operation %s: %w", c.Number, c.BulkID, err)
		}
		if !lost.Has(c.Ref()) {
			continue
		}
		newest, err := s.Store.BulkChunk(ctx, c.BulkID, c.Number)
		if err != nil {
			return fmt.Errorf("read chunk %d of bulk operation %s: %w", c.Number, c.BulkID, err)
		}
		for i, item := range newest.Items {
			if item.Outcome != ops.BulkPending {
				c.Items[i] = item
			}
		}
		c.Meta, c.Tries = newest.Meta, newest.Tries
		if newest.Finished() {
			return nil // and counted
		}
	}
	return tooBusy(c.BulkID, c.Number)
}

// count adds a finished chunk to its operation.
func count(b *ops.Bulk, c *ops.BulkChunk, now time.Time) {
	for _, item := range c.Items {
		b.Counts.Add(ops.BulkPending, -1)
		b.Counts.Add(item.Outcome, 1)
	}
	b.ChunksLeft--
	b.UpdatedAt = now
	if b.ChunksLeft == 0 {
		b.Status, b.EndedAt = ops.BulkCompleted, now
		b.ClearTimer(ops.TimerDrive)
	}
}
