package expression

import (
	"slices"

	"opsflow/shared/local/dynamodb/attribute"
)

// KeyCondition is what a query asks of one key attribute. Op is =, <, <=, >, >=, BETWEEN (two values) or begins_with.
type KeyCondition struct {
	Name   string
	Op     string
	Values []attribute.Value
}

// KeyConditions reads a key condition: one comparison for each of its attributes, joined by AND.
func (p *Parameters) KeyConditions(text string) ([]KeyCondition, error) {
	root, err := p.conditionTree(KeyConditionClause, text)
	if err != nil {
		return nil, err
	}
	if err := root.walk(func(n *node) error { return checkOperands(KeyConditionClause, n) }); err != nil {
		return nil, err
	}
	var out []KeyCondition
	err = root.keyConditions(&out)
	return out, err
}

func (n *node) keyConditions(out *[]KeyCondition) error {
	if n.op == "AND" {
		if err := n.args[0].keyConditions(out); err != nil {
			return err
		}
		return n.args[1].keyConditions(out)
	}
	if n.kind == logicNode || slices.Contains([]string{"<>", "IN", "attribute_exists", "attribute_not_exists", "attribute_type", "contains"}, n.op) {
		return errorf("Invalid operator used in KeyConditionExpression: %s", n.op)
	}
	c := KeyCondition{Op: n.op}
	for i, arg := range n.args {
		switch {
		case arg.kind == callNode:
			return errorf("KeyConditionExpressions cannot contain nested operations")
		case arg.kind == valueNode:
			c.Values = append(c.Values, arg.as.value)
		case c.Name != "":
			return errorf("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
		case len(arg.as.path) > 1:
			return errorf("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: %s", arg.as.path[0].Name)
		default:
			c.Name = arg.as.path[0].Name
			if i > 0 {
				turned, ok := map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[n.op]
				if !ok {
					return errorf("Invalid condition in KeyConditionExpression: %s operator must have the key attribute as its first operand", n.op)
				}
				c.Op = turned
			}
		}
	}
	if c.Name == "" && n.op == "begins_with" {
		return errorf("Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand")
	}
	if c.Name == "" {
		return errorf("Invalid condition in KeyConditionExpression: No key attribute specified")
	}
	if slices.ContainsFunc(*out, func(other KeyCondition) bool { return other.Name == c.Name }) {
		return errorf("KeyConditionExpressions must only contain one condition per key")
	}
	*out = append(*out, c)
	return nil
}

// Holds reports whether the condition holds for an item.
func (c KeyCondition) Holds(item attribute.Item) bool {
	v := item[c.Name]
	switch c.Op {
	case "=":
		return attribute.Equal(v, c.Values[0])
	case "BETWEEN":
		return ordered(c.Values[0], "<=", v) && ordered(v, "<=", c.Values[1])
	case "begins_with":
		return v.HasPrefix(c.Values[0])
	default:
		return ordered(v, c.Op, c.Values[0])
	}
}
