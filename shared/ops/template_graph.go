package ops

import "slices"

// Needs lists the steps that must have ended before the step with this id is ready, without repeats: its depends_on, and
// the steps that can choose it, in template order.
func (t *Template) Needs(id string) []string {
	var needs []string
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.ID == id {
			for _, d := range s.DependsOn {
				if !slices.Contains(needs, d) {
					needs = append(needs, d)
				}
			}
			continue
		}
		if s.Targets(id) && !slices.Contains(needs, s.ID) {
			needs = append(needs, s.ID)
		}
	}
	return needs
}

// Targets reports whether the step can choose the step with this id: as a decision, or when it does not end well.
func (s *Step) Targets(id string) bool {
	switch id {
	case "":
		return false
	case s.OnError.Next, s.OnReject.Next, s.OnTimeout.Next, s.OnExpire.Next:
		return true
	}
	if s.Kind != StepDecision {
		return false
	}
	return s.Default == id || slices.ContainsFunc(s.Choices, func(c Choice) bool { return c.Next == id })
}

// comesAfter reports whether a step waits for another, directly or over others.
func (t *Template) comesAfter(id, other string) bool {
	seen := map[string]bool{}
	var search func(id string) bool
	search = func(id string) bool {
		if seen[id] {
			return false
		}
		seen[id] = true
		return slices.ContainsFunc(t.Needs(id), func(need string) bool { return need == other || search(need) })
	}
	return search(id)
}

// Order lists the steps' ids so that each comes after all that it needs, as near to the template's own order as that
// allows; the same template always gives the same order. Steps that are in a cycle or behind one are left out.
func (t *Template) Order() []string {
	needs := make([][]string, len(t.Steps))
	for i := range t.Steps {
		needs[i] = t.Needs(t.Steps[i].ID)
	}
	var order []string
	placed := make([]bool, len(t.Steps))
	for range t.Steps {
		next := -1
		for i := range t.Steps {
			if !placed[i] && containsAll(order, needs[i]) {
				next = i
				break
			}
		}
		if next < 0 {
			break
		}
		placed[next] = true
		order = append(order, t.Steps[next].ID)
	}
	return order
}

// cycle gives the ids of one cycle among the steps, its first step repeated at the end; nil when there is none.
func (t *Template) cycle() []string {
	done := map[string]bool{}
	var path []string
	var visit func(id string) []string
	visit = func(id string) []string {
		if n := slices.Index(path, id); n >= 0 {
			return append(slices.Clone(path[n:]), id)
		}
		if done[id] || t.Step(id) == nil {
			return nil
		}
		path = append(path, id)
		for _, need := range t.Needs(id) {
			if c := visit(need); c != nil {
				return c
			}
		}
		path = path[:len(path)-1]
		done[id] = true
		return nil
	}
	for i := range t.Steps {
		if c := visit(t.Steps[i].ID); c != nil {
			slices.Reverse(c) // from what comes first to what waits for it
			return c
		}
	}
	return nil
}

func containsAll(all, some []string) bool {
	for _, s := range some {
		if !slices.Contains(all, s) {
			return false
		}
	}
	return true
}
