package states_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/states"
	"opsflow/shared/local/states/value"
)

// greenAreas are the areas of the recorded cases of which every JSONPath case must pass, histories included.
var greenAreas = []string{
	"api", "assign", "base", "choice", "comments", "context", "errors", "express", "intrinsic", "jsonpath", "lambda",
	"map", "map-distributed", "parallel", "querylanguage", "timeouts", "validation", "validation-api", "wait",
}

type recorded struct {
	Name          string              `json:"name"`
	Area          string              `json:"area"`
	Dialect       string              `json:"dialect"`
	API           string              `json:"api"`
	Type          string              `json:"type"`
	Definition    json.RawMessage     `json:"definition"`
	DefinitionRaw *string             `json:"definition_raw"`
	Input         json.RawMessage     `json:"input"`
	InputRaw      *string             `json:"input_raw"`
	Status        string              `json:"status"`
	Output        value.JSON          `json:"output"`
	Error         value.JSON          `json:"error"`
	Cause         value.JSON          `json:"cause"`
	History       []string            `json:"history"`
	HistoryCheck  string              `json:"history_check"`
	Codes         []string            `json:"codes"`
	Tasks         map[string]stubTask `json:"tasks"`
}

// conformanceDir is ../shared/conformance beside the repository, or "" where it is not.
func conformanceDir(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			dir = filepath.Join(dir, "..", "shared", "conformance", "public")
			if _, err := os.Stat(dir); err != nil {
				return ""
			}
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// TestRecordedOnAWS runs the executions that others recorded on AWS, where they are at hand.
func TestRecordedOnAWS(t *testing.T) {
	t.Parallel()
	dir := conformanceDir(t)
	if dir == "" {
		t.Log("no ../shared/conformance beside the repository: the recorded cases were not run")
		return
	}
	for _, file := range []string{"asl.json", "asl_tasks.json"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			var cases []recorded
			if err := json.Unmarshal(text, &cases); err != nil {
				t.Fatal(err)
			}
			runRecorded(t, cases)
		})
	}
}

func runRecorded(t *testing.T, cases []recorded) {
	t.Helper()
	r := &recordedRun{rig: newRig(t), arns: map[string]string{}, outcome: map[string]string{}}
	cases = slices.DeleteFunc(cases, func(c recorded) bool { return c.Dialect != "JSONPath" || c.Area == "activities" })
	for _, c := range cases {
		for name, stub := range c.Tasks {
			r.stub(name, stub)
		}
	}
	for i := range cases {
		r.start(t.Context(), &cases[i], i)
	}
	r.advance(t, 48*time.Hour)
	passed, total := map[string]int{}, map[string]int{}
	for i := range cases {
		c := &cases[i]
		total[c.Area]++
		if why := r.check(t.Context(), c); why == "" {
			passed[c.Area]++
		} else if slices.Contains(greenAreas, c.Area) {
			t.Errorf("%s: %s", c.Name, why)
		}
	}
	sum := 0
	for area, n := range total {
		sum += passed[area]
		t.Logf("%-16s %d/%d", area, passed[area], n)
	}
	t.Logf("%d of %d passed", sum, len(cases))
}

type recordedRun struct {
	*rig
	arns    map[string]string
	outcome map[string]string // of what never became an execution: "" or why it is wrong
}

func (r *recordedRun) start(ctx context.Context, c *recorded, i int) {
	text := string(c.Definition)
	if c.DefinitionRaw != nil {
		text = *c.DefinitionRaw
	}
	if c.API == "ValidateStateMachineDefinition" {
		r.outcome[c.Name] = validated(c, r.engine.ValidateStateMachineDefinition(text, cmp.Or(c.Type, states.TypeStandard)))
		return
	}
	m, err := r.engine.CreateStateMachine(ctx, states.CreateStateMachineInput{
		Name: fmt.Sprintf("case-%d", i), Definition: text, RoleARN: "arn:aws:iam::000000000000:role/r", Type: c.Type,
	})
	if err != nil || c.Status == "INVALID_DEFINITION" {
		r.outcome[c.Name] = wantCode(err, c.Status == "INVALID_DEFINITION", "InvalidDefinition")
		return
	}
	in := states.StartExecutionInput{StateMachineARN: m.ARN, Input: string(c.Input)}
	if c.InputRaw != nil {
		in.Input = *c.InputRaw
	}
	if c.API == "StartSyncExecution" {
		x, err := r.engine.StartSyncExecution(ctx, in)
		if err != nil {
			r.outcome[c.Name] = err.Error()
			return
		}
		r.outcome[c.Name] = compareExecution(c, x)
		return
	}
	out, err := r.engine.StartExecution(ctx, in)
	if err != nil || c.Status == "INVALID_EXECUTION_INPUT" {
		r.outcome[c.Name] = wantCode(err, c.Status == "INVALID_EXECUTION_INPUT", "InvalidExecutionInput")
		return
	}
	r.arns[c.Name] = out.ExecutionARN
}

