package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// door is an operation of the API that changes something, or only reads though it is a POST.
type door struct {
	operation string // of openapi.json
	action    string // what the audit calls it; empty: it changes nothing
	status    int
	lost      lost // what its request does that is sent again after its answer was lost
	ready     func(s *system, rt *local.Runtime) (path string, body any)
}

// lost tells what happens after a crash.
type lost int

const (
	looks lost = iota // the record that was changed is the answer
	sends             // it changes nothing of ours: it is done again, and written down again
	rests             // it is many changes: the rest of them is done
)

// method is that of the operation's requests.
func (d door) method() string {
	if slices.Contains([]string{"put-connection", "put-member", "put-vendor", "update-rule"}, d.operation) {
		return http.MethodPut
	}
	return http.MethodPost
}

// at is a path that needs nothing to be there.
func at(path string, body any) func(*system, *local.Runtime) (string, any) {
	return func(*system, *local.Runtime) (string, any) { return path, body }
}

// onWaiting makes a workflow that waits for the approval of a payment.
func onWaiting(payID, what string, body any) func(*system, *local.Runtime) (string, any) {
	return func(s *system, _ *local.Runtime) (string, any) {
		s.put("payment_received", payment(payID))
		return "/v1/workflows/" + s.awaitsApproval(payID).ID + "/" + what, body
	}
}

// onTask makes the task of such a workflow.
func onTask(payID, what string, body any) func(*system, *local.Runtime) (string, any) {
	return func(s *system, _ *local.Runtime) (string, any) {
		s.put("payment_received", payment(payID))
		task := "/v1/tasks/" + s.awaitsApproval(payID).WaitingFor.Ref
		if what == "release" {
			s.post(task+"/claim", nil, http.StatusOK, nil)
		}
		return task + "/" + what, body
	}
}

// onAlert makes an alert and moves it.
func onAlert(title, what string, body any, before ...string) func(*system, *local.Runtime) (string, any) {
	return func(s *system, _ *local.Runtime) (string, any) {
		var a struct{ ID string }
		s.post("/v1/alerts", object{"type": "system_error", "severity": "low", "title": title}, http.StatusCreated, &a)
		for _, move := range before {
			s.post("/v1/alerts/"+a.ID+"/"+move, object{"resolution": "done"}, http.StatusOK, nil)
		}
		return "/v1/alerts/" + a.ID + "/" + what, body
	}
}

func onUndelivered(id, what string, body any) func(*system, *local.Runtime) (string, any) {
	return func(s *system, rt *local.Runtime) (string, any) {
		s.t.Helper()
		event := fmt.Sprintf(`{"id":"e-%s","source":"shop","detail-type":"quality_score_updated","time":"2026-11-24T08:00:00Z",`+
			`"detail":{"vendor_id":"vendor-sparkle","score":80}}`, id)
		err := rt.Save(s.t.Context(),
			&ops.Undelivered{ID: id, Source: "fn-" + id, Status: ops.UndeliveredOpen, EventID: "e-" + id, Event: json.RawMessage(event)},
			&ops.UndeliveredSource{Source: "fn-" + id, Open: 1},
		)
		if err != nil {
			s.t.Fatal(err)
		}
		return "/v1/undelivered/" + id + "/" + what, body
	}
}

