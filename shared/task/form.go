package task

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"opsflow/shared/ops"
)

const formURL = "form.json"

// Form is the compiled JSON Schema (2020-12 unless it says otherwise) of what a person fills in. Safe for concurrent use.
type Form struct{ schema *jsonschema.Schema }

// CompileForm reads a form's schema. Nil for a task without one. A schema may not refer to others outside of itself.
func CompileForm(schema json.RawMessage) (*Form, error) {
	if len(schema) == 0 || string(schema) == "null" {
		return nil, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{}) // nothing is fetched
	c.AssertFormat()
	if err := c.AddResource(formURL, doc); err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	compiled, err := c.Compile(formURL)
	if err != nil {
		return nil, fmt.Errorf("compile form: %w", err)
	}
	return &Form{schema: compiled}, nil
}

// Faults tells what is wrong with the answers, by path under at ("$.form"). No answers are an empty object.
func (f *Form) Faults(answers json.RawMessage, at string) []ops.Fault {
	if len(answers) == 0 || string(answers) == "null" {
		answers = json.RawMessage("{}")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(answers))
	if err != nil {
		return []ops.Fault{{Path: at, Expected: "JSON", Got: err.Error()}}
	}
	if f == nil {
		if _, ok := doc.(map[string]any); !ok {
			return []ops.Fault{{Path: at, Expected: "an object"}}
		}
		return nil
	}
	err = f.schema.Validate(doc)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []ops.Fault{{Path: at, Expected: "as its form says", Got: err.Error()}}
	}
	return leaves(invalid, at, nil)
}

// leaves collects the innermost causes: what the person must change.
func leaves(e *jsonschema.ValidationError, at string, faults []ops.Fault) []ops.Fault {
	if len(e.Causes) > 0 {
		for _, c := range e.Causes {
			faults = leaves(c, at, faults)
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
	said := e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	return append(faults, ops.Fault{Path: path.String(), Expected: "as its form says: " + said})
}
