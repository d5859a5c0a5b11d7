package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/alert"
	"opsflow/shared/audit"
	"opsflow/shared/bulk"
	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

// alertList is the view of the list of alerts.
type alertList struct {
	Filters []filter
	Subject string
	Items   []*ops.Alert
	Pager   pager
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

var alertPage = page{path: "/alerts/{id}", action: "alert.read", section: "Alerts", file: "alert"}

func (c *Console) alertPages() {
	show(c, page{path: "/alerts", action: "alert.read", section: "Alerts", file: "alerts"}, c.alertList)
	show(c, alertPage, c.alert)
	do(c, "/alerts/bulk", "bulk.work", c.bulkAlerts)
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
	status, chosenStatus := choose(q, "Status", "status", "Any status", ops.AlertStatuses())
	severity, chosenSeverity := choose(q, "Severity", "severity", "Any severity", ops.Severities())
	kind, chosenType := choose(q, "Type", "type", "Any type", ops.AlertTypes())
	subject, err := subjectField(q.field("subject"))
	if err != nil {
		return alertList{}, err
	}
	v := alertList{Filters: []filter{status, severity, kind}, Subject: q.field("subject")}
	p, err := c.Store.Alerts(q.Context(), ops.AlertFilter{
		Status: chosenStatus, Severity: chosenSeverity, Type: chosenType, Subject: subject, PageRequest: pageRequest(q),
	})
	if err != nil {
		return v, fmt.Errorf("list alerts: %w", err)
	}
	v.Items, v.Pager = p.Items, pages(q, p, "alerts")
	return v, nil
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
	r := resolutionOf(q)
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

func resolutionOf(q *request) alert.Resolution {
	return alert.Resolution{Resolution: strings.TrimSpace(q.field("resolution")), Reason: strings.TrimSpace(q.field("reason"))}
}

// bulkAlerts does the same to all alerts that were ticked; what became of each is told on the operation's page.
func (c *Console) bulkAlerts(q *request) (outcome, error) {
	if err := httpapi.Authorize(q.Actor, "alert.work"); err != nil {
		return outcome{}, err
	}
	r := bulk.Request{Action: ops.BulkAction(q.field("action")), IDs: q.PostForm["id"]}
	if len(r.IDs) == 0 {
		return outcome{}, ops.Errorf(ops.CodeInvalid, "tick at least one alert")
	}
	if !strings.HasPrefix(string(r.Action), "alert.") {
		return outcome{}, ops.Errorf(ops.CodeInvalid, "choose what to do with the alerts")
	}
	if r.Action == ops.BulkResolveAlerts {
		params := resolutionOf(q)
		if params.Resolution == "" {
			return outcome{}, ops.Errorf(ops.CodeInvalid, "say how the alerts were resolved")
		}
		var err error
		if r.Params, err = json.Marshal(params); err != nil {
			return outcome{}, fmt.Errorf("write the resolution: %w", err)
		}
	}
	b, err := c.Bulk.Begin(q.Context(), r, q.Actor, "")
	if err != nil {
		return outcome{}, fmt.Errorf("begin bulk operation: %w", err)
	}
	return outcome{to: "/bulk/" + b.ID}, nil
}
