// Package expression reads and evaluates DynamoDB's expressions: conditions and filters, key conditions, updates and
// projections. What it refuses, it refuses in DynamoDB's words.
package expression

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/local/dynamodb/attribute"
)

// The parameters that expressions come in.
const (
	ConditionClause    = "ConditionExpression"
	FilterClause       = "FilterExpression"
	KeyConditionClause = "KeyConditionExpression"
	UpdateClause       = "UpdateExpression"
	ProjectionClause   = "ProjectionExpression"
)

// Parameters are what the expressions of one request may refer to: #names and :values. Each must be used by one of them.
type Parameters struct {
	names  map[string]string
	values attribute.Item
	used   map[string]bool
}

// NewParameters reads ExpressionAttributeNames and ExpressionAttributeValues; nil stands for a parameter that is not given.
// Both may only be given with an expression; without names the parameters in which the request could have had some.
func NewParameters(names map[string]string, values map[string]json.RawMessage, given bool, without ...string) (*Parameters, error) {
	p := &Parameters{names: names, values: make(attribute.Item, len(values)), used: make(map[string]bool, len(names)+len(values))}
	switch {
	case names != nil && !given:
		return nil, errorf("ExpressionAttributeNames can only be specified when using expressions")
	case values != nil && !given:
		verb := "is"
		if len(without) > 1 {
			verb = "are"
		}
		return nil, errorf("ExpressionAttributeValues can only be specified when using expressions: %s %s null", strings.Join(without, " and "), verb)
	case names != nil && len(names) == 0:
		return nil, errorf("ExpressionAttributeNames must not be empty")
	case values != nil && len(values) == 0:
		return nil, errorf("ExpressionAttributeValues must not be empty")
	}
	for _, key := range slices.Sorted(maps.Keys(names)) {
		switch {
		case !placeholder(key, '#'):
			return nil, errorf("ExpressionAttributeNames contains invalid key: Syntax error; key: %q", key)
		case names[key] == "":
			return nil, errorf("ExpressionAttributeNames contains invalid value: Empty attribute name for key %s", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !placeholder(key, ':') {
			return nil, errorf("ExpressionAttributeValues contains invalid key: Syntax error; key: %q", key)
		}
		v, err := attribute.Parse(values[key])
		if wrong, ok := err.(*attribute.Error); ok && !wrong.Syntax { //nolint:errorlint // Parse gives nothing else
			return nil, errorf("ExpressionAttributeValues contains invalid value: %s for key %s", wrong.Message, key)
		}
		if err != nil {
			return nil, err
		}
		p.values[key] = v
	}
	return p, nil
}

func placeholder(key string, mark byte) bool {
	return len(key) > 1 && key[0] == mark && wordEnd(key, 1) == len(key)
}

// CheckUsed refuses names and values that no expression has used.
func (p *Parameters) CheckUsed() error {
	for _, what := range []struct {
		name string
		keys []string
	}{
		{"ExpressionAttributeValues", slices.Sorted(maps.Keys(p.values))},
		{"ExpressionAttributeNames", slices.Sorted(maps.Keys(p.names))},
	} {
		unused := slices.DeleteFunc(what.keys, func(key string) bool { return p.used[key] })
		if len(unused) > 0 {
			return errorf("Value provided in %s unused in expressions: keys: {%s}", what.name, strings.Join(unused, ", "))
		}
	}
	return nil
}

// operand is what a path or a value of an expression stands for.
type operand struct {
	path  Path
	value attribute.Value
}

// resolve gives every path and value of a tree what it stands for.
func (p *Parameters) resolve(clause string, root *node) error {
	return root.walk(func(n *node) error {
		switch n.kind {
		case valueNode:
			v, ok := p.values[n.op]
			if !ok {
				return invalid(clause, "An expression attribute value used in expression is not defined; attribute value: %s", n.op)
			}
			p.used[n.op], n.as.value = true, v
		case pathNode:
			n.as.path = make(Path, len(n.steps))
			for i, t := range n.steps {
				e := Element{Name: t.text}
				switch t.kind {
				case nameRef:
					name, ok := p.names[t.text]
					if !ok {
						return invalid(clause, "An expression attribute name used in the document path is not defined; attribute name: %s", t.text)
					}
					p.used[t.text], e.Name = true, name
				case integer:
					index, err := strconv.Atoi(t.text)
					if err != nil || index > math.MaxInt32 {
						return invalid(clause, "List index is not within the allowable range; index: [%s]", t.text)
					}
					e = Element{Index: index, ByIndex: true}
				default:
				}
				n.as.path[i] = e
			}
		default:
		}
		return nil
	})
}

// checkWords refuses reserved words in a path.
func checkWords(clause string, n *node) error {
	for _, t := range n.steps {
		if t.kind == word && isReserved(t.text) {
			return invalid(clause, "Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
	}
	return nil
}

// Hash is the same for equal parameters.
func (p *Parameters) Hash() uint64 {
	names := make(attribute.Item, len(p.names))
	for key, name := range p.names {
		names[key] = attribute.Str(name)
	}
	return names.Hash() ^ p.values.Hash()
}
