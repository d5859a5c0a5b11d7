package console

import (
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/alert"
	"opsflow/shared/audit"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// alertList is the view of the list of alerts.
type alertList struct {
	Filters      []filter
	Subject      string
	Items        []*ops.Alert
	SubjectFault string
	Ticked       ticked
	Pager        pager
}

// alertView is the view of one alert.
type alertView struct {
	*ops.Alert
	Moves   []alertMove
	Trail   []*ops.AuditEntry // newest first
	Entered alert.Resolution  // when the form is shown again
	Faults  []ops.Fault
}

// alertMove is a change that an alert's status allows.
type alertMove struct {
	Name, Text, Why string
	Form            string // what it asks for: "", resolution, reason
	Primary         bool
}

var (
	alertsPage = page{path: "/alerts", action: "alert.read", section: "Alerts", file: "alerts"}
	alertPage  = page{path: "/alerts/{id}", action: "alert.read", section: "Alerts", file: "alert"}
)

func (c *Console) alertPages() {
	show(c, alertsPage, c.alertList)
	show(c, alertPage, c.alert)
	doTicked(c, alertsPage, tickedAlerts(), c.alertList, func(v *alertList, t ticked) { v.Ticked = t })
	do(c, "/alerts/{id}/acknowledge", "alert.work", moved("Acknowledged: it climbs no further, for a time.", func(q *request) (*ops.Alert, error) {
		return c.Alerts.Acknowledge(q.Context(), q.PathValue("id"), q.Actor)
	}))
	do(c, "/alerts/{id}/start", "alert.work", moved("You work on it.", func(q *request) (*ops.Alert, error) {
		return c.Alerts.Start(q.Context(), q.PathValue("id"), q.Actor)
	}))
	do(c, "/alerts/{id}/resolve", "alert.work", c.resolve)
	do(c, "/alerts/{id}/close", "alert.work", moved("Put away.", func(q *request) (*ops.Alert, error) {
		return c.Alerts.Close(q.Context(), q.PathValue("id"), q.Actor)
	}))
	do(c, "/alerts/{id}/reopen", "alert.work", moved("Open again.", func(q *request) (*ops.Alert, error) {
		return c.Alerts.Reopen(q.Context(), q.PathValue("id"), q.Actor, strings.TrimSpace(q.field("reason")))
	}))
}

func (c *Console) alertList(q *request) (alertList, error) {
	status, chosenStatus := chooseUnless(q, "Status", "status", "Any status", ops.AlertOpen, ops.AlertStatuses())
	severity, chosenSeverity := choose(q, "Severity", "severity", "Any severity", ops.Severities())
	kind, chosenType := choose(q, "Type", "type", "Any type", ops.AlertTypes())
	subject, wrong := subjectField(q.field("subject"))
	v := alertList{Filters: []filter{status, severity, kind}, Subject: q.field("subject")}
	if wrong != nil {
		v.SubjectFault = subjectNeeded
		return v, &invalidForm{page: alertsPage, view: v, err: wrong}
	}
	p, err := c.Store.Alerts(q.Context(), ops.AlertFilter{
		Status: chosenStatus, Severity: chosenSeverity, Type: chosenType, Subject: subject, PageRequest: pageRequest(q),
	})
	if err != nil {
		return v, fmt.Errorf("list alerts: %w", err)
	}
	v.Items, v.Pager, v.Ticked = p.Items, pages(q, p, "alerts"), tickedAlerts().For(q)
	return v, nil
}

// tickedAlerts is what can be done to several alerts at once.
func tickedAlerts() ticked {
	return ticked{Things: "alerts", Address: "/alerts/bulk", Actions: []tickedAction{
		{Action: ops.BulkAcknowledgeAlerts, Text: "Acknowledge"},
		{Action: ops.BulkCloseAlerts, Text: "Close"},
		{Action: ops.BulkResolveAlerts, Text: "Resolve", Why: "Say how they came to their end.", Primary: true, Fields: []tickedField{
			{Name: "resolution", Label: "Resolution", Required: true, Long: true},
			{Name: "reason", Label: "Reason, if the cause still holds"},
		}},
	}}
}

func (c *Console) alert(q *request) (alertView, error) {
	a, err := c.Store.Alert(q.Context(), q.PathValue("id"))
	if err != nil {
		return alertView{}, fmt.Errorf("read alert: %w", err)
	}
	v := alertView{Alert: a, Moves: alertMoves(a.Status)}
	if httpapi.Authorize(q.Actor, "audit.read") == nil {
		if v.Trail, err = audit.Trail(q.Context(), c.Store, a.Ref()); err != nil {
			return v, err
		}
		newestFirst(v.Trail)
	}
	return v, nil
}

// alertMoves are what an alert's status allows; the alert service has the last word.
func alertMoves(s ops.AlertStatus) []alertMove {
	acknowledge := alertMove{Name: "acknowledge", Text: "Acknowledge", Why: "You have seen it and take care of it.", Primary: true}
	start := alertMove{Name: "start", Text: "Start work", Why: "You work on it now."}
	resolve := alertMove{Name: "resolve", Text: "Resolve", Why: "Say how it came to its end.", Form: "resolution"}
	reopen := alertMove{Name: "reopen", Text: "Reopen", Why: "It was not over. Everybody concerned is told again.", Form: "reason"}
	switch s {
	case ops.AlertOpen:
		return []alertMove{acknowledge, start, resolve}
	case ops.AlertAcknowledged:
		start.Primary = true
		return []alertMove{start, resolve}
	case ops.AlertInProgress:
		resolve.Primary = true
		return []alertMove{resolve}
	case ops.AlertResolved:
		return []alertMove{{Name: "close", Text: "Close", Why: "Put it away.", Primary: true}, reopen}
	case ops.AlertClosed:
		return []alertMove{reopen}
	}
	return nil
}

// moved carries out a move that asks for nothing that could be wrong.
func moved(said string, move func(*request) (*ops.Alert, error)) func(*request) (outcome, error) {
	return func(q *request) (outcome, error) {
		a, err := move(q)
		if err != nil {
			return outcome{}, fmt.Errorf("move alert: %w", err)
		}
		return outcome{to: "/alerts/" + a.ID, said: said}, nil
	}
}

func (c *Console) resolve(q *request) (outcome, error) {
	r := alert.Resolution{Resolution: strings.TrimSpace(q.field("resolution")), Reason: strings.TrimSpace(q.field("reason"))}
	a, err := c.Alerts.Resolve(q.Context(), q.PathValue("id"), q.Actor, r)
	if e, ok := errors.AsType[*ops.Error](err); ok && e.Code == ops.CodeInvalid {
		v, failed := c.alert(q)
		if failed != nil {
			return outcome{}, failed
		}
		v.Entered, v.Faults = r, e.Faults
		return outcome{}, &invalidForm{page: alertPage, view: v, err: err}
	}
	if err != nil {
		return outcome{}, fmt.Errorf("resolve alert: %w", err)
	}
	return outcome{to: "/alerts/" + a.ID, said: "Resolved."}, nil
}
