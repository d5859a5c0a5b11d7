package states

import (
	"encoding/json"
	"strings"
	"time"

	"opsflow/shared/local/states/value"
)

// choiceRule is one rule of a Choice state: a condition, and at the top level where it leads.
type choiceRule struct {
	condition condition
	next      string
	assign    assignment
}

// condition is And, Or, Not or one comparison.
type condition interface {
	holds(*scope) (bool, error)
}

type (
	allConditions []condition
	anyCondition  []condition
	notCondition  struct{ inner condition }
	comparison    struct {
		variable *reference
		operator string // without its Path ending
		literal  any
		ref      *reference
	}
)

func (c allConditions) holds(s *scope) (bool, error) {
	for _, inner := range c {
		if ok, err := inner.holds(s); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c anyCondition) holds(s *scope) (bool, error) {
	for _, inner := range c {
		if ok, err := inner.holds(s); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (c notCondition) holds(s *scope) (bool, error) {
	ok, err := c.inner.holds(s)
	return !ok, err
}

func (c *comparison) holds(s *scope) (bool, error) {
	got, err := c.variable.get(s)
	if c.operator == "IsPresent" {
		return (err == nil) == (c.literal == true), nil
	}
	if err != nil {
		return false, choicePath(c.variable)
	}
	want := c.literal
	if c.ref != nil {
		if want, err = c.ref.get(s); err != nil {
			return false, choicePath(c.ref)
		}
	}
	if is := strings.TrimPrefix(c.operator, "Is"); is != c.operator {
		return isKind(is, got) == (want == true), nil
	}
	return compareValues(c.operator, got, want), nil
}

func choicePath(r *reference) *failure {
	return runtimeFailure("Invalid path '%s': The choice state's condition path references an invalid value.", r.text)
}

func isKind(kind string, v any) bool {
	switch kind {
	case "Null":
		return v == nil
	case "Boolean":
		_, ok := v.(bool)
		return ok
	case "Numeric":
		_, ok := v.(json.Number)
		return ok
	case "String":
		_, ok := v.(string)
		return ok
	default: // Timestamp
		_, ok := timestampOf(v)
		return ok
	}
}

// compareValues is false, never an error, when the types do not fit the operator.
func compareValues(operator string, got, want any) bool {
	switch {
	case operator == "StringMatches":
		s, okS := got.(string)
		pattern, okP := want.(string)
		return okS && okP && wildcardMatch(pattern, s)
	case operator == "BooleanEquals":
		g, okG := got.(bool)
		w, okW := want.(bool)
		return okG && okW && g == w
	case strings.HasPrefix(operator, "String"):
		g, okG := got.(string)
		w, okW := want.(string)
		return okG && okW && ordered(strings.TrimPrefix(operator, "String"), strings.Compare(g, w))
	case strings.HasPrefix(operator, "Numeric"):
		g, okG := got.(json.Number)
		w, okW := want.(json.Number)
		return okG && okW && ordered(strings.TrimPrefix(operator, "Numeric"), value.CompareNumbers(g, w))
	default:
		g, okG := timestampOf(got)
		w, okW := timestampOf(want)
		return okG && okW && ordered(strings.TrimPrefix(operator, "Timestamp"), g.Compare(w))
	}
}

func ordered(relation string, order int) bool {
	switch relation {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "LessThanEquals":
		return order <= 0
	case "GreaterThan":
		return order > 0
	default:
		return order >= 0
	}
}

// timestampOf reads an RFC 3339 instant with an upper-case T and a zone.
func timestampOf(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// wildcardMatch reports whether s is the pattern, in which * stands for any run of characters and \ takes away the
// meaning of the character after it.
//
// On a mismatch only the last * takes one more character: an earlier one could not do better. So the time is at most the
// product of the lengths.
func wildcardMatch(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0 // behind the last *, and where in s its run ends so far
	for i < len(s) || p < len(pattern) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, from = p, i
			continue
		}
		if p < len(pattern) && i < len(s) {
			literal := p
			if pattern[p] == '\\' && p+1 < len(pattern) {
				literal++
			}
			if pattern[literal] == s[i] {
				p, i = literal+1, i+1
				continue
			}
		}
		if star < 0 || from >= len(s) {
			return false
		}
		from++
		p, i = star, from
	}
	return true
}

// comparisonOperands names every comparison and the kind of literal it takes.
var comparisonOperands = map[string]string{
	"StringEquals": "string", "StringLessThan": "string", "StringGreaterThan": "string",
	"StringLessThanEquals": "string", "StringGreaterThanEquals": "string", "StringMatches": "string",
	"NumericEquals": "number", "NumericLessThan": "number", "NumericGreaterThan": "number",
	"NumericLessThanEquals": "number", "NumericGreaterThanEquals": "number",
	"BooleanEquals":   "boolean",
	"TimestampEquals": "timestamp", "TimestampLessThan": "timestamp", "TimestampGreaterThan": "timestamp",
	"TimestampLessThanEquals": "timestamp", "TimestampGreaterThanEquals": "timestamp",
	"IsNull": "is", "IsPresent": "is", "IsNumeric": "is", "IsString": "is", "IsBoolean": "is", "IsTimestamp": "is",
}
