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

func TestVendorsAreMeasuredInEightWaysByWhatTheyDid(t *testing.T) {
	t.Parallel()
	s := promised(t)
	type metric struct {
		Type       ops.MetricType `json:"type"`
		Level      ops.Level      `json:"level"`
		Value      float64        `json:"value"`
		Confidence float64        `json:"confidence"`
		DataPoints int            `json:"data_points"`
		Method     string         `json:"calculation_method"`
	}
	measured := func(vendor string) map[ops.MetricType]metric {
		t.Helper()
		var page struct {
			Items []metric `json:"items"`
		}
		s.get("/v1/vendors/"+vendor+"/metrics?limit=100", &page)
		all := map[ops.MetricType]metric{}
		for _, m := range page.Items {
			all[m.Type] = m
		}
		return all
	}
	for n := range 8 {
		id := fmt.Sprintf("bk-%d", n)
		b := booking(id)
		b["service_type"], b["location"] = "ac_repair", object{"area": "Business Bay"}
		b["scheduled_for"] = fmt.Sprintf("2030-01-%02dT09:00:00Z", n+1) // for it takes five bookings a day
		s.put("booking_created", b)
		s.advance("10m")
		var offer ops.Task
		s.get("/v1/tasks/"+s.workflow("vendor_assignment", "booking/"+id).WaitingFor.Ref, &offer)
		s.ask(http.MethodPost, "/v1/tasks/"+offer.ID+"/complete", s.tokenFor(offer.Assignee, "vendors"), object{"outcome": "accepted"}, http.StatusOK, nil)
		if offer.Assignee != "vendor-coolair" {
			t.Fatalf("%s is offered to %s", id, offer.Assignee)
		}
		done := object{
			"booking_id": id, "vendor_id": offer.Assignee, "service_type": "ac_repair", "service_value": 120, "rating": 5,
			"started_at": "2026-11-24T07:00:00Z", "promised_at": "2026-11-24T09:00:00Z", "completed_at": "2026-11-24T08:30:00Z",
		}
		s.put("service_completed", done)
		s.put("service_completed", done)
		s.put("quality_score_updated", object{"vendor_id": offer.Assignee, "booking_id": id, "score": 90, "max_score": 100})
		if n == 0 {
			s.put("booking_created", b) // the same again
		}
	}
	all := measured("vendor-coolair")
	for _, kind := range ops.MetricTypes() {
		m, ok := all[kind]
		if !ok {
			t.Errorf("%s is not measured", kind)
			continue
		}
		if m.Level == "" || m.Method == "" || m.DataPoints > 8 {
			t.Errorf("%s is %+v, want a level, a method, and no delivery counted twice", kind, m)
		}
	}
	if m := all[ops.Punctuality]; m.Level != ops.Excellent && m.Level != ops.Good || m.DataPoints == 0 || m.Confidence <= 0 || m.Confidence > 1 {
		t.Errorf("after eight services in time punctuality is %+v", m)
	}
	s.put("service_completed", object{
		"booking_id": "bk-once", "vendor_id": "vendor-bluepipe", "rating": 5, "promised_at": "2026-11-24T09:00:00Z", "completed_at": "2026-11-24T08:30:00Z",
	})
	if m := measured("vendor-bluepipe")[ops.CustomerSatisfaction]; m.Level != ops.Insufficient {
		t.Errorf("after one rating the satisfaction is %+v, want insufficient data", m)
	}
}

func TestMessagesGoByEmailSMSAndWebhookToTheOutbox(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.ask(http.MethodPut, "/v1/members/olivia", s.token, object{
		"name": "Olivia", "teams": []string{"Operations"}, "active": true, "email": "olivia@example.com", "phone": "+971501234567",
	}, http.StatusOK, nil)
	s.post("/v1/alerts", object{
		"type": "system_error", "severity": "critical", "title": "The lights went out", "subject": object{"type": "booking", "id": "bk-1"},
	}, http.StatusCreated, nil)
	var box struct {
		Items []struct {
			Channel string `json:"channel"`
			To      string `json:"to"`
			Title   string `json:"title"`
		} `json:"items"`
	}
	s.get("/dev/outbox", &box)
	to := map[string]string{}
	for _, m := range box.Items {
		to[m.Channel] = m.To
	}
	if to["email"] != "olivia@example.com" || to["sms"] != "+971501234567" {
		t.Errorf("the outbox has %v, want an e-mail and an SMS to Olivia", to)
	}
	if _, ok := to["webhook"]; !ok {
		t.Errorf("the outbox has %v, want the webhook, too", to)
	}
	for _, n := range s.all("/v1/notifications") {
		if n["status"] != "sent" {
			t.Errorf("notification %v is %v", n["id"], n["status"])
		}
	}
}
