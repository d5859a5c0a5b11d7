package local_test

import (
	"encoding/json"
	"fmt"
	"net/http"

	"opsflow/shared/local"
	"opsflow/shared/ops"
)

// scene is a system in which a story is told, with the machine below it.
type scene struct {
	*system
	rt *local.Runtime
}

// tale is a small part of what opsflow does. Together they use every permission of the template.
type tale struct {
	name string
	tell func(s scene)
}

// templates are the built-in ones, each of which has a state machine.
var builtIn = []string{
	"booking_processing", "complaint_resolution", "customer_follow_up", "customer_onboarding", "payment_processing",
	"performance_review", "quality_assurance", "service_delivery", "vendor_assignment", "vendor_onboarding",
}

// families are the functions that decide about events, with an event of each about booking bk-1.
var families = []struct {
	name, event string
	detail      func(n int) object
}{
	{"bookings", "booking_confirmed", func(n int) object { return object{"booking_id": "bk-1", "event_id": fmt.Sprint("e-", n)} }},
	{"payments", "payment_received", func(n int) object { return payment(fmt.Sprint("pay-", n)) }},
	{"services", "service_completed", func(n int) object {
		return object{"booking_id": "bk-1", "vendor_id": "vendor-sparkle", "event_id": fmt.Sprint("e-", n)}
	}},
	{"vendors", "quality_score_updated", func(n int) object {
		return object{"event_id": fmt.Sprint("e-", n), "vendor_id": "vendor-sparkle", "booking_id": "bk-1", "score": 45, "max_score": 50}
	}},
}

