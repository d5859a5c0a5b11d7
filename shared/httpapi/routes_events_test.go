package httpapi_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestAnEventComesWithItsDecisionsAndDeliveries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	at := r.clock.Now()
	r.events["evt-1"] = &ops.Event{
		ID: "evt-1", Type: "service_completed", Source: "booking", Time: at, Status: ops.EventValid,
		Detail: json.RawMessage(`{"booking_id":"bk-1","service_value":100}`),
		Decisions: []ops.Decision{
			{Rule: "quality-check", RuleVersion: 1, Outcome: ops.NotMatched, Leaf: &ops.Leaf{
				Path: "detail.service_value", Op: ops.OpGt, Want: json.RawMessage("100"), Got: json.RawMessage("100"),
			}},
			{Rule: "satisfaction-survey", RuleVersion: 1, Outcome: ops.Matched, Effects: []ops.Effect{{Kind: ops.KindAction, ID: "act-1"}}},
		},
		Delivered: 1, Envelopes: []ops.Delivered{{ID: "eb-1", At: at}},
	}
	var body struct {
		ID, Type, Source, Status string
		Time                     time.Time
		Detail                   json.RawMessage
		Decisions                []struct {
			Rule        string
			RuleVersion int `json:"rule_version"`
			Outcome     string
			Leaf        *ops.Leaf
			Effect      *ops.Effect
		}
		Deliveries []ops.Delivered
	}
	r.call(t, "GET", "/v1/events/evt-1", "").ok(200, &body)
	if body.ID != "evt-1" || body.Source != "booking" || !body.Time.Equal(at) || len(body.Decisions) != 2 || len(body.Deliveries) != 1 {
		t.Fatalf("event %+v", body)
	}
	if l := body.Decisions[0].Leaf; l == nil || l.Path != "detail.service_value" || string(l.Got) != "100" || body.Decisions[0].Effect != nil {
		t.Errorf("first decision %+v", body.Decisions[0])
	}
	if e := body.Decisions[1].Effect; e == nil || e.ID != "act-1" || e.Kind != ops.KindAction {
		t.Errorf("second decision %+v", body.Decisions[1])
	}
}

func TestInvalidEventsAreListedWithTheirFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.events["evt-1"] = &ops.Event{ID: "evt-1", Status: ops.EventInvalid, Faults: []ops.Fault{{Path: "$.detail.booking_id", Expected: "an id"}}}
	var body listBody
	r.call(t, "GET", "/v1/events/invalid", "").ok(200, &body)
	if r.eventFilter.Status != ops.EventInvalid || len(body.Items) != 1 || body.Items[0]["faults"] == nil {
		t.Errorf("filter %+v, %+v", r.eventFilter, body)
	}
	r.call(t, "GET", "/v1/events?type=payment_received&status=valid&subject=payment/p-1", "").ok(200, &body)
	want := ops.EventFilter{
		Status: ops.EventValid, Type: "payment_received", Subject: ops.SubjectRef{Type: "payment", ID: "p-1"},
		PageRequest: ops.PageRequest{Limit: 20},
	}
	if r.eventFilter != want {
		t.Errorf("filter %+v", r.eventFilter)
	}
}

func TestAnEventIsPutOnTheBus(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var body map[string]string
	r.call(t, "POST", "/v1/events", `{"type":"booking_created","detail":{"booking_id":"bk-1","service_value":1.10}}`).ok(202, &body)
	if body["event_id"] != "eb-1" {
		t.Errorf("%v", body)
	}
	want := put{"api", "booking_created", json.RawMessage(`{"booking_id":"bk-1","service_value":1.10}`), r.clock.Now()}
	if !reflect.DeepEqual(r.put[0], want) {
		t.Errorf("put %+v", r.put[0])
	}
	trail, err := r.records.AuditTrail(t.Context(), ops.AuditFilter{Target: ops.Ref{Kind: ops.KindEvent, ID: ops.EventID("booking_created booking_id=bk-1")}})
	if err != nil || len(trail.Items) != 1 || trail.Items[0].Action != "event.put" || trail.Items[0].Actor.ID != "ada" {
		t.Errorf("written down is %+v, %v", trail.Items, err)
	}
	p := r.call(t, "POST", "/v1/events", `{"type":"x","source":"opsflow","detail":{}}`).problem(422, ops.CodeInvalid)
	if p.Errors[0].Path != "$.source" {
		t.Errorf("%+v", p)
	}
}

func TestAnEventWithoutANaturalKeyIsTheSameUnderTheSameKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const body = `{"type":"quality_score_updated","source":"shop","time":"2026-01-02T03:04:05Z","detail":{"vendor_id":"v-1","score":7}}`
	for _, key := range []string{"k1", "k1", "k2", ""} {
		var answer map[string]string
		r.call(t, "POST", "/v1/events", body, "Idempotency-Key", key).ok(202, &answer)
	}
	ids := map[string]bool{}
	for _, p := range r.put {
		var detail struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(p.detail, &detail); err != nil || detail.EventID == "" || p.source != "shop" || p.at.Year() != 2026 {
			t.Errorf("put %+v", p)
		}
		ids[detail.EventID] = true
	}
	if len(r.put) != 3 || len(ids) != 3 {
		t.Errorf("put %d with the ids %v, want one for each key and one without", len(r.put), ids)
	}
}
