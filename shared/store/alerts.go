package store

import (
	"context"

	"opsflow/shared/ops"
)

// Alert implements ops.AlertStore.
func (s *Store) Alert(ctx context.Context, id string) (*ops.Alert, error) {
	return get[ops.Alert](ctx, s, ops.Ref{Kind: ops.KindAlert, ID: id})
}

// Alerts implements ops.AlertStore.
func (s *Store) Alerts(ctx context.Context, f ops.AlertFilter) (ops.Page[*ops.Alert], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	l := newest("alerts", ops.KindAlert, f)
	switch {
	case f.Status != "":
		l.index, l.partitions = stateIndex, sharded("alert#"+string(f.Status))
	case !f.Subject.IsZero():
		l.index, l.partitions, l.prefix = subjectIndex, []string{f.Subject.String()}, "alert#"
	}
	var keep func(*ops.Alert) bool
	if f != (ops.AlertFilter{}) {
		keep = func(a *ops.Alert) bool {
			return (f.Status == "" || a.Status == f.Status) && (f.Type == "" || a.Type == f.Type) &&
				(f.Severity == "" || a.Severity == f.Severity) && (f.Subject.IsZero() || a.Subject == f.Subject)
		}
	}
	return page(ctx, s, l, req, keep)
}
