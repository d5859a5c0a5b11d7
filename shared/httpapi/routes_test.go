package httpapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

type listBody struct {
	Items      []map[string]any `json:"items"`
	NextCursor *string          `json:"next_cursor"`
	Count      ops.Count        `json:"count"`
}

func TestStartingAWorkflowAnswersWithTheInstance(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.call(t, "POST", "/v1/workflows",
		`{"template":"deposit_refund","version":2,"name":"Refund","subject":{"type":"booking","id":"bk-1"},"context":{"amount":12.50}}`)
	var i ops.Instance
	res.ok(http.StatusCreated, &i)
	if i.Template != "deposit_refund" || r.actor.ID != "ada" {
		t.Errorf("instance %+v", i)
	}
	if got := res.Header().Get("Location"); got != "/v1/workflows/"+i.ID {
		t.Errorf("Location %q", got)
	}
	if got := res.Header().Get("ETag"); got != `"v1"` {
		t.Errorf("ETag %q", got)
	}
	s := r.started[0]
	if s.Version != 2 || s.Name != "Refund" || s.Subject != (ops.SubjectRef{Type: "booking", ID: "bk-1"}) || string(s.Context["amount"]) != "12.50" {
		t.Errorf("asked for %+v", s)
	}
}

func TestWorkflowListPassesItsFiltersOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.instances["wf-1"] = &ops.Instance{ID: "wf-1"}
	r.next, r.count = "cur-2", ops.Count{Value: 41}
	var body listBody
	r.call(t, "GET", "/v1/workflows?status=running&type=quality_check&template=quality_assurance&subject=booking/bk-1"+
		"&team=finance&assignee=eve&overdue=true&limit=7&cursor=cur-1", "").ok(200, &body)
	want := ops.InstanceFilter{
		Status: ops.InstanceRunning, Type: ops.QualityCheck, Template: "quality_assurance",
		Subject: ops.SubjectRef{Type: "booking", ID: "bk-1"}, Team: ops.Finance, Assignee: "eve", Overdue: r.clock.Now(),
		PageRequest: ops.PageRequest{Limit: 7, Cursor: "cur-1"},
	}
	if r.instanceFilter != want {
		t.Errorf("filter %+v, want %+v", r.instanceFilter, want)
	}
	if len(body.Items) != 1 || body.NextCursor == nil || *body.NextCursor != "cur-2" || body.Count != (ops.Count{Value: 41}) {
		t.Errorf("list %+v", body)
	}
}

func TestAnEmptyListHasItsShape(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.count = ops.Count{Exact: true}
	for _, path := range []string{
		"/v1/workflows", "/v1/tasks", "/v1/events", "/v1/events/invalid", "/v1/templates", "/v1/rules", "/v1/alerts", "/v1/vendors",
	} {
		res := r.call(t, "GET", path, "")
		if want := `{"items":[],"next_cursor":null,"count":{"value":0,"exact":true}}`; strings.TrimSpace(res.Body.String()) != want {
			t.Errorf("%s: %s", path, res.Body)
		}
	}
}

func TestAWorkflowComesWithoutHistoryAndInternals(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	i := &ops.Instance{ID: "wf-1", Lease: ops.Lease{Owner: "req"}, Meta: ops.Meta{V: 4}, Status: ops.InstanceRunning}
	i.SetTimer(ops.TimerSLA, r.clock.Now())
	for _, what := range []string{"created", "started", "completed"} {
		i.Log(ops.HistoryEntry{At: r.clock.Now(), What: what})
	}
	r.instances[i.ID] = i
	var body map[string]any
	res := r.call(t, "GET", "/v1/workflows/wf-1", "")
	res.ok(200, &body)
	for _, name := range []string{"history", "lease", "timers"} {
		if _, ok := body[name]; ok {
			t.Errorf("%s is shown: %s", name, res.Body)
		}
	}
	if body["id"] != "wf-1" || res.Header().Get("ETag") != `"v4"` {
		t.Errorf("%s, ETag %s", res.Body, res.Header().Get("ETag"))
	}

	var page listBody
	r.call(t, "GET", "/v1/workflows/wf-1/history?limit=2", "").ok(200, &page)
	if len(page.Items) != 2 || page.Items[0]["what"] != "created" || page.NextCursor == nil || page.Count != (ops.Count{Value: 3, Exact: true}) {
		t.Fatalf("history %+v", page)
	}
	var rest listBody
	r.call(t, "GET", "/v1/workflows/wf-1/history?limit=2&cursor="+*page.NextCursor, "").ok(200, &rest)
	if len(rest.Items) != 1 || rest.Items[0]["what"] != "completed" || rest.NextCursor != nil {
		t.Errorf("rest of the history %+v", rest)
	}
}

