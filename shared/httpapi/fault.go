package httpapi

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// ownProblems replaces huma's error body, which it makes of input that doesn't fit an operation, by ours.
func (a *api) ownProblems(hc huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	ctx := hc.Context()
	switch m.Status {
	case http.StatusUnprocessableEntity:
		faults := make([]ops.Fault, 0, len(m.Errors))
		for _, d := range m.Errors {
			faults = append(faults, faultOf(hc, d))
		}
		return newProblem(ctx, ops.CodeInvalid, "invalid request", faults), nil
	case http.StatusBadRequest:
		return newProblem(ctx, codeMalformed, m.Detail, nil), nil
	}
	a.Logger.ErrorContext(ctx, "request failed", "request_id", audit.RequestID(ctx), "error", m.Detail, "details", m.Errors)
	p := internal(ctx)
	p.Status, p.Title = m.Status, http.StatusText(m.Status) // the status is being written already
	return p, nil
}

// kindsInWords are huma's names of JSON kinds as they read after "must be".
var kindsInWords = map[string]string{
	"string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false",
	"array": "a list", "object": "an object", "invalid integer": "an integer", "invalid boolean": "true or false",
}

// faultOf says in our words what huma found. The body's root is $; parameters are query.name, header.name, path.name.
func faultOf(hc huma.Context, d *huma.ErrorDetail) ops.Fault {
	path := d.Location
	if rest, ok := strings.CutPrefix(path, "body"); ok {
		path = "$" + rest
	}
	if name, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		return ops.Fault{Path: path + "." + strings.TrimSuffix(name, " to be present"), Expected: "present", Got: "nothing"}
	}
	switch d.Message {
	case "unexpected property":
		return ops.Fault{Path: path, Expected: "absent: there is no such field", Got: ops.Shown(member(d.Value, path))}
	case "unknown query parameter":
		name := strings.TrimPrefix(path, "query.")
		return ops.Fault{Path: path, Expected: "absent: there is no such parameter", Got: ops.Shown(hc.Query(name))}
	}
	expected := strings.TrimPrefix(d.Message, "expected ")
	expected = strings.TrimPrefix(expected, "value to be ")
	expected = strings.TrimPrefix(expected, "string to be ")
	if words, ok := kindsInWords[expected]; ok {
		expected = words
	}
	switch word, _, _ := strings.Cut(expected, " "); word {
	case "number":
		expected = "a " + expected
	case "length":
		expected = "of " + expected
	}
	return ops.Fault{Path: path, Expected: expected, Got: ops.Shown(d.Value)}
}

// member is the value of the member of an object to which a path leads.
func member(object any, path string) any {
	var value any
	longest := 0
	members, _ := object.(map[string]any)
	for name, v := range members {
		if len(name) >= longest && strings.HasSuffix(path, "."+name) {
			value, longest = v, len(name)
		}
	}
	return value
}
