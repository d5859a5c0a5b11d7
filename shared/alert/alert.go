// Package alert keeps what people are warned of: one alert for each cause, counted when the cause shows again, and moved
// from status to status by people.
package alert

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// Spec is a cause to warn of. The same Type, Subject and Key are the same alert.
type Spec struct {
	Type       ops.AlertType
	Severity   ops.Severity
	Title      string
	Detail     string
	Subject    ops.SubjectRef
	InstanceID string
	Key        string
	Cause      ops.Cause
}

// Next gives the alert to save for a cause that showed at now: a new one, or the one that is there with its count raised,
// at the higher of both severities, open again if it was over. The caller saves it with what it follows from; on a
// conflict it asks again.
func Next(ctx context.Context, s ops.AlertStore, spec Spec, now time.Time) (*ops.Alert, error) {
	id := ops.AlertID(spec.Type, spec.Subject, spec.Key)
	a, err := s.Alert(ctx, id)
	switch {
	case ops.ErrorCode(err) == ops.CodeNotFound:
		a = &ops.Alert{
			Meta: ops.Meta{CreatedAt: now}, ID: id, Type: spec.Type, Severity: spec.Severity, Status: ops.AlertOpen,
			Title: spec.Title, Subject: spec.Subject, CauseKey: spec.Key,
		}
	case err != nil:
		return nil, fmt.Errorf("look for the alert of %s %q: %w", spec.Type, spec.Key, err)
	case moves[reopen].from(a.Status):
		if err := moves[reopen].apply(a, ops.System(), now); err != nil {
			return nil, err
		}
	}
	a.Count++
	a.UpdatedAt, a.LastSeenAt = now, now
	a.Detail, a.InstanceID, a.Cause = spec.Detail, spec.InstanceID, spec.Cause // of the latest
	if spec.Severity.Rank() > a.Severity.Rank() {
		a.Severity = spec.Severity
	}
	return a, nil
}
