package stack

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// call evaluates an intrinsic function.
func (r *resolver) call(at ast.Node, name string, arg ast.Node) (any, error) {
	switch name {
	case "Ref":
		s, err := r.text(arg)
		if err != nil {
			return nil, err
		}
		return r.ref(at, s)
	case "GetAtt":
		s, err := r.attribute(arg)
		if err != nil {
			return nil, err
		}
		return r.getAtt(at, s)
	case "Sub":
		return r.sub(at, arg)
	case "Condition":
		s, err := r.text(arg)
		if err != nil {
			return nil, err
		}
		return r.condition(at, s)
	}
	count, known := arity[name]
	if !known {
		return nil, r.fault(at, "intrinsic function %s is not supported by the local runtime", name)
	}
	seq, ok := arg.(*ast.SequenceNode)
	if !ok {
		return nil, r.fault(at, "!%s needs a list", name)
	}
	if count > 0 && len(seq.Values) != count {
		return nil, r.fault(at, "!%s needs %d arguments, got %d", name, count, len(seq.Values))
	}
	if name == "If" {
		return r.choose(at, seq.Values)
	}
	values := make([]any, len(seq.Values))
	for i, n := range seq.Values {
		v, err := r.value(n)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return r.apply(at, name, values)
}

// arity is how many arguments the functions take that take a list; 0: any number.
var arity = map[string]int{"And": 0, "Equals": 2, "If": 3, "Join": 2, "Not": 1, "Or": 0, "Select": 2, "Split": 2}

// attribute reads GetAtt's argument: "Resource.Attribute" or a list of the two.
func (r *resolver) attribute(arg ast.Node) (string, error) {
	seq, ok := arg.(*ast.SequenceNode)
	if !ok {
		return r.text(arg)
	}
	var parts []string
	for _, n := range seq.Values {
		s, err := r.text(n)
		if err != nil {
			return "", err
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "."), nil
}

// choose is Fn::If: only the branch that holds is evaluated.
func (r *resolver) choose(at ast.Node, args []ast.Node) (any, error) {
	name, err := r.text(args[0])
	if err != nil {
		return nil, err
	}
	holds, err := r.condition(at, name)
	if err != nil {
		return nil, err
	}
	if holds {
		return r.value(args[1])
	}
	return r.value(args[2])
}

func (r *resolver) apply(at ast.Node, name string, values []any) (any, error) {
	switch name {
	case "Equals":
		return fmt.Sprint(values[0]) == fmt.Sprint(values[1]), nil
	case "Not":
		return values[0] != true, nil
	case "And":
		return !slices.Contains(values, any(false)), nil
	case "Or":
		return slices.Contains(values, any(true)), nil
	case "Split":
		var out []any
		for part := range strings.SplitSeq(fmt.Sprint(values[1]), fmt.Sprint(values[0])) {
			out = append(out, part)
		}
		return out, nil
	}
	items, ok := values[1].([]any)
	if !ok {
		return nil, r.fault(at, "the second argument of !%s must be a list", name)
	}
	if name == "Select" {
		i, ok := values[0].(int64)
		if !ok || i < 0 || int(i) >= len(items) {
			return nil, r.fault(at, "!Select has no element %v", values[0])
		}
		return items[i], nil
	}
	texts := make([]string, len(items)) // Join
	for i, item := range items {
		texts[i] = fmt.Sprint(item)
	}
	return strings.Join(texts, fmt.Sprint(values[0])), nil
}

func (r *resolver) condition(at ast.Node, name string) (bool, error) {
	n, ok := r.conditions[name]
	if !ok {
		return false, r.fault(at, "there is no condition %s", name)
	}
	v, err := r.value(n)
	if err != nil {
		return false, err
	}
	holds, ok := v.(bool)
	if !ok {
		return false, r.fault(n, "condition %s is neither true nor false", name)
	}
	return holds, nil
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// sub is Fn::Sub: ${Name}, ${Name.Attribute}, own variables, and ${!Literal}.
func (r *resolver) sub(at, arg ast.Node) (any, error) {
	text, own := arg, map[string]any{}
	if seq, ok := arg.(*ast.SequenceNode); ok {
		if len(seq.Values) != 2 {
			return nil, r.fault(at, "!Sub needs a text, or a list of a text and variables")
		}
		v, err := r.value(seq.Values[1])
		if err != nil {
			return nil, err
		}
		if own, ok = v.(map[string]any); !ok {
			return nil, r.fault(at, "the variables of !Sub must be a mapping")
		}
		text = seq.Values[0]
	}
	s, err := r.text(text)
	if err != nil {
		return nil, err
	}
	var failed error
	out := placeholder.ReplaceAllStringFunc(s, func(m string) string {
		name := m[2 : len(m)-1]
		if v, ok := own[name]; ok {
			return fmt.Sprint(v)
		}
		look := r.ref
		if strings.Contains(name, ".") {
			look = r.getAtt
		}
		v, err := look(at, name)
		if err != nil && failed == nil {
			failed = err
		}
		return fmt.Sprint(v)
	})
	if failed != nil {
		return nil, failed
	}
	return strings.ReplaceAll(out, "${!", "${"), nil
}
