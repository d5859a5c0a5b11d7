package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// testdata/openapi-3.1.json is the OpenAPI Initiative's own schema of such documents.
func TestTheOpenAPIDocumentIsValid(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/openapi-3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	const rules, ours = "https://opsflow.example/openapi-3.1.json", "https://opsflow.example/openapi.json"
	document := decodeJSON(t, newRig(t).call(t, http.MethodGet, "/openapi.json", "").Body.Bytes())
	c := jsonschema.NewCompiler()
	for url, of := range map[string]any{rules: decodeJSON(t, text), ours: document} {
		if err := c.AddResource(url, of); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%#v", err)
	}
	checkExamples(t, c, ours, document)
	for name := range object(t, document, "components", "schemas") {
		if _, err := c.Compile(ours + "#/components/schemas/" + name); err != nil { // all that it refers to, too
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

// checkExamples checks that each body has an example, unless it can only be empty, and that the example is one.
func checkExamples(t *testing.T, c *jsonschema.Compiler, document string, of any) {
	t.Helper()
	for path, methods := range object(t, of, "paths") {
		for method := range object(t, methods) {
			op := object(t, methods, method)
			if op["requestBody"] == nil {
				continue
			}
			body := object(t, op, "requestBody", "content", "application/json")
			if schema := object(t, body, "schema"); schema["$ref"] == "#/components/schemas/Nothing" {
				continue
			}
			place := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path)
			schema, err := c.Compile(document + "#/paths/" + place + "/" + method + "/requestBody/content/application~1json/schema")
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(body["example"]); err != nil {
				t.Errorf("%s %s: its example %v: %#v", method, path, body["example"], err)
			}
		}
	}
}

// What the rules say in words alone.
func TestEveryOperationIsDescribedWhole(t *testing.T) {
	t.Parallel()
	var doc openAPI
	newRig(t).call(t, http.MethodGet, "/openapi.json", "").ok(http.StatusOK, &doc)
	declared, seen := map[string]bool{}, map[string]bool{}
	for _, tag := range doc.Tags {
		declared[tag.Name] = true
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			what := method + " " + path
			if op.OperationID == "" || seen[op.OperationID] {
				t.Errorf("%s: its operationId %q is no name of its own", what, op.OperationID)
			}
			seen[op.OperationID] = true
			if op.Summary == "" || op.Description == "" {
				t.Errorf("%s has no summary or no description", what)
			}
			if len(op.Tags) != 1 || !declared[op.Tags[0]] {
				t.Errorf("%s has the tags %v", what, op.Tags)
			}
			params := map[string]int{}
			for _, p := range op.Parameters {
				params[p.In+" "+p.Name]++
				if p.Description == "" {
					t.Errorf("%s: its %s parameter %s has no description", what, p.In, p.Name)
				}
			}
			for _, in := range regexp.MustCompile(`{(.*?)}`).FindAllStringSubmatch(path, -1) {
				if params["path "+in[1]] != 1 {
					t.Errorf("%s: {%s} is described %d times", what, in[1], params["path "+in[1]])
				}
			}
			for media := range op.RequestBody.Content {
				if media != "application/json" { // any other is refused
					t.Errorf("%s takes %s", what, media)
				}
			}
			for status, r := range op.Responses {
				if name, ok := strings.CutPrefix(r.Ref, "#/components/responses/"); ok && doc.Components.Responses[name] == nil {
					t.Errorf("%s: %s refers to %s, which is not there", what, status, r.Ref)
				}
			}
		}
	}
}

// openAPI is as much of the document as tests look at.
type openAPI struct {
	Tags  []struct{ Name string }
	Paths map[string]map[string]struct {
		OperationID, Summary, Description string
		Tags                              []string
		Parameters                        []struct{ In, Name, Description string }
		RequestBody                       struct{ Content map[string]json.RawMessage }
		Responses                         map[string]struct {
			Ref string `json:"$ref"`
		}
	}
	Components struct{ Responses map[string]json.RawMessage }
}

// describes reports whether the document tells that a request can be answered with a status. A path that it does not have
// is answered by nothing that it describes.
func (d *openAPI) describes(method, path string, status int) bool {
	found := false
	for pattern, methods := range d.Paths {
		op, ok := methods[strings.ToLower(method)]
		if !ok || !regexp.MustCompile("^"+regexp.MustCompile(`{.*?}`).ReplaceAllString(pattern, "[^/]+")+"$").MatchString(path) {
			continue
		}
		if _, ok := op.Responses[strconv.Itoa(status)]; ok {
			return true
		}
		found = true
	}
	return !found
}

func decodeJSON(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// object is the object at a path of names.
func object(t *testing.T, v any, path ...string) map[string]any {
	t.Helper()
	for i := 0; ; i++ {
		members, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("there is no object at %v", path[:i])
		}
		if i == len(path) {
			return members
		}
		v = members[path[i]]
	}
}
