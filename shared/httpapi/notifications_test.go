package httpapi_test

import (
	"testing"

	"opsflow/shared/ops"
)

func TestFailedNotificationsAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.notifications["ntf-1"] = &ops.Notification{ID: "ntf-1", Status: ops.NotificationFailed, Error: "refused"}
	var body map[string]any
	r.call(t, "GET", "/v1/notifications?status=failed&subject=booking/bk-1", "").ok(200, &body)
	if f := r.notificationFilter; f.Status != ops.NotificationFailed || f.Subject.ID != "bk-1" || len(body["items"].([]any)) != 1 {
		t.Errorf("asked for %+v, got %v", f, body)
	}
	r.call(t, "GET", "/v1/notifications/ntf-1", "").ok(200, &body)
	if body["error"] != "refused" {
		t.Errorf("%v", body)
	}
	r.call(t, "POST", "/v1/notifications/ntf-1/resend", "", r.as(t, "olga", ops.Operations)...).ok(200, &body)
	if r.actor.ID != "olga" {
		t.Errorf("sent again by %+v", r.actor)
	}
	r.call(t, "GET", "/v1/notifications?status=lost", "").problem(422, ops.CodeInvalid)
	r.call(t, "GET", "/v1/notifications/ntf-9", "").problem(404, ops.CodeNotFound)
	r.fail = ops.Errorf(ops.CodeIllegalMove, "notification ntf-1 is sent")
	r.call(t, "POST", "/v1/notifications/ntf-1/resend", "").problem(409, ops.CodeIllegalMove)
}