// doors are all POST and PUT operations, in an order in which each can be done.
func doors() []door {
	rule := object{
		"name": "doors", "type": "trigger", "event": "booking_created", "mode": "shadow", "priority": 1,
		"actions": []object{{"type": "start_workflow", "template": "customer_follow_up"}},
	}
	template := object{"name": "doors", "type": "quality_check", "team": "Operations", "trigger": "manual", "priority": 5, "steps": []object{
		{"id": "look", "name": "Look", "kind": "manual", "role": "Operations"},
	}}
	why := object{"reason": "a test"}
	return []door{
		{"cancel-rule-actions", "action.cancel", 200, rests, func(s *system, _ *local.Runtime) (string, any) {
			s.put("payment_received", payment("pay-put-off"))
			return "/v1/rules/payment-sla/actions/cancel", why
		}},
		{"cancel-action", "action.cancel", 200, looks, func(s *system, _ *local.Runtime) (string, any) {
			s.put("payment_received", payment("pay-put-off-too"))
			return "/v1/actions/" + pick(s.all("/v1/rules/payment-sla/actions"), "id")[0] + "/cancel", why
		}},
		{"retry-action", "action.retry", 200, looks, func(s *system, rt *local.Runtime) (string, any) {
			var e event
			s.get("/v1/events/"+s.put("payment_received", payment("pay-retried")), &e)
			err := rt.Save(s.t.Context(), &ops.PendingAction{
				ID: "act-doors", RuleID: "payment-sla", EventID: e.ID, Status: ops.ActionFailed, Error: "refused",
				Action: ops.Action{Type: ops.RaiseAlert, Alert: ops.AlertSystemError, Severity: ops.SeverityLow, Title: "Retried"},
			})
			if err != nil {
				s.t.Fatal(err)
			}
			return "/v1/actions/act-doors/retry", why
		}},
		{"put-connection", "connection.write", 200, looks, at("/v1/connections/doors", object{"base_url": "https://doors.example"})},
		{"put-member", "member.write", 200, looks, at("/v1/members/eve", object{"name": "Eve", "teams": []string{"Finance"}, "active": true})},
		{"put-vendor", "vendor.write", 200, looks, at("/v1/vendors/v-doors", object{
			"name": "Doors", "active": true, "verified": true, "categories": []string{"a"}, "areas": []string{"b"},
		})},
		{"start-workflow", "workflow.start", 201, looks, at("/v1/workflows", object{"template": "customer_follow_up", "subject": object{"type": "booking", "id": "bk-d"}})},
		{"pause-workflow", "workflow.pause", 200, looks, onWaiting("pay-pause", "pause", why)},
		{"resume-workflow", "workflow.resume", 200, looks, func(s *system, rt *local.Runtime) (string, any) {
			pause, _ := onWaiting("pay-resume", "pause", nil)(s, rt)
			s.post(pause, nil, http.StatusOK, nil)
			return strings.TrimSuffix(pause, "pause") + "resume", why
		}},
		{"cancel-workflow", "workflow.cancel", 200, looks, onWaiting("pay-cancel", "cancel", why)},
		{"retry-workflow", "workflow.retry", 200, looks, func(s *system, rt *local.Runtime) (string, any) {
			retry, _ := onWaiting("pay-retry", "retry", nil)(s, rt)
			s.post("/v1/tasks/"+s.awaitsApproval("pay-retry").WaitingFor.Ref+"/reject", object{"comment": "no"}, http.StatusOK, nil)
			return retry, why
		}},
		{"claim-task", "task.claim", 200, looks, onTask("pay-claim", "claim", nil)},
		{"release-task", "task.release", 200, looks, onTask("pay-release", "release", nil)},
		{"delegate-task", "task.delegate", 200, looks, func(s *system, rt *local.Runtime) (string, any) {
			path, body := onTask("pay-delegate", "delegate", object{"to": "zoe"})(s, rt)
			s.ask(http.MethodPut, "/v1/members/zoe", s.token, object{"name": "Zoe", "teams": []string{"Finance"}, "active": true}, http.StatusOK, nil)
			return path, body
		}},
		{"complete-task", "task.complete", 200, looks, onTask("pay-complete", "complete", object{"outcome": "approved"})},
		{"reject-task", "task.reject", 200, looks, onTask("pay-reject", "reject", object{"comment": "no"})},
		{"put-event", "event.put", 202, sends, at("/v1/events", object{"type": "quality_score_updated", "detail": object{"vendor_id": "vendor-sparkle", "score": 90}})},
		{"replay-event", "event.replay", 200, looks, func(s *system, _ *local.Runtime) (string, any) {
			return "/v1/events/" + s.put("booking_created", object{"booking_id": "bk-invalid"}) + "/replay", object{"detail": booking("bk-valid")}
		}},
		{"validate-template", "", 200, looks, at("/v1/templates/validate", template)},
		{"create-template", "template.create", 201, looks, at("/v1/templates", template)},
		{"publish-template", "template.publish", 200, looks, at("/v1/templates/doors/versions/1/publish", nil)},
		{"deactivate-template", "template.deactivate", 200, looks, at("/v1/templates/doors/versions/1/deactivate", why)},
		{"activate-template", "template.activate", 200, looks, at("/v1/templates/doors/versions/1/activate", why)},
		{"create-rule", "rule.create", 201, looks, at("/v1/rules", rule)},
		{"update-rule", "rule.update", 200, looks, at("/v1/rules/doors", rule)},
		{"set-rule-mode", "rule.mode", 200, looks, at("/v1/rules/doors/mode", object{"mode": "off", "reason": "a test"})},
		{"pause-all-rules", "rule.pause_all", 200, looks, at("/v1/rules/pause-all", object{"for": "1h", "reason": "a test"})},
		{"resume-all-rules", "rule.resume_all", 200, looks, at("/v1/rules/resume-all", why)},
		{"backtest-rule", "", 200, looks, at("/v1/rules/backtest", object{"rule": "doors"})},
		{"start-backtest", "backtest.begin", 202, looks, at("/v1/backtests", object{"rule": "doors"})},
		{"raise-alert", "alert.raise", 201, looks, at("/v1/alerts", object{"type": "system_error", "severity": "low", "title": "raised"})},
		{"acknowledge-alert", "alert.acknowledge", 200, looks, onAlert("ack", "acknowledge", nil)},
		{"start-alert", "alert.start", 200, looks, onAlert("start", "start", nil)},
		{"resolve-alert", "alert.resolve", 200, looks, onAlert("resolve", "resolve", object{"resolution": "done"})},
		{"close-alert", "alert.close", 200, looks, onAlert("close", "close", nil, "resolve")},
		{"reopen-alert", "alert.reopen", 200, looks, onAlert("reopen", "reopen", why, "resolve")},
		{"add-vendor-metric", "vendor.measure", 201, looks, at("/v1/vendors/vendor-sparkle/metrics", object{"type": "quality_score", "value": 80, "calculation_method": "visit"})},
		{"start-bulk", "bulk.begin", 202, looks, at("/v1/bulk", object{"action": "alert.acknowledge", "ids": []string{"alr-none"}})},
		{"make-timeline-link", "timeline.share", 201, sends, at("/v1/bookings/bk-valid/timeline-link", nil)},
		{"resend-undelivered", "undelivered.resend", 200, looks, onUndelivered("und-resend", "resend", nil)},
		{"close-undelivered", "undelivered.close", 200, looks, onUndelivered("und-close", "close", why)},
		{"resend-notification", "notification.resend", 200, looks, func(s *system, rt *local.Runtime) (string, any) {
			err := rt.Save(s.t.Context(), &ops.Notification{ID: "ntf-doors", Template: "task_open", Status: ops.NotificationFailed, Error: "refused"})
			if err != nil {
				s.t.Fatal(err)
			}
			return "/v1/notifications/ntf-doors/resend", nil
		}},
	}
}

