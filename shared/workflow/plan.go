package workflow

import (
	"context"
	"fmt"
	"slices"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// plan is a template made ready to run: its steps in an order in which each comes after all that it needs.
type plan struct {
	template *ops.Template
	steps    []planned
	minutes  int // of all steps
	graph    *graph
	waits    []*ops.Step    // in the order of the chain of states
	place    map[string]int // of each wait in that chain
	token    map[string]bool
}

type planned struct {
	*ops.Step
	needs   []string
	when    *rule.Cond // nil: always
	match   *rule.Cond // nil: any event
	choices []*rule.Cond
	// outside says that doing the step may bring about something besides records of ours, so that nobody may do it who has not
	// claimed the instance.
	outside bool
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
		return nil, err
	}
	p, err := makePlan(t, e.Calendar)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", id, err)
	}
	if t.Published {
		e.plans.Store(id, p)
	}
	return p, nil
}

func makePlan(t *ops.Template, hours *calendar.Calendar) (*plan, error) {
	g := newGraph(t)
	p := &plan{template: t, graph: g, waits: waits(t, g), place: map[string]int{}, token: map[string]bool{}}
	for n, s := range p.waits {
		p.place[s.ID] = n
		p.token[s.ID] = byToken(g, p.waits, s)
	}
	for _, id := range g.order {
		s := planned{Step: t.Step(id), needs: t.Needs(id), outside: outside(t, t.Step(id))}
		if s.When != nil {
			c, err := rule.CompileCondition(*s.When, hours)
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", id, err)
			}
			s.when = c
		}
		if s.Match != nil {
			c, err := rule.CompileCondition(*s.Match, hours)
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", id, err)
			}
			s.match = c
		}
		for _, choice := range s.Choices {
			c, err := rule.CompileCondition(choice.When, hours)
			if err != nil {
				return nil, fmt.Errorf("step %s: %w", id, err)
			}
			s.choices = append(s.choices, c)
		}
		p.steps = append(p.steps, s)
		p.minutes += s.Minutes()
	}
	return p, nil
}

// outside reports whether a step may bring about something besides records of ours: a message, a call, an event. Its failure may,
// too, where steps are undone.
func outside(t *ops.Template, s *ops.Step) bool {
	if s.Kind == ops.StepNotification || s.Kind == ops.StepAPICall {
		return true
	}
	if name := s.ActionName(); name != "" && (actions[name] == nil || emitting[name]) {
		return true
	}
	return slices.ContainsFunc(t.Steps, func(s ops.Step) bool { return s.Compensate != "" })
}

// step finds a step by its id, which the template has.
func (p *plan) step(id string) *planned {
	return &p.steps[slices.IndexFunc(p.steps, func(s planned) bool { return s.ID == id })]
}

// at is the place in the chain of the state that a drive comes from.
func (p *plan) at(drive string) int {
	if n, ok := p.place[drive]; ok {
		return n
	}
	return len(p.waits)
}

// behind reports whether the state of drive comes after that of a wait in the chain: the execution has passed the wait.
func (p *plan) behind(drive, wait string) bool { return p.at(drive) > p.at(wait) }
