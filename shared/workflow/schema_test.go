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
	paths := []string{filepath.Join("testdata", "templates", "everything.json"), filepath.Join("testdata", "templates", "watching.json")} // all fields that there are
	for _, tpl := range builtin(t) {
		paths = append(paths, filepath.Join("templates", tpl.Name+".json"))
	}
	texts := map[string][]byte{}
	for _, path := range paths {
		body, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(path), ".json")] = body
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
