package local_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"opsflow/shared/ops"
)

func TestRoleBasedAssignmentGoesToTheTeamAndToWhoHasLeastToDo(t *testing.T) {
	t.Parallel()
	s := promised(t)
	queued := func(event string, detail object, want ops.Team) ops.Task {
		s.put(event, detail)
		for _, task := range s.all("/v1/tasks?status=open") {
			if task["team"] == string(want) {
				var whole ops.Task
				s.get("/v1/tasks/"+fmt.Sprint(task["id"]), &whole)
				return whole
			}
		}
		t.Fatalf("%s opened no task for %s", event, want)
		return ops.Task{}
	}
	noPlace := booking("bk-1")
	delete(noPlace, "location")
	if task := queued("booking_created", noPlace, ops.Operations); task.Assignee != "" {
		t.Errorf("without members the task belongs to %q, want the team's queue", task.Assignee)
	}
	queued("payment_received", payment("pay-1"), ops.Finance)
	queued("service_completed", object{
		"booking_id": "bk-1", "vendor_id": "vendor-sparkle", "completed_at": "2026-11-24T08:00:00Z", "service_value": 200,
	}, ops.QualityAssurance)
	s.post("/v1/workflows", object{
		"template": "vendor_onboarding", "context": object{"vendor_id": "v-9", "name": "Nine", "categories": []string{"cleaning"}, "areas": []string{"JBR"}},
	}, http.StatusCreated, nil)
	if n := len(s.all("/v1/tasks?team=vendor_management")); n != 1 {
		t.Errorf("a vendor's application opened %d tasks for Vendor_Management, want 1", n)
	}

	for _, m := range []string{"faye", "finn"} {
		s.ask(http.MethodPut, "/v1/members/"+m, s.token, object{"name": m, "teams": []string{"Finance"}, "active": true}, http.StatusOK, nil)
	}
	for n := range 4 {
		s.put("payment_received", payment(fmt.Sprintf("pay-m%d", n)))
	}
	has := map[string]int{}
	for _, task := range s.all("/v1/tasks?team=finance") {
		if a, ok := task["assignee"]; ok {
			has[fmt.Sprint(a)]++
		}
	}
	if !maps.Equal(has, map[string]int{"faye": 2, "finn": 2}) {
		t.Errorf("four payments were given out as %v, want two to each", has)
	}
}

func TestRolesAreAskedForAtEveryDoorAndEveryChangeHasItsAuthor(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.put("payment_received", payment("pay-1"))
	task := "/v1/tasks/" + s.awaitsApproval("pay-1").WaitingFor.Ref
	rule := object{"mode": "off", "reason": "too many"}
	for _, c := range []struct {
		who, method, path string
		body              any
		want              int
	}{
		{"", http.MethodGet, "/v1/workflows", nil, http.StatusUnauthorized},
		{"nobody", http.MethodGet, "/v1/workflows", nil, http.StatusForbidden},
		{"quality_assurance", http.MethodGet, "/v1/workflows", nil, http.StatusOK},
		{"finance", http.MethodPost, "/v1/rules/quality-check/mode", rule, http.StatusForbidden},
		{"operations", http.MethodPost, "/v1/rules/quality-check/mode", rule, http.StatusOK},
		{"operations", http.MethodPost, task + "/complete", object{"outcome": "approved"}, http.StatusForbidden},
		{"vendor_management", http.MethodPost, task + "/claim", nil, http.StatusForbidden},
		{"finance", http.MethodPost, task + "/complete", object{"outcome": "approved"}, http.StatusOK},
		{"operations", http.MethodPut, "/v1/members/eve", object{"name": "Eve", "teams": []string{"Finance"}, "active": true}, http.StatusForbidden},
		{"admin", http.MethodPut, "/v1/members/eve", object{"name": "Eve", "teams": []string{"Finance"}, "active": true}, http.StatusOK},
	} {
		token := ""
		if c.who != "" {
			token = s.tokenFor("a-"+c.who, c.who)
		}
		if res := s.request(c.method, c.path, token, c.body); res.status != c.want {
			t.Errorf("%s %s by %q: %d %s, want %d", c.method, c.path, c.who, res.status, res.body, c.want)
		}
	}
	s.idle()
	authors := map[string]string{}
	for _, e := range s.all("/v1/audit") {
		actor, _ := e["actor"].(object)
		authors[fmt.Sprint(e["action"])] = fmt.Sprint(actor["id"])
	}
	want := map[string]string{"rule.mode": "a-operations", "task.complete": "a-finance"}
	for action, author := range want {
		if authors[action] != author {
			t.Errorf("the author of %s is %q, want %s (all: %v)", action, authors[action], author, authors)
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(authors)), "a-admin") || len(authors) != 3 {
		t.Errorf("the audit says %v, want what was done and nothing that was refused", authors)
	}
}
