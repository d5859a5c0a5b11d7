package rule

import "opsflow/shared/ops"

// eachLeaf calls f with every comparison of a condition.
func (c *Cond) eachLeaf(f func(*leaf)) {
	switch {
	case c == nil:
	case c.leaf != nil:
		f(c.leaf)
	case c.not != nil:
		c.not.eachLeaf(f)
	default:
		for _, list := range [][]*Cond{c.all, c.any} {
			for _, inner := range list {
				inner.eachLeaf(f)
			}
		}
	}
}

// maxGates is how many places a condition may have in the index.
const maxGates = 64

// gates lists the tests that the condition can stand under in the index. Each is a list of which at least one holds whenever
// the condition is true; no list means that nothing can be said.
func (c *Cond) gates() [][]gate {
	switch {
	case c == nil:
		return nil
	case c.leaf != nil:
		return c.leaf.gates()
	case c.all != nil:
		var options [][]gate
		for _, inner := range c.all { // all of them hold, so any test of any of them will do
			options = append(options, inner.gates()...)
		}
		return options
	case c.any != nil:
		var together []gate
		for _, inner := range c.any { // one of them holds, so each must have a test
			options := inner.gates()
			if len(options) == 0 {
				return nil
			}
			together = append(together, sharpest(options)...)
		}
		if len(together) > maxGates {
			return nil
		}
		return [][]gate{together}
	}
	return nil // of what must not hold nothing follows
}

// sharpest chooses a test without looking at other conditions: equality before presence, few places before many.
func sharpest(options [][]gate) []gate {
	weigh := func(option []gate) int {
		weight := len(option)
		for _, g := range option {
			if g.kind == noKind {
				weight += maxGates
			}
		}
		return weight
	}
	best := options[0]
	for _, o := range options[1:] {
		if weigh(o) < weigh(best) {
			best = o
		}
	}
	return best
}

func (l *leaf) gates() [][]gate {
	if l.op == ops.OpAbsent {
		return nil
	}
	present := []gate{{slot: l.path.slot}}
	if l.ref != nil || l.path.rest != nil {
		return [][]gate{present}
	}
	switch l.op { //nolint:exhaustive // the others need a value that is there, no more
	case ops.OpEq:
		if g, ok := equality(l.path.slot, &l.value); ok {
			return [][]gate{{g}, present}
		}
	case ops.OpIn:
		var each []gate
		for i := range l.list {
			g, ok := equality(l.path.slot, &l.list[i])
			if !ok || len(each) == maxGates {
				return [][]gate{present}
			}
			each = append(each, g)
		}
		return [][]gate{each, present}
	}
	return [][]gate{present}
}

func equality(slot int, v *value) (gate, bool) {
	switch v.kind {
	case textKind, boolKind:
		return gate{slot: slot, kind: v.kind, text: string(v.text)}, true
	case numberKind:
		if v.num.huge == nil && v.num.rest == "" {
			return gate{slot: slot, kind: numberKind, num: number{v.num.negative, v.num.lead, v.num.scale}}, true
		}
	case noKind, nullKind, listKind, objectKind:
	}
	return gate{}, false
}
