// Package alert keeps what people are warned of: one alert for each cause, counted when the cause shows again, told to the
// team that is to deal with it and, while nobody does, up a ladder, and moved from status to status by people.
package alert

import (
	"cmp"
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
	// Team is who is to deal with it; empty: the team of its type, see Team.
	Team ops.Team
	// Ladder is one of Ladders; empty: that of its severity.
	Ladder string
	// Told says that whoever raises it tells the team by itself: the first rung is not told again.
	Told bool
}

// repairAfter is when sweep-due announces an alert that whoever raised it has not.
const repairAfter = 2 * time.Minute

// Next gives the alert to save for a cause that showed at now: a new one, or the one that is there with its count raised,
// at the higher of both severities, open again if it was over. The caller saves it with what it follows from (on a conflict
// it asks again) and then hands it to Announce. Should it not come to that, a timer that is saved with the alert has
// sweep-due announce it.
func Next(ctx context.Context, s ops.AlertStore, spec Spec, now time.Time) (*ops.Alert, error) {
	a, err := find(ctx, s, spec)
	if err != nil {
		return nil, err
	}
	return follow(a, spec, now)
}

// find reads the alert of a cause; nil when there is none.
func find(ctx context.Context, s ops.AlertStore, spec Spec) (*ops.Alert, error) {
	a, err := s.Alert(ctx, ops.AlertID(spec.Type, spec.Subject, spec.Key))
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, nil //nolint:nilnil // documented: there is none
	}
	if err != nil {
		return nil, fmt.Errorf("look for the alert of %s %q: %w", spec.Type, spec.Key, err)
	}
	return a, nil
}

// follow is what becomes of a cause's alert, nil for none, when the cause shows.
func follow(a *ops.Alert, spec Spec, now time.Time) (*ops.Alert, error) {
	switch {
	case a == nil:
		a = &ops.Alert{
			Meta: ops.Meta{CreatedAt: now}, ID: ops.AlertID(spec.Type, spec.Subject, spec.Key), Type: spec.Type,
			Severity: spec.Severity, Status: ops.AlertOpen, Title: spec.Title, Subject: spec.Subject, CauseKey: spec.Key,
			Ladder: spec.Ladder, Team: cmp.Or(spec.Team, Team(spec.Type, spec.Subject)),
		}
		opened(a, now)
	case moves[reopen].from(a.Status):
		if err := moves[reopen].apply(a, ops.System(), now); err != nil {
			return nil, err
		}
	}
	if _, fresh := a.Timers[ops.TimerAnnounce]; fresh && spec.Told && a.LadderStep == 0 {
		a.LadderStep = 1
		planNext(a, now)
	}
	a.Count++
	a.UpdatedAt, a.LastSeenAt = now, now
	a.Detail, a.InstanceID, a.Cause = spec.Detail, spec.InstanceID, spec.Cause // of the latest
	if spec.Severity.Rank() > a.Severity.Rank() {
		a.Severity = spec.Severity
		hasten(a, now)
	}
	return a, nil
}

// opened notes that the alert is open from now on, and nobody knows.
func opened(a *ops.Alert, now time.Time) {
	a.Opened++
	a.LadderStep = 0
	a.ClearTimer(ops.TimerEscalate)
	a.SetTimer(ops.TimerAnnounce, now.Add(repairAfter))
}