// tales are told in the order of how long they take: each permission is shown with the first that uses it.
func tales() []tale {
	all := []tale{
		{"an event of an unknown type is kept, and told apart when it comes again", func(s scene) {
			const event = `{"version":"0","id":"e-1","source":"desk","detail-type":"booking_exploded","time":"2026-11-24T09:00:00Z","detail":{"booking_id":"bk-1"}}`
			for range 2 {
				s.invoke("opsflow-match-others", event)
			}
		}},
		{"a booking is processed and a vendor found", func(s scene) { s.put("booking_created", booking("bk-1")) }},
		{"dead letters are kept, with one alert", func(s scene) {
			s.letters("opsflow-background-dead-letters", `{"left":"by hand"}`, "no JSON at all")
		}},
		{"a workflow is started by hand", func(s scene) { s.starts("customer_follow_up", nil) }},
		{"a payment is approved", func(s scene) {
			s.put("payment_received", payment("pay-1"))
			s.approve(s.awaitsApproval("pay-1"), http.StatusOK)
		}},
		{"a payment's workflow is paused, resumed and cancelled", func(s scene) {
			s.put("payment_received", payment("pay-1"))
			at := "/v1/workflows/" + s.awaitsApproval("pay-1").ID
			s.post(at+"/pause", object{"reason": "audit"}, http.StatusOK, nil)
			s.post(at+"/resume", nil, http.StatusOK, nil)
			s.post(at+"/cancel", object{"reason": "audit"}, http.StatusOK, nil)
		}},
		{"a request is refused under its key, and sent again", func(s scene) {
			for range 2 {
				s.request(http.MethodPost, "/v1/workflows", s.token, object{"template": "nothing"}, "Idempotency-Key", "k-1")
			}
		}},
		{"finished and poor work becomes a score", func(s scene) {
			s.gardeners("v-9")
			for n := range 6 {
				s.put("service_completed", object{"booking_id": fmt.Sprint("bk-", n), "vendor_id": "v-9", "rating": 1})
				s.put("quality_score_updated", object{"event_id": fmt.Sprint("e-", n), "vendor_id": "v-9", "booking_id": fmt.Sprint("bk-", n), "score": 1, "max_score": 50})
			}
		}},
		{"an alert is told by e-mail and SMS", func(s scene) {
			s.member("olivia", "Operations")
			s.post("/v1/alerts", object{
				"type": "system_error", "severity": "critical", "title": "The lights went out", "subject": object{"type": "booking", "id": "bk-1"},
			}, http.StatusCreated, nil)
		}},
		{"a template is published, and runs", func(s scene) {
			s.template("round", object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"})
			s.starts("round", nil)
		}},
		{"of two branches the second goes on first", func(s scene) {
			s.branches()
			s.answer(s.task("touch"), nil)
		}},
		{"a long answer is kept apart, and read again", func(s scene) {
			s.template("long", tells, object{"id": "rest", "name": "Rest", "kind": "delay", "for": "1m", "depends_on": []string{"tell"}},
				object{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate", "depends_on": []string{"rest"}})
			s.starts("long", booking("bk-1"))
			s.answersAtLength()
			s.advance("2m")
		}},
		{"a task finds the member with the least to do", func(s scene) {
			s.member("olivia", "Operations")
			s.member("oscar", "Operations")
			s.template("round", object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"})
			s.starts("round", nil)
		}},
		{"Operations choose the vendor when all have declined", func(s scene) {
			s.gardeners("v-1")
			s.put("booking_created", pond("bk-1"))
			s.answerOffer(s.offers("v-1")[0].ID, "v-1", "declined", http.StatusOK)
			s.answer(s.task("choose"), map[string]ops.Answer{"choose": {Form: json.RawMessage(`{"vendor_id":"v-1"}`)}})
		}},
		{"a system outside is called with its secret", func(s scene) { s.calls(false) }},
		{"a system outside is called with its secret, before a task", func(s scene) { s.calls(true) }},
		{"a vendor accepts an offer", func(s scene) {
			s.gardeners("v-1")
			s.put("booking_created", pond("bk-1"))
			s.answerOffer(s.offers("v-1")[0].ID, "v-1", "accepted", http.StatusOK)
		}},
		{"a vendor who accepts all is assigned by itself", func(s scene) {
			s.ask(http.MethodPut, "/v1/vendors/v-1", s.token, object{
				"name": "v-1", "active": true, "verified": true, "categories": []string{"pond_care"}, "areas": []string{"Lakes"}, "auto_accept": true, "daily_capacity": 1,
			}, http.StatusOK, nil)
			s.put("booking_created", pond("bk-1"))
		}},
		{"the next in line starts when a workflow ends by itself", func(s scene) {
			s.limited(object{"id": "rest", "name": "Rest", "kind": "delay", "for": "1h"})
			s.advance("61m")
		}},
		{"the next in line starts when a workflow ends at a task that is skipped", func(s scene) {
			s.limited(object{"id": "rest", "name": "Rest", "kind": "delay", "for": "1h"}, object{
				"id": "look", "name": "Look", "kind": "manual", "role": "Operations", "depends_on": []string{"rest"},
				"when": object{"path": "context.never", "op": "exists"},
			})
			s.advance("61m")
		}},
		{"the next in line starts when an execution was stopped by hand", func(s scene) {
			s.member("olivia", "Operations")
			s.limited(object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"})
			s.stopExecution("limited", s.workflows("limit=100&template=limited&status=waiting_approval")[0].ID)
		}},
		{"what was asked of a workflow is done when its execution was stopped by hand", func(s scene) {
			id := s.undoes()
			s.asks(id, ops.AskCancel)
			s.stopExecution("undoes", id)
		}},
		{"what was asked of a workflow is done by sweep-due when nobody else does it", func(s scene) {
			s.asks(s.undoes(), ops.AskCancel)
			s.advance("10m")
		}},
		{"a delay beside a task ends", func(s scene) {
			s.template("beside", object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"},
				object{"id": "rest", "name": "Rest", "kind": "delay", "for": "1h"},
				object{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate", "depends_on": []string{"rest"}})
			s.starts("beside", nil)
			s.advance("70m")
		}},
		{"an event that never comes is waited for in vain", func(s scene) {
			s.template("wait", object{
				"id": "paid", "name": "Paid", "kind": "await_event", "event": "payment_received", "key": "$.context.booking_id",
				"timeout": "1h", "on_timeout": "skip",
			})
			s.starts("wait", object{"booking_id": "bk-1"})
			s.advance("70m")
		}},
		{"a survey is due two hours after the service", func(s scene) {
			s.put("service_completed", object{"booking_id": "bk-s", "vendor_id": "vendor-sparkle", "service_value": 120})
			s.advance("130m")
		}},
		{"a payment stays pending for a day", func(s scene) {
			s.member("fiona", "Finance")
			s.put("payment_received", payment("pay-late"))
			s.advance("25h")
		}},
		{"an offer expires", func(s scene) {
			s.gardeners("v-1", "v-2")
			s.member("olivia", "Operations")
			s.put("booking_created", pond("bk-1"))
			s.advance("45m")
		}},
		{"a bulk operation approves, rejects, retries and cancels", func(s scene) {
			s.member("fiona", "Finance")
			for n := range 3 {
				s.put("payment_received", payment(fmt.Sprint("pay-", n)))
			}
			tasks := s.tasks()
			s.bulk(http.StatusAccepted, object{"action": "task.complete", "ids": []string{tasks[0].ID}, "params": object{"outcome": "approved"}})
			s.bulk(http.StatusAccepted, object{"action": "task.reject", "ids": []string{tasks[1].ID}, "params": object{"comment": "no"}})
			s.bulk(http.StatusAccepted, object{"action": "workflow.retry", "filter": object{"status": "failed"}, "params": object{"reason": "yes"}})
			s.bulk(http.StatusAccepted, object{"action": "workflow.cancel", "filter": object{"template": "payment_processing"}, "params": object{"reason": "no"}})
		}},
		{"a bulk operation decides the second of two branches", func(s scene) {
			s.branches()
			s.bulk(http.StatusAccepted, object{"action": "task.complete", "ids": []string{s.task("touch")}, "params": object{"outcome": "done"}})
		}},
		{"events are put on the bus by hand", func(s scene) {
			s.post("/v1/events", object{"type": "booking_created", "source": "desk", "detail": booking("bk-1")}, http.StatusAccepted, nil)
		}},
		{"what rules did is summed up", func(s scene) {
			s.put("booking_created", booking("bk-1"))
			s.get("/v1/rules", &struct{}{})
			s.advance("25h")
		}},
		{"events are replayed for a new rule", func(s scene) {
			s.put("booking_confirmed", booking("bk-1"))
			s.post("/v1/rules", s.rule("booking_confirmed"), http.StatusCreated, nil)
			s.bulk(http.StatusAccepted, object{"action": "event.replay", "filter": object{"type": "booking_confirmed"}})
		}},
		{"a rule is tried on what was", func(s scene) {
			s.put("service_completed", object{"booking_id": "bk-s", "vendor_id": "vendor-sparkle", "service_value": 120})
			s.advance("1m")
			s.post("/v1/backtests", object{"rule": "quality-check", "from": "2026-11-01T00:00:00Z"}, http.StatusAccepted, nil)
		}},
	}
	for _, f := range families {
		all = append(all,
			tale{"a rule of the " + f.name + " family has its limit for the day", func(s scene) {
				s.post("/v1/rules", s.rule(f.event), http.StatusCreated, nil)
				s.put(f.event, f.detail(1))
			}},
			tale{"an event of the " + f.name + " family ends a wait, and finds nobody the next time", func(s scene) {
				s.template("wait", s.awaited(f.event))
				s.starts("wait", object{"booking_id": "bk-1"})
				s.advance("1m")
				for n := range 3 {
					s.put(f.event, f.detail(n))
				}
			}},
			tale{"an event of the " + f.name + " family ends a wait beside a task", func(s scene) {
				s.template("wait", object{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"}, s.awaited(f.event),
					object{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate", "depends_on": []string{"got"}})
				s.starts("wait", object{"booking_id": "bk-1"})
				s.advance("1m")
				s.put(f.event, f.detail(1))
			}},
			tale{"an event of the " + f.name + " family comes again", func(s scene) {
				s.put(f.event, f.detail(1))
				s.put(f.event, f.detail(1))
			}})
	}
	for _, name := range builtIn {
		all = append(all,
			tale{name + " runs as its example says", func(s scene) { s.runs(name) }},
			tale{name + " breaks, and says so", func(s scene) {
				for _, function := range []string{"run-steps", "open-task"} {
					if _, err := s.rt.Break(function, errDown); err != nil {
						s.t.Fatal(err)
					}
				}
				s.starts(name, nil)
				s.advance("1h")
			}})
	}
	return append(all, tale{"a published template breaks, and says so", func(s scene) {
		s.template("round", object{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate"})
		if _, err := s.rt.Break("run-steps", errDown); err != nil {
			s.t.Fatal(err)
		}
		s.starts("round", nil)
		s.advance("1h")
	}})
}
