package states

import (
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/local/states/value"
)

// template is a compiled payload template (Parameters, ResultSelector, ItemSelector, BatchInput, Assign): JSON in which
// every member whose name ends in .$ holds a path or an intrinsic function.
type template interface {
	eval(*scope) (any, error)
}

type (
	constant   struct{ v any }
	listOf     []template
	objectOf   []field
	expression struct {
		field string // as written, with its .$
		ref   *reference
		call  *call
	}
	field struct {
		name  string
		value template
	}
)

// parseTemplate compiles v. Problems are reported at their place below at.
func parseTemplate(v any, at string, report func(at, format string, args ...any)) template {
	switch v := v.(type) {
	case []any:
		list := make(listOf, len(v))
		dynamic := false
		for i, e := range v {
			list[i] = parseTemplate(e, fmt.Sprintf("%s[%d]", at, i), report)
			_, fixed := list[i].(constant)
			dynamic = dynamic || !fixed
		}
		if dynamic {
			return list
		}
	case *value.Object:
		obj := make(objectOf, 0, v.Len())
		dynamic := false
		for _, m := range v.Members() {
			if name, ok := strings.CutSuffix(m.Key, ".$"); ok {
				if _, twice := v.Get(name); twice {
					report(at, "The field '%s' is given twice: also as '%s'", name, m.Key)
				}
			}
			f := parseField(m, at+"/"+m.Key, report)
			_, fixed := f.value.(constant)
			dynamic = dynamic || !fixed
			obj = append(obj, f)
		}
		if dynamic {
			return obj
		}
	}
	return constant{v}
}

func parseField(m value.Member, at string, report func(at, format string, args ...any)) field {
	name, isExpr := strings.CutSuffix(m.Key, ".$")
	if !isExpr {
		return field{m.Key, parseTemplate(m.Value, at, report)}
	}
	text, ok := m.Value.(string)
	if !ok {
		report(at, "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", m.Key)
		return field{name, constant{nil}}
	}
	e := &expression{field: m.Key}
	var err error
	if strings.HasPrefix(text, "$") {
		e.ref, err = parseReference(text)
	} else {
		e.call, err = parseCall(text)
	}
	if err != nil {
		report(at, "The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", m.Key)
	}
	return field{name, e}
}

func (c constant) eval(*scope) (any, error) { return c.v, nil }

func (l listOf) eval(s *scope) (any, error) {
	out := make([]any, len(l))
	for i, t := range l {
		v, err := t.eval(s)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (o objectOf) eval(s *scope) (any, error) {
	out := value.NewObject(len(o))
	for _, f := range o {
		v, err := f.value.eval(s)
		if err != nil {
			return nil, err
		}
		out.Set(f.name, v)
	}
	return out, nil
}

func (e *expression) eval(s *scope) (any, error) {
	if e.call != nil {
		return e.call.eval(s, e.field)
	}
	return evalField(e.ref, s, e.field)
}

// evalField is the value of a reference that stands in the named field of a payload template.
func evalField(r *reference, s *scope, field string) (any, error) {
	v, err := r.get(s)
	if err == nil {
		return v, nil
	}
	if errors.Is(err, errNoVariable) {
		return nil, noVariable(r)
	}
	return nil, runtimeFailure("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'",
		r.text, field, r.rootText(s))
}