func wantCode(err error, wanted bool, code string) string {
	var api *states.APIError
	if wanted && errors.As(err, &api) && api.Code == code {
		return ""
	}
	return fmt.Sprintf("expected %s: %v, got %v", code, wanted, err)
}

func validated(c *recorded, got []states.Diagnostic) string {
	if (c.Status == "VALID") != (len(got) == 0) {
		return fmt.Sprintf("expected %s, got %v", c.Status, got)
	}
	for _, code := range c.Codes {
		if !slices.ContainsFunc(got, func(d states.Diagnostic) bool { return d.Code == code }) {
			return fmt.Sprintf("expected %s, got %v", code, got)
		}
	}
	return ""
}

func (r *recordedRun) check(ctx context.Context, c *recorded) string {
	if why, ok := r.outcome[c.Name]; ok {
		return why
	}
	x, err := r.engine.DescribeExecution(ctx, r.arns[c.Name])
	if err != nil {
		return err.Error()
	}
	if why := compareExecution(c, x); why != "" {
		return why
	}
	history, err := r.engine.GetExecutionHistory(ctx, x.ARN)
	if err != nil {
		return err.Error()
	}
	got := make([]string, len(history))
	for i, h := range history {
		got[i] = h.Type
	}
	want := slices.Clone(c.History)
	switch c.HistoryCheck {
	case "exact":
	case "multiset":
		slices.Sort(want)
		slices.Sort(got)
	default:
		return ""
	}
	if !slices.Equal(want, got) {
		return fmt.Sprintf("history: expected %v, got %v", want, got)
	}
	return ""
}

func compareExecution(c *recorded, x *states.Execution) string {
	if x.Status != c.Status {
		return fmt.Sprintf("expected %s, got %s %s %s", c.Status, x.Status, deref(x.Error), deref(x.Cause))
	}
	if c.Status == states.StatusSucceeded {
		got, err := value.Parse([]byte(deref(x.Output)))
		if err != nil {
			return err.Error()
		}
		return difference(c.Output.V, got, "$")
	}
	for _, one := range []struct {
		name string
		want any
		got  *string
	}{{"error", c.Error.V, x.Error}, {"cause", c.Cause.V, x.Cause}} {
		want := one.want
		if want == nil {
			want = ""
		}
		if why := difference(want, any(deref(one.got)), one.name); why != "" {
			return why
		}
	}
	return ""
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

var (
	uuidForm    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	instantForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
)

// difference says how got differs from an expectation with wildcards; "" when it does not.
func difference(want, got any, at string) string {
	wrong := fmt.Sprintf("%s: expected %s, got %s", at, value.Text(want), value.Text(got))
	switch want := want.(type) {
	case string:
		text, isText := got.(string)
		switch want {
		case "<*any>", "<*opt>":
			return ""
		case "<*uuid>":
			if isText && uuidForm.MatchString(text) {
				return ""
			}
		case "<*datetime>":
			if isText && instantForm.MatchString(text) {
				return ""
			}
		default:
			parts := strings.Split(want, "<*>")
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			if isText && regexp.MustCompile(`(?s)^`+strings.Join(parts, ".*")+`$`).MatchString(text) {
				return ""
			}
		}
		return wrong
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return wrong
		}
		for i := range want {
			if why := difference(want[i], list[i], fmt.Sprintf("%s[%d]", at, i)); why != "" {
				return why
			}
		}
		return ""
	case *value.Object:
		return objectDifference(want, got, at, wrong)
	}
	if value.Equal(want, got) {
		return ""
	}
	return wrong
}

func objectDifference(want *value.Object, got any, at, wrong string) string {
	if inner, ok := want.Get("<*json>"); ok {
		text, _ := got.(string)
		v, err := value.Parse([]byte(text))
		if err != nil {
			return wrong
		}
		return difference(inner, v, at+"(json)")
	}
	o, ok := got.(*value.Object)
	if !ok {
		return wrong
	}
	for _, m := range want.Members() {
		v, ok := o.Get(m.Key)
		if !ok && m.Value != "<*opt>" {
			return wrong
		}
		if why := difference(m.Value, v, at+"."+m.Key); why != "" {
			return why
		}
	}
	for _, m := range o.Members() {
		if _, ok := want.Get(m.Key); !ok {
			return fmt.Sprintf("%s: unexpected key %s", at, m.Key)
		}
	}
	return ""
}
