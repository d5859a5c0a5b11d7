package local_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

// However much people write into its forms, and however often its approval is refused and tried again, a workflow goes on to
// its end, and all of it can be read.
func TestAWorkflowKeepsWhateverPeopleSay(t *testing.T) {
	t.Parallel()
	s := promised(t)
	var steps []object
	const forms, rounds = 9, 31
	for n := range forms {
		step := object{"id": fmt.Sprintf("form%d", n), "name": fmt.Sprintf("Form %d", n), "kind": "manual"}
		if n > 0 {
			step["depends_on"] = []string{fmt.Sprintf("form%d", n-1)}
		}
		steps = append(steps, step)
	}
	steps = append(steps, object{"id": "agree", "name": "Agree", "kind": "approval", "depends_on": []string{"form8"}})
	s.post("/v1/templates", object{
		"name": "wordy", "type": "service_delivery", "trigger": "manual", "team": "Operations", "priority": 5, "steps": steps,
	}, http.StatusCreated, nil)
	s.post("/v1/templates/wordy/versions/1/publish", nil, http.StatusOK, nil)
	var i ops.Instance
	s.ask(http.MethodPost, "/v1/workflows", s.tokenFor("bob", "operations"), object{"template": "wordy"}, http.StatusCreated, &i)
	path := "/v1/workflows/" + i.ID
	read := func() {
		t.Helper()
		i = ops.Instance{}
		s.get(path, &i)
	}
	task := func() string {
		t.Helper()
		read()
		step := i.Step(i.CurrentStep)
		if step == nil || step.TaskID == "" {
			t.Fatalf("it is %s at %q: %+v", i.Status, i.CurrentStep, i.Error)
		}
		return "/v1/tasks/" + step.TaskID
	}
	s.post(task()+"/complete", object{"outcome": "done", "form": object{"text": strings.Repeat("x", 140<<10)}}, http.StatusRequestEntityTooLarge, nil)
	for range forms {
		s.post(task()+"/complete", object{"outcome": "done", "form": object{"text": strings.Repeat("x", 70_000)}}, http.StatusOK, nil)
	}
	for range rounds {
		s.post(task()+"/reject", object{"comment": strings.Repeat("no ", 1300)}, http.StatusOK, nil)
		s.post(path+"/retry", object{"reason": "again"}, http.StatusOK, nil)
	}
	s.post(task()+"/complete", object{"outcome": "approved"}, http.StatusOK, nil)
	if read(); i.Status != ops.InstanceCompleted || len(i.Step("form8").Output) < 70_000 {
		t.Errorf("it is %s: %+v; the last form's output has %d bytes", i.Status, i.Error, len(i.Step("form8").Output))
	}
	decided := 0
	for _, h := range s.all(path + "/history") {
		if h["what"] == "task_decided" {
			decided++
		}
	}
	if decided != forms+rounds+1 {
		t.Errorf("the history has %d decisions, want %d", decided, forms+rounds+1)
	}
}