// by are the audit entries of a person.
func (s *system) by(who string) (actions []string) {
	s.t.Helper()
	for _, e := range s.all("/v1/audit") {
		if actor, _ := e["actor"].(object); actor["id"] == who {
			actions = append(actions, fmt.Sprint(e["action"]))
		}
	}
	return actions
}

func TestEveryChangeIsWrittenDownOnceByWhoMadeIt(t *testing.T) {
	t.Parallel()
	s, rt := opened(t, nil)
	known, matched := []string{}, 0
	for _, d := range doors() {
		known = append(known, d.operation)
		path, body := d.ready(s, rt)
		who := "by-" + d.operation
		var headers []string
		if tag := s.tagOf(path); tag != "" {
			matched++
			if res := s.keyed(d, path, who, body, "If-Match", `"v0"`); res.status != http.StatusPreconditionFailed {
				t.Errorf("%s to an old version: %d %s", d.operation, res.status, res.body)
			}
			headers = []string{"If-Match", `"v0", ` + tag}
		}
		first := s.keyed(d, path, who, body, headers...)
		if first.status != d.status {
			t.Errorf("%s: %d %s", d.operation, first.status, first.body)
			continue
		}
		s.idle()
		again := s.keyed(d, path, who, body)
		if d.method() == http.MethodPost && d.action != "" && (again.status != first.status || string(again.body) != string(first.body)) {
			t.Errorf("%s again: %d %s\nwas %d %s", d.operation, again.status, again.body, first.status, first.body)
		}
		want := []string{d.action}
		switch {
		case d.action == "":
			want = nil
		case d.method() == http.MethodPut, // there is no key: it is the same change twice
			d.lost == rests: // of two actions
			want = append(want, d.action)
		}
		if got := s.by(who); !slices.Equal(got, want) {
			t.Errorf("%s: %s did %v, want %v", d.operation, who, got, want)
		}
	}
	if matched < 20 {
		t.Errorf("only %d doors change a record that has an ETag", matched)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
	}
	s.get("/openapi.json", &doc)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if method != "get" && !slices.Contains(known, op.OperationID) {
				t.Errorf("%s %s (%s) is not among the doors of this test", method, path, op.OperationID)
			}
		}
	}
}

