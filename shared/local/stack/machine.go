package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var substitution = regexp.MustCompile(`\$\{([A-Za-z0-9_]+)\}`)

// addStateMachine reads a state machine's definition and puts the values in the place of its ${Name}s.
func (s *Stack) addStateMachine(r *resolver, res resource, p properties, name, arn string) error {
	m := StateMachine{
		LogicalID: res.id, Name: name, ARN: arn, File: p.text("DefinitionUri"),
		RetainDeleted: res.deleted == "Retain" || res.deleted == "RetainExceptOnCreate", RetainReplaced: res.replaced == "Retain",
	}
	var err error
	if m.RoleARN, err = s.roleFor(r, res, p); err != nil {
		return err
	}
	at := res.properties["DefinitionUri"]
	if m.File == "" {
		return r.fault(res.node, "state machine %s has no DefinitionUri that names a file", res.id)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(r.path), filepath.FromSlash(m.File)))
	if err != nil {
		return r.fault(at, "the definition of state machine %s: %w", res.id, err)
	}
	values := p.sub("DefinitionSubstitutions")
	missing := ""
	m.Definition = substitution.ReplaceAllFunc(text, func(found []byte) []byte {
		key := string(found[2 : len(found)-1])
		if _, ok := values[key]; !ok {
			missing = key
		}
		return []byte(values.text(key))
	})
	if missing != "" {
		return r.fault(at, "%s uses ${%s}, which the DefinitionSubstitutions of %s do not have", m.File, missing, res.id)
	}
	if err := CheckJSON(filepath.Join(filepath.Dir(r.path), filepath.FromSlash(m.File)), m.Definition); err != nil {
		return err
	}
	s.StateMachines = append(s.StateMachines, m)
	return s.addEvents(r, res, p, m)
}

// CheckJSON makes sure that a text is JSON; the error names the file and the line.
func CheckJSON(path string, text []byte) error {
	wrong, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(text, &json.RawMessage{}))
	if !ok {
		return nil
	}
	line := 1 + bytes.Count(text[:min(int(wrong.Offset), len(text))], []byte("\n"))
	return fmt.Errorf("%s:%d: %w", path, line, wrong)
}
