package workflow_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"opsflow/shared/ops"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

// allFields uses each field that a template can have.
const allFields = `{
	"$schema": "template.json", "name": "everything", "description": "All there is", "type": "service_delivery", "trigger": "time_based",
	"schedule": {"cron": "0 9 ? * MON-FRI *", "time_zone": "Asia/Dubai", "context": {"n": 1}}, "team": "Operations", "requires_approval": true,
	"estimated_minutes": 60, "max_parallel_instances": 3, "priority": 7,
	"example": {"subject": {"type": "booking", "id": "bk-1"}, "context": {"n": 1}, "answers": {"fill": {"outcome": "done", "form": {"a": 1}}}},
	"steps": [
		{"id": "act", "name": "Act", "kind": "automated", "action": "assign.team", "parameters": {"team": "$.context.team"}, "role": "Finance",
			"retry": {"max_attempts": 3, "backoff": "2s", "max_backoff": "1h", "jitter": "full"}, "on_error": "compensate", "compensate": "payment.fail", "estimated_minutes": 5},
		{"id": "rank", "name": "Rank", "kind": "assignment", "action": "vendor.rank", "parameters": {"x": 1}, "retry": {"max_attempts": 2}},
		{"id": "ask", "name": "Ask", "kind": "assignment", "depends_on": ["rank"], "offer": {"to": "$.steps.rank.output.candidates", "expires": "20m"}},
		{"id": "tell", "name": "Tell", "kind": "notification", "template": "survey_request", "to": {"role": "customer"}, "parameters": {"x": 1}},
		{"id": "choose", "name": "Choose", "kind": "decision", "depends_on": ["act"], "default": "fill",
			"choices": [{"when": {"any": [{"path": "context.n", "op": "gt", "value": 5}, {"not": {"path": "context.n", "op": "exists"}}]}, "next": "rest"}]},
		{"id": "rest", "name": "Rest", "kind": "delay", "for": "8bh"},
		{"id": "until", "name": "Until", "kind": "delay", "until": "$.context.at", "when": {"all": [{"path": "subject.status", "op": "in", "value": ["a"]}]}},
		{"id": "fill", "name": "Fill in", "title": "Fill in what is missing", "kind": "manual", "role": "Finance", "due": "8bh", "form": {"type": "object"}, "outcomes": ["done", "void"],
			"on_reject": "skip", "rework": {"to": "act", "times": 2}, "quorum": 2, "reject_quorum": 2, "expires": "72h", "on_expire": {"next": "late"},
			"parameters": {"x": "$.context.x"}},
		{"id": "call", "name": "Call", "kind": "api_call", "parameters": {"id": "$.context.id"}, "retry": {"max_attempts": 2, "backoff": "1s"},
			"action": {"connection": "payments", "method": "POST", "path": "/refunds/{id}", "query": {"q": "$.context.q", "n": 1}, "body": {"a": ["$.context.a"]}}},
		{"id": "await", "name": "Await", "kind": "await_event", "event": "payment_received", "key": "$.context.payment_id", "timeout": "72h",
			"on_timeout": {"next": "late"}, "lookback": "1h"},
		{"id": "late", "name": "Late", "kind": "manual", "on_error": "skip", "expires": "1h", "on_expire": "approve"}]}`

// watching is a template that watches.
const watching = `{
	"name": "watching", "type": "service_delivery", "trigger": "condition_based", "team": "Operations",
	"watch": {"subject": "payment", "when": {"all": [{"path": "subject.status", "op": "eq", "value": "failed"}]}, "context": {"amount": "$.subject.amount"}},
	"steps": [{"id": "look", "name": "Look", "kind": "manual"}]}`

func templateSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(ops.TemplateSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("template.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("template.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// wholeOnly begins what is wrong only beside the rest of a template, or by what else there is, which no schema knows.
var wholeOnly = []string{
	"the id of a step", "an id of its own", "free of cycles", "reachable", "the name of an action", "made of placeholders", "a step that comes before", "the path of a step",
	"the path of one value", "steps.<id>", "a path that begins with", "a path to a ranking", "at most ", "clock time", "a JSON Schema", "an IANA time zone",
	"minutes hours", "a list of two", "only one of", "a number or a text",
}

func TestTheSchemaOfTemplatesSaysWhatTheirValidationSays(t *testing.T) {
	t.Parallel()
	schema := templateSchema(t)
	texts := map[string][]byte{"everything": []byte(allFields), "watching": []byte(watching)}
	for _, tpl := range builtin(t) {
		body, err := os.ReadFile(filepath.Join("templates", tpl.Name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		texts[tpl.Name] = body
	}
	compared := 0
	for name, body := range texts {
		var whole any
		if err := json.Unmarshal(body, &whole); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(whole); err != nil {
			t.Errorf("%s by the schema: %v", name, err)
		}
		if _, err := workflow.Read(body, nil, form.Checker{}); err != nil {
			t.Errorf("%s by its validation: %v", name, err)
		}
		if name != "everything" && name != "watching" && name != "booking_processing" {
			continue
		}
		mutate(whole, "$", func(at string) {
			compared++
			agree(t, schema, whole, name+" with another "+at)
		})
	}
	if compared < 1500 {
		t.Errorf("only %d templates were compared", compared)
	}
}

// agree compares what the schema and the validation say of a template.
func agree(t *testing.T, schema *jsonschema.Schema, template any, what string) {
	t.Helper()
	text, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	_, err = workflow.Read(text, nil, form.Checker{})
	var wrong []ops.Fault
	if e, ok := errors.AsType[*ops.Error](err); ok {
		wrong = e.Faults
	} else if err != nil {
		t.Fatal(err)
	}
	bySchema := schema.Validate(template)
	own := slices.ContainsFunc(wrong, func(f ops.Fault) bool {
		return !slices.ContainsFunc(wholeOnly, func(begins string) bool { return strings.HasPrefix(f.Expected, begins) })
	})
	if bySchema != nil && len(wrong) == 0 {
		t.Errorf("%s: only the schema refuses it: %v", what, bySchema)
	}
	if bySchema == nil && own {
		t.Errorf("%s: only the validation refuses it: %v", what, err)
	}
}

// mutate changes a JSON value in each way at each of its places, one at a time, and puts it right again.
func mutate(v any, at string, each func(at string)) {
	others := []any{float64(7), float64(-1), float64(1000), 1.5, "some text!", "x", true, []any{float64(1)}, []any{"x"}, map[string]any{"x": float64(1)}}
	change := func(at string, was any, put func(any)) {
		for _, other := range others {
			if reflect.DeepEqual(was, other) {
				continue
			}
			put(other)
			each(fmt.Sprintf("%s: %v", at, other))
		}
		put(was)
		mutate(was, at, each)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "parameters" || name == "context" || name == "form" || name == "value" || name == "$schema" { // anything may be there
				continue
			}
			was := v[name]
			delete(v, name)
			each(at + "." + name + ": nothing")
			change(at+"."+name, was, func(other any) { v[name] = other })
		}
		v["unknown"] = float64(1)
		each(at + ".unknown: 1")
		delete(v, "unknown")
	case []any:
		for n := range v {
			change(fmt.Sprintf("%s[%d]", at, n), v[n], func(other any) { v[n] = other })
		}
	}
}

func TestTheSchemaOfTemplatesKnowsEveryFieldAndValue(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]struct{ Enum []string }
		Defs       map[string]struct {
			Enum       []string
			Properties map[string]struct{ Enum []string }
			OneOf      []struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	// Members that are true or false instead of schemas are of no interest here.
	if err := json.Unmarshal(bytes.ReplaceAll(ops.TemplateSchema(), []byte(`"form": true`), []byte(`"form": {}`)), &schema); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for name := range schema.Properties {
		known["Template."+name] = true
	}
	for of, def := range schema.Defs {
		if !slices.Contains([]string{"step", "automated", "assignment", "notification", "decision", "delay", "human", "awaitEvent"}, of) {
			continue
		}
		for name := range def.Properties {
			known["Step."+name] = true
		}
		for _, way := range def.OneOf {
			for name := range way.Properties {
				known["Step."+name] = true
			}
		}
	}
	for _, of := range []reflect.Type{reflect.TypeFor[ops.Template](), reflect.TypeFor[ops.Step]()} {
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && !known[of.Name()+"."+name] {
				t.Errorf("the schema does not know %s.%s", of.Name(), name)
			}
		}
	}
	for what, lists := range map[string][2][]string{
		"types":      {schema.Properties["type"].Enum, texts(ops.WorkflowTypes())},
		"teams":      {schema.Defs["team"].Enum, texts(ops.Teams())},
		"jitters":    {schema.Defs["retry"].Properties["jitter"].Enum, texts(ops.Jitters())},
		"operators":  {schema.Defs["question"].Properties["op"].Enum, texts(ops.Ops())},
		"events":     {schema.Defs["awaitEvent"].Properties["event"].Enum, texts(ops.EventTypes())},
		"on_expires": {schema.Defs["expiry"].Enum, texts(ops.OnExpires())},
	} {
		if !slices.Equal(lists[0], lists[1]) {
			t.Errorf("%s are %q by the schema, %q by the program", what, lists[0], lists[1])
		}
	}
}

func texts[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}
