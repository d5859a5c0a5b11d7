package expression

import (
	"slices"
	"strconv"

	"opsflow/shared/local/dynamodb/attribute"
)

// Condition is a condition or filter.
type Condition struct{ root *node }

// function is one that conditions or updates know.
type function struct {
	operands int
	update   bool // only an update may use it
	value    bool // it stands for a value, not for a condition
	path     bool // the first operand must be a path
	check    func(clause string, n *node) error
}

// functionOf gives the function of a name; they are known in small letters only.
func functionOf(name string) (function, bool) {
	switch name {
	case "attribute_exists", "attribute_not_exists":
		return function{operands: 1, path: true}, true
	case "attribute_type":
		return function{operands: 2, check: checkTypeName}, true
	case "begins_with":
		return function{operands: 2, check: checkTexts}, true
	case "contains":
		return function{operands: 2}, true
	case "size":
		return function{operands: 1, value: true, check: checkCountable}, true
	case "if_not_exists":
		return function{operands: 2, update: true, value: true, path: true}, true
	case "list_append":
		return function{operands: 2, update: true, value: true, check: checkLists}, true
	default:
		return function{}, false
	}
}

// Condition reads a condition that came in the parameter clause.
func (p *Parameters) Condition(clause, text string) (*Condition, error) {
	root, err := p.conditionTree(clause, text)
	if err != nil {
		return nil, err
	}
	if err := root.walk(func(n *node) error { return checkOperands(clause, n) }); err != nil {
		return nil, err
	}
	return &Condition{root}, nil
}

func (p *Parameters) conditionTree(clause, text string) (*node, error) {
	r, err := newParser(clause, text)
	if err != nil {
		return nil, err
	}
	root, err := r.condition()
	if err != nil {
		return nil, r.refuse(err)
	}
	if root, err = r.bare(root); err != nil {
		return nil, err
	}
	if err := r.checkSize(root); err != nil {
		return nil, err
	}
	if err := checkUse(clause, root, true); err != nil {
		return nil, err
	}
	return root, p.resolve(clause, root)
}

// checkUse refuses functions that are unknown or in the wrong place, and reserved words. asCondition: it is a condition that
// stands here, not a value.
func checkUse(clause string, n *node, asCondition bool) error {
	switch n.kind {
	case pathNode:
		return checkWords(clause, n)
	case callNode:
		f, ok := functionOf(n.op)
		switch {
		case !ok:
			return invalid(clause, "Invalid function name; function: %s", n.op)
		case f.update:
			return invalid(clause, "The function is not allowed in a condition expression; function: %s", n.op)
		case f.value == asCondition:
			return invalid(clause, "The function is not allowed to be used this way in an expression; function: %s", n.op)
		}
	default:
	}
	for _, arg := range n.args {
		if err := checkUse(clause, arg, n.kind == logicNode); err != nil {
			return err
		}
	}
	return nil
}

