package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPaymentIsApprovedFromTheCommandLineOnce(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id, task := o.awaitsApproval()

	if out := o.must("workflows", "list", "--status", "waiting_approval", "--subject", "payment/pay-1"); !line(out, id, "payment_processing", "waiting_approval", "Finance") {
		t.Errorf("the list does not show the workflow:\n%s", out)
	}
	if out := o.must("workflows", "status", id); !line(out, "waiting for", "task "+task) || !line(out, "processing", "approval", "in_progress") {
		t.Errorf("the status does not say what it waits for:\n%s", out)
	}
	if out := o.must("tasks", "claim", task); !line(out, "status", "claimed") || !line(out, "assignee", "admin") {
		t.Errorf("the claimed task:\n%s", out)
	}
	if out := o.must("tasks", "release", task); !line(out, "status", "open") {
		t.Errorf("the released task:\n%s", out)
	}
	if out := o.must("tasks", "show", task); !line(out, "id", task) || !line(out, "form", "reference") {
		t.Errorf("the task:\n%s", out)
	}
	o.must("tasks", "claim", task)
	if out := o.must("active-summary"); !line(out, "waiting_approval", "1") || !line(out, "Finance", "0", "1") {
		t.Errorf("the summary:\n%s", out)
	}
	if out := o.must("tasks", "complete", task, "--outcome", "approved", "--form", `{"reference":"r-1"}`, "--comment", "fine"); !line(out, "outcome", "approved") || !line(out, "comment", "fine") {
		t.Errorf("the completed task:\n%s", out)
	}
	again := o.run("tasks", "complete", task, "--outcome", "approved")
	if again.code != exitConflict || again.out != "" || !strings.Contains(again.err, "decided by admin") || strings.Count(again.err, "\n") != 1 {
		t.Errorf("the second completion: %+v, want exit code %d and one line", again, exitConflict)
	}
	if r := o.run("tasks", "reject", task, "--comment", "no"); r.code != exitConflict {
		t.Errorf("rejected afterwards: exit code %d, want %d", r.code, exitConflict)
	}

	out := o.must("workflows", "watch", id)
	if !line(out, "recording: completed") || !line(out, "workflow: completed, 100%") {
		t.Errorf("watch tells:\n%s", out)
	}
	var ended struct {
		Status   string `json:"status"`
		Progress int    `json:"progress"`
	}
	if o.read(&ended, "workflows", "watch", id); ended.Status != "completed" || ended.Progress != 100 {
		t.Errorf("watch --json gives %+v, want it completed", ended)
	}
}

func TestStartWaitsUntilAPersonIsNeeded(t *testing.T) {
	t.Parallel()
	o := setup(t)
	r := o.run("workflows", "start", "payment_processing", "--subject", "payment/pay-2", "--wait",
		"--context", `{"payment_id":"pay-2","booking_id":"bk-2","amount":5,"currency":"AED","method":"card"}`)
	if r.code != 0 || !line(r.out, "status", "waiting_approval") || !line(r.err, "waiting for task tsk-") {
		t.Errorf("start --wait: %+v", r)
	}
}

func TestStartWaitsForTheEnd(t *testing.T) {
	t.Parallel()
	o := setup(t)
	args := []string{"workflows", "start", "customer_follow_up", "--subject", "booking/bk-3", "--context", `{"booking_id":"bk-3"}`, "--key", "once", "--wait"}
	var first, second struct {
		ID     string `json:"id"`
		Status string `json:"status"`
	}
	if o.read(&first, args...); first.Status != "completed" {
		t.Errorf("the awaited workflow is %s, want completed", first.Status)
	}
	if o.read(&second, args...); second.ID != first.ID {
		t.Errorf("the same key started %s and %s, want one workflow", first.ID, second.ID)
	}
}

func TestFailedWorkflowIsAFailedCommand(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id, task := o.awaitsApproval()
	o.must("tasks", "reject", task, "--comment", "no such payment")
	r := o.run("workflows", "watch", id)
	if r.code != exitFailed || !strings.Contains(r.err, id+" is failed") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("watching the refused payment: %+v, want exit code 1 and why", r)
	}
}

func TestAWorkflowIsPausedResumedRetriedAndCancelledFromTheCommandLine(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id, task := o.awaitsApproval()
	if out := o.must("workflows", "pause", id, "--reason", "the bank asks"); !line(out, "status", "paused") || !line(out, "waiting for", "resume admin") {
		t.Errorf("the paused workflow:\n%s", out)
	}
	if r := o.run("tasks", "complete", task, "--outcome", "approved"); r.code != exitConflict || !strings.Contains(r.err, "paused") {
		t.Errorf("deciding its task: %+v, want exit code %d", r, exitConflict)
	}
	if out := o.must("workflows", "resume", id); !line(out, "attempt", "2") {
		t.Errorf("the resumed workflow:\n%s", out)
	}
	o.idle()
	o.must("tasks", "reject", task, "--comment", "no such payment")
	o.idle()
	if out := o.must("workflows", "retry", id, "--context", `{"note":"found"}`, "--reason", "found"); !line(out, "attempt", "3") {
		t.Errorf("the retried workflow:\n%s", out)
	}
	o.idle()
	if out := o.must("workflows", "status", id); !line(out, "status", "waiting_approval") {
		t.Errorf("the retried workflow:\n%s", out)
	}
	if out := o.must("workflows", "cancel", id); !line(out, "status", "cancelled") {
		t.Errorf("the cancelled workflow:\n%s", out)
	}
	if r := o.run("workflows", "retry", id); r.code != exitConflict {
		t.Errorf("retrying it: %+v, want exit code %d", r, exitConflict)
	}
}

