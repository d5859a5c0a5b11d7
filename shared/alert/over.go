package alert

import (
	"context"
	"time"

	"opsflow/shared/ops"
)

// Over gives the alert of a cause that is over by itself, resolved by opsflow and to be saved with what ended it; nil when
// there is none, or when people have resolved it.
func Over(ctx context.Context, s ops.AlertStore, spec Spec, resolution string, now time.Time) (*ops.Alert, error) {
	a, err := s.Alert(ctx, ops.AlertID(spec.Type, spec.Subject, spec.Key))
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, nil //nolint:nilnil // documented: there is none
	}
	if err != nil || !moves[resolve].from(a.Status) {
		return nil, err
	}
	if err := moves[resolve].apply(a, ops.System(), now); err != nil {
		return nil, err
	}
	a.Resolution = resolution
	return a, nil
}
