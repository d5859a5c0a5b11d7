package local_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
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
	}{
		{"/v1/templates", "/v1/templates/own_1/versions/1", "own_1", "name", []string{
			"name", "version", "description", "type", "trigger", "team", "requires_approval", "estimated_minutes", "max_parallel_instances", "priority", "steps", "active", "published",
		}},
		{"/v1/workflows?team=Operations&template=own_1&subject=booking/bk-1", "", "own_1", "template", []string{
			"id", "template", "template_version", "type", "name", "team", "priority", "status", "attempt", "current_step", "progress", "context",
			"steps", "subject", "triggered_by", "started_at", "due_at", "waiting_for", "version", "created_at",
		}},
		{"/v1/rules", "", "own-1", "name", []string{
			"id", "name", "type", "event", "condition", "actions", "priority", "max_executions_per_day", "cooldown", "time_zone", "mode", "version", "execution_count",
		}},
		{"/v1/alerts?status=open&type=performance_issue&severity=medium", "", "Number 1", "title", []string{
			"id", "type", "severity", "status", "title", "subject", "count", "last_seen_at", "version", "created_at",
		}},
		{"/v1/vendors/vendor-sparkle/metrics", "", "response_time", "type", []string{
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
		one := c.one
		if id, ok := found["id"]; ok && one == "" {
			path := map[string]string{"template": "/v1/workflows/", "name": "/v1/rules/", "title": "/v1/alerts/"}[c.key]
			if path != "" {
				one = path + fmt.Sprint(id)
			}
		}
		whole := found
		if one != "" {
			s.get(one, &whole)
		}
		for _, field := range c.fields {
			if _, ok := whole[field]; !ok {
				t.Errorf("%s of %s has no %s: %v", one, c.list, field, slices.Sorted(maps.Keys(whole)))
			}
		}
	}
}