func TestALargeOutputIsReadByTheStepsOwnRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.instances["wf-1"] = &ops.Instance{ID: "wf-1", Steps: []ops.StepRecord{
		{ID: "some", OutputApart: &ops.Apart{Key: "K", Bytes: 100}}, {ID: "huge", OutputApart: &ops.Apart{Key: "L", Bytes: 9 << 20}},
	}}
	var whole ops.Instance
	r.call(t, "GET", "/v1/workflows/wf-1", "").ok(200, &whole)
	if whole.Step("some").Output == nil || whole.Step("huge").Output != nil || whole.Step("huge").OutputApart.Bytes != 9<<20 {
		t.Errorf("the workflow's steps are %+v", whole.Steps)
	}
	var one ops.StepRecord
	if r.call(t, "GET", "/v1/workflows/wf-1/steps/huge", "").ok(200, &one); one.ID != "huge" || one.Output == nil {
		t.Errorf("the step is %+v", one)
	}
	r.call(t, "GET", "/v1/workflows/wf-1/steps/none", "").problem(404, ops.CodeNotFound)
}

const secret = "task-token-that-nobody-may-see"

func TestTheTaskTokenNeverLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.instances["wf-1"] = &ops.Instance{ID: "wf-1", Name: "Refund", Waits: ops.TokenWait{Step: "approve", Token: secret}}
	for _, path := range []string{"/v1/workflows", "/v1/workflows/wf-1"} {
		res := r.call(t, "GET", path, "")
		var body map[string]any
		res.ok(200, &body)
		if s := res.Body.String(); strings.Contains(s, secret) || !strings.Contains(s, `"name":"Refund"`) {
			t.Errorf("%s: %s", path, s)
		}
	}
}

func TestTaskViewTellsEveryPublicField(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := &ops.Task{}
	fill(reflect.ValueOf(task).Elem())
	task.ID, task.Form, task.Answers = "tsk-1", json.RawMessage(`{}`), json.RawMessage(`{}`)
	r.tasks["tsk-1"] = task
	var body map[string]any
	r.call(t, "GET", "/v1/tasks/tsk-1", "").ok(200, &body)
	whole, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(whole, &fields); err != nil {
		t.Fatal(err)
	}
	hidden := []string{"token", "attempt", "timers", "expires_at", "counted"}
	for name := range fields {
		if _, shown := body[name]; shown == slices.Contains(hidden, name) {
			t.Errorf("%s shown: %t", name, shown)
		}
	}
}

// fill sets every field to something that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // a task has no others
	case reflect.Struct:
		if at, ok := v.Addr().Interface().(*time.Time); ok {
			*at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			return
		}
		for n := range v.NumField() {
			fill(v.Field(n))
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if v.Type().Elem().Kind() == reflect.String {
			v.Index(0).SetString("x")
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	}
}

func TestDecidingATaskReachesTheService(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.tasks["tsk-1"] = &ops.Task{ID: "tsk-1", Meta: ops.Meta{V: 2}}
	var body map[string]any
	frank := r.as(t, "frank", ops.Finance)
	res := r.call(t, "POST", "/v1/tasks/tsk-1/complete", `{"outcome":"approved","form":{"reason":"ok"},"comment":"fine"}`, frank...)
	res.ok(200, &body)
	if body["status"] != "completed" || body["decided_by"] != "frank" || res.Header().Get("ETag") != `"v2"` {
		t.Errorf("%s", res.Body)
	}
	if d := r.decision; d.Outcome != "approved" || string(d.Form) != `{"reason":"ok"}` || d.Comment != "fine" {
		t.Errorf("decision %+v", d)
	}
	if !r.actor.In(ops.Finance) || r.actor.In(ops.Operations) {
		t.Errorf("actor %+v", r.actor)
	}
	r.call(t, "POST", "/v1/tasks/tsk-1/reject", `{"comment":"too dear"}`, frank...).ok(200, &body)
	if r.comment != "too dear" || body["status"] != "rejected" {
		t.Errorf("comment %q, %v", r.comment, body)
	}
	r.call(t, "POST", "/v1/tasks/tsk-1/claim", "", frank...).ok(200, &body)
	if body["assignee"] != "frank" {
		t.Errorf("claimed: %v", body)
	}
}

