package local_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

func TestTheFiveRecordKindsAreStoredListedAndReadOneByOne(t *testing.T) {
	t.Parallel()
	s := promised(t)
	step := object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations", "due": "8bh"}
	for n := range 3 {
		s.post("/v1/templates", object{
			"name": fmt.Sprintf("own_%d", n), "type": "service_delivery", "trigger": "manual", "team": "Operations", "description": "one of ours",
			"estimated_minutes": 30, "max_parallel_instances": 2, "priority": 7, "requires_approval": true, "steps": []object{step},
		}, http.StatusCreated, nil)
		s.post(fmt.Sprintf("/v1/templates/own_%d/versions/1/publish", n), nil, http.StatusOK, nil)
		s.post("/v1/workflows", object{
			"template": fmt.Sprintf("own_%d", n), "name": fmt.Sprintf("Number %d", n), "subject": object{"type": "booking", "id": "bk-1"},
			"context": object{"amount": 12.5},
		}, http.StatusCreated, nil)
		s.post("/v1/rules", object{
			"name": fmt.Sprintf("own-%d", n), "type": "trigger", "event": "booking_confirmed", "mode": "active", "priority": 3,
			"condition":              object{"path": "detail.vendor_id", "op": "exists"},
			"actions":                []object{{"type": "start_workflow", "template": "customer_follow_up"}},
			"max_executions_per_day": 100, "cooldown": "1h", "time_zone": "Asia/Dubai",
		}, http.StatusCreated, nil)
		s.post("/v1/alerts", object{
			"type": "performance_issue", "severity": "medium", "title": fmt.Sprintf("Number %d", n), "subject": object{"type": "booking", "id": "bk-1"},
		}, http.StatusCreated, nil)
		s.post("/v1/vendors/vendor-sparkle/metrics", object{
			"type": ops.MetricTypes()[n], "value": 80 + n, "calculation_method": "counted by hand", "data_points": 12,
		}, http.StatusCreated, nil)
	}
	for _, c := range []struct {
		list, one, id string
		key           string // names one of the list
		fields        []string
	}{ // one is the address of a single record: a template's by its name, all others by their ids
		{"/v1/templates?type=service_delivery&team=operations&trigger=manual&active=true", "/v1/templates/own_1/versions/1", "own_1", "name", []string{
			"name", "version", "description", "type", "trigger", "team", "requires_approval", "estimated_minutes", "max_parallel_instances", "priority", "steps", "active", "published",
		}},
		{"/v1/workflows?team=Operations&template=own_1&subject=booking/bk-1", "/v1/workflows/", "own_1", "template", []string{
			"id", "template", "template_version", "type", "name", "team", "priority", "status", "attempt", "current_step", "progress", "context",
			"steps", "subject", "triggered_by", "started_at", "due_at", "waiting_for", "version", "created_at",
		}},
		{"/v1/rules?type=trigger&event=booking_confirmed&mode=active", "/v1/rules/", "own-1", "name", []string{
			"id", "name", "type", "event", "condition", "actions", "priority", "max_executions_per_day", "cooldown", "time_zone", "mode", "version", "execution_count",
		}},
		{"/v1/alerts?status=open&type=performance_issue&severity=medium", "/v1/alerts/", "Number 1", "title", []string{
			"id", "type", "severity", "status", "title", "subject", "count", "last_seen_at", "version", "created_at",
		}},
		{"/v1/vendors/vendor-sparkle/metrics?type=response_time&period=2026-11", "/v1/vendors/vendor-sparkle/metrics/", "response_time", "type", []string{
			"id", "vendor_id", "type", "value", "max_value", "calculation_method", "data_points", "confidence", "level", "period_start", "period_end",
		}},
	} {
		var found object
		for _, item := range s.all(c.list) {
			if item[c.key] == c.id {
				found = item
			}
		}
		if found == nil {
			t.Errorf("%s does not list %s", c.list, c.id)
			continue
		}
		one, id := c.one, c.id
		if strings.HasSuffix(one, "/") {
			id = fmt.Sprint(found["id"])
			one += id
		}
		var whole, somewhere object
		s.get(one, &whole)
		if s.get("/v1/find/"+id, &somewhere); somewhere["path"] != one {
			t.Errorf("%s is found at %v, want %s", id, somewhere["path"], one)
		}
		for _, field := range c.fields {
			if _, ok := whole[field]; !ok {
				t.Errorf("%s of %s has no %s: %v", one, c.list, field, slices.Sorted(maps.Keys(whole)))
			}
		}
	}
}

