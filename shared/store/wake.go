package store

import (
	"context"
	"fmt"
	"strings"
	"time"

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
