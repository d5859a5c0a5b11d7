package jsonpath

import (
	"fmt"

	"opsflow/shared/local/states/value"
)

// NotFoundError says that a definite path leads to nothing.
type NotFoundError struct{ message string }

func (e *NotFoundError) Error() string { return e.message }

// Get gives what the path leads to in root. For a path that is not definite that is a list, empty when nothing
// matches. Its only error is a *NotFoundError.
func (p *Path) Get(root any) (any, error) {
	found := []any{root}
	many := false // whether found may hold any number of values
	for n := range p.steps {
		s := &p.steps[n]
		var next []any
		if s.kind == stepFunc {
			arg := any(found)
			if !many {
				arg = found[0]
			}
			v, ok := functions[s.function](arg)
			if !ok {
				return nil, &NotFoundError{"Aggregation function attempted to calculate value using empty array"}
			}
			found, many = []any{v}, false
			continue
		}
		for _, v := range found {
			before := len(next)
			next = s.apply(v, root, next)
			if len(next) == before && !many && s.definite() {
				return p.missing(n, v, root)
			}
		}
		many = many || !s.definite()
		found = next
	}
	if many {
		if found == nil {
			found = []any{}
		}
		return found, nil
	}
	return found[0], nil
}

func (s *step) definite() bool {
	switch s.kind {
	case stepNames:
		return true
	case stepIndex:
		return len(s.indexes) == 1
	default:
		return false
	}
}

// missing is the answer when step n found nothing in v: an error, or the empty list when the path as a whole is not
// definite (a wildcard behind missing data gives no results, not a failure).
func (p *Path) missing(n int, v, _ any) (any, error) {
	if !p.definite {
		return []any{}, nil
	}
	at := p.normal(n)
	if n == len(p.steps)-1 {
		return nil, &NotFoundError{"No results for path: " + at}
	}
	if _, ok := v.(*value.Object); ok {
		return nil, &NotFoundError{"Missing property in path " + at}
	}
	return nil, &NotFoundError{"No results for path: " + at}
}

func (s *step) apply(v, root any, out []any) []any {
	switch s.kind {
	case stepNames:
		return s.applyNames(v, out)
	case stepIndex:
		return s.applyIndexes(v, out)
	case stepSlice:
		if list, ok := v.([]any); ok {
			from, to := bound(s.from, 0, len(list)), bound(s.to, len(list), len(list))
			if from < to {
				out = append(out, list[from:to]...)
			}
		}
	case stepAll:
		return children(v, out)
	case stepDeep:
		return descend(v, out)
	case stepFunc: // works on everything found; see Get
	case stepFilter:
		return s.applyFilter(v, root, out)
	}
	return out
}

func (s *step) applyIndexes(v any, out []any) []any {
	list, _ := v.([]any)
	for _, i := range s.indexes {
		if i < 0 {
			i += len(list)
		}
		if i >= 0 && i < len(list) {
			out = append(out, list[i])
		}
	}
	return out
}

// applyFilter takes what matches of a list, or an object that does.
func (s *step) applyFilter(v, root any, out []any) []any {
	list, ok := v.([]any)
	if o, isObject := v.(*value.Object); !ok && isObject {
		list = []any{o}
	}
	for _, e := range list {
		if s.filter.match(e, root) {
			out = append(out, e)
		}
	}
	return out
}

func (s *step) applyNames(v any, out []any) []any {
	o, ok := v.(*value.Object)
	if !ok {
		return out
	}
	if len(s.names) == 1 {
		if m, ok := o.Get(s.names[0]); ok {
			out = append(out, m)
		}
		return out
	}
	picked := value.NewObject(len(s.names)) // ['a','b'] is an object with those members that exist
	for _, name := range s.names {
		if m, ok := o.Get(name); ok {
			picked.Set(name, m)
		}
	}
	return append(out, picked)
}

func bound(n *int, absent, length int) int {
	if n == nil {
		return absent
	}
	i := *n
	if i < 0 {
		i += length
	}
	return max(0, min(i, length))
}

func children(v any, out []any) []any {
	switch v := v.(type) {
	case []any:
		out = append(out, v...)
	case *value.Object:
		for _, m := range v.Members() {
			out = append(out, m.Value)
		}
	}
	return out
}

func descend(v any, out []any) []any {
	switch v.(type) {
	case []any, *value.Object:
		out = append(out, v)
		for _, c := range children(v, nil) {
			out = descend(c, out)
		}
	}
	return out
}

// Set is a copy of root with v at the place that the path names; objects on the way that do not exist are made.
// The path must be a reference (see IsReference).
func (p *Path) Set(root, v any) (any, error) { return p.set(root, v, 0) }

func (p *Path) set(at, v any, n int) (any, error) {
	if n == len(p.steps) {
		return v, nil
	}
	s := &p.steps[n]
	if s.kind == stepIndex {
		list, ok := at.([]any)
		i := s.indexes[0]
		if !ok || i < 0 || i >= len(list) {
			return nil, fmt.Errorf("there is no array element at %s", p.normal(n))
		}
		inner, err := p.set(list[i], v, n+1)
		if err != nil {
			return nil, err
		}
		c := append([]any(nil), list...)
		c[i] = inner
		return c, nil
	}
	o, ok := at.(*value.Object)
	switch {
	case ok:
	case at == nil:
		o = value.NewObject(1)
	default:
		return nil, fmt.Errorf("there is no object to hold %s", p.normal(n))
	}
	inner, _ := o.Get(s.names[0])
	inner, err := p.set(inner, v, n+1)
	if err != nil {
		return nil, err
	}
	return o.With(s.names[0], inner), nil
}
