package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// node is a step of a random template, with what will happen to it.
type node struct {
	id, kind  string
	name      string
	depends   []int
	when      string // "", "yes" or "no": whether its condition holds
	fails     int    // tries that fail
	tries     int
	onError   string
	rejected  bool
	onReject  string
	choice    int // of a decision: the step it chooses
	otherwise int // and the one that it does not
}

// modelled is how a step should end; empty for one that a failure keeps from running.
func modelled(nodes []node) (statuses []ops.StepStatus, failed bool) {
	statuses = make([]ops.StepStatus, len(nodes))
	for n, s := range nodes {
		needs := slices.Clone(s.depends)
		targeted := map[int]bool{} // by decisions among what it needs: whether they chose it
		for d, other := range nodes {
			if other.kind == "decision" && (other.choice == n || other.otherwise == n) {
				needs = append(needs, d)
				targeted[d] = other.choice == n
			}
		}
		run, blocked := len(needs) == 0, false
		for _, need := range needs {
			chose, isTarget := targeted[need]
			blocked = blocked || statuses[need] == "" || statuses[need] == ops.StepFailed
			run = run || statuses[need] == ops.StepCompleted && (!isTarget || chose)
		}
		switch way := s.ends(); {
		case blocked:
		case !run || s.when == "no":
			statuses[n] = ops.StepSkipped
		case way == "":
			statuses[n] = ops.StepCompleted
		case way == "skip":
			statuses[n] = ops.StepSkipped
		default:
			statuses[n], failed = ops.StepFailed, true
		}
	}
	return statuses, failed
}

// ends is what becomes of a step that runs: "" when it completes, else its way to fail.
func (s node) ends() string {
	if s.kind == "automated" && s.fails >= s.tries {
		return s.onError
	}
	if s.kind == "approval" && s.rejected {
		return s.onReject
	}
	return ""
}

func (s node) json(nodes []node) string {
	var names []string
	for _, d := range s.depends {
		names = append(names, fmt.Sprintf("%q", nodes[d].id))
	}
	text := fmt.Sprintf(`{"id": %q, "name": %q, "kind": %q, "depends_on": [%s]`, s.id, s.name, s.kind, strings.Join(names, ","))
	if s.when != "" {
		text += fmt.Sprintf(`, "when": {"path": "context.answer", "op": "eq", "value": %q}`, s.when)
	}
	switch s.kind {
	case "automated":
		text += fmt.Sprintf(`, "action": "test.fail", "parameters": {"fails": %d}, "retry": {"max_attempts": %d}, "on_error": %q`, s.fails, s.tries, s.onError)
	case "approval":
		text += fmt.Sprintf(`, "on_reject": %q`, s.onReject)
	case "delay":
		text += `, "for": "24h"`
	case "decision":
		text += fmt.Sprintf(`, "choices": [{"when": {"path": "context.answer", "op": "eq", "value": "yes"}, "next": %q}], "default": %q`,
			nodes[s.choice].id, nodes[s.otherwise].id)
	}
	return text + "}"
}

// stepNames are names that a machine's other states may have, too.
var stepNames = []string{
	"Step", "Step", "Step 2", "s1 (Step)", "s2 (Step)", "s2 (Step) 2", "Before Step", "Finish", "Run the steps", "s3 (Finish)",
	"Record the outcome", "Superseded", "${RunStepsFunctionArn}", "$.instance_id", "a/b~\"<&>", "الحجز",
}

func randomNodes(t *rapid.T) []node {
	nodes := make([]node, rapid.IntRange(1, 9).Draw(t, "steps"))
	for n := range nodes {
		s := node{id: fmt.Sprintf("s%d", n), choice: -1, otherwise: -1}
		s.name = rapid.SampledFrom(stepNames).Draw(t, "name")
		s.kind = rapid.SampledFrom([]string{"automated", "automated", "approval", "approval", "delay", "decision"}).Draw(t, "kind")
		for d := range n {
			if rapid.IntRange(0, 2).Draw(t, "depends") == 0 {
				s.depends = append(s.depends, d)
			}
		}
		s.when = rapid.SampledFrom([]string{"", "", "", "yes", "no"}).Draw(t, "when")
		s.tries = rapid.IntRange(1, 3).Draw(t, "tries")
		s.fails = rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 3}).Draw(t, "fails")
		s.onError = rapid.SampledFrom([]string{"skip", "skip", "fail", "compensate"}).Draw(t, "on error")
		s.rejected = rapid.IntRange(0, 5).Draw(t, "rejected") == 0
		s.onReject = rapid.SampledFrom([]string{"skip", "fail"}).Draw(t, "on reject")
		if s.kind == "decision" {
			if n+2 >= len(nodes) {
				s.kind = "automated"
			} else {
				s.choice = rapid.IntRange(n+1, len(nodes)-1).Draw(t, "choice")
				s.otherwise = rapid.IntRange(n+1, len(nodes)-1).Draw(t, "default")
			}
		}
		nodes[n] = s
	}
	return nodes
}

