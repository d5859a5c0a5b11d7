package expression

import (
	"slices"

	"opsflow/shared/local/dynamodb/attribute"
)

// Comparison is a condition on one attribute as requests had them before there were expressions.
type Comparison struct {
	Name   string
	Op     string // EQ, NOT_NULL, ...
	Values []attribute.Value
}

// comparison says for an operator of old which one it is now, and how many values it takes; -1: one or more.
var comparison = map[string]struct {
	op     string
	values int
}{
	"EQ": {"=", 1}, "NE": {"<>", 1}, "LE": {"<=", 1}, "LT": {"<", 1}, "GE": {">=", 1}, "GT": {">", 1}, "BETWEEN": {"BETWEEN", 2}, "IN": {"IN", -1},
	"NOT_NULL": {"attribute_exists", 0}, "NULL": {"attribute_not_exists", 0}, "BEGINS_WITH": {"begins_with", 1},
	"CONTAINS": {"contains", 1}, "NOT_CONTAINS": {"contains", 1},
}

func (c Comparison) check() error {
	known, ok := comparison[c.Op]
	switch n := len(c.Values); {
	case !ok:
		return errorf("1 validation error detected: Value '%s' at 'comparisonOperator' failed to satisfy constraint: Member must satisfy enum value set: "+
			"[IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]", c.Op)
	case known.values >= 0 && n != known.values || n == 0 && known.values < 0:
		return errorf("One or more parameter values were invalid: Invalid number of argument(s) for the %s ComparisonOperator", c.Op)
	}
	return nil
}

// Compare makes a condition of comparisons; either: one of them is enough.
func Compare(list []Comparison, either bool) (*Condition, error) {
	var root *node
	for _, c := range list {
		if err := c.check(); err != nil {
			return nil, err
		}
		n := c.node()
		switch {
		case root == nil:
			root = n
		case either:
			root = &node{kind: logicNode, op: "OR", args: []*node{root, n}}
		default:
			root = &node{kind: logicNode, op: "AND", args: []*node{root, n}}
		}
	}
	return &Condition{root}, nil
}

func (c Comparison) node() *node {
	path := func() *node { return &node{kind: pathNode, as: operand{path: Path{{Name: c.Name}}}} }
	n := &node{kind: compareNode, op: comparison[c.Op].op, args: []*node{path()}}
	for _, v := range c.Values {
		n.args = append(n.args, &node{kind: valueNode, as: operand{value: v}})
	}
	if c.Op != "NOT_CONTAINS" {
		return n
	}
	there := &node{kind: callNode, op: "attribute_exists", args: []*node{path()}}
	return &node{kind: logicNode, op: "AND", args: []*node{there, {kind: logicNode, op: "NOT", args: []*node{n}}}}
}

// CompareKeys makes conditions on keys of comparisons.
func CompareKeys(list []Comparison) ([]KeyCondition, error) {
	var out []KeyCondition
	for _, c := range list {
		if err := c.check(); err != nil {
			return nil, err
		}
		if slices.Contains([]string{"NE", "IN", "NOT_NULL", "NULL", "CONTAINS", "NOT_CONTAINS"}, c.Op) {
			return nil, errorf("Attempted conditional constraint is not an indexable operation")
		}
		out = append(out, KeyCondition{c.Name, comparison[c.Op].op, c.Values})
	}
	return out, nil
}

// AddAction adds a change of one attribute to an update; section is SET, REMOVE, ADD or DELETE, and REMOVE has no value.
func (u *Update) AddAction(section, name string, v attribute.Value) error {
	a := action{section: section, target: &node{kind: pathNode, as: operand{path: Path{{Name: name}}}}}
	if section != "REMOVE" {
		a.value = &node{kind: valueNode, as: operand{value: v}}
	}
	u.actions = append(u.actions, a)
	return a.checkOperands()
}
