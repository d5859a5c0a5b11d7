package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

func (a *api) alertRoutes() {
	handle(a, route{
		id: "list-alerts", method: http.MethodGet, path: "/v1/alerts", action: readAlerts,
		summary: "List alerts: with a status the most severe first, else newest first",
	}, a.listAlerts)
	handle(a, route{
		id: "get-alert", method: http.MethodGet, path: "/v1/alerts/{id}", action: readAlerts,
		summary: "Read an alert",
	}, a.getAlert)
	handle(a, route{
		id: "raise-alert", method: http.MethodPost, path: "/v1/alerts", action: raiseAlerts, status: http.StatusCreated,
		summary: "Warn of something; the same type, subject and title are the same cause, which is counted",
	}, a.raiseAlert)
	handle(a, route{
		id: "acknowledge-alert", method: http.MethodPost, path: "/v1/alerts/{id}/acknowledge", record: byID(a.Store.Alert), action: workOnAlerts,
		summary: "Say that somebody takes care of an open alert: it stops climbing, for a time",
	}, a.acknowledgeAlert)
	handle(a, route{
		id: "start-alert", method: http.MethodPost, path: "/v1/alerts/{id}/start", record: byID(a.Store.Alert), action: workOnAlerts,
		summary: "Say that somebody works on an alert",
	}, a.startAlert)
	handle(a, route{
		id: "resolve-alert", method: http.MethodPost, path: "/v1/alerts/{id}/resolve", record: byID(a.Store.Alert), action: workOnAlerts,
		summary: "Say how an alert came to its end; while its cause is known to hold, with a reason",
	}, a.resolveAlert)
	handle(a, route{
		id: "close-alert", method: http.MethodPost, path: "/v1/alerts/{id}/close", record: byID(a.Store.Alert), action: workOnAlerts,
		summary: "Put a resolved alert away",
	}, a.closeAlert)
	handle(a, route{
		id: "reopen-alert", method: http.MethodPost, path: "/v1/alerts/{id}/reopen", record: byID(a.Store.Alert), action: workOnAlerts,
		summary: "Open a resolved or closed alert again",
	}, a.reopenAlert)
}

type alertStatus string

// Schema names the values.
func (alertStatus) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.AlertOpen, ops.AlertAcknowledged, ops.AlertInProgress, ops.AlertResolved, ops.AlertClosed)
}

type alertType string

// Schema names the values.
func (alertType) Schema(huma.Registry) *huma.Schema { return oneOf(ops.AlertTypes()...) }

type severity string

// Schema names the values.
func (severity) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.SeverityLow, ops.SeverityMedium, ops.SeverityHigh, ops.SeverityCritical)
}

type alertsQuery struct {
	PageQuery
	Status   alertStatus `query:"status" doc:"Only those with this status."`
	Type     alertType   `query:"type" doc:"Only those of this type."`
	Severity severity    `query:"severity" doc:"Only those of this severity."`
	Subject  string      `query:"subject" maxLength:"257" doc:"What they are about, as type/id." example:"booking/bk-1"`
}

func (a *api) listAlerts(ctx context.Context, q *alertsQuery) (*listOutput[*ops.Alert], error) {
	subject, badSubject := subjectQuery(q.Subject)
	if err := invalid(badSubject); err != nil {
		return nil, err
	}
	page, err := a.Store.Alerts(ctx, ops.AlertFilter{
		Status: ops.AlertStatus(q.Status), Type: ops.AlertType(q.Type), Severity: ops.Severity(q.Severity),
		Subject: subject, PageRequest: q.request(),
	})
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	return listOf(page, alertView), nil
}

func (a *api) getAlert(ctx context.Context, in *IDPath) (*oneOutput[*ops.Alert], error) {
	return oneAlert("read", func() (*ops.Alert, error) { return a.Store.Alert(ctx, in.ID) })
}

type raiseInput struct {
	Body struct {
		Type     alertType       `json:"type"`
		Severity severity        `json:"severity"`
		Title    string          `json:"title" minLength:"1" maxLength:"200"`
		Subject  *ops.SubjectRef `json:"subject,omitempty" doc:"What it is about."`
		Detail   string          `json:"detail,omitempty" maxLength:"4000"`
	} `nameHint:"RaiseAlert"`
}

func (a *api) raiseAlert(ctx context.Context, in *raiseInput) (*madeOutput[*ops.Alert], error) {
	spec := alert.Spec{
		Type: ops.AlertType(in.Body.Type), Severity: ops.Severity(in.Body.Severity), Title: strings.TrimSpace(in.Body.Title),
		Detail: in.Body.Detail,
	}
	spec.Key = "raised/" + spec.Title
	if in.Body.Subject != nil {
		spec.Subject = *in.Body.Subject
	}
	al, err := a.Alerts.Raise(ctx, spec, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("raise alert: %w", err)
	}
	return &madeOutput[*ops.Alert]{
		Status: http.StatusCreated, ETag: etag(al), Location: "/v1/alerts/" + al.ID, Body: alertView(al),
	}, nil
}

func (a *api) acknowledgeAlert(ctx context.Context, in *bareInput) (*oneOutput[*ops.Alert], error) {
	return oneAlert("acknowledge", func() (*ops.Alert, error) { return a.Alerts.Acknowledge(ctx, in.ID, actorOf(ctx)) })
}

func (a *api) startAlert(ctx context.Context, in *bareInput) (*oneOutput[*ops.Alert], error) {
	return oneAlert("start", func() (*ops.Alert, error) { return a.Alerts.Start(ctx, in.ID, actorOf(ctx)) })
}

type resolveInput struct {
	IDPath
	Body struct {
		Resolution string `json:"resolution" minLength:"1" maxLength:"4000" doc:"How it came to its end."`
		Reason     string `json:"reason,omitempty" maxLength:"4000" doc:"Why it is resolved although its cause holds."`
	} `nameHint:"ResolveAlert"`
}

func (a *api) resolveAlert(ctx context.Context, in *resolveInput) (*oneOutput[*ops.Alert], error) {
	r := alert.Resolution{Resolution: in.Body.Resolution, Reason: in.Body.Reason}
	return oneAlert("resolve", func() (*ops.Alert, error) { return a.Alerts.Resolve(ctx, in.ID, actorOf(ctx), r) })
}

func (a *api) closeAlert(ctx context.Context, in *bareInput) (*oneOutput[*ops.Alert], error) {
	return oneAlert("close", func() (*ops.Alert, error) { return a.Alerts.Close(ctx, in.ID, actorOf(ctx)) })
}

type reopenInput struct {
	IDPath
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"4000" doc:"Why."`
	} `nameHint:"ReopenAlert"`
}

func (a *api) reopenAlert(ctx context.Context, in *reopenInput) (*oneOutput[*ops.Alert], error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return oneAlert("reopen", func() (*ops.Alert, error) { return a.Alerts.Reopen(ctx, in.ID, actorOf(ctx), reason) })
}

func oneAlert(what string, do func() (*ops.Alert, error)) (*oneOutput[*ops.Alert], error) {
	al, err := do()
	if err != nil {
		return nil, fmt.Errorf("%s alert: %w", what, err)
	}
	return &oneOutput[*ops.Alert]{ETag: etag(al), Body: alertView(al)}, nil
}

// alertView leaves out what is only ours to know.
func alertView(al *ops.Alert) *ops.Alert {
	v := *al
	v.Timers = nil
	return &v
}
