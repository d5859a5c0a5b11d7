package stack

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// noValue is what AWS::NoValue resolves to: its property is left out.
type noValue struct{}

// resolver turns syntax trees into plain values: map[string]any, []any, string, bool, int64 or float64, and nil.
type resolver struct {
	*document
	values map[string]string // of parameters
	asking []string          // resources whose names are being worked out, to find those that need themselves
}

// value resolves a node with everything below it.
func (r *resolver) value(n ast.Node) (any, error) {
	switch v := n.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.StringNode:
		return v.Value, nil
	case *ast.LiteralNode:
		return v.Value.Value, nil
	case *ast.BoolNode:
		return v.Value, nil
	case *ast.IntegerNode:
		switch i := v.Value.(type) {
		case int64:
			return i, nil
		case uint64:
			return int64(i), nil //nolint:gosec // numbers of templates are small
		}
		return nil, r.fault(n, "%s is not a number", v.String())
	case *ast.FloatNode:
		return v.Value, nil
	case *ast.SequenceNode:
		return r.list(v)
	case *ast.TagNode:
		return r.call(n, strings.TrimPrefix(v.Start.Value, "!"), v.Value)
	case *ast.MappingNode:
		if text, ok := plainText(v); ok {
			return text, nil
		}
		return r.object(n)
	case *ast.MappingValueNode:
		return r.object(n)
	}
	return nil, r.fault(n, "%s is not supported here", n.Type())
}

// plainText gives the text of "sqs:SendMessage" in a list in braces, which YAML means as one text and the parser reads as a
// mapping of two: a mapping has a space behind its colon, or its key in quotes.
func plainText(n *ast.MappingNode) (string, bool) {
	if len(n.Values) != 1 {
		return "", false
	}
	one := n.Values[0]
	key, value := one.Key.GetToken(), one.Value.GetToken()
	if key.Indicator == token.QuotedScalarIndicator || one.Start.Position.Offset+1 != value.Position.Offset {
		return "", false
	}
	return key.Value + ":" + value.Value, true
}

func (r *resolver) list(s *ast.SequenceNode) (any, error) {
	out := make([]any, 0, len(s.Values))
	for _, e := range s.Values {
		v, err := r.value(e)
		if err != nil {
			return nil, err
		}
		if _, none := v.(noValue); !none {
			out = append(out, v)
		}
	}
	return out, nil
}

func (r *resolver) object(n ast.Node) (any, error) {
	members, err := r.members(n)
	if err != nil {
		return nil, err
	}
	if len(members) == 1 {
		name, isFn := strings.CutPrefix(members[0].key, "Fn::")
		if isFn || members[0].key == "Ref" {
			return r.call(n, name, members[0].value)
		}
	}
	out := make(map[string]any, len(members))
	for _, m := range members {
		v, err := r.value(m.value)
		if err != nil {
			return nil, err
		}
		if _, none := v.(noValue); !none {
			out[m.key] = v
		}
	}
	return out, nil
}

// text resolves a node that must be a text (or a number, which is written out).
func (r *resolver) text(n ast.Node) (string, error) {
	v, err := r.value(n)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	return "", r.fault(n, "expected a text here")
}
