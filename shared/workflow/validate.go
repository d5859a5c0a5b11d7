package workflow

import (
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// conditionRoots are the documents that a step's conditions and paths can name.
var conditionRoots = []string{"context", "steps", "subject"}

// Validate tells everything that is wrong with a template, each fault with its path (CodeInvalid). Steps may name the
// built-in actions and those in more.
func Validate(t *ops.Template, more map[string]Action, forms ops.Forms) error {
	faults := faults(t, more)
	for i := range t.Steps {
		if err := forms.Check(t.Steps[i].Form); err != nil {
			faults = append(faults, ops.Fault{Path: fmt.Sprintf("$.steps[%d].form", i), Expected: "a JSON Schema", Got: err.Error()})
		}
	}
	return ops.Invalid("template", faults)
}

// faults lists what is wrong with a template besides its forms.
func faults(t *ops.Template, more map[string]Action) []ops.Fault {
	faults := t.Faults(func(name string) bool { return actions[name] != nil || more[name] != nil })
	if t.Schedule != nil {
		_, wrong := parseSchedule(t.Schedule)
		faults = append(faults, wrong...)
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		path := fmt.Sprintf("$.steps[%d]", i)
		if s.When != nil {
			faults = append(faults, rule.ValidateCondition(*s.When, path+".when", conditionRoots)...)
		}
		for n, c := range s.Choices {
			faults = append(faults, rule.ValidateCondition(c.When, fmt.Sprintf("%s.choices[%d].when", path, n), conditionRoots)...)
		}
	}
	return faults
}