func TestEventShowsWhatEveryRuleDecided(t *testing.T) {
	t.Parallel()
	o := setup(t)
	put := func(value string) string {
		var e struct {
			EventID string `json:"event_id"`
		}
		o.read(&e, "events", "put", "service_completed",
			`{"booking_id":"bk-`+value+`","vendor_id":"vn-1","completed_at":"2026-11-24T09:00:00Z","service_value":`+value+`}`)
		o.idle()
		return e.EventID
	}
	if out := o.must("events", "show", put("100")); !line(out, "quality-check@1", "not_matched", "detail.service_value gt 100: got 100") {
		t.Errorf("the event of 100:\n%s", out)
	}
	if out := o.must("find", put("100.01")); !line(out, "quality-check@1", "matched", "instance wf-") {
		t.Errorf("the event of 100.01:\n%s", out)
	}
}

func TestInvalidEventShowsItsFaults(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id := strings.Fields(o.must("events", "put", "booking_created", `{"customer_id":"cu-1"}`))[1]
	o.idle()
	if out := o.must("events", "show", id); !line(out, "status", "invalid") || !line(out, "fault", "$.detail.booking_id: expected") {
		t.Errorf("the invalid event:\n%s", out)
	}
}

func TestListsPrintOneJSONDocumentThatTheAPIGave(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.awaitsApproval()
	for noun, least := range map[string]int{"workflows": 1, "tasks": 1, "templates": 6, "rules": 6, "alerts": 0} {
		var page struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor *string           `json:"next_cursor"`
			Count      *struct {
				Value int `json:"value"`
			} `json:"count"`
		}
		o.read(&page, noun, "list")
		if page.Items == nil || len(page.Items) < least || page.Count == nil {
			t.Errorf("%s list --json: %d items and count %v, want at least %d", noun, len(page.Items), page.Count, least)
		}
	}
}

func TestSummaryCountsInJSON(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.awaitsApproval()
	var got summary
	o.read(&got, "active-summary")
	if n := got.Workflows["waiting_approval"]; n.Value != 1 || !n.Exact || len(got.Workflows) != 7 {
		t.Errorf("workflows: %+v, want 7 statuses and one that waits", got.Workflows)
	}
	if n := got.Tasks["Finance"]; n.Open.Value != 1 || n.Claimed.Value != 0 || len(got.Tasks) != 4 {
		t.Errorf("tasks: %+v, want 4 teams and one open task of Finance", got.Tasks)
	}
	if len(got.Alerts) != 4 {
		t.Errorf("alerts: %+v, want 4 severities", got.Alerts)
	}
}

func TestLongListTellsWhereItGoesOn(t *testing.T) {
	t.Parallel()
	o := setup(t)
	first := o.run("rules", "list", "--limit", "2")
	_, cursor, ok := strings.Cut(strings.TrimSpace(first.err), "the next page: --cursor ")
	if !ok || strings.Count(first.out, "\n") != 3 {
		t.Fatalf("the first page: %+v, want two rules and the cursor of the next page", first)
	}
	second := o.must("rules", "list", "--limit", "2", "--cursor", cursor)
	if strings.Count(second, "\n") != 3 || strings.Contains(second, strings.Fields(strings.Split(first.out, "\n")[1])[0]) {
		t.Errorf("the second page:\n%s\nafter\n%s", second, first.out)
	}
}

func TestRuleIsAddedFromAFileOrStdin(t *testing.T) {
	t.Parallel()
	o := setup(t)
	text := `{"name": "big-booking", "type": "trigger", "event": "booking_confirmed", "mode": "shadow", "priority": 9,
		"condition": {"path": "detail.service_value", "op": "gt", "value": 1000},
		"actions": [{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "A big booking"}]}`
	var made struct {
		ID   string `json:"id"`
		Mode string `json:"mode"`
	}
	if o.read(&made, "rules", "create", file(t, text)); made.ID == "" || made.Mode != "shadow" {
		t.Errorf("the rule: %+v", made)
	}
	if out := o.must("rules", "list"); !line(out, made.ID, "booking_confirmed", "shadow", "raise_alert", "big-booking") {
		t.Errorf("the rules:\n%s", out)
	}
	if out := o.must("rules", "mode", made.ID, "active", "--reason", "it was right for a week"); !line(out, "mode", "active") {
		t.Errorf("the rule that was switched on:\n%s", out)
	}
	r := typed(t.Context(), `{"name": "x", "type": "trigger", "event": "nothing", "priority": 77, "mode": "active", "actions": []}`,
		"--api", o.rt.APIURL(), "--token", "", "rules", "create", "-")
	if r.code != exitInvalid || !line(r.err, "$.event: expected") || !line(r.err, "$.priority: expected", "got 77") || !line(r.err, "$.actions: expected") {
		t.Errorf("a rule with faults: %+v, want exit code %d and all faults", r, exitInvalid)
	}
}
