package workflow

import (
	"errors"
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// conditionRoots are the documents that a step's conditions and paths can name.
var conditionRoots = []string{"context", "steps", "subject"}

// Read reads a template as people write it. The error tells everything that is wrong with it at once, each fault with its
// path (CodeInvalid), also when some of it can't be read. Steps may name the built-in actions and those in more.
func Read(body []byte, more map[string]Action, forms ops.Forms) (*ops.Template, error) {
	t, unread := ops.DecodeTemplate(body)
	if t == nil {
		return nil, ops.Invalid("template", unread)
	}
	if err := ops.Invalid("template", ops.JoinFaults(unread, faults(t, more, forms))); err != nil {
		return nil, err
	}
	return t, nil
}

// Verdict is what there is to say of a template: every fault, or when there is none, what is odd about it and what it costs.
type Verdict struct {
	Valid  bool        `json:"valid"`
	Errors []ops.Fault `json:"errors" doc:"Each fault: where, what was expected, what was there."`
	Advice
}

// VerdictOn makes a verdict of what Read and Advise say. The error is of what has nothing to do with the template.
func VerdictOn(a Advice, err error) (Verdict, error) {
	v := Verdict{Valid: err == nil, Errors: []ops.Fault{}, Advice: a}
	if err != nil {
		e, ok := errors.AsType[*ops.Error](err)
		if !ok || e.Code != ops.CodeInvalid {
			return v, err
		}
		v.Errors = e.Faults
		v.Warnings = []ops.Warning{}
	}
	return v, nil
}

// faults lists what is wrong with a template.
func faults(t *ops.Template, more map[string]Action, forms ops.Forms) []ops.Fault {
	faults := t.Faults(func(name string) bool { return actions[name] != nil || more[name] != nil })
	if t.Schedule != nil {
		_, wrong := parseSchedule(t.Schedule)
		faults = append(faults, wrong...)
	}
	if t.Watch != nil {
		faults = append(faults, rule.ValidateCondition(t.Watch.When, "$.watch.when", []string{"subject"})...)
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		path := fmt.Sprintf("$.steps[%d]", i)
		if s.When != nil {
			faults = append(faults, rule.ValidateCondition(*s.When, path+".when", conditionRoots)...)
		}
		if s.Match != nil {
			faults = append(faults, rule.ValidateCondition(*s.Match, path+".match", []string{"detail"})...)
		}
		for n, c := range s.Choices {
			faults = append(faults, rule.ValidateCondition(c.When, fmt.Sprintf("%s.choices[%d].when", path, n), conditionRoots)...)
		}
		if err := forms.Check(s.Form); err != nil {
			faults = append(faults, ops.Fault{Path: path + ".form", Expected: "a JSON Schema", Got: err.Error()})
		}
	}
	wrong, _ := references(t)
	return append(faults, wrong...)
}
