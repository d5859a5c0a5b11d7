package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestTemplatesAreListedReadStoredAndPublished(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.templates = []*ops.Template{
		{Name: "a", Version: 1, Steps: []ops.Step{{ID: "s", Due: ops.Duration{D: 8 * time.Hour, Business: true}}}, Meta: ops.Meta{V: 1}},
		{Name: "b", Version: 1},
	}
	var page, rest listBody
	r.call(t, "GET", "/v1/templates?limit=1", "").ok(200, &page)
	r.call(t, "GET", "/v1/templates?limit=1&cursor="+*page.NextCursor, "").ok(200, &rest)
	if page.Items[0]["name"] != "a" || rest.Items[0]["name"] != "b" || rest.NextCursor != nil || page.Count.Value != 2 {
		t.Errorf("%+v, %+v", page, rest)
	}
	var one ops.Template
	r.call(t, "GET", "/v1/templates/a/versions/1", "").ok(200, &one)
	if one.Name != "a" || one.Steps[0].Due.String() != "8bh" {
		t.Errorf("%+v", one)
	}
	r.call(t, "GET", "/v1/templates/a/versions/2", "").problem(404, ops.CodeNotFound)
	drawing := r.call(t, "GET", "/v1/templates/a/versions/1/graph", "")
	if ct := drawing.Header().Get("Content-Type"); drawing.Code != 200 || ct != "image/svg+xml" || !strings.Contains(drawing.Body.String(), "<svg ") {
		t.Errorf("graph: status %d, %s, %s", drawing.Code, ct, drawing.Body)
	}
	r.call(t, "GET", "/v1/templates/a/versions/2/graph", "").problem(404, ops.CodeNotFound)
	r.call(t, "GET", "/v1/templates/a/versions/x/graph", "").problem(422, ops.CodeInvalid)

	const text = ` {"name":"deposit_refund", "steps":[]}`
	res := r.call(t, "POST", "/v1/templates", text)
	res.ok(201, &one)
	if r.text != text || res.Header().Get("Location") != "/v1/templates/deposit_refund/versions/3" {
		t.Errorf("text %q, Location %q", r.text, res.Header().Get("Location"))
	}
	var advice struct {
		Warnings []ops.Warning
		Cost     map[string]int
	}
	res.ok(201, &advice)
	if len(advice.Warnings) != 1 || advice.Cost["states_min"] != 1 || advice.Cost["states_max"] != 2 {
		t.Errorf("advice %+v", advice)
	}
	var verdict map[string]any
	r.call(t, "POST", "/v1/templates/validate", text+" ").ok(200, &verdict)
	if r.text != text+" " || verdict["valid"] != false || len(verdict["errors"].([]any)) != 1 {
		t.Errorf("verdict %v on %q", verdict, r.text)
	}
	r.call(t, "POST", "/v1/templates/a/versions/1/publish", "").ok(200, &one)
	if !one.Published || !one.Active || r.actor.ID != "ada" {
		t.Errorf("%+v by %+v", one, r.actor)
	}
	for what, active := range map[string]bool{`publish {"activate":false}`: false, `activate {"reason":"it works"}`: true, `deactivate {"reason":"it works"}`: false} {
		move, body, _ := strings.Cut(what, " ")
		r.call(t, "POST", "/v1/templates/a/versions/1/"+move, body).ok(200, &one)
		if one.Active != active || move != "publish" && one.Description != "it works" {
			t.Errorf("%s: active %v, %q", what, one.Active, one.Description)
		}
	}
}

func TestRulesAreListedReadStoredAndSwitched(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rules = []*ops.Rule{{ID: "assign-vendor", Version: 1, Mode: ops.RuleActive}}
	var page listBody
	r.call(t, "GET", "/v1/rules", "").ok(200, &page)
	if len(page.Items) != 1 || page.Items[0]["id"] != "assign-vendor" {
		t.Errorf("%+v", page)
	}
	var rule ops.Rule
	res := r.call(t, "GET", "/v1/rules/assign-vendor", "")
	res.ok(200, &rule)
	if res.Header().Get("ETag") != `"v1"` {
		t.Errorf("ETag %q", res.Header().Get("ETag"))
	}
	res = r.call(t, "POST", "/v1/rules", `{"name":"x"}`)
	res.ok(201, &rule)
	if r.text != `{"name":"x"}` || res.Header().Get("Location") != "/v1/rules/new-rule" {
		t.Errorf("text %q, Location %q", r.text, res.Header().Get("Location"))
	}
	r.call(t, "POST", "/v1/rules/assign-vendor/mode", `{"mode":"shadow","reason":"too eager"}`).ok(200, &rule)
	if rule.Mode != ops.RuleShadow || r.reason != "too eager" {
		t.Errorf("%+v, reason %q", rule, r.reason)
	}
}

func TestARuleIsOnlyChangedAtTheVersionThatIfMatchNames(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rules = []*ops.Rule{{ID: "assign-vendor", Version: 1}}
	var rule ops.Rule
	res := r.call(t, "PUT", "/v1/rules/assign-vendor", `{}`, "If-Match", `"v1"`)
	res.ok(200, &rule)
	if res.Header().Get("ETag") != `"v2"` {
		t.Errorf("ETag %q", res.Header().Get("ETag"))
	}
	r.call(t, "PUT", "/v1/rules/assign-vendor", `{}`, "If-Match", `"v1"`).problem(412, "precondition_failed")
	r.call(t, "PUT", "/v1/rules/assign-vendor", `{}`, "If-Match", `"v9", "v2"`).ok(200, &rule)
	r.call(t, "PUT", "/v1/rules/assign-vendor", `{}`).ok(200, &rule)
	if rule.Version != 4 {
		t.Errorf("version %d", rule.Version)
	}
	r.call(t, "PUT", "/v1/rules/other", `{}`).problem(404, ops.CodeNotFound)
}
