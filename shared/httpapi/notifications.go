package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

func (a *api) notificationRoutes() {
	handle(a, route{
		id: "list-notifications", method: http.MethodGet, path: "/v1/notifications", action: readMessages,
		summary: "List notifications, newest first",
	}, a.listNotifications)
	handle(a, route{
		id: "get-notification", method: http.MethodGet, path: "/v1/notifications/{id}", action: readMessages,
		summary: "Read a notification: what it says, and each way in which it went out",
	}, a.getNotification)
	handle(a, route{
		id: "resend-notification", method: http.MethodPost, path: "/v1/notifications/{id}/resend", record: byID(a.Store.Notification), action: resendMessages,
		summary: "Send a failed notification again to whom it has not reached",
	}, a.resendNotification)
}

type notificationStatus string

// Schema names the values.
func (notificationStatus) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.NotificationRequestedStatus, ops.NotificationSent, ops.NotificationFailed)
}

type notificationsQuery struct {
	PageQuery
	Status  notificationStatus `query:"status" doc:"Only those with this status."`
	Subject string             `query:"subject" maxLength:"257" doc:"What they are about, as type/id." example:"booking/bk-1"`
}

func (a *api) listNotifications(ctx context.Context, q *notificationsQuery) (*listOutput[*ops.Notification], error) {
	subject, bad := subjectQuery(q.Subject)
	if err := invalid(bad); err != nil {
		return nil, err
	}
	page, err := a.Store.Notifications(ctx, ops.NotificationFilter{
		Status: ops.NotificationStatus(q.Status), Subject: subject, PageRequest: q.request(),
	})
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return listOf(page, notificationView), nil
}

func (a *api) getNotification(ctx context.Context, in *IDPath) (*oneOutput[*ops.Notification], error) {
	n, err := a.Store.Notification(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read notification: %w", err)
	}
	return &oneOutput[*ops.Notification]{ETag: etag(n), Body: notificationView(n)}, nil
}

func (a *api) resendNotification(ctx context.Context, in *bareInput) (*oneOutput[*ops.Notification], error) {
	n, err := a.Notifications.Resend(ctx, in.ID, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("send notification again: %w", err)
	}
	return &oneOutput[*ops.Notification]{ETag: etag(n), Body: notificationView(n)}, nil
}

// notificationView leaves out what is only ours to know.
func notificationView(n *ops.Notification) *ops.Notification {
	v := *n
	v.Timers = nil
	return &v
}
