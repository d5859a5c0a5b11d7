package workflow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/notify"
	"opsflow/shared/ops"
)

// Advice is what there is to know of a template that is no fault.
type Advice struct {
	Warnings []ops.Warning `json:"warnings" doc:"What is odd about the template, and no fault."`
	Cost     Cost          `json:"cost"`
}

// Cost is what a run of a template costs in state transitions, which is what Step Functions is paid for.
type Cost struct {
	// StatesMin is of a run in which nothing happens out of turn.
	StatesMin int `json:"states_min" doc:"State transitions of a run in which nothing happens out of turn."`
	// StatesMax is of one in which everything does, without failures of AWS, pauses and retries by people.
	StatesMax int `json:"states_max" doc:"State transitions of a run in which everything does: branches that end out of turn, all the rework that is allowed."`
}

// costly is from how many states per run on a template is said to be costly: a run costs more for Step Functions then than
// for everything else.
const costly = 25

// Advise tells what is odd about a template without faults, and what a run of it costs.
func Advise(t *ops.Template) Advice {
	_, early := references(t)
	a := Advice{Warnings: append([]ops.Warning{}, early...), Cost: costOf(t)}
	for n := range t.Steps {
		a.step(t, &t.Steps[n], fmt.Sprintf("$.steps[%d]", n))
	}
	if a.Cost.StatesMax >= costly {
		a.warn("$.steps", "a run takes %d to %d state transitions; each wait for a person, an event or a time is one", a.Cost.StatesMin, a.Cost.StatesMax)
	}
	undoes := slices.ContainsFunc(t.Steps, func(s ops.Step) bool { return s.Compensate != "" })
	for n := range t.Steps {
		if s := &t.Steps[n]; !undoes && (s.OnError.Do == ops.OnErrorCompensate || s.OnReject.Do == ops.OnErrorCompensate) {
			a.warn(fmt.Sprintf("$.steps[%d]", n), "there is nothing to compensate: no step says how it is undone")
		}
	}
	return a
}

func (a *Advice) warn(path, format string, args ...any) {
	a.Warnings = append(a.Warnings, ops.Warning{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (a *Advice) step(t *ops.Template, s *ops.Step, path string) {
	if s.Kind == ops.StepNotification && !slices.Contains(notify.Templates(), s.Template) {
		meant := ""
		if near := ops.Nearest(s.Template, notify.Templates()); near != "" {
			meant = "; did you mean " + near + "?"
		}
		a.warn(path+".template", "there is no message template %q, so the message will be worded in general terms%s", s.Template, meant)
	}
	if s.Kind == ops.StepDecision && s.Default == "" && endsAll(t, s) {
		a.warn(path+".default", "when no choice holds, nothing that follows is done")
	}
	for _, way := range []struct {
		field string
		taken ops.OnError
	}{{"on_timeout", s.OnTimeout.Do}, {"on_reject", s.OnReject.Do}, {"on_error", s.OnError.Do}} {
		if with := skippedWith(t, s); way.taken == ops.OnErrorSkip && len(with) > 0 {
			a.warn(path+"."+way.field, `when it is skipped, so are the steps that need nothing else: %s; {"next": "a step"} leads on with another one`, strings.Join(with, ", "))
		}
	}
}

// skippedWith lists the steps that are skipped when a step is and all others that can be done are.
func skippedWith(t *ops.Template, s *ops.Step) []string {
	return skippedAfter(t, s.ID, func(string, string) bool { return false })
}

// endsAll reports whether nothing of what follows a decision is done when it chooses none of the steps that it could.
func endsAll(t *ops.Template, decision *ops.Step) bool {
	g := newGraph(t)
	skipped := skippedAfter(t, "", func(id, need string) bool { return need == decision.ID && decision.Targets(id) })
	for _, id := range g.order {
		if g.follows(id, decision.ID) && !slices.Contains(skipped, id) {
			return false
		}
	}
	return true
}

// skippedAfter lists the steps that are skipped when one is, because none of what they need is done or, as without says,
// leads to them.
func skippedAfter(t *ops.Template, first string, without func(id, need string) bool) []string {
	var skipped []string
	for _, id := range t.Order() {
		needs := t.Needs(id)
		leads := func(need string) bool { return need != first && !slices.Contains(skipped, need) && !without(id, need) }
		if len(needs) > 0 && !slices.ContainsFunc(needs, leads) {
			skipped = append(skipped, id)
		}
	}
	return skipped
}

// Advise is the function of that name, and looks whether there are people enough for what the template asks of them.
func (e *Engine) Advise(ctx context.Context, t *ops.Template) (Advice, error) {
	a := Advise(t)
	asks := func(s ops.Step) bool { return s.Quorum > 1 || s.RejectQuorum > 1 }
	if !slices.ContainsFunc(t.Steps, asks) {
		return a, nil
	}
	members, err := e.Store.Members(ctx)
	if err != nil {
		return a, fmt.Errorf("read who there is for template %s: %w", t.Name, err)
	}
	for n := range t.Steps {
		s := &t.Steps[n]
		team := s.Role
		if team == "" {
			team = t.Team
		}
		there := 0
		for _, m := range members {
			if m.Takes(team) {
				there++
			}
		}
		if most := max(s.Quorum, s.RejectQuorum); there > 0 && most > there {
			a.warn(fmt.Sprintf("$.steps[%d].quorum", n), "%d people must decide alike, and team %s has %d members", most, team, there)
		}
	}
	return a, nil
}

// costOf counts the states that a run enters: each wait of the chain once, a delay's twice, and the end. A wait is entered
// again for each other one that may end beside it before it has its own turn (see Compile), and for each time that a
// refusal may send the work back behind it; and a pause, and what comes after it, for each try that is far away.
func costOf(t *ops.Template) Cost {
	g := newGraph(t)
	all := waits(t, g)
	states := func(s *ops.Step) int {
		if byToken(g, all, s) {
			return 1
		}
		return 2
	}
	c := Cost{StatesMin: 1, StatesMax: 1}
	for n := range t.Steps {
		c.StatesMax += pausesOf(t.Steps[n].Retry)
	}
	back := (&compiler{graph: g, waits: all}).sentBackTo
	for n, s := range all {
		c.StatesMin += states(s)
		c.StatesMax += states(s)
		for _, later := range all[n+1:] {
			if g.beside(s.ID, later.ID) {
				c.StatesMax++
			}
		}
		if s.Rework == nil {
			continue
		}
		again := 1 // the state in which the refusal is taken up, and which finds that the work is to be done before it
		for _, redone := range all[back(n):] {
			again += states(redone)
			if redone.ID == s.ID {
				break
			}
		}
		c.StatesMax += s.Rework.Times * again
	}
	return c
}

// pausesOf counts the states that the tries of a step cost whose time comes after an invocation's: the pause, again for each
// try, and the state that it leads back to.
func pausesOf(r *ops.Retry) int {
	waits := 0
	for tries := 1; r != nil && tries < r.MaxAttempts; tries++ {
		if waitAfter(r, tries) > inInvocation {
			waits++
		}
	}
	if waits > 0 {
		waits += 2
	}
	return waits
}