// TestTheInterpretersRunAgreesWithAPlainModel runs random templates. Each of rapid's checks (100 by default) runs ten.
func TestTheInterpretersRunAgreesWithAPlainModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var mu sync.Mutex
		done := map[string]int{}
		r := interpret(t, map[string]workflow.Action{
			"test.fail": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
				var fails int
				if _, err := fmt.Sscan(string(in.Params["fails"]), &fails); err != nil {
					return workflow.ActionResult{}, err
				}
				if in.Instance.Step(in.Step.ID).Tries <= fails {
					return workflow.ActionResult{}, errors.New("not this time")
				}
				mu.Lock()
				defer mu.Unlock()
				done[in.Key]++
				return workflow.ActionResult{}, nil
			},
		})
		for range 10 {
			nodes := randomNodes(rt)
			var steps []string
			for _, s := range nodes {
				steps = append(steps, s.json(nodes))
			}
			i := r.through(t, rt, document(steps...), nodes)
			compare(rt, i, nodes)
		}
		for key, n := range done {
			if n != 1 {
				rt.Errorf("%s ran %d times", key, n)
			}
		}
	})
}

// through runs a template to its end: of the tasks that are open, any is decided next, and time passes when none is.
func (r *rig) through(t *testing.T, rt *rapid.T, body string, nodes []node) *ops.Instance {
	tpl, err := r.CreateTemplate(t.Context(), []byte(body), admin)
	if err == nil {
		tpl, err = r.Publish(t.Context(), tpl.Name, tpl.Version, admin, true)
	}
	if err != nil {
		rt.Fatalf("%v\n%s", err, body)
	}
	i, err := r.Start(t.Context(), ops.StartRequest{Template: tpl.Name, Version: tpl.Version, Context: answerYes}, ops.Actor{ID: "starter"})
	if err != nil {
		rt.Fatal(err)
	}
	advance := time.Duration(0)
	for range 100 {
		if err := r.clock.Advance(t.Context(), advance); err != nil {
			rt.Fatal(err)
		}
		if i, err = r.store.Instance(t.Context(), i.ID); err != nil {
			rt.Fatal(err)
		}
		if i.Status.Ended() {
			return i
		}
		var open []*ops.StepRecord
		for n := range i.Steps {
			if rec := &i.Steps[n]; rec.Kind == ops.StepApproval && rec.Status == ops.StepInProgress {
				open = append(open, rec)
			}
		}
		if len(open) == 0 || rapid.IntRange(0, 3).Draw(rt, "time passes") == 0 {
			advance = 24 * time.Hour
			if err := r.HandleDue(t.Context(), i.Ref()); err != nil {
				rt.Fatal(err)
			}
			continue
		}
		advance = 0
		rec := open[rapid.IntRange(0, len(open)-1).Draw(rt, "next")]
		if n := slices.IndexFunc(nodes, func(s node) bool { return s.id == rec.ID }); nodes[n].rejected {
			_, err = r.tasks.Reject(t.Context(), rec.TaskID, member(ops.Operations), "no")
		} else {
			_, err = r.tasks.Complete(t.Context(), rec.TaskID, member(ops.Operations), task.Decision{})
		}
		if err != nil {
			rt.Fatalf("%s: %v", rec.ID, err)
		}
	}
	rt.Fatalf("it hangs: %s, %+v\n%s", i.Status, i.Steps, body)
	return nil
}

var answerYes = map[string]json.RawMessage{"answer": json.RawMessage(`"yes"`)}

func compare(rt *rapid.T, i *ops.Instance, nodes []node) {
	want, failed := modelled(nodes)
	if (i.Status == ops.InstanceFailed) != failed {
		rt.Fatalf("it ends %s (%+v), the model fails: %v", i.Status, i.Error, failed)
	}
	ended := map[string]bool{}
	for _, h := range i.History {
		if h.What != "step_completed" && h.What != "step_skipped" && h.What != "step_failed" {
			continue
		}
		n := slices.IndexFunc(nodes, func(s node) bool { return s.id == h.Step })
		for _, d := range nodes[n].depends {
			if !ended[nodes[d].id] {
				rt.Errorf("%s ended before %s", h.Step, nodes[d].id)
			}
		}
		if ended[h.Step] {
			rt.Errorf("%s ended twice", h.Step)
		}
		ended[h.Step] = true
	}
	for n, s := range nodes {
		got := i.Step(s.id).Status
		if got != want[n] && (!failed || got.Ended()) { // what a failure was faster than is left as it was
			rt.Errorf("step %s is %s, want %q", s.id, got, want[n])
		}
	}
}
