package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/ops"
)

// seenOfSteps is what conditions and paths can know of another step.
var seenOfSteps = []string{"status", "output", "chosen", "error"}

// references checks the paths by which a template's steps know of the context, the subject and each other: what leads
// nowhere is a fault, what may be too early a warning.
func references(t *ops.Template) ([]ops.Fault, []ops.Warning) {
	c := &referenceCheck{template: t}
	if g := newGraph(t); len(g.order) == len(t.Steps) {
		c.graph = g
	}
	for n := range t.Steps {
		c.step = &t.Steps[n]
		c.inStep(fmt.Sprintf("$.steps[%d]", n))
	}
	return c.faults, c.warnings
}

type referenceCheck struct {
	template *ops.Template
	graph    *graph // nil: the steps are in no order, which is a fault of its own
	step     *ops.Step
	faults   []ops.Fault
	warnings []ops.Warning
}

func (c *referenceCheck) inStep(path string) {
	s := c.step
	if s.When != nil {
		c.inCondition(path+".when", s.When)
	}
	for n := range s.Choices {
		c.inCondition(fmt.Sprintf("%s.choices[%d].when", path, n), &s.Choices[n].When)
	}
	for _, name := range sortedKeys(s.Parameters) {
		c.inValue(path+".parameters."+name, s.Parameters[name])
	}
	c.inValue(path+".action", s.Action)
	c.inText(path+".key", s.Key)
	c.inText(path+".until", s.Until)
	if s.Offer != nil {
		c.inText(path+".offer.to", s.Offer.To)
	}
}

// inCondition looks at a condition's paths. Their roots are package rule's to check.
func (c *referenceCheck) inCondition(path string, q *ops.Condition) {
	for n := range q.All {
		c.inCondition(fmt.Sprintf("%s.all[%d]", path, n), &q.All[n])
	}
	for n := range q.Any {
		c.inCondition(fmt.Sprintf("%s.any[%d]", path, n), &q.Any[n])
	}
	if q.Not != nil {
		c.inCondition(path+".not", q.Not)
	}
	if words := strings.Split(q.Path, "."); words[0] == "steps" {
		c.otherStep(path+".path", words)
	}
	if ref, ok := strings.CutPrefix(text(q.Value), "$."); ok && q.Op != ops.OpMatches {
		if words := strings.Split(ref, "."); words[0] == "steps" {
			c.otherStep(path+".value", words)
		}
	}
}

// inValue looks at the texts in a value, at every depth.
func (c *referenceCheck) inValue(path string, v json.RawMessage) {
	var list []json.RawMessage
	var object map[string]json.RawMessage
	switch {
	case json.Unmarshal(v, &list) == nil:
		for n, e := range list {
			c.inValue(fmt.Sprintf("%s[%d]", path, n), e)
		}
	case json.Unmarshal(v, &object) == nil:
		for _, name := range sortedKeys(object) {
			c.inValue(path+"."+name, object[name])
		}
	default:
		c.inText(path, text(v))
	}
}

func (c *referenceCheck) inText(path, s string) {
	ref, ok := strings.CutPrefix(s, "$.")
	if !ok {
		return
	}
	words := strings.Split(ref, ".")
	switch {
	case !slices.Contains(conditionRoots, words[0]):
		f := ops.Fault{Path: path, Expected: "a path that begins with $.context, $.steps or $.subject; a text that begins so is written $$.", Got: s}
		if near := ops.Nearest(words[0], conditionRoots); near != "" {
			f.Problem = "leads nowhere; did you mean $." + near + "?"
		}
		c.faults = append(c.faults, f)
	case words[0] == "steps":
		c.otherStep(path, words)
	}
}

// otherStep checks a path like steps.check.output.level.
func (c *referenceCheck) otherStep(path string, words []string) {
	if len(words) < 2 {
		return
	}
	got := strings.Join(words, ".")
	other := c.template.Step(words[1])
	if other == nil {
		var ids []string
		for n := range c.template.Steps {
			ids = append(ids, c.template.Steps[n].ID)
		}
		c.wrong(path, "the path of a step of this template", got, "there is no such step", ops.Nearest(words[1], ids))
		return
	}
	if len(words) > 2 && !slices.Contains(seenOfSteps, words[2]) {
		c.wrong(path, "steps.<id> and then one of status, output, chosen, error", got,
			"a step has no "+words[2], ops.Nearest(words[2], seenOfSteps))
		return
	}
	c.early(path, got, other)
}

func (c *referenceCheck) wrong(path, expected, got, problem, near string) {
	f := ops.Fault{Path: path, Expected: expected, Got: got}
	if near != "" {
		f.Problem = problem + "; did you mean " + near + "?"
	}
	c.faults = append(c.faults, f)
}

// early finds what is asked before it can be known. What a review said is known to the steps that it sends back.
func (c *referenceCheck) early(path, got string, other *ops.Step) {
	s := c.step
	if c.graph == nil || s.ID != other.ID && c.graph.follows(s.ID, other.ID) {
		return
	}
	if w := other.Rework; w != nil && c.template.Step(w.To) != nil && (s.ID == w.To || c.graph.follows(s.ID, w.To)) {
		return
	}
	if c.graph.beside(s.ID, other.ID) {
		c.warnings = append(c.warnings, ops.Warning{
			Path: path, Message: fmt.Sprintf("step %s need not have ended by then: %s does not depend on it", other.ID, s.ID),
		})
		return
	}
	c.faults = append(c.faults, ops.Fault{Path: path, Expected: "the path of a step that ends before this one begins", Got: got})
}
