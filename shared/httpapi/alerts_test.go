package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

func TestAnAlertIsRaisedOverTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const body = `{"type":"quality_drop","severity":"high","title":" Bad work ","subject":{"type":"vendor","id":"ven-1"},"detail":"twice"}`
	var made map[string]any
	res := r.call(t, "POST", "/v1/alerts", body)
	res.ok(http.StatusCreated, &made)
	want := alert.Spec{
		Type: ops.AlertQualityDrop, Severity: ops.SeverityHigh, Title: "Bad work", Detail: "twice",
		Subject: ops.SubjectRef{Type: "vendor", ID: "ven-1"}, Key: "raised/Bad work",
	}
	if r.raised != want || r.actor.ID != "ada" {
		t.Errorf("raised %+v by %s", r.raised, r.actor.ID)
	}
	if res.Header().Get("Location") != "/v1/alerts/alr-new" || res.Header().Get("ETag") != `"v1"` {
		t.Errorf("headers %v", res.Header())
	}
	for body, path := range map[string]string{
		`{"type":"fire","severity":"high","title":"x"}`:                                  "$.type",
		`{"type":"quality_drop","severity":"huge","title":"x"}`:                          "$.severity",
		`{"type":"quality_drop","severity":"high"}`:                                      "$.title",
		`{"type":"quality_drop","severity":"high","title":7}`:                            "$.title",
		`{"type":"quality_drop","severity":"high","title":"x","colour":"red"}`:           "$.colour",
		`{"type":"quality_drop","severity":"high","title":"x","subject":{"type":"v"}}`:   "$.subject.id",
		`{"type":"quality_drop","severity":"high","title":"x","status":"closed"}`:        "$.status",
		`{"type":"quality_drop","severity":"high","title":"x","subject":{"kind":"ven"}}`: "$.subject.kind",
	} {
		p := r.call(t, "POST", "/v1/alerts", body).problem(422, ops.CodeInvalid)
		found := false
		for _, f := range p.Errors {
			found = found || f.Path == path
		}
		if !found {
			t.Errorf("%s: faults %+v, want one at %s", body, p.Errors, path)
		}
	}
}

func TestPeopleMoveAnAlertOverTheAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.alerts["alr-1"] = &ops.Alert{ID: "alr-1", Status: ops.AlertOpen}
	for _, c := range []struct{ move, body, status string }{
		{"acknowledge", "", "acknowledged"},
		{"start", "{}", "in_progress"},
		{"resolve", `{"resolution":"done","reason":"by hand"}`, "resolved"},
		{"close", "", "closed"},
		{"reopen", `{"reason":"not done"}`, "open"},
		{"reopen", "", "open"},
	} {
		var body map[string]any
		res := r.call(t, "POST", "/v1/alerts/alr-1/"+c.move, c.body, r.as(t, "eve", ops.Finance)...)
		res.ok(200, &body)
		if body["status"] != c.status || r.actor.ID != "eve" || body["request_key"] != nil {
			t.Errorf("%s gave %s by %s", c.move, res.Body, r.actor.ID)
		}
		if c.move == "reopen" && c.body != "" && r.reason != "not done" {
			t.Errorf("the reason is %q", r.reason)
		}
		r.call(t, "POST", "/v1/alerts/alr-none/"+c.move, c.body).problem(404, ops.CodeNotFound)
		if c.move != "resolve" && c.move != "reopen" {
			r.call(t, "POST", "/v1/alerts/alr-1/"+c.move, `{"when":"now"}`).problem(422, ops.CodeInvalid)
		}
	}
	if r.resolution != (alert.Resolution{Resolution: "done", Reason: "by hand"}) {
		t.Errorf("resolved with %+v", r.resolution)
	}
	for body, path := range map[string]string{`{}`: "$.resolution", `{"resolution":""}`: "$.resolution", `{"resolution":"x","by":"me"}`: "$.by"} {
		p := r.call(t, "POST", "/v1/alerts/alr-1/resolve", body).problem(422, ops.CodeInvalid)
		if p.Errors[0].Path != path {
			t.Errorf("%s: fault at %s, want %s", body, p.Errors[0].Path, path)
		}
	}
	r.fail = ops.Errorf(ops.CodeIllegalMove, "alert alr-1 is closed; it can be resolved only when it is open")
	p := r.call(t, "POST", "/v1/alerts/alr-1/resolve", `{"resolution":"x"}`).problem(409, ops.CodeIllegalMove)
	if !strings.Contains(p.Detail, "alr-1 is closed") {
		t.Errorf("it says %q", p.Detail)
	}
}

func TestTheAuditTrailOfATargetSaysWhetherItVerifies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	target := ops.Ref{Kind: ops.KindInstance, ID: "wf-1"}
	var entries []*ops.AuditEntry
	for i := range 3 {
		e := &ops.AuditEntry{Action: "workflow.pause", Actor: ops.Actor{ID: "ann"}, Target: target, After: json.RawMessage(`{"n":1}`)}
		var last *ops.AuditEntry
		if i > 0 {
			last = entries[i-1]
		}
		if err := e.Seal(last); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	r.trails = map[ops.Ref][]*ops.AuditEntry{target: entries, {}: entries[:1]}
	var body struct {
		Items []*ops.AuditEntry `json:"items"`
		Chain *struct {
			Verified bool   `json:"verified"`
			Fault    string `json:"fault"`
		} `json:"chain"`
	}
	r.call(t, "GET", "/v1/audit?target=workflow/wf-1", "").ok(200, &body)
	if len(body.Items) != 3 || body.Chain == nil || !body.Chain.Verified {
		t.Errorf("got %+v", body)
	}
	entries[1].Actor.ID = "bob"
	r.call(t, "GET", "/v1/audit?target=instance/wf-1", "").ok(200, &body)
	if body.Chain.Verified || !strings.Contains(body.Chain.Fault, "entry 2 was altered") {
		t.Errorf("altered it is %+v", body.Chain)
	}
	body.Chain = nil
	r.call(t, "GET", "/v1/audit?limit=5", "").ok(200, &body)
	if len(body.Items) != 1 || body.Chain != nil || r.target != (ops.Ref{}) {
		t.Errorf("everything is %+v of %s", body, r.target)
	}
	for _, bad := range []string{"alr-1", "alert/", "/x"} {
		if p := r.call(t, "GET", "/v1/audit?target="+bad, "").problem(422, ops.CodeInvalid); p.Errors[0].Path != "query.target" {
			t.Errorf("%s: %+v", bad, p.Errors)
		}
	}
}
