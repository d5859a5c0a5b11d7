package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// NextWake is the earliest timer of any record; zero when none is set. A virtual clock may jump there.
func (s *Store) NextWake(ctx context.Context) (time.Time, error) {
	var first time.Time
	for _, partition := range sharded(wakeIndex) {
		p, err := s.table.Query(ctx, table.Query{Index: wakeIndex, PK: partition, Limit: 1})
		if err != nil {
			return time.Time{}, fmt.Errorf("find the next timer: %w", inWords(err))
		}
		for _, item := range p.Items {
			text, _, _ := strings.Cut(item.Index[wakeIndex].SK, "#")
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return time.Time{}, fmt.Errorf("read a timer's time: %w", err)
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first, nil
}

// PutOff implements ops.Waker. It moves the record's place in the wake index alone.
func (s *Store) PutOff(ctx context.Context, ref ops.Ref, until func(due time.Time) time.Time) error {
	item, found, err := s.table.Get(ctx, keyOfRef(ref))
	if err != nil {
		return fmt.Errorf("put off %s: %w", ref, inWords(err))
	}
	var m ops.Meta
	if !found {
		return nil
	}
	if err := json.Unmarshal(item.Data, &m); err != nil {
		return fmt.Errorf("put off %s: %w", ref, err)
	}
	due := m.WakeAt()
	if due.IsZero() {
		return nil
	}
	write, err := s.newWrite()
	if err != nil {
		return fmt.Errorf("put off %s: %w", ref, err)
	}
	item.Index[wakeIndex] = wakePlace(ref, until(due))
	write.Puts = []table.Put{{Item: item, WantV: item.V}}
	if err := s.write(ctx, write, nil); err != nil {
		if conflict := ops.AsConflict(err); conflict != nil {
			conflict.Lost = []ops.Ref{ref}
		}
		return fmt.Errorf("put off %s: %w", ref, err)
	}
	return nil
}
