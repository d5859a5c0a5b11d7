package store

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// historyBatches is how many batches of whole events are read at once.
const historyBatches = 8

// EachEvent implements ops.EventHistory. The index of each day says which events there are and in which order; the events
// themselves are read from the table in batches.
func (s *Store) EachEvent(ctx context.Context, from, to time.Time, f func(*ops.Event) error) error {
	if oldest := s.now().Add(-ops.EventRetention - 24*time.Hour); from.Before(oldest) {
		from = oldest
	}
	from, to = from.UTC(), to.UTC()
	for day := from.Truncate(24 * time.Hour); day.Before(to); day = day.AddDate(0, 0, 1) {
		m := &merge{table: s.table, query: table.Query{Index: listIndex, From: stamp(from), To: stamp(to), Limit: 1000}}
		if err := m.add(ctx, sharded("events#"+day.Format(time.DateOnly))); err != nil {
			return fmt.Errorf("list the events of %s: %w", day.Format(time.DateOnly), inWords(err))
		}
		for more := true; more; {
			var keys []table.Key
			for more && len(keys) < historyBatches*table.MaxBatchGet {
				item, ok, err := m.next(ctx)
				if err != nil {
					return fmt.Errorf("list the events of %s: %w", day.Format(time.DateOnly), inWords(err))
				}
				if more = ok; ok {
					keys = append(keys, item.Key)
				}
			}
			if err := s.eachEventOf(ctx, keys, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachEventOf calls f with the events at keys, in that order. One that has expired meanwhile is passed over.
func (s *Store) eachEventOf(ctx context.Context, keys []table.Key, f func(*ops.Event) error) error {
	events := make([]*ops.Event, len(keys))
	g, gctx := errgroup.WithContext(ctx)
	for first := 0; first < len(keys); first += table.MaxBatchGet {
		batch := keys[first:min(first+table.MaxBatchGet, len(keys))]
		g.Go(func() error {
			found, err := s.table.BatchGet(gctx, batch)
			if err != nil {
				return inWords(err)
			}
			for n, key := range batch {
				if item, ok := found[key]; ok {
					if events[first+n], err = decode[ops.Event](item); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("read %d events: %w", len(keys), err)
	}
	for _, e := range events {
		if e == nil {
			continue
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}
