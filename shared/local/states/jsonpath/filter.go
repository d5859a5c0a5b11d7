package jsonpath

import (
	"encoding/json"
	"regexp"
	"strings"

	"opsflow/shared/local/states/value"
)

// filter is the condition of [?(...)].
type filter interface {
	match(current, root any) bool
}

type (
	anyOf    []filter
	allOf    []filter
	negation struct{ inner filter }
	exists   struct{ operand operand }
	compare  struct {
		left, right operand
		op          string
	}
	matches struct {
		left    operand
		pattern *regexp.Regexp
	}
)

// operand is @ or $ with a path, or a literal.
type operand struct {
	path    *Path
	current bool // the path begins at @
	literal any
}

func (o operand) get(current, root any) (any, bool) {
	if o.path == nil {
		return o.literal, true
	}
	from := root
	if o.current {
		from = current
	}
	v, err := o.path.Get(from)
	if err != nil {
		return nil, false
	}
	if list, ok := v.([]any); ok && !o.path.definite && len(list) == 0 {
		return nil, false
	}
	return v, true
}

func (f anyOf) match(current, root any) bool {
	for _, inner := range f {
		if inner.match(current, root) {
			return true
		}
	}
	return false
}

func (f allOf) match(current, root any) bool {
	for _, inner := range f {
		if !inner.match(current, root) {
			return false
		}
	}
	return true
}

func (f negation) match(current, root any) bool { return !f.inner.match(current, root) }

func (f exists) match(current, root any) bool {
	_, ok := f.operand.get(current, root)
	return ok
}

func (f matches) match(current, root any) bool {
	v, _ := f.left.get(current, root)
	s, ok := v.(string)
	return ok && f.pattern.MatchString(s)
}

func (f compare) match(current, root any) bool {
	left, okLeft := f.left.get(current, root)
	right, okRight := f.right.get(current, root)
	switch f.op {
	case "==":
		return okLeft && okRight && value.Equal(left, right)
	case "!=":
		return !okLeft || !okRight || !value.Equal(left, right)
	case "in", "nin":
		list, _ := right.([]any)
		found := false
		for _, e := range list {
			found = found || value.Equal(left, e)
		}
		return okLeft && found == (f.op == "in")
	}
	if !okLeft || !okRight {
		return false
	}
	var order int
	switch l := left.(type) {
	case json.Number:
		r, ok := right.(json.Number)
		if !ok {
			return false
		}
		order = value.CompareNumbers(l, r)
	case string:
		r, ok := right.(string)
		if !ok {
			return false
		}
		order = strings.Compare(l, r)
	default:
		return false
	}
	switch f.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}
