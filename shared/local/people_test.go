package local_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

// A payment's approval goes to the member of Finance with the least to do, who gives it to a colleague; nobody decides it in
// time, so the colleague is reminded by e-mail; then it is approved, and everything stands in the audit.
func TestATaskFindsItsPeople(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	for _, id := range []string{"ann", "bob"} {
		body := map[string]any{"name": id, "teams": []string{"Finance"}, "active": true, "email": id + "@example.com"}
		if res := s.request(http.MethodPut, "/v1/members/"+id, s.token, body); res.status != http.StatusOK {
			t.Fatalf("PUT member: %d %s", res.status, res.body)
		}
	}
	for _, id := range []string{"pay-1", "pay-2"} {
		s.put("payment_received", payment(id))
	}
	s.idle()
	var members struct {
		Items []struct {
			ID        string `json:"id"`
			OpenTasks int    `json:"open_tasks"`
		} `json:"items"`
	}
	s.get("/v1/members", &members)
	if len(members.Items) != 2 || members.Items[0].OpenTasks != 1 || members.Items[1].OpenTasks != 1 {
		t.Fatalf("the work is shared out as %+v", members.Items)
	}
	ann, bob := *s, *s
	ann.token, bob.token = s.tokenFor("ann", "finance"), s.tokenFor("bob", "finance")
	var mine struct {
		Items []ops.Task `json:"items"`
	}
	ann.get("/v1/tasks?mine=true", &mine)
	if len(mine.Items) != 1 || mine.Items[0].Status != ops.TaskOpen || mine.Items[0].Assignee != "ann" {
		t.Fatalf("ann's tasks are %+v", mine.Items)
	}
	path := "/v1/tasks/" + mine.Items[0].ID
	if res := bob.request(http.MethodPost, path+"/delegate", bob.token, map[string]string{"to": "bob"}); res.status != http.StatusForbidden {
		t.Errorf("a colleague delegates: %d %s", res.status, res.body)
	}
	if res := ann.request(http.MethodPost, path+"/delegate", ann.token, map[string]string{"to": "bob", "reason": "holiday"}); res.status != http.StatusOK {
		t.Fatalf("delegate: %d %s", res.status, res.body)
	}
	s.advance("9h") // past the eight business hours that both have, of the first day
	s.advance("15h")
	var box struct {
		Items []struct{ Channel, To, Title string } `json:"items"`
	}
	s.get("/dev/outbox", &box)
	reminded := 0
	for _, m := range box.Items {
		if m.Channel == "email" && m.To == "bob@example.com" && strings.HasPrefix(m.Title, "Overdue: ") {
			reminded++
		}
	}
	if reminded != 2 {
		t.Errorf("bob was reminded %d times of two tasks: %+v", reminded, box.Items)
	}
	s.token, bob.token = s.tokenFor("ada", "admin"), s.tokenFor("bob", "finance") // a day is longer than a token lives
	if res := bob.request(http.MethodPost, path+"/complete", bob.token, map[string]string{"outcome": "approved"}); res.status != http.StatusOK {
		t.Fatalf("complete: %d %s", res.status, res.body)
	}
	s.idle()
	var trail struct {
		Items []struct {
			Action string    `json:"action"`
			Actor  ops.Actor `json:"actor"`
			Reason string    `json:"reason"`
		} `json:"items"`
	}
	s.get("/v1/audit?target=task/"+mine.Items[0].ID, &trail)
	if len(trail.Items) != 2 || trail.Items[0].Action != "task.delegate" || trail.Items[0].Reason != "holiday" ||
		trail.Items[1].Action != "task.complete" || trail.Items[1].Actor.ID != "bob" {
		t.Errorf("the audit is %+v", trail.Items)
	}
	var i struct {
		Status ops.InstanceStatus `json:"status"`
	}
	if s.get("/v1/workflows/"+mine.Items[0].InstanceID, &i); i.Status != ops.InstanceCompleted {
		t.Errorf("the workflow is %s", i.Status)
	}
}
