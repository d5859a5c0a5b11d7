package ops_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestIdentityOfEvents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, detail, identity string
		subject                ops.SubjectRef
	}{
		{"booking_created", `{"booking_id": "bk-1"}`, "booking_created booking_id=bk-1", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
		{"booking_created", `{"booking_id": "bk-1", "event_id": "e-1"}`, "booking_created event_id=e-1", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
		{"payment_received", `{"payment_id": "p-1"}`, "payment_received payment_id=p-1 status=pending", ops.SubjectRef{Type: "payment", ID: "p-1"}},
		{"payment_received", `{"payment_id": "p-1", "status": "failed"}`, "payment_received payment_id=p-1 status=failed", ops.SubjectRef{Type: "payment", ID: "p-1"}},
		{"service_completed", `{"booking_id": "bk-1", "completed_at": "2026-01-01T04:00:00.50+04:00"}`, "service_completed booking_id=bk-1 completed_at=2026-01-01T00:00:00.5Z", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
		{"service_completed", `{"booking_id": "bk-1"}`, "service_completed booking_id=bk-1", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
		{"customer_complaint", `{"complaint_id": "c-1", "booking_id": "bk-1"}`, "customer_complaint complaint_id=c-1", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
		{"vendor_assigned", `{"booking_id": "bk-1", "vendor_id": "v-1"}`, "vendor_assigned booking_id=bk-1 vendor_id=v-1", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
		{"quality_score_updated", `{"vendor_id": "v-1"}`, "quality_score_updated event_id=eb-1", ops.SubjectRef{Type: "vendor", ID: "v-1"}},
		{"sla_violation", `{"subject_type": "booking", "subject_id": "bk-1", "policy": "x"}`, "sla_violation subject_type=booking subject_id=bk-1 policy=x", ops.SubjectRef{Type: "booking", ID: "bk-1"}},
	} {
		t.Run(c.identity, func(t *testing.T) {
			t.Parallel()
			identity, subject := ops.IdentifyEvent(ops.Envelope{ID: "eb-1", DetailType: c.kind, Detail: json.RawMessage(c.detail)})
			if identity != c.identity || subject != c.subject {
				t.Errorf("got %q about %v", identity, subject)
			}
		})
	}
}

func TestEveryTriggerEventHasASchemaThatExplainsItself(t *testing.T) {
	t.Parallel()
	for _, kind := range ops.EventTypes() {
		text, ok := ops.EventSchema(kind)
		if !ok {
			t.Errorf("%s has no schema", kind)
			continue
		}
		var schema struct {
			Title      string   `json:"title"`
			Required   []string `json:"required"`
			Properties map[string]struct {
				Description string `json:"description"`
			} `json:"properties"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			t.Fatal(err)
		}
		for name, p := range schema.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s doesn't say what is expected", kind, name)
			}
		}
		for _, name := range schema.Required {
			if _, ok := schema.Properties[name]; !ok {
				t.Errorf("%s requires %s, which it doesn't describe", kind, name)
			}
		}
		if schema.Title != string(kind) {
			t.Errorf("%s is called %s", kind, schema.Title)
		}
	}
	if _, ok := ops.EventSchema("../schema"); ok {
		t.Error("a schema was found outside of the schemas")
	}
}

func TestSubjectsLearnTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	events := []*ops.Event{
		{ID: "evt-1", Type: "payment_received", Time: at, Detail: json.RawMessage(`{"payment_id": "p", "status": "pending", "method": "card"}`)},
		{ID: "evt-2", Type: "payment_received", Time: at.Add(time.Hour), Detail: json.RawMessage(`{"payment_id": "p", "status": "confirmed", "event_id": "x"}`)},
		{ID: "evt-3", Type: "payment_received", Time: at.Add(time.Hour), Detail: json.RawMessage(`{"payment_id": "p", "status": "failed"}`)},
	}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		s := &ops.Subject{}
		for _, i := range order {
			s.Learn(events[i])
		}
		if string(s.Fields["status"]) != `"failed"` || string(s.Fields["method"]) != `"card"` || s.Fields["event_id"] != nil || s.Last["payment_received"].EventID != "evt-3" {
			t.Errorf("in order %v: %s, last %v", order, s.Fields, s.Last)
		}
		if s.Learn(events[0]) {
			t.Error("an old event changed the subject")
		}
	}
}

func TestFaultsOfRules(t *testing.T) {
	t.Parallel()
	const action = `"actions": [{"type": "start_workflow", "template": "t"}]`
	for _, c := range []struct {
		name, rule string
		paths      []string
	}{
		{"in order", `{"name": "A rule!", "event": "booking_created", ` + action + `}`, nil},
		{"the document of the design", `{"name": "quality-check", "type": "trigger", "event": "service_completed", "mode": "active", "priority": 5,
			"condition": {"all": [{"path": "detail.service_value", "op": "gt", "value": 100}]},
			"actions": [{"type": "start_workflow", "template": "quality_assurance", "input": {"vendor_id": "$.detail.vendor_id"}}],
			"max_executions_per_day": 100, "cooldown": "1h", "time_zone": "Asia/Dubai"}`, nil},
		{"unknown fields", `{"name": "a", "event": "booking_created", "colour": 1, "priority": 11, "actions": [{"type": "start_workflow", "template": "t", "templates": 1}]}`, []string{"$.actions[0].templates", "$.colour", "$.priority"}},
		{"wrong types", `{"name": 1, "event": "booking_created", "priority": "5", ` + action + `}`, []string{"$.name", "$.priority", "$.id"}},
		{"nothing", `{}`, []string{"$.id", "$.name", "$.event", "$.actions"}},
		{"out of bounds", `{"name": "a", "event": "workflow_failed", "type": "x", "mode": "on", "priority": 11, "max_executions_per_day": -1, "time_zone": "Mars", ` + action + `}`, []string{"$.type", "$.event", "$.mode", "$.priority", "$.max_executions_per_day", "$.time_zone"}},
		{"escalation without escalate", `{"name": "a", "type": "escalation", "event": "sla_violation", ` + action + `}`, []string{"$.actions"}},
		{"actions", `{"name": "a", "event": "booking_created", "actions": [
			{"type": "dance"},
			{"type": "start_workflow", "title": "x"},
			{"type": "raise_alert", "alert": "x", "severity": "huge", "title": ""},
			{"type": "notify", "template": "t", "to": {"team": "Finance", "role": "vendor"}},
			{"type": "notify", "template": "t"},
			{"type": "escalate"},
			{"type": "emit_event", "detail_type": "alert_raised"},
			{"type": "start_workflow", "template": "t", "once_per": "detail.id"},
			{"type": "start_workflow", "template": "t", "subject": {"type": "customer", "id": "a b"}, "on_error": "skip"},
			{"type": "escalate", "ladder": "l", "subject": {"type": "vendor", "id": "v-1"}}]}`, []string{
			"$.actions[0].type", "$.actions[1].title", "$.actions[1].template", "$.actions[2].title", "$.actions[2].alert", "$.actions[2].severity",
			"$.actions[3].to", "$.actions[4].to", "$.actions[5].ladder", "$.actions[6].detail_type", "$.actions[7].once_per",
			"$.actions[8].on_error", "$.actions[8].subject.type", "$.actions[8].subject.id", "$.actions[9].subject",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, unread, read := ops.DecodeRule([]byte(c.rule))
			if !read {
				t.Error("nothing was read")
			}
			faults := ops.JoinFaults(unread, r.Faults())
			var paths []string
			for _, f := range faults {
				if f.Expected == "" {
					t.Errorf("%s: nothing says what was expected", f.Path)
				}
				paths = append(paths, f.Path)
			}
			if !slices.Equal(paths, c.paths) {
				t.Errorf("got %q", paths)
			}
		})
	}
}

func TestASubjectRemembersTheLastArrivalsOfEachType(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	s := &ops.Subject{}
	for _, n := range []int{1, 0, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11} { // the second came later, and one came twice
		e := &ops.Event{ID: strconv.Itoa(n), Type: string(ops.PaymentReceived)}
		e.CreatedAt = at.Add(time.Duration(n) * time.Second)
		s.Arrive(e)
	}
	s.Arrive(&ops.Event{ID: "other", Type: string(ops.BookingCreated)})
	var ids []string
	for _, l := range s.Arrived[ops.PaymentReceived] {
		ids = append(ids, l.EventID)
	}
	if want := []string{"2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}; !slices.Equal(ids, want) || len(s.Arrived[ops.BookingCreated]) != 1 {
		t.Errorf("it remembers %v, want %v", ids, want)
	}
}
