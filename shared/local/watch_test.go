package local_test

import (
	"net/http"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

// A template that watches starts when what it watches turns true: a payment by its events, a vendor by what is written of it.
func TestConditionsOnRecordsStartWorkflows(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	for name, watch := range map[string]object{
		"rescue_payment": {"subject": "payment", "when": object{"path": "subject.status", "op": "eq", "value": "failed"}},
		"retrain_vendor": {"subject": "vendor", "when": object{"path": "subject.active", "op": "eq", "value": false}},
	} {
		s.ask(http.MethodPost, "/v1/templates", s.token, object{
			"name": name, "type": "complaint_resolution", "trigger": "condition_based", "team": "Operations", "watch": watch,
			"steps": []object{{"id": "look", "name": "Look into it", "kind": "manual"}},
		}, http.StatusCreated, nil)
		s.ask(http.MethodPost, "/v1/templates/"+name+"/versions/1/publish", s.token, nil, http.StatusOK, nil)
	}
	for _, status := range []string{"pending", "failed", "failed"} {
		detail := payment("pay-1")
		detail["status"] = status
		s.put("payment_received", detail)
		s.advance("1m")
	}
	if got := s.workflows("template=rescue_payment"); len(got) != 1 || got[0].Status != "waiting_approval" {
		t.Errorf("of the payment: %+v", got)
	}
	vendor := object{"name": "V", "active": true, "verified": true, "categories": []string{"cleaning"}, "areas": []string{"Dubai Marina"}}
	for _, active := range []bool{true, false} {
		vendor["active"] = active
		s.ask(http.MethodPut, "/v1/vendors/v-watched", s.token, vendor, http.StatusOK, nil)
		s.advance("2m")
	}
	if got := s.workflows("template=retrain_vendor"); len(got) != 1 || got[0].Status != "waiting_approval" {
		t.Errorf("of the vendor: %+v", got)
	}
}
