package local_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

// Each test here is one thing that opsflow promises as a whole, seen from outside: through the HTTP API, the AWS endpoint
// and the virtual clock of a running system.

// promised is a system that has kept nothing yet, at nine in the morning of a Tuesday.
func promised(t *testing.T) *system {
	t.Helper()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	return newSystem(t, start(t, o))
}

// ask sends a request and checks its status; what it answers goes to v, unless that is nil.
func (s *system) ask(method, path, token string, body any, want int, v any) {
	s.t.Helper()
	res := s.request(method, path, token, body)
	if res.status != want {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, res.status, res.body, want)
	}
	if v != nil {
		res.decode(s.t, v)
	}
	s.idle()
}

// post does something as the admin.
func (s *system) post(path string, body any, want int, v any) {
	s.t.Helper()
	s.ask(http.MethodPost, path, s.token, body, want, v)
}

type object = map[string]any

// all reads every page of a list, two items at a time.
func (s *system) all(path string) []object {
	s.t.Helper()
	return s.pages(path, 2)
}

// pages reads every page of a list, so many items at a time.
func (s *system) pages(path string, limit int) []object {
	s.t.Helper()
	var items []object
	for cursor := ""; ; {
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		var page struct {
			Items      []object `json:"items"`
			NextCursor *string  `json:"next_cursor"`
		}
		s.get(fmt.Sprintf("%s%slimit=%d&cursor=%s", path, sep, limit, url.QueryEscape(cursor)), &page)
		if items = append(items, page.Items...); page.NextCursor == nil {
			return items
		}
		cursor = *page.NextCursor
	}
}

// pick gives the values of one field.
func pick(items []object, field string) []string {
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprint(i[field]))
	}
	slices.Sort(out)
	return out
}

func TestEachOfTheEightWorkflowTypesRunsToItsEnd(t *testing.T) {
	t.Parallel()
	s := promised(t)
	var templates struct {
		Items []ops.Template `json:"items"`
	}
	s.get("/v1/templates?limit=100", &templates)
	completed := map[ops.WorkflowType]bool{}
	for _, tpl := range templates.Items {
		var started struct {
			ID string `json:"id"`
		}
		s.post("/v1/workflows", object{
			"template": tpl.Name, "subject": tpl.Example.Subject, "context": tpl.Example.Context,
		}, http.StatusCreated, &started)
		progress := 0
		for {
			var i ops.Instance
			s.get("/v1/workflows/"+started.ID, &i)
			if i.Progress < progress || i.Progress > 100 || (i.Progress == 100) != (i.Status == ops.InstanceCompleted) {
				t.Errorf("%s is %s at %d %%, after %d %%", tpl.Name, i.Status, i.Progress, progress)
			}
			progress = i.Progress
			if i.Status == ops.InstanceCompleted {
				completed[tpl.Type] = true
				break
			}
			if i.Status.Ended() || i.WaitingFor == nil {
				t.Fatalf("%s is %s (%+v) and waits for nothing", tpl.Name, i.Status, i.Error)
			}
			if i.WaitingFor.Kind == "timer" {
				s.advance((i.WaitingFor.Until.Sub(i.UpdatedAt) + time.Minute).String())
				continue
			}
			s.answer(i.WaitingFor.Ref, tpl.Example.Answers)
		}
	}
	if len(templates.Items) != 10 || len(completed) != len(ops.WorkflowTypes()) {
		t.Errorf("%d templates, and of %d types one runs to its end; want 10 and %d", len(templates.Items), len(completed), len(ops.WorkflowTypes()))
	}
}

// answer completes a task as somebody of its team.
func (s *system) answer(id string, answers map[string]ops.Answer) {
	s.t.Helper()
	var task ops.Task
	s.get("/v1/tasks/"+id, &task)
	body := object{"outcome": task.Outcomes[0]}
	if a := answers[task.Step]; a.Form != nil {
		body["form"] = a.Form
	}
	s.ask(http.MethodPost, "/v1/tasks/"+id+"/complete", s.tokenFor("somebody", string(task.Team)), body, http.StatusOK, nil)
}

