package rule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	missing "github.com/santhosh-tekuri/jsonschema/v6/kind"

	"opsflow/shared/ops"
)

func TestEventsAreCheckedAsAJSONSchemaLibraryChecksThem(t *testing.T) {
	t.Parallel()
	for _, kind := range ops.EventTypes() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			text, ok := ops.EventSchema(kind)
			if !ok {
				t.Fatal("it has no schema")
			}
			reference := referenceSchema(t, text)
			var schemas Schemas
			random := rand.New(rand.NewPCG(1, 2))
			var valid int
			for range 10_000 {
				detail := randomDetail(random, text)
				faults, err := schemas.Validate(ops.Envelope{ID: "e", DetailType: string(kind), Detail: detail})
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]bool{}
				for _, f := range faults {
					if got[f.Path] {
						t.Errorf("%s: two faults at %s", detail, f.Path)
					}
					got[f.Path] = true
				}
				want := referencePaths(t, reference, detail)
				if !maps.Equal(got, want) {
					t.Fatalf("%s: faults at %v, want %v", detail, got, want)
				}
				if len(want) == 0 {
					valid++
				}
			}
			if valid < 100 || valid > 9_900 {
				t.Errorf("%d of 10000 events are valid: the test tells little", valid)
			}
		})
	}
}

func TestASchemaWithAnUnknownKeywordIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type": "object", "additionalProperties": false}`:                         `keyword "additionalProperties"`,
		`{"type": "object", "properties": {"a": {"type": "string", "minimum": 1}}}`: `a: keyword "minimum"`,
		`{"type": "object", "properties": {"a": {"type": "integer"}}}`:              `a: type is "integer"`,
		`{"type": "object", "properties": {"a": {"type": ["string", "null"]}}}`:     `a: type is ["string", "null"]`,
		`{"type": "object", "properties": {"a": {}}}`:                               `a: type is`,
		`{"type": "string", "format": "email"}`:                                     `"email" is not date-time`,
		`{"type": "string", "pattern": "("}`:                                        `missing closing )`,
		`{"type": "string", "enum": ["a", 1]}`:                                      `keyword "enum"`,
		`{"type": "number", "Minimum": 1}`:                                          `keyword "Minimum"`,
		`{"type": "number", "minimum": "1"}`:                                        `not a number`,
		`[]`:                                                                        `read`,
	} {
		if _, err := compileShape([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func referenceSchema(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: func(v any) error {
		if s, ok := v.(string); ok { // the library's own format has more: leap seconds and a small t
			_, err := time.Parse(time.RFC3339, s)
			return err
		}
		return nil
	}})
	if err := c.AddResource("event.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func referencePaths(t *testing.T, s *jsonschema.Schema, detail []byte) map[string]bool {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(detail))
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		at := strings.Join(append([]string{"$.detail"}, e.InstanceLocation...), ".")
		if r, ok := e.ErrorKind.(*missing.Required); ok {
			for _, name := range r.Missing {
				paths[at+"."+name] = true
			}
		} else if len(e.Causes) == 0 {
			paths[at] = true
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(doc)); ok {
		walk(invalid)
	}
	return paths
}

// randomDetail makes an event's detail that mostly fits its schema.
func randomDetail(random *rand.Rand, schema []byte) json.RawMessage {
	var s struct {
		Properties map[string]struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		panic(err)
	}
	if random.IntN(200) == 0 {
		return json.RawMessage(pick(random, `[]`, `null`, `"x"`, `12`, `{}`))
	}
	var members []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if random.IntN(12) == 0 {
			continue
		}
		value := randomMember(random, name)
		if inner := s.Properties[name].Properties; inner != nil && random.IntN(20) > 0 {
			var parts []string
			for _, name := range slices.Sorted(maps.Keys(inner)) {
				if random.IntN(3) > 0 {
					parts = append(parts, fmt.Sprintf("%q:%s", name, randomMember(random, name)))
				}
			}
			value = "{" + strings.Join(parts, ",") + "}"
		}
		members = append(members, fmt.Sprintf("%q:%s", name, value))
	}
	if random.IntN(4) == 0 {
		members = append(members, `"unknown":{"x":[1,null]}`)
	}
	return json.RawMessage("{" + strings.Join(members, ",") + "}")
}

func randomMember(random *rand.Rand, name string) string {
	if random.IntN(25) == 0 { // anything at all
		return pick(random, `null`, `true`, `[]`, `{}`, `""`, `"-"`, `"é b"`, `0`, `-0.0`, `-1`, `1e3`, `-1e-7`, `12345678901234567890.5`,
			`"`+strings.Repeat("é", 128)+`"`, `"`+strings.Repeat("x", 129)+`"`, `"`+strings.Repeat("é", 501)+`"`,
			`"2026-02-30T10:00:00Z"`, `"2026-01-31t10:00:00z"`, `"2026-01-31 10:00:00Z"`, `"AED\n"`)
	}
	switch name {
	case "currency":
		return pick(random, `"AED"`, `"USD"`, `"EUR"`)
	case "severity":
		return pick(random, `"low"`, `"critical"`)
	case "status":
		return pick(random, `"pending"`, `"failed"`)
	case "lat", "lng":
		return pick(random, `-90`, `90`, `25.2`, `-90.0000001`, `9e1`, `180.5`)
	case "amount", "service_value", "price", "score", "max_score", "rating":
		return pick(random, `0.001`, `5`, `4.5`, `5.0`, `1e-9`, `5.00000000000000000001`, `0`)
	}
	if strings.HasSuffix(name, "_at") || name == "scheduled_for" {
		return pick(random, `"2026-01-31T10:00:00Z"`, `"2026-01-31T10:00:00.25+04:00"`)
	}
	return pick(random, `"a"`, `"bk-1"`, `"booking"`)
}

func pick(random *rand.Rand, from ...string) string { return from[random.IntN(len(from))] }
