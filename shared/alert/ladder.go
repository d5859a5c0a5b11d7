package alert

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"opsflow/shared/ops"
)

// ladder is whom an alert climbs to while nobody takes care of it.
type ladder struct {
	rungs []rung
	// patience is how long an acknowledgement keeps the alert where it is.
	patience time.Duration
}

// rung is one telling.
type rung struct {
	after time.Duration // after the rung before; the first one is told at once
	admin bool          // the admins are told, not the team
}

// ladders are all there are: one for each severity, and those that only an escalate action of a rule leads to.
var ladders = map[string]ladder{
	string(ops.SeverityLow):      {rungs: []rung{{}}, patience: 72 * time.Hour},
	string(ops.SeverityMedium):   {rungs: []rung{{}, {after: 8 * time.Hour}, {after: 16 * time.Hour, admin: true}}, patience: 24 * time.Hour},
	string(ops.SeverityHigh):     {rungs: []rung{{}, {after: 2 * time.Hour}, {after: 2 * time.Hour, admin: true}}, patience: 8 * time.Hour},
	string(ops.SeverityCritical): {rungs: []rung{{}, {after: 15 * time.Minute}, {after: 15 * time.Minute, admin: true}}, patience: 2 * time.Hour},
	"managers":                   {rungs: []rung{{admin: true}, {after: time.Hour, admin: true}}, patience: 4 * time.Hour},
}

// Ladders lists the names of the ladders, for the escalate actions of rules.
func Ladders() []string { return slices.Sorted(maps.Keys(ladders)) }

// ladderOf is the ladder that an alert is on: the one that it names, if there is one by this name, else its severity's.
func ladderOf(a *ops.Alert) ladder {
	if l, ok := ladders[a.Ladder]; ok {
		return l
	}
	if l, ok := ladders[string(a.Severity)]; ok {
		return l
	}
	return ladders[string(ops.SeverityMedium)]
}

// teams says which team an alert is for, by its type.
var teams = map[ops.AlertType]ops.Team{
	ops.AlertSLAViolation:      ops.Operations,
	ops.AlertQualityDrop:       ops.QualityAssurance,
	ops.AlertVendorUnavailable: ops.VendorManagement,
	ops.AlertWorkflowFailed:    ops.Operations,
	ops.AlertPerformanceIssue:  ops.QualityAssurance,
	ops.AlertResourceOverload:  ops.Operations,
	ops.AlertCustomerComplaint: ops.QualityAssurance,
	ops.AlertSystemError:       ops.Operations,
}

// Team is the team that is to deal with an alert of this type. Whatever is about a payment is for Finance.
func Team(t ops.AlertType, subject ops.SubjectRef) ops.Team {
	if subject.Type == ops.SubjectPayment {
		return ops.Finance
	}
	return cmp.Or(teams[t], ops.Operations)
}

// hasten moves the next rung of an open alert forward to what its ladder, a faster one by now, says.
func hasten(a *ops.Alert, now time.Time) {
	rungs := ladderOf(a).rungs
	if a.Status != ops.AlertOpen || a.LadderStep == 0 || a.LadderStep >= len(rungs) {
		return
	}
	at := now.Add(rungs[a.LadderStep].after)
	if planned, ok := a.Timers[ops.TimerEscalate]; !ok || at.Before(planned) {
		a.SetTimer(ops.TimerEscalate, at)
	}
}

// planNext sets the time of the rung that is the next one to be told.
func planNext(a *ops.Alert, now time.Time) {
	a.ClearTimer(ops.TimerEscalate)
	if rungs := ladderOf(a).rungs; a.LadderStep < len(rungs) {
		a.SetTimer(ops.TimerEscalate, now.Add(rungs[a.LadderStep].after))
	}
}