func TestListsAreNarrowedByTheirFilters(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.put("payment_received", payment("pay-1"))
	task := s.awaitsApproval("pay-1").WaitingFor.Ref
	s.ask(http.MethodPost, "/v1/tasks/"+task+"/claim", s.tokenFor("fiona", "finance"), nil, http.StatusOK, nil)
	s.ask(http.MethodPut, "/v1/vendors/v-idle", s.token, object{
		"name": "Idle", "active": false, "verified": true, "categories": []string{"roofing"}, "areas": []string{"Al Ain"},
	}, http.StatusOK, nil)
	for _, kind := range []string{"quality_score", "punctuality"} {
		s.post("/v1/vendors/v-idle/metrics", object{"type": kind, "value": 80, "calculation_method": "visit"}, http.StatusCreated, nil)
	}
	for path, want := range map[string][]string{
		"/v1/vendors?active=false":                                     {"v-idle"},
		"/v1/vendors?category=roofing":                                 {"v-idle"},
		"/v1/vendors?area=Al%20Ain&category=roofing&active=false":      {"v-idle"},
		"/v1/vendors?area=Al%20Ain&active=true":                        nil,
		"/v1/tasks?assignee=fiona":                                     {task},
		"/v1/tasks?subject=payment/pay-1":                              {task},
		"/v1/tasks?kind=approval&team=finance":                         {task},
		"/v1/tasks?kind=manual":                                        nil,
		"/v1/tasks?subject=payment/pay-2":                              nil,
		"/v1/tasks?assignee=fiona&kind=approval&subject=payment/pay-1": {task},
		"/v1/rules?type=escalation":                                    nil,
		"/v1/templates?trigger=time_based":                             nil,
		"/v1/audit?actor=nobody":                                       nil,
		"/v1/vendors/v-idle/metrics?period=2026-10":                    nil,
		"/v1/vendors/v-idle/metrics?type=cost_effectiveness":           nil,
	} {
		if got := pick(s.all(path), "id"); !slices.Equal(got, want) {
			t.Errorf("%s gives %v, want %v", path, got, want)
		}
	}
	if got := pick(s.all("/v1/audit?actor=fiona"), "action"); !slices.Equal(got, []string{"task.claim"}) {
		t.Errorf("fiona did %v", got)
	}
	if got := s.all("/v1/audit?actor=ada&target=task/" + task); len(got) != 0 {
		t.Errorf("ada did %v to the task", got)
	}
	for _, kind := range pick(s.all("/v1/vendors/v-idle/metrics?type=punctuality&period=2026-11"), "type") {
		if kind != "punctuality" {
			t.Errorf("among the measurements of punctuality is one of %s", kind)
		}
	}
	for path, fault := range map[string]string{
		"/v1/vendors/v-idle/metrics?period=november": "query.period", "/v1/tasks?kind=odd": "query.kind", "/v1/tasks?subject=odd": "query.subject",
		"/v1/rules?type=odd": "query.type", "/v1/templates?trigger=odd": "query.trigger", "/v1/vendors?active=perhaps": "query.active",
	} {
		if res := s.request(http.MethodGet, path, s.token, nil); res.status != http.StatusUnprocessableEntity || !strings.Contains(string(res.body), `"path":"`+fault+`"`) {
			t.Errorf("%s: %d %s", path, res.status, res.body)
		}
	}
}
