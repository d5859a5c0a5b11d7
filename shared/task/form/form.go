// Package form checks forms, and what people fill in, as JSON Schema 2020-12 (unless a form says otherwise).
package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const url = "form.json"

// Needed is what is expected of a field that is missing.
const Needed = "given: the form needs it"

// answersWithin is how deep answers lie in the output of their step: in one of several decisions.
const answersWithin = 3

// Checker implements ops.Forms. A form may not refer to schemas outside of itself. Safe for concurrent use.
type Checker struct{}

var _ ops.Forms = Checker{}

// Check implements ops.Forms.
func (Checker) Check(form json.RawMessage) error {
	_, err := compile(form)
	return err
}

// compile gives nil where there is no form.
func compile(form json.RawMessage) (*jsonschema.Schema, error) {
	if len(form) == 0 || string(form) == "null" {
		return nil, nil //nolint:nilnil // no form is an answer
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(form))
	if err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is fetched
	c.AssertFormat()
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	compiled, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile form: %w", err)
	}
	return compiled, nil
}

// Faults implements ops.Forms.
func (Checker) Faults(form, answers json.RawMessage, at string) ([]ops.Fault, error) {
	schema, err := compile(form)
	if err != nil {
		return nil, err
	}
	if len(answers) == 0 || string(answers) == "null" {
		answers = json.RawMessage("{}")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(answers))
	if err != nil {
		return []ops.Fault{{Path: at, Expected: "JSON", Got: err.Error()}}, nil //nolint:nilerr // it is a fault
	}
	if unfit := rule.UnkeepableWithin(doc, at, answersWithin); len(unfit) > 0 {
		return unfit, nil
	}
	if schema == nil {
		if _, ok := doc.(map[string]any); !ok {
			return []ops.Fault{{Path: at, Expected: "an object", Got: ops.Shown(doc)}}, nil
		}
		return nil, nil
	}
	err = schema.Validate(doc)
	if err == nil {
		return nil, nil
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return leaves(invalid, doc, at, nil), nil
	}
	return []ops.Fault{{Path: at, Expected: "as its form says", Got: err.Error()}}, nil
}

// leaves collects the innermost causes: what the person must change.
func leaves(e *jsonschema.ValidationError, doc any, at string, faults []ops.Fault) []ops.Fault {
	if len(e.Causes) > 0 {
		for _, c := range e.Causes {
			faults = leaves(c, doc, at, faults)
		}
		return faults
	}
	var path strings.Builder
	path.WriteString(at)
	for _, word := range e.InstanceLocation {
		if _, err := strconv.Atoi(word); err == nil {
			path.WriteString("[" + word + "]")
		} else {
			path.WriteString("." + word)
		}
	}
	if missing, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			faults = append(faults, ops.Fault{Path: path.String() + "." + name, Expected: Needed})
		}
		return faults
	}
	said := e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	return append(faults, ops.Fault{Path: path.String(), Expected: "as its form says: " + said, Got: ops.Shown(valueAt(doc, e.InstanceLocation))})
}

// valueAt is the part of a document to which words lead.
func valueAt(doc any, words []string) any {
	for _, word := range words {
		switch d := doc.(type) {
		case map[string]any:
			doc = d[word]
		case []any:
			n, err := strconv.Atoi(word)
			if err != nil || n < 0 || n >= len(d) {
				return nil
			}
			doc = d[n]
		}
	}
	return doc
}
