// Package pattern is EventBridge's event patterns: a JSON document that says, field by field, which values an event
// must have.
//
// The language and its errors follow AWS's documentation ("Amazon EventBridge event patterns") and what AWS answers
// where that is silent: a pattern's fields are paths joined with dots, so a dotted key equals nested keys; of two
// values for one path the last wins; only leaves (strings, numbers, booleans, null) are compared; an array in an event
// stands for each of its elements.
package pattern

import "fmt"

// maxCombinations is how many combinations of $or branches one pattern may expand to.
const maxCombinations = 1000

// Pattern is a compiled event pattern. It is safe for concurrent use.
type Pattern struct {
	alternatives []alternative
}

// alternative is one way to satisfy a pattern: every field must be matched. $or makes more than one.
type alternative map[string][]matcher

// Error says why a pattern is refused, in the words of AWS's InvalidEventPatternException.
type Error struct {
	Reason       string
	Line, Column int // where in the text, from 1; 0 when there is no one place
	source       string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return "Event pattern is not valid. Reason: " + e.Reason
	}
	return fmt.Sprintf("Event pattern is not valid. Reason: %s\n at [Source: (String)\"%s\"; line: %d, column: %d]",
		e.Reason, e.source, e.Line, e.Column)
}

// Match reports whether a JSON event satisfies the pattern. What is not a JSON object matches nothing. To try many
// patterns on one event, use ParseEvent and MatchEvent.
func (p *Pattern) Match(event []byte) bool {
	e, err := ParseEvent(event)
	return err == nil && p.MatchEvent(e)
}

// MatchEvent reports whether the event satisfies the pattern.
func (p *Pattern) MatchEvent(e *Event) bool {
	for _, a := range p.alternatives {
		if a.match(e) {
			return true
		}
	}
	return false
}

func (a alternative) match(e *Event) bool {
	var inArrays [][]leaf
	for path, matchers := range a {
		found, isIn := false, false
		var candidates []leaf
		leaves := e.leaves[path]
		if len(leaves) == 0 {
			if !matchesAbsence(matchers) {
				return false
			}
			continue
		}
		for _, l := range leaves {
			if !matchesAny(matchers, l.value) {
				continue
			}
			found = true
			if len(l.within) == 0 {
				isIn = false
				break
			}
			isIn = true
			candidates = append(candidates, l)
		}
		if !found {
			return false
		}
		if isIn {
			inArrays = append(inArrays, candidates)
		}
	}
	return consistent(inArrays, nil)
}

// consistent reports whether one leaf can be chosen from every set so that no two of them come from different elements
// of the same array: a pattern on two fields of the objects in an array asks for one object that has both.
func consistent(sets [][]leaf, chosen []membership) bool {
	if len(sets) == 0 {
		return true
	}
	for _, l := range sets[0] {
		if !compatible(chosen, l.within) {
			continue
		}
		if consistent(sets[1:], append(chosen[:len(chosen):len(chosen)], l.within...)) {
			return true
		}
	}
	return false
}

func compatible(a, b []membership) bool {
	for _, x := range a {
		for _, y := range b {
			if x.array == y.array && x.index != y.index {
				return false
			}
		}
	}
	return true
}
