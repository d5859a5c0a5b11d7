package workflow_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

func read(t *testing.T, steps ...string) *ops.Template {
	t.Helper()
	tpl, err := workflow.Read([]byte(document(steps...)), nil, form.Checker{})
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestWhatIsOddAboutATemplateIsToldWithItsPath(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []string
		want  []string // paths
	}{
		"nothing": {[]string{
			`{"id": "a", "name": "A", "kind": "manual"}`, `{"id": "b", "name": "B", "kind": "manual", "on_reject": "skip", "depends_on": ["a"]}`,
			`{"id": "c", "name": "C", "kind": "manual", "depends_on": ["a", "b"], "when": {"path": "steps.b.status", "op": "eq", "value": "completed"}}`,
		}, nil},
		"a step that is skipped with others": {[]string{
			`{"id": "a", "name": "A", "kind": "await_event", "event": "payment_received", "key": "p-1", "timeout": "1h", "on_timeout": "skip"}`,
			`{"id": "b", "name": "B", "kind": "manual", "depends_on": ["a"]}`,
		}, []string{"$.steps[0].on_timeout"}},
		"a message template that there is not": {[]string{
			`{"id": "a", "name": "A", "kind": "notification", "template": "survey_requst"}`,
		}, []string{"$.steps[0].template"}},
		"a decision after which nothing may be done": {[]string{
			`{"id": "a", "name": "A", "kind": "decision", "choices": [{"when": {"path": "context.x", "op": "exists"}, "next": "b"}]}`,
			`{"id": "b", "name": "B", "kind": "manual"}`, `{"id": "c", "name": "C", "kind": "manual", "depends_on": ["b"]}`,
		}, []string{"$.steps[0].default"}},
		"a decision about one step more": {[]string{
			`{"id": "a", "name": "A", "kind": "decision", "choices": [{"when": {"path": "context.x", "op": "exists"}, "next": "b"}]}`,
			`{"id": "b", "name": "B", "kind": "manual"}`, `{"id": "c", "name": "C", "kind": "manual", "depends_on": ["a", "b"]}`,
		}, nil},
		"a step that may not have ended": {[]string{
			`{"id": "a", "name": "A", "kind": "manual"}`,
			`{"id": "b", "name": "B", "kind": "manual", "parameters": {"x": "$.steps.a.output.form.x"}}`,
		}, []string{"$.steps[1].parameters.x"}},
		"what a review said, for the work that it sends back": {[]string{
			`{"id": "a", "name": "A", "kind": "manual"}`,
			`{"id": "b", "name": "B", "kind": "manual", "depends_on": ["a"], "parameters": {"x": "$.steps.c.output.comment"}}`,
			`{"id": "c", "name": "C", "kind": "approval", "depends_on": ["b"], "rework": {"to": "b", "times": 2}}`,
		}, nil},
		"nothing to undo": {[]string{
			`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team", "on_error": "compensate"}`,
		}, []string{"$.steps[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, w := range workflow.Advise(read(t, c.steps...)).Warnings {
				got = append(got, w.Path)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("warnings at %q, want %q", got, c.want)
			}
		})
	}
}

func TestACostlyTemplateSaysWhatARunCosts(t *testing.T) {
	t.Parallel()
	var steps []string
	for n := range 25 {
		needs := ""
		if n > 0 {
			needs = fmt.Sprintf(`, "depends_on": ["s%d"]`, n-1)
		}
		steps = append(steps, fmt.Sprintf(`{"id": "s%d", "name": "S", "kind": "manual"%s}`, n, needs))
	}
	a := workflow.Advise(read(t, steps...))
	if len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0].Message, "26 to 26 state transitions") {
		t.Errorf("warnings %+v", a.Warnings)
	}
}

