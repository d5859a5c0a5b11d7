package workflow

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// plan is a template made ready to run: its steps in an order in which each comes after all that it needs.
type plan struct {
	template *ops.Template
	steps    []planned
	minutes  int // of all steps
	waits    map[string]int
}

type planned struct {
	*ops.Step
	needs   []string
	when    *rule.Cond // nil: always
	choices []*rule.Cond
}

// plan finds an instance's template and makes it ready. Published versions never change, so what was read once is kept.
func (e *Engine) plan(ctx context.Context, name string, version int) (*plan, error) {
	id := ops.TemplateID(name, version)
	if kept, ok := e.plans.Load(id); ok {
		if p, ok := kept.(*plan); ok {
			return p, nil
		}
	}
	t, err := e.GetTemplate(ctx, name, version)
	if err != nil {
		return nil, fmt.Errorf("read template %s: %w", id, err)
	}
	p, err := makePlan(t)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", id, err)
	}
	if t.Published {
		e.plans.Store(id, p)
	}
	return p, nil
}

func makePlan(t *ops.Template) (*plan, error) {
	p := &plan{template: t, waits: map[string]int{}}
	for _, id := range t.Order() {
		s := planned{Step: t.Step(id), needs: t.Needs(id)}
		if s.When != nil {
			c, err := rule.CompileCondition(*s.When)
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", id, err)
			}
			s.when = c
		}
		for _, choice := range s.Choices {
			c, err := rule.CompileCondition(choice.When)
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", id, err)
			}
			s.choices = append(s.choices, c)
		}
		if s.Waits() {
			p.waits[id] = len(p.waits)
		}
		p.steps = append(p.steps, s)
		p.minutes += s.Minutes()
	}
	return p, nil
}

// behind reports whether the state of drive comes after that of a wait in the chain: the execution has passed the wait.
func (p *plan) behind(drive, wait string) bool {
	if drive == "" {
		return true
	}
	return p.waits[drive] > p.waits[wait]
}
