package local_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"opsflow/shared/ops"
)

// person is a step that a member of Operations does, in so many minutes.
func person(id string, minutes int, after ...string) object {
	return object{"id": id, "name": id, "kind": "manual", "role": "Operations", "estimated_minutes": minutes, "depends_on": after}
}

// offer publishes a template of these steps.
func (s *system) offer(name string, steps ...object) {
	s.t.Helper()
	s.post("/v1/templates", object{"name": name, "type": "service_delivery", "trigger": "manual", "team": "Operations", "steps": steps}, http.StatusCreated, nil)
	s.post("/v1/templates/"+name+"/versions/1/publish", nil, http.StatusOK, nil)
}

func TestProgressAndStatusAreRightAfterEveryStep(t *testing.T) {
	t.Parallel()
	s := promised(t)
	approval := person("approve", 60, "second")
	approval["kind"] = "approval"
	s.offer("in_a_row", person("first", 10), person("second", 30, "first"), approval)
	never := person("never", 20, "first")
	never["when"] = object{"path": "context.amount", "op": "gt", "value": 1000}
	s.offer("in_branches", person("first", 10), never, person("left", 30, "first"), person("right", 25, "first"), person("last", 15, "never", "left", "right"))
	s.offer("in_time", person("first", 75), object{
		"id": "rest", "name": "rest", "kind": "delay", "for": "1h", "estimated_minutes": 25, "depends_on": []string{"first"},
	})
	for template, want := range map[string][]string{
		"in_a_row": {
			"waiting_approval at 0 %: first", "first -> waiting_approval at 10 %: second", "second -> waiting_approval at 40 %: approve",
			"approve -> completed at 100 %:",
		},
		"in_branches": {
			"waiting_approval at 0 %: first", "first -> waiting_approval at 30 %: left right", "right -> waiting_approval at 55 %: left", "left -> waiting_approval at 85 %: last",
			"last -> completed at 100 %:",
		},
		"in_time": {"waiting_approval at 0 %: first", "first -> running at 75 %: rest", "rest -> completed at 100 %:"},
	} {
		var i ops.Instance
		s.post("/v1/workflows", object{"template": template, "context": object{"amount": 1000}}, http.StatusCreated, &i)
		seen := func() string {
			s.get("/v1/workflows/"+i.ID, &i)
			open := ""
			for _, step := range i.Steps {
				if step.Status == ops.StepInProgress {
					open += " " + step.ID
				}
			}
			for _, listed := range s.all("/v1/workflows?template=" + template) {
				if listed["status"] != string(i.Status) || listed["progress"] != float64(i.Progress) {
					t.Errorf("%s is listed as %v at %v %%, and is %s at %d %%", template, listed["status"], listed["progress"], i.Status, i.Progress)
				}
			}
			return fmt.Sprintf("%s at %d %%:%s", i.Status, i.Progress, open)
		}
		got := []string{seen()}
		for i.Status != ops.InstanceCompleted && len(got) <= len(want) {
			at := slices.IndexFunc(i.Steps, func(r ops.StepRecord) bool { return r.Status == ops.StepInProgress })
			if r := i.Step("right"); r != nil && r.Status == ops.StepInProgress {
				at = slices.IndexFunc(i.Steps, func(r ops.StepRecord) bool { return r.ID == "right" })
			}
			done := i.Steps[at]
			if done.Kind == ops.StepDelay {
				s.advance("1h")
			} else {
				s.answer(done.TaskID, nil)
			}
			got = append(got, done.ID+" -> "+seen())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s went through %q, want %q", template, got, want)
		}
	}
}