func TestCostCountsTheStatesOfARun(t *testing.T) {
	t.Parallel()
	manual := func(id, needs, more string) string {
		return fmt.Sprintf(`{"id": %q, "name": "Step", "kind": "manual", "depends_on": [%s]%s}`, id, needs, more)
	}
	for name, c := range map[string]struct {
		steps    []string
		min, max int
	}{
		"automated": {[]string{`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team"}`}, 1, 1},
		"a person":  {[]string{manual("a", "", "")}, 2, 2},
		"a delay":   {[]string{`{"id": "a", "name": "A", "kind": "delay", "for": "1h"}`}, 3, 3},
		"two branches of one and two people": {[]string{
			manual("a", "", ""), manual("b", "", ""), manual("c", `"b"`, ""),
		}, 4, 6},
		"a delay beside a person": {[]string{manual("a", "", ""), `{"id": "b", "name": "B", "kind": "delay", "for": "1h"}`}, 3, 4},
		"tries seconds apart": {[]string{
			`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team", "retry": {"max_attempts": 4, "backoff": "2s"}}`,
		}, 1, 1},
		"tries minutes apart": {[]string{
			`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team", "retry": {"max_attempts": 4, "backoff": "5m"}}`,
		}, 1, 6},
		"rework": {[]string{
			manual("a", "", ""), manual("b", `"a"`, ""), manual("c", `"b"`, `, "rework": {"to": "b", "times": 2}`),
		}, 4, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := workflow.Advise(read(t, c.steps...)).Cost; got.StatesMin != c.min || got.StatesMax != c.max {
				t.Errorf("%d to %d states, want %d to %d", got.StatesMin, got.StatesMax, c.min, c.max)
			}
		})
	}
}

func TestAQuorumOfMoreThanThereAreIsToldOfWhereMembersAreKnown(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tpl := read(t, `{"id": "a", "name": "A", "kind": "approval", "quorum": 3, "role": "Finance"}`)
	for n, want := range []int{0, 1, 1, 0} { // by how many members the team has
		if n > 0 {
			m := &ops.Member{ID: fmt.Sprintf("m-%d", n), Name: "M", Active: true, Teams: []ops.Team{ops.Finance}}
			if err := b.store.Save(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		a, err := b.Advise(t.Context(), tpl)
		if err != nil || len(a.Warnings) != want {
			t.Errorf("with %d members: %+v, %v; want %d warnings", n, a.Warnings, err, want)
		}
	}
}

func TestAnUnknownFieldNamesTheOneThatWasMeant(t *testing.T) {
	t.Parallel()
	_, err := workflow.Read([]byte(document(`{"id": "a", "name": "A", "kind": "manual", "depend_on": [], "x": 1}`)), nil, form.Checker{})
	invalid, ok := errors.AsType[*ops.Error](err)
	if !ok || len(invalid.Faults) != 2 {
		t.Fatalf("the error is %v", err)
	}
	if got := invalid.Faults[0].Words(); got != "unknown field; did you mean depends_on? (it is [])" {
		t.Errorf("a name that is near: %s", got)
	}
	if got := invalid.Faults[1].Words(); got != "unknown field (it is 1)" {
		t.Errorf("one that is not: %s", got)
	}
}

func TestAWaitThatIsLongerThanAnExecutionLivesFailsItsStep(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tpl := b.publish(t, document(
		`{"id": "a", "name": "A", "kind": "delay", "until": "$.context.at", "on_error": "skip"}`,
		`{"id": "b", "name": "B", "kind": "delay", "until": "$.context.at"}`))
	at := start.Add(10 * 365 * 24 * time.Hour).Format(time.RFC3339)
	i := b.start(t, tpl.Name, ops.SubjectRef{}, `{"at": "`+at+`"}`)
	for step, want := range map[string]ops.StepStatus{"a": ops.StepSkipped, "b": ops.StepFailed} {
		if rec := i.Step(step); rec.Status != want || rec.Error == nil || rec.Error.Code != "wait_too_long" {
			t.Errorf("step %s is %s, %+v", step, rec.Status, rec.Error)
		}
	}
	if i.Status != ops.InstanceFailed || len(b.bus.ids(ops.WorkflowFailed)) != 1 {
		t.Errorf("the workflow is %s", i.Status)
	}
}
