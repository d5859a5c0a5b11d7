package httpapi_test

import (
	"fmt"
	"testing"

	"opsflow/shared/ops"
)

func TestAWorkflowIsControlledOverTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.instances["wf-1"] = &ops.Instance{ID: "wf-1", Status: ops.InstanceRunning, Meta: ops.Meta{V: 4}}
	for move, want := range map[string]ops.InstanceStatus{
		"pause": ops.InstancePaused, "resume": ops.InstancePending, "cancel": ops.InstanceCancelled, "retry": ops.InstancePending,
	} {
		path := "/v1/workflows/wf-1/" + move
		var i ops.Instance
		res := r.call(t, "POST", path, `{"reason":"because"}`)
		res.ok(200, &i)
		if i.Status != want || res.Header().Get("ETag") != `"v5"` || r.reason != "because" || r.actor.ID != "ada" {
			t.Errorf("%s gave %+v, ETag %s, asked with %q by %s", move, i, res.Header().Get("ETag"), r.reason, r.actor.ID)
		}
		r.call(t, "POST", path, "").ok(200, &i)
		if p := r.call(t, "POST", path, `{"reasn":"x"}`).problem(422, ops.CodeInvalid); p.Errors[0].Path != "$.reasn" {
			t.Errorf("%s: errors %+v", move, p.Errors)
		}
		r.call(t, "POST", "/v1/workflows/none/"+move, "").problem(404, ops.CodeNotFound)
		for code, status := range map[ops.Code]int{
			ops.CodeIllegalMove: 409, ops.CodeForbidden: 403, ops.CodeUnavailable: 503, ops.CodeTooLarge: 413,
		} {
			r.fail = ops.Errorf(code, "no")
			r.call(t, "POST", path, "").problem(status, code)
		}
		r.fail = nil
	}
	var i ops.Instance
	r.call(t, "POST", "/v1/workflows/wf-1/retry", `{"from_step":"a","context":{"n":1.50,"m":null},"skip":["b"],"reason":"x"}`).ok(200, &i)
	if got := fmt.Sprintf("%s %s %s %v", r.retry.FromStep, r.retry.Context["n"], r.retry.Context["m"], r.retry.Skip); got != "a 1.50 null [b]" {
		t.Errorf("asked for %s", got)
	}
}
