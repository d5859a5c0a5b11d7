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
	rest := f // what the index does not see to
	switch {
	case f.Status != "":
		rest.Status = ""
		l.index, l.partitions = stateIndex, sharded("alert#"+string(f.Status))
	case !f.Subject.IsZero():
		rest.Subject = ops.SubjectRef{}
		l.index, l.partitions, l.prefix = subjectIndex, []string{f.Subject.String()}, "alert#"
	}
	var keep func(*ops.Alert) bool
	if rest != (ops.AlertFilter{}) {
		keep = func(a *ops.Alert) bool {
			return (rest.Type == "" || a.Type == rest.Type) && (rest.Severity == "" || a.Severity == rest.Severity) &&
				(rest.Subject.IsZero() || a.Subject == rest.Subject)
		}
	}
	return page(ctx, s, l, req, keep)
}
