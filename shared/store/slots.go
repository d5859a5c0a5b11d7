package store

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
)

// Slots implements ops.SlotStore.
func (s *Store) Slots(ctx context.Context, template string) (*ops.Slots, error) {
	none := &ops.Slots{Template: template}
	stored, found, err := read[ops.Slots](ctx, s, keyOf(none))
	if err != nil {
		return nil, fmt.Errorf("read the slots of template %s: %w", template, err)
	}
	if !found {
		return none, nil
	}
	return stored, nil
}

// Place implements ops.SlotStore.
func (s *Store) Place(ctx context.Context, template string, number int64) (*ops.Place, error) {
	return get[ops.Place](ctx, s, ops.Ref{Kind: ops.KindPlace, ID: ops.PlaceID(template, number)})
}