func TestMineIsWhatTheCallerClaimed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var body listBody
	r.call(t, "GET", "/v1/tasks?mine=true&team=quality_assurance&status=claimed", "", r.as(t, "quinn", ops.QualityAssurance)...).ok(200, &body)
	want := ops.TaskFilter{
		Assignee: "quinn", Team: ops.QualityAssurance, Status: ops.TaskClaimed, PageRequest: ops.PageRequest{Limit: 20},
	}
	if r.taskFilter != want {
		t.Errorf("filter %+v", r.taskFilter)
	}
}

func TestAlertsVendorsAndSchemasCanBeRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	al := &ops.Alert{ID: "alr-1", Type: ops.AlertQualityDrop, Severity: ops.SeverityHigh, Status: ops.AlertOpen}
	al.SetTimer("ladder", r.clock.Now())
	r.alerts["alr-1"] = al
	r.vendors["ven-1"] = &ops.Vendor{ID: "ven-1", Name: "Sparkle"}

	var body map[string]any
	res := r.call(t, "GET", "/v1/alerts/alr-1", "")
	res.ok(200, &body)
	if body["severity"] != "high" || body["timers"] != nil {
		t.Errorf("%s", res.Body)
	}
	var page listBody
	r.call(t, "GET", "/v1/alerts?status=open&type=quality_drop&severity=high&subject=vendor/ven-1", "").ok(200, &page)
	want := ops.AlertFilter{
		Status: ops.AlertOpen, Type: ops.AlertQualityDrop, Severity: ops.SeverityHigh,
		Subject: ops.SubjectRef{Type: "vendor", ID: "ven-1"}, PageRequest: ops.PageRequest{Limit: 20},
	}
	if r.alertFilter != want || len(page.Items) != 1 {
		t.Errorf("filter %+v, %+v", r.alertFilter, page)
	}
	r.call(t, "GET", "/v1/vendors?limit=100", "").ok(200, &page)
	if r.vendorFilter.Limit != 100 || page.Items[0]["name"] != "Sparkle" {
		t.Errorf("%+v, %+v", r.vendorFilter, page)
	}
	r.call(t, "GET", "/v1/vendors/ven-1", "").ok(200, &body)
	if body["name"] != "Sparkle" {
		t.Errorf("%v", body)
	}
	for _, e := range ops.EventTypes() {
		var schema map[string]any
		r.call(t, "GET", "/v1/schemas/"+string(e), "").ok(200, &schema)
		if schema["properties"] == nil {
			t.Errorf("%s: %v", e, schema)
		}
	}
	r.call(t, "GET", "/v1/schemas/nothing", "").problem(404, ops.CodeNotFound)
	var template map[string]any
	r.call(t, "GET", "/v1/schemas/template", "").ok(200, &template)
	if template["title"] != "Workflow template" {
		t.Errorf("the schema of templates is of %v", template["title"])
	}
	if doc := r.call(t, "GET", "/openapi.json", "").Body.String(); strings.Count(doc, `"url":"/v1/schemas/template"`) != 2 {
		t.Error("the OpenAPI document does not lead from where templates are sent to their schema")
	}
}

func TestHealthAndTheDocumentNeedNoToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var health map[string]string
	r.call(t, "GET", "/healthz", "", "Authorization", "").ok(200, &health)
	if health["status"] != "ok" {
		t.Errorf("%v", health)
	}
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	res := r.call(t, "GET", "/openapi.json", "", "Authorization", "")
	res.ok(200, &doc)
	if doc.OpenAPI != "3.1.0" || doc.Components.Schemas["Problem"] == nil || doc.Components.Schemas["ErrorModel"] != nil {
		t.Errorf("openapi %s, schemas %v", doc.OpenAPI, doc.Components.Schemas)
	}
	for path, method := range map[string]string{
		"/v1/workflows": "post", "/v1/workflows/{id}/history": "get", "/v1/tasks/{id}/complete": "post",
		"/v1/events/invalid": "get", "/v1/templates/{name}/versions/{version}/publish": "post", "/v1/rules/{id}": "put",
		"/v1/rules/{id}/mode": "post", "/v1/alerts/{id}": "get", "/v1/vendors": "get", "/v1/schemas/{event}": "get",
	} {
		if doc.Paths[path][method] == nil {
			t.Errorf("%s %s is not described", method, path)
		}
	}
	if put := string(doc.Paths["/v1/rules/{id}"]["put"]); !strings.Contains(put, `"schema":{"type":"object"}}}`) {
		t.Errorf("PUT /v1/rules/{id}: %s", put)
	}
	if strings.Contains(string(doc.Components.Schemas["TaskBody"]), "token") {
		t.Errorf("%s", doc.Components.Schemas["TaskBody"])
	}
}
