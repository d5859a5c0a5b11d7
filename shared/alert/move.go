package alert

import (
	"slices"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// move is something people do to an alert that changes its status.
type move struct {
	done  string // "acknowledged", for messages
	legal []ops.AlertStatus
	to    ops.AlertStatus
	note  func(a *ops.Alert, by ops.Actor, at time.Time) // records who and when; may be nil
}

type moveName string

const (
	acknowledge moveName = "acknowledge"
	begin       moveName = "start"
	resolve     moveName = "resolve"
	shut        moveName = "close"
	reopen      moveName = "reopen"
)

// moves is every way from one status to another; all others are illegal.
var moves = map[moveName]move{
	acknowledge: {
		done: "acknowledged", legal: []ops.AlertStatus{ops.AlertOpen}, to: ops.AlertAcknowledged,
		note: func(a *ops.Alert, by ops.Actor, at time.Time) {
			a.AcknowledgedBy, a.AcknowledgedAt = by.ID, at
			a.SetTimer(ops.TimerEscalate, at.Add(ladderOf(a).patience))
		},
	},
	begin: {
		done: "started", legal: []ops.AlertStatus{ops.AlertOpen, ops.AlertAcknowledged}, to: ops.AlertInProgress,
		note: func(a *ops.Alert, by ops.Actor, at time.Time) {
			if a.AcknowledgedBy == "" { // whoever works on it has seen it
				a.AcknowledgedBy, a.AcknowledgedAt = by.ID, at
			}
			a.ClearTimer(ops.TimerEscalate)
		},
	},
	resolve: {
		done:  "resolved",
		legal: []ops.AlertStatus{ops.AlertOpen, ops.AlertAcknowledged, ops.AlertInProgress},
		to:    ops.AlertResolved,
		note: func(a *ops.Alert, by ops.Actor, at time.Time) {
			a.ResolvedBy, a.ResolvedAt = by.ID, at
			a.ClearTimer(ops.TimerEscalate)
		},
	},
	shut: {done: "closed", legal: []ops.AlertStatus{ops.AlertResolved}, to: ops.AlertClosed},
	reopen: {
		done: "reopened", legal: []ops.AlertStatus{ops.AlertResolved, ops.AlertClosed}, to: ops.AlertOpen,
		note: func(a *ops.Alert, _ ops.Actor, at time.Time) {
			a.AcknowledgedBy, a.AcknowledgedAt = "", time.Time{}
			a.ResolvedBy, a.ResolvedAt, a.Resolution, a.Reason = "", time.Time{}, "", ""
			opened(a, at)
		},
	},
}

func (m move) from(s ops.AlertStatus) bool { return slices.Contains(m.legal, s) }

// apply makes the move. CodeIllegalMove when the alert's status does not allow it.
func (m move) apply(a *ops.Alert, by ops.Actor, at time.Time) error {
	if !m.from(a.Status) {
		legal := make([]string, len(m.legal))
		for i, s := range m.legal {
			legal[i] = string(s)
		}
		return ops.Errorf(ops.CodeIllegalMove, "alert %s is %s; it can be %s only when it is %s",
			a.ID, a.Status, m.done, strings.Join(legal, " or "))
	}
	a.Status, a.UpdatedAt = m.to, at
	if m.note != nil {
		m.note(a, by, at)
	}
	return nil
}
