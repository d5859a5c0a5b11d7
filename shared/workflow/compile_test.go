package workflow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

func compile(t *testing.T, steps ...string) asl {
	t.Helper()
	tpl, err := workflow.Read([]byte(document(steps...)), nil, form.Checker{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := workflow.Compile(tpl)
	if err != nil {
		t.Fatal(err)
	}
	var a asl
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// document is a template with the steps.
func document(steps ...string) string {
	return `{"name": "sample", "type": "service_delivery", "trigger": "manual", "team": "Operations", "priority": 5, "steps": [` +
		strings.Join(steps, ",") + `]}`
}

// chain walks from the first state along Next.
func (a asl) chain() []string {
	var names []string
	for at := a.StartAt; at != ""; at = a.States[at].Next {
		names = append(names, at)
	}
	return names
}

func TestFourAutomatedStepsCompileToOneTaskState(t *testing.T) {
	t.Parallel()
	var steps []string
	for n := range 4 {
		depends := ""
		if n > 0 {
			depends = fmt.Sprintf(`"depends_on": ["s%d"],`, n-1)
		}
		steps = append(steps, fmt.Sprintf(`{"id": "s%d", "name": "Step %d", "kind": "automated", %s "action": "assign.team"}`, n, n, depends))
	}
	if got := compile(t, steps...).chain(); len(got) != 1 {
		t.Errorf("the chain is %q, want one state", got)
	}
}

func TestEachHumanStepAddsOneState(t *testing.T) {
	t.Parallel()
	steps := []string{`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team"}`}
	last := "a"
	for n := range 4 {
		if got := compile(t, steps...).chain(); len(got) != n+1 {
			t.Errorf("%d human steps: the chain is %q, want %d states", n, got, n+1)
		}
		id := fmt.Sprintf("h%d", n)
		steps = append(steps,
			fmt.Sprintf(`{"id": "%s", "name": "Human", "kind": "manual", "depends_on": ["%s"]}`, id, last),
			fmt.Sprintf(`{"id": "a%d", "name": "Then", "kind": "automated", "depends_on": ["%s"], "action": "assign.team"}`, n, id))
		last = fmt.Sprintf("a%d", n)
	}
}

func TestADelayIsOneTaskAndOneWaitState(t *testing.T) {
	t.Parallel()
	a := compile(t,
		`{"id": "a", "name": "A", "kind": "automated", "action": "assign.team"}`,
		`{"id": "w", "name": "Cool off", "kind": "delay", "depends_on": ["a"], "for": "48h"}`)
	chain := a.chain()
	if len(chain) != 3 || a.States[chain[0]].Type != "Task" || a.States["Cool off"].Type != "Wait" || chain[1] != "Cool off" {
		t.Errorf("the chain is %q", chain)
	}
}

func TestEveryTaskStateRetriesAndCatches(t *testing.T) {
	t.Parallel()
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, tpl := range all {
		b, err := workflow.Compile(tpl)
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			States map[string]struct {
				Type  string
				Retry []struct{ ErrorEquals []string }
				Catch []struct{ ErrorEquals []string }
			}
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for name, s := range m.States {
			if s.Type != "Task" {
				continue
			}
			retry := fmt.Sprint(s.Retry)
			if !strings.Contains(retry, "LeaseHeld") || !strings.Contains(retry, "Unavailable") {
				t.Errorf("%s, %s: retries %s", tpl.Name, name, retry)
			}
			if name != "Record the outcome" && !strings.HasSuffix(fmt.Sprint(s.Catch), "{[WorkflowFailed]} {[Superseded]} {[States.ALL]}]") {
				t.Errorf("%s, %s: catches %v", tpl.Name, name, s.Catch)
			}
		}
	}
}

func TestStateMachinesInTheRepositoryAreNotStale(t *testing.T) {
	t.Parallel()
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, tpl := range all {
		want, err := workflow.Compile(tpl)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "statemachines", tpl.Name+".asl.json")
		got, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v): run `make generate`", path, err)
		}
	}
}

func TestEveryStepHasAStateOfItsOwnWhateverItIsCalled(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 11)
	for name, names := range map[string][]string{
		"of one name":                      {"Same", "Same", "Same", "Same"},
		"as the machine's own states":      {"Finish", "Run the steps", "Record the outcome", "Workflow failed", "Superseded"},
		"as another one's second name":     {"s2 (X)", "X", "X", "s2 (X) 2"},
		"as another one's numbered name":   {"s3 (X)", "s3 (X) 2", "X", "X", "X"},
		"as the state before a delay":      {"Before Rest", "Rest", "Rest"},
		"alike in as far as there is room": {long, long, "s1 (" + long[:50], long},
		"as what publishing fills in":      {"${RunStepsFunctionArn}", "${OpenTaskFunctionArn}", `"quoted" \\ <tag>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var steps []string
			for n, step := range names {
				kind := `"kind": "manual"`
				if n%2 == 1 {
					kind = `"kind": "delay", "for": "1h"`
				}
				needs := ""
				if n > 0 {
					needs = fmt.Sprintf(`, "depends_on": ["s%d"]`, n-1)
				}
				steps = append(steps, fmt.Sprintf(`{"id": "s%d", "name": %q, %s%s}`, n, step, kind, needs))
			}
			a := compile(t, steps...)
			want := len(names) + len(names)/2 + 1 // a delay has two
			if got := a.chain(); len(got) != want {
				t.Errorf("the chain is %q, want %d states", got, want)
			}
		})
	}
}

func TestPublishingLeavesNamesOfStepsAsTheyAre(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tpl := b.publish(t, document(`{"id": "a", "name": "${OpenTaskFunctionArn}", "kind": "manual"}`))
	a := b.machine.machine(tpl.StateMachine)
	s, ok := a.States["${OpenTaskFunctionArn}"]
	if !ok || s.Parameters.FunctionName != "fn-open-task" {
		t.Errorf("the state is %+v, %v", s, ok)
	}
}
