package httpapi_test

import (
	"testing"

	"opsflow/shared/ops"
)

func TestMembersAreKeptByAdmins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var body map[string]any
	res := r.call(t, "PUT", "/v1/members/ann", `{"name":"Ann","teams":["Finance"],"leads":["Finance"],"active":true,"email":"ann@example.com"}`)
	res.ok(200, &body)
	if body["open_tasks"] != 1.0 || body["email"] != "ann@example.com" || res.Header().Get("ETag") != `"v1"` || r.actor.ID != "ada" {
		t.Errorf("%s", res.Body)
	}
	r.call(t, "GET", "/v1/members?team=finance", "").ok(200, &body)
	if items, _ := body["items"].([]any); len(items) != 1 {
		t.Errorf("%v", body)
	}
	r.call(t, "GET", "/v1/members?team=operations", "").ok(200, &body)
	if items, _ := body["items"].([]any); len(items) != 0 {
		t.Errorf("%v", body)
	}
	r.call(t, "GET", "/v1/members/nobody", "").problem(404, ops.CodeNotFound)
	for body, path := range map[string]string{
		`{"name":"Ann","teams":["Sales"],"active":true}`:                          "$.teams[0]",
		`{"name":"Ann","teams":["Finance"],"leads":["Operations"],"active":true}`: "$.leads[0]",
		`{"name":"Ann","teams":[],"active":true,"phone":"0501"}`:                  "$.phone",
		`{"name":"Ann","teams":[],"active":true,"email":"Ann <a@b.example>"}`:     "$.email",
		`{"name":"Ann","teams":[]}`:                                               "$.active",
		`{"name":"Ann","teams":[],"active":true,"boss":true}`:                     "$.boss",
	} {
		p := r.call(t, "PUT", "/v1/members/ann", body).problem(422, ops.CodeInvalid)
		if len(p.Errors) != 1 || p.Errors[0].Path != path {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	same := `{"name":"Ann","teams":[],"active":false}`
	r.call(t, "PUT", "/v1/members/ann", same, "If-Match", `"v9"`).problem(412, "precondition_failed")
	r.call(t, "PUT", "/v1/members/ann", same, "If-Match", `"v1"`).ok(200, &body)
}

func TestDelegatingATaskReachesTheService(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.tasks["tsk-1"] = &ops.Task{ID: "tsk-1"}
	var body map[string]any
	r.call(t, "POST", "/v1/tasks/tsk-1/delegate", `{"to":"ann","reason":"holiday"}`, r.as(t, "ben", ops.Finance)...).ok(200, &body)
	if body["assignee"] != "ann" || r.reason != "holiday" || r.actor.ID != "ben" {
		t.Errorf("%v, reason %q by %q", body, r.reason, r.actor.ID)
	}
	r.call(t, "POST", "/v1/tasks/tsk-9/delegate", `{"to":"ann"}`).problem(404, ops.CodeNotFound)
	p := r.call(t, "POST", "/v1/tasks/tsk-1/delegate", `{"reason":"holiday"}`).problem(422, ops.CodeInvalid)
	if len(p.Errors) != 1 || p.Errors[0].Path != "$.to" {
		t.Errorf("%+v", p.Errors)
	}
	r.fail = ops.Errorf(ops.CodeGone, "task tsk-1 is expired")
	r.call(t, "POST", "/v1/tasks/tsk-1/delegate", `{"to":"ann"}`).problem(410, ops.CodeGone)
}
