package local_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

// workshop is a system whose source is watched while it is edited.
type workshop struct {
	*system

	rt   *local.Runtime
	root string
	told lines
}

// lines are what a writer was given.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		l <- strings.TrimRight(line, "\n")
	}
	return len(p), nil
}

// checkout copies what a system is made of into a folder.
func checkout(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, dir := range []string{"statemachines", "shared/workflow/templates", "shared/rule/builtin"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join("..", "..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "template.yaml"), string(text))
	return root
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newWorkshop(t *testing.T, root string, change ...func(*local.Options)) *workshop {
	t.Helper()
	w := &workshop{root: root, told: make(lines, 1000)}
	o := options()
	o.Template, o.Progress = filepath.Join(root, "template.yaml"), w.told
	for _, f := range change {
		f(&o)
	}
	w.rt = start(t, o)
	if err := w.rt.Watch(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.system = newSystem(t, w.rt)
	return w
}

// save writes a file of the source, and waits until all of these have been told.
func (w *workshop) save(name, text string, until ...string) {
	w.t.Helper()
	put(w.t, filepath.Join(w.root, filepath.FromSlash(name)), text)
	w.await(until...)
}

func (w *workshop) await(until ...string) {
	w.t.Helper()
	for len(until) > 0 {
		select {
		case line := <-w.told:
			until = slices.DeleteFunc(until, func(s string) bool { return strings.Contains(line, s) })
		case <-w.t.Context().Done():
			w.t.Fatalf("nothing was told of %v", until)
		}
	}
}

// read gives a file of the source.
func (w *workshop) read(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.root, filepath.FromSlash(name)))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// rules gives the rules of the default bus whose names begin with a text, with their schedules.
func (w *workshop) rules(prefix string) string {
	w.t.Helper()
	list, err := eventbridge.NewFromConfig(w.config()).ListRules(w.t.Context(), &eventbridge.ListRulesInput{NamePrefix: &prefix})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, r := range list.Rules {
		out = append(out, *r.Name+" "+aws.ToString(r.ScheduleExpression))
	}
	return strings.Join(out, ", ")
}

const extraRule = `
  ExtraRule:
    Type: AWS::Events::Rule
    Properties: {Name: extra, ScheduleExpression: %s}
`

const extraMachine = `
  ExtraMachine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: extra
      DefinitionUri: statemachines/extra.asl.json
`

// inserted puts resources into a template.
func inserted(template, resources string) string {
	return strings.Replace(template, "\nOutputs:\n", resources+"\nOutputs:\n", 1)
}

func TestSavedTemplateHoldsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t))
	before := w.read("template.yaml")
	w.save("template.yaml", inserted(before, fmt.Sprintf(extraRule, "rate(1 day)")), "rule extra added")
	if got := w.rules("extra"); got != "extra rate(1 day)" {
		t.Errorf("added: %s", got)
	}
	w.save("template.yaml", inserted(before, fmt.Sprintf(extraRule, "rate(2 days)")), "rule extra changed")
	if got := w.rules("extra"); got != "extra rate(2 days)" {
		t.Errorf("changed: %s", got)
	}
	w.save("template.yaml", before, "rule extra removed")
	if got := w.rules("extra"); got != "" {
		t.Errorf("removed: %s", got)
	}
	if got := w.rules("opsflow-sweep-due"); got != "opsflow-sweep-due rate(1 minute)" {
		t.Errorf("what was not edited: %s", got)
	}
}

func TestWhatIsGoneFromTheTemplateIsRemovedOnOldData(t *testing.T) {
	t.Parallel()
	root, data := checkout(t), t.TempDir()
	keep := func(o *local.Options) { o.Data = data }
	path := filepath.Join(root, "template.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "statemachines", "extra.asl.json"), `{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`)
	put(t, path, inserted(string(text), fmt.Sprintf(extraRule, "rate(1 day)")+extraMachine))
	w := newWorkshop(t, root, keep)
	if got := w.rules("extra"); got != "extra rate(1 day)" {
		t.Errorf("the first time: %s", got)
	}
	if err := w.rt.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, path, string(text))
	w = newWorkshop(t, root, keep)
	if got := w.rules("extra"); got != "" {
		t.Errorf("the rule is there still: %s", got)
	}
	_, err = sfn.NewFromConfig(w.config()).DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: aws.String(extraARN)})
	if err == nil {
		t.Error("the state machine is there still")
	}
}

const extraARN = "arn:aws:states:us-east-1:000000000000:stateMachine:extra"

