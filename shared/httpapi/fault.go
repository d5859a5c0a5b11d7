package httpapi

import (
	"encoding/json"
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
			faults = append(faults, faultOf(d))
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
func faultOf(d *huma.ErrorDetail) ops.Fault {
	path := d.Location
	if rest, ok := strings.CutPrefix(path, "body"); ok {
		path = "$" + rest
	}
	if name, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		return ops.Fault{Path: path + "." + strings.TrimSuffix(name, " to be present"), Expected: "present", Got: "nothing"}
	}
	switch d.Message {
	case "unexpected property":
		return ops.Fault{Path: path, Expected: "absent: there is no such field"}
	case "unknown query parameter":
		return ops.Fault{Path: path, Expected: "absent: there is no such parameter"}
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
	return ops.Fault{Path: path, Expected: expected, Got: shown(d.Value)}
}

// shown is a value as an error shows it.
func shown(v any) string {
	if v == nil {
		return "null"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	const limit = 80
	if len(b) > limit {
		return strings.ToValidUTF8(string(b[:limit]), "") + "..."
	}
	return string(b)
}