// checkOperands refuses operands that can't be right whatever an item holds.
func checkOperands(clause string, n *node) error {
	switch n.kind {
	case callNode:
		f, _ := functionOf(n.op)
		switch {
		case len(n.args) != f.operands:
			return invalid(clause, "Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", n.op, len(n.args))
		case f.path && n.args[0].kind != pathNode:
			return invalid(clause, "Operator or function requires a document path; operator or function: %s", n.op)
		}
		if f.check != nil {
			if err := f.check(clause, n); err != nil {
				return err
			}
		}
		if n.op == "list_append" {
			return nil // a list may be appended to itself
		}
	case compareNode:
		if n.op != "=" && n.op != "<>" && n.op != "IN" {
			if err := allow(clause, n, n.args, attribute.String, attribute.Number, attribute.Binary); err != nil {
				return err
			}
		}
		if n.op == "BETWEEN" {
			if err := checkBounds(clause, n.args[1], n.args[2]); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	for _, other := range n.args[1:] {
		if n.args[0].kind == pathNode && other.kind == pathNode && slices.Equal(n.args[0].as.path, other.as.path) {
			return invalid(clause, "The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", n.op, other.as.path)
		}
	}
	return nil
}

// staticKind is the kind that an operand has in every item; "" when that depends.
func (n *node) staticKind() attribute.Kind {
	switch {
	case n.kind == valueNode:
		return n.as.value.Kind
	case n.kind == callNode && n.op == "size":
		return attribute.Number
	default:
		return ""
	}
}

// allow refuses operands of another kind than those given.
func allow(clause string, n *node, operands []*node, kinds ...attribute.Kind) error {
	for _, arg := range operands {
		if kind := arg.staticKind(); kind != "" && !slices.Contains(kinds, kind) {
			return invalid(clause, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s", n.op, kind)
		}
	}
	return nil
}

func checkBounds(clause string, low, high *node) error {
	if low.kind != valueNode || high.kind != valueNode {
		return nil
	}
	a, b := low.as.value, high.as.value
	order, ok := attribute.Compare(a, b)
	switch {
	case !ok:
		return invalid(clause, "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s", a.Brief(), b.Brief())
	case order > 0:
		return invalid(clause, "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: %s, upper bound operand: AttributeValue: %s", a.Brief(), b.Brief())
	}
	return nil
}

func checkTexts(clause string, n *node) error {
	return allow(clause, n, n.args, attribute.String, attribute.Binary)
}

func checkCountable(clause string, n *node) error {
	return allow(clause, n, n.args, attribute.String, attribute.Binary, attribute.List, attribute.Map,
		attribute.StringSet, attribute.NumberSet, attribute.BinarySet)
}

func checkLists(clause string, n *node) error { return allow(clause, n, n.args, attribute.List) }

func checkTypeName(clause string, n *node) error {
	name := n.args[1]
	if name.kind != valueNode {
		return invalid(clause, "Incorrect operand type for operator or function; operator or function: %s, operand type: {NS,SS,L,BS,N,M,B,S,NULL,BOOL}", n.op)
	}
	if err := allow(clause, n, n.args[1:], attribute.String); err != nil {
		return err
	}
	if !slices.Contains(attribute.Kinds(), attribute.Kind(name.as.value.Text)) {
		return invalid(clause, "Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", name.as.value.Text)
	}
	return nil
}

// Paths are those that the condition looks at.
func (c *Condition) Paths() []Path {
	var out []Path
	_ = c.root.walk(func(n *node) error {
		if n.kind == pathNode {
			out = append(out, n.as.path)
		}
		return nil
	})
	return out
}

// Holds reports whether the condition holds for an item; a nil item is one that is not there.
func (c *Condition) Holds(item attribute.Item) bool { return c.root.holds(item) }

func (n *node) holds(item attribute.Item) bool {
	switch n.op {
	case "NOT":
		return !n.args[0].holds(item)
	case "AND":
		return n.args[0].holds(item) && n.args[1].holds(item)
	case "OR":
		return n.args[0].holds(item) || n.args[1].holds(item)
	}
	first := n.args[0].value(item)
	switch n.op {
	case "attribute_exists":
		return first.Exists()
	case "attribute_not_exists":
		return !first.Exists()
	case "attribute_type":
		return string(first.Kind) == n.args[1].as.value.Text
	case "begins_with":
		return first.HasPrefix(n.args[1].value(item))
	case "contains":
		return first.Contains(n.args[1].value(item))
	case "IN":
		return slices.ContainsFunc(n.args[1:], func(arg *node) bool { return same(first, arg.value(item)) })
	case "BETWEEN":
		return ordered(n.args[1].value(item), "<=", first) && ordered(first, "<=", n.args[2].value(item))
	case "=":
		return same(first, n.args[1].value(item))
	case "<>":
		return !same(first, n.args[1].value(item))
	default:
		return ordered(first, n.op, n.args[1].value(item))
	}
}

// same is equality of values that are there.
func same(a, b attribute.Value) bool { return a.Exists() && attribute.Equal(a, b) }

func ordered(a attribute.Value, op string, b attribute.Value) bool {
	order, ok := attribute.Compare(a, b)
	if !ok {
		return false
	}
	switch op {
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

// value gives what an operand of a condition is in an item.
func (n *node) value(item attribute.Item) attribute.Value {
	switch n.kind {
	case valueNode:
		return n.as.value
	case pathNode:
		return n.as.path.Get(item)
	default: // size
		count, ok := n.args[0].value(item).Count()
		if !ok {
			return attribute.Value{}
		}
		return attribute.Value{Kind: attribute.Number, Text: strconv.Itoa(count)}
	}
}
