package workflow

import "opsflow/shared/ops"

// graph knows how the steps of a template hang together. Places are places in the template's order.
type graph struct {
	order []string
	place map[string]int
	after [][]bool // after[a][b]: the step at a waits for that at b, directly or over others
}

func newGraph(t *ops.Template) *graph {
	g := &graph{order: t.Order(), place: map[string]int{}}
	g.after = make([][]bool, len(g.order))
	for n, id := range g.order {
		g.place[id] = n
		g.after[n] = make([]bool, len(g.order))
		for _, need := range t.Needs(id) {
			at, ok := g.place[need]
			if !ok {
				continue // no step of the template, or in a cycle
			}
			g.after[n][at] = true
			for b, is := range g.after[at] {
				g.after[n][b] = g.after[n][b] || is
			}
		}
	}
	return g
}

// follows reports whether a step waits for another, directly or over others.
func (g *graph) follows(step, other string) bool { return g.after[g.place[step]][g.place[other]] }

// beside reports whether two steps can be under way at the same time: neither waits for the other.
func (g *graph) beside(a, b string) bool { return a != b && !g.follows(a, b) && !g.follows(b, a) }

// waits lists the steps of a template at which its execution waits, in order. Each has a place of its own in the chain of
// states.
func waits(t *ops.Template, g *graph) []*ops.Step {
	var all []*ops.Step
	for _, id := range g.order {
		if s := t.Step(id); s.Waits() {
			all = append(all, s)
		}
	}
	return all
}

// byToken reports whether the execution waits at a step for a token. A delay beside which nothing else waits is left to a
// Wait state; another one must not keep the execution from what happens beside it, and a Wait state can't be woken.
func byToken(g *graph, all []*ops.Step, s *ops.Step) bool {
	if s.Kind != ops.StepDelay {
		return true
	}
	for _, other := range all {
		if g.beside(s.ID, other.ID) {
			return true
		}
	}
	return false
}