func TestWhatIsWrongIsToldWithItsLineAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t))
	before := w.read("template.yaml")
	for name, c := range map[string]struct {
		file, text string
		want       []string
	}{
		"no YAML":           {"template.yaml", inserted(before, "\n  Extra: [\n"), []string{"template.yaml:"}},
		"no such reference": {"template.yaml", inserted(before, fmt.Sprintf(extraRule, "!Ref Nobody")), []string{"template.yaml:", ": there is no parameter or resource Nobody"}},
		"no JSON":           {"statemachines/booking_processing.asl.json", "{\n  \"StartAt\": \"A\",\n  \"States\": {,}\n}\n", []string{"booking_processing.asl.json:3: invalid character"}},
		"no definition":     {"statemachines/booking_processing.asl.json", `{"StartAt":"A","States":{"B":{"Type":"Succeed"}}}`, []string{"statemachines/booking_processing.asl.json: state machine", "MISSING_TRANSITION_TARGET"}},
		"no rule":           {"shared/rule/builtin/payment-sla.json", "{\n\n nonsense}", []string{"payment-sla.json:3: invalid character"}},
		"no template":       {"shared/workflow/templates/customer_follow_up.json", `{"name": "customer_follow_up", "stepz": []}`, []string{"customer_follow_up.json: ", "$.stepz unknown field"}},
		"a bad rule":        {"shared/rule/builtin/payment-sla.json", `{"id": "payment-sla", "name": "x", "event": "nothing"}`, []string{"payment-sla.json: ", "$.event must be one of"}},
	} {
		was := w.read(c.file)
		put(t, filepath.Join(w.root, filepath.FromSlash(c.file)), c.text)
		told := ""
		for !strings.Contains(told, "What was there before goes on.") {
			told += <-w.told + "\n"
		}
		for _, want := range c.want {
			if !strings.Contains(told, want) {
				t.Errorf("%s: told %q, want %q", name, told, want)
			}
		}
		put(t, filepath.Join(w.root, filepath.FromSlash(c.file)), was)
	}
	w.save("template.yaml", inserted(before, fmt.Sprintf(extraRule, "rate(1 day)")), "rule extra added")
	w.get("/v1/workflows", &struct{}{})
}

func TestChangeThatFailsHalfwayIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t))
	before := w.read("template.yaml")
	w.save("template.yaml", inserted(before, fmt.Sprintf(extraRule, "rate(1 day)")+strings.ReplaceAll(fmt.Sprintf(extraRule, "rate(9 nothings)"), "xtra", "xtra-two")), "What was there before goes on")
	if got := w.rules("extra"); got != "" {
		t.Errorf("of a template that can't hold there is %s", got)
	}
}

func TestRunningExecutionsKeepTheDefinitionThatTheyStartedWith(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t), func(o *local.Options) { o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)) })
	definition := func(result string) string {
		return `{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":3600,"Next":"Say"},"Say":{"Type":"Pass","Result":"` + result + `","End":true}}}`
	}
	put(t, filepath.Join(w.root, "statemachines", "extra.asl.json"), definition("old"))
	w.save("template.yaml", inserted(w.read("template.yaml"), extraMachine), "state machine extra added")
	client := sfn.NewFromConfig(w.config())
	begin := func() *string {
		started, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String(extraARN)})
		if err != nil {
			t.Fatal(err)
		}
		return started.ExecutionArn
	}
	first := begin()
	w.save("statemachines/extra.asl.json", definition("new"), "state machine extra changed")
	second := begin()
	if err := w.rt.Clock().Advance(context.WithoutCancel(t.Context()), 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[*string]string{first: `"old"`, second: `"new"`} {
		x, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: arn})
		if err != nil || aws.ToString(x.Output) != want {
			t.Errorf("got %s %v, want %s", aws.ToString(x.Output), err, want)
		}
	}
}

func TestSavedBuiltInTemplatesAndRulesHoldAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t))
	const file = "shared/rule/builtin/assign-vendor.json"
	w.save(file, strings.Replace(w.read(file), `"priority": 7`, `"priority": 2`, 1), "built-in templates and rules read again")
	var rule struct{ Priority int }
	if w.get("/v1/rules/assign-vendor", &rule); rule.Priority != 2 {
		t.Errorf("the rule has priority %d, want 2", rule.Priority)
	}
	const template = "shared/workflow/templates/vendor_onboarding.json"
	w.save(template, strings.Replace(w.read(template), `"steps": [`, `"steps": [
    {"id": "look", "name": "Look into it", "kind": "manual", "role": "Operations"},`, 1), "vendor_onboarding.asl.json written", "state machine opsflow-vendor_onboarding-v1 changed")
	var made instance
	w.ask(http.MethodPost, "/v1/workflows", w.token, object{
		"template": "vendor_onboarding", "context": object{"vendor_id": "v-9", "name": "Nine", "categories": []string{"cleaning"}, "areas": []string{"Marina"}},
	}, http.StatusCreated, &made)
	if err := w.rt.Clock().WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.get("/v1/workflows/"+made.ID, &made); len(made.Steps) != 6 || made.Steps[0].ID != "look" || made.Steps[0].Status != "in_progress" {
		t.Errorf("the workflow does not wait for the new step: %+v", made.Steps)
	}
}