func TestStepsOfEachKindConditionalAndParallel(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.post("/v1/templates", object{
		"name": "everything", "type": "quality_check", "trigger": "manual", "team": "Operations", "steps": []object{
			{"id": "rate", "name": "Rate", "kind": "automated", "action": "quality.assess"},
			{
				"id": "never", "name": "Only for the rich", "kind": "manual", "role": "Operations", "depends_on": []string{"rate"},
				"when": object{"path": "context.amount", "op": "gt", "value": 1000},
			},
			{"id": "look", "name": "Look at it", "kind": "manual", "role": "Operations", "depends_on": []string{"rate"}},
			{"id": "looked", "name": "Note the look", "kind": "automated", "action": "quality.assess", "depends_on": []string{"look"}},
			{"id": "allow", "name": "Allow it", "kind": "approval", "role": "Finance", "depends_on": []string{"rate"}},
			{"id": "allowed", "name": "Note the approval", "kind": "automated", "action": "quality.assess", "depends_on": []string{"allow"}},
			{
				"id": "tell", "name": "Tell", "kind": "notification", "template": "survey_request", "to": object{"team": "Operations"},
				"depends_on": []string{"never", "looked", "allowed"},
			},
		},
	}, http.StatusCreated, nil)
	s.post("/v1/templates/everything/versions/1/publish", nil, http.StatusOK, nil)
	for _, order := range [][]string{{"look", "allow"}, {"allow", "look"}} {
		var i ops.Instance
		s.post("/v1/workflows", object{
			"template": "everything", "subject": object{"type": "booking", "id": "bk-1"},
			"context": object{"amount": 10, "booking_id": "bk-1", "vendor_id": "vendor-sparkle"},
		}, http.StatusCreated, &i)
		read := func() map[string]ops.StepStatus {
			s.get("/v1/workflows/"+i.ID, &i)
			is := map[string]ops.StepStatus{}
			for _, step := range i.Steps {
				is[step.ID] = step.Status
			}
			return is
		}
		first, second := order[0], order[1]
		is := read()
		if is["never"] != ops.StepSkipped || is[first] != ops.StepInProgress || is[second] != ops.StepInProgress || is["tell"] != ops.StepPending {
			t.Fatalf("at first the steps are %v, want never skipped, and both branches open", is)
		}
		s.answer(i.Step(first).TaskID, nil)
		if is = read(); is[first+"ed"] != ops.StepCompleted || is[second] != ops.StepInProgress || is["tell"] != ops.StepPending {
			t.Errorf("after %s the steps are %v, want its branch done to the end while %s waits", first, is, second)
		}
		s.answer(i.Step(second).TaskID, nil)
		if is = read(); i.Status != ops.InstanceCompleted || is["tell"] != ops.StepCompleted {
			t.Errorf("after both branches it is %s, with the steps %v", i.Status, is)
		}
	}
}

func TestSLAPassedRaisesOneAlertAndOneEvent(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.put("payment_received", payment("pay-1"))
	i := s.awaitsApproval("pay-1")
	var whole ops.Instance
	s.get("/v1/workflows/"+i.ID, &whole)
	s.advance(whole.DueAt.Sub(whole.CreatedAt).String())
	s.advance("2h")
	if got := pick(s.all("/v1/workflows?overdue=true"), "id"); !slices.Equal(got, []string{i.ID}) {
		t.Errorf("overdue are %v, want %s", got, i.ID)
	}
	alerts := s.all("/v1/alerts?type=sla_violation")
	if len(alerts) != 1 || alerts[0]["instance"] != i.ID || alerts[0]["severity"] != "high" {
		t.Errorf("the alerts are %v, want one about %s", alerts, i.ID)
	}
	told := 0
	for _, e := range s.all("/v1/events") {
		if e["type"] == "sla_violation" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d sla_violation events came over the bus, want 1", told)
	}
}

func TestErrorsAreLoggedAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.post("/v1/templates", object{
		"name": "scored", "type": "quality_check", "trigger": "manual", "team": "Quality_Assurance", "steps": []object{
			{"id": "assess", "name": "Assess", "kind": "automated", "action": "quality.assess"},
			{
				"id": "score", "name": "Score", "kind": "automated", "action": "quality.score", "depends_on": []string{"assess"},
				"parameters": object{"score": "$.context.score"}, "retry": object{"max_attempts": 3, "backoff": "2s"},
			},
		},
	}, http.StatusCreated, nil)
	s.post("/v1/templates/scored/versions/1/publish", nil, http.StatusOK, nil)
	var i ops.Instance
	s.post("/v1/workflows", object{
		"template": "scored", "subject": object{"type": "booking", "id": "bk-1"}, "context": object{"vendor_id": "vendor-sparkle"},
	}, http.StatusCreated, &i)
	s.advance("1m")
	s.get("/v1/workflows/"+i.ID, &i)
	score := i.Step("score")
	if i.Status != ops.InstanceFailed || i.Error == nil || i.Error.Step != "score" || score.Tries != 3 || score.Error == nil {
		t.Fatalf("the workflow is %s (%+v), the step %+v; want it failed after 3 tries, with the error", i.Status, i.Error, score)
	}
	alerts := func() []object { return s.all("/v1/alerts?type=workflow_failed") }
	if a := alerts(); len(a) != 1 || a[0]["instance"] != i.ID || a[0]["status"] != "open" {
		t.Errorf("the alerts are %v, want an open one about %s", a, i.ID)
	}
	assessed := i.Step("assess").FinishedAt
	s.post("/v1/workflows/"+i.ID+"/retry", object{"context": object{"score": 88}, "reason": "found the score"}, http.StatusOK, nil)
	s.get("/v1/workflows/"+i.ID, &i)
	if i.Status != ops.InstanceCompleted || i.Attempt != 2 || !i.Step("assess").FinishedAt.Equal(assessed) {
		t.Errorf("tried again it is %s in attempt %d, assessed at %s; want completed in the second, without the first step again",
			i.Status, i.Attempt, i.Step("assess").FinishedAt)
	}
	if a := alerts(); len(a) != 1 || a[0]["status"] != "resolved" {
		t.Errorf("after that the alerts are %v, want the one, resolved", a)
	}
	s.post("/v1/workflows/"+i.ID+"/retry", nil, http.StatusConflict, nil)
}