// keyed sends a door's request under its key.
func (s *system) keyed(d door, path, who string, body any, headers ...string) response {
	s.t.Helper()
	return s.request(d.method(), path, s.tokenFor(who, "admin"), body, append(headers, "Idempotency-Key", "k-"+d.operation)...)
}

// tagOf is the ETag of the record that a door's path leads to or begins with; empty when that is none, or a list.
func (s *system) tagOf(path string) string {
	s.t.Helper()
	for _, record := range []string{path, path[:strings.LastIndexByte(path, '/')]} {
		if res := s.request(http.MethodGet, record, s.token, nil); res.status == http.StatusOK {
			return res.header.Get("ETag")
		}
	}
	return ""
}

// forgetful is a table that loses the answers of keyed requests while it is told to: their senders die when everything else
// is done.
type forgetful struct {
	table.Table

	on   atomic.Bool
	lost atomic.Int64
}

func (f *forgetful) Write(ctx context.Context, w table.Write) error {
	if f.on.Load() && len(w.Puts) == 1 && strings.HasPrefix(w.Puts[0].Item.Key.PK, "request#") && strings.Contains(string(w.Puts[0].Item.Data), `"answer"`) {
		f.lost.Add(1)
		return errors.New("the sender died")
	}
	return f.Table.Write(ctx, w)
}

// opened is a system with a virtual clock, in the morning of a Tuesday.
func opened(t *testing.T, around func(table.Table) table.Table) (*system, *local.Runtime) {
	t.Helper()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	rt := start(t, o)
	if around != nil {
		rt.WrapTable(around)
	}
	return newSystem(t, rt), rt
}

// made finds the id of what an answer shows.
var made = regexp.MustCompile(`"(?:id|name|by)":"([^"]+)"`)

func TestARequestWhoseAnswerWasLostIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	f := &forgetful{}
	s, rt := opened(t, func(t table.Table) table.Table { f.Table = t; return f })
	for _, d := range doors() {
		path, body := d.ready(s, rt)
		who := "by-" + d.operation
		if d.method() == http.MethodPut || d.action == "" {
			if res := s.keyed(d, path, who, body); res.status != d.status {
				t.Errorf("%s: %d %s", d.operation, res.status, res.body)
			}
			continue
		}
		before := f.lost.Load()
		f.on.Store(true)
		first := s.keyed(d, path, who, body)
		f.on.Store(false)
		if f.lost.Load() != before+1 || first.status != d.status {
			t.Errorf("%s: %d %s, %d answers lost", d.operation, first.status, first.body, f.lost.Load()-before)
			continue
		}
		if early := s.keyed(d, path, who, body); early.status != http.StatusConflict || !strings.Contains(string(early.body), `"in_progress"`) {
			t.Errorf("%s at once: %d %s", d.operation, early.status, early.body)
		}
		s.advance("1m")
		again := s.keyed(d, path, who, body)
		if again.status != d.status {
			t.Errorf("%s again: %d %s, was %d", d.operation, again.status, again.body, first.status)
		}
		id := made.FindSubmatch(first.body)
		if d.lost == looks && (id == nil || !strings.Contains(string(again.body), string(id[0]))) {
			t.Errorf("%s again: %s, was %s", d.operation, again.body, first.body)
		}
		want := []string{d.action}
		if d.lost == sends || d.lost == rests {
			want = append(want, d.action)
		}
		if got := s.by(who); !slices.Equal(got, want) {
			t.Errorf("%s: %s did %v, want %v", d.operation, who, got, want)
		}
	}
}
