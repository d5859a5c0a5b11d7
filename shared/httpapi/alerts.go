package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

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
	Status   alertStatus `query:"status"`
	Type     alertType   `query:"type"`
	Severity severity    `query:"severity"`
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
	al, err := a.Store.Alert(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read alert: %w", err)
	}
	return &oneOutput[*ops.Alert]{ETag: etag(al), Body: alertView(al)}, nil
}

// alertView leaves out what is only ours to know.
func alertView(al *ops.Alert) *ops.Alert {
	v := *al
	v.Timers = nil
	return &v
}
