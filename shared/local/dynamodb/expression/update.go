package expression

import (
	"cmp"
	"slices"

	"opsflow/shared/local/dynamodb/attribute"
)

// Update is an update of an item.
type Update struct{ actions []action }

// action is one change: of SET (with the tree of what it sets), REMOVE, ADD or DELETE.
type action struct {
	section string
	target  *node
	value   *node
}

// Update reads an update.
func (p *Parameters) Update(text string) (*Update, error) {
	r, err := newParser(UpdateClause, text)
	if err != nil {
		return nil, err
	}
	u := &Update{}
	if err := r.update(u); err != nil {
		return nil, r.refuse(err)
	}
	if err := u.check(r, p); err != nil {
		return nil, err
	}
	return u, nil
}

func (p *parser) update(u *Update) error {
	seen := map[string]bool{}
	for {
		t := p.peek()
		read := p.section(t)
		if read == nil {
			if t.kind == end && len(seen) > 0 {
				return nil
			}
			return p.fail()
		}
		if seen[t.text] {
			return invalid(p.clause, "The \"%s\" section can only be used once in an update expression;", t.text)
		}
		seen[t.text] = true
		p.at++
		for {
			a, err := read(t.text)
			if err != nil {
				return err
			}
			u.actions = append(u.actions, a)
			if !p.accept(",") {
				break
			}
		}
	}
}

// section gives what reads a change of the section that a token begins; nil when it begins none.
func (p *parser) section(t token) func(section string) (action, error) {
	if t.kind != keyword {
		return nil
	}
	switch t.text {
	case "SET":
		return p.assignment
	case "REMOVE":
		return p.removal
	case "ADD", "DELETE":
		return p.addition
	default:
		return nil
	}
}

func (p *parser) removal(section string) (action, error) {
	target, err := p.path()
	return action{section: section, target: target}, err
}

func (p *parser) addition(section string) (action, error) {
	target, err := p.path()
	if err == nil && p.peek().kind != valueRef {
		err = p.fail()
	}
	if err != nil {
		return action{}, err
	}
	value, err := p.operand()
	return action{section, target, value}, err
}

func (p *parser) assignment(section string) (action, error) {
	target, err := p.path()
	if err == nil {
		err = p.expect("=")
	}
	if err != nil {
		return action{}, err
	}
	value, err := p.sum()
	return action{section, target, value}, err
}

// sum reads an operand, or two with + or - between; the whole may stand in parentheses.
func (p *parser) sum() (*node, error) {
	start := p.at
	left, err := p.operand()
	if err != nil {
		stop := p.at
		p.at = start
		if !p.accept("(") {
			p.at = stop
			return nil, err
		}
		inner, innerErr := p.sum()
		if innerErr == nil {
			innerErr = p.expect(")")
		}
		if innerErr != nil && stop > p.at {
			p.at, innerErr = stop, err
		}
		return p.node(parens, "", inner), innerErr
	}
	t := p.peek()
	if !p.accept("+") && !p.accept("-") {
		return left, nil
	}
	right, err := p.operand()
	return p.node(sumNode, t.text, left, right), err
}

// check refuses what can't be right, and gives names and values what they stand for.
func (u *Update) check(r *parser, p *Parameters) error {
	var roots []*node
	for i := range u.actions {
		a := &u.actions[i]
		roots = append(roots, a.target)
		if a.value != nil {
			var err error
			if a.value, err = r.bare(a.value); err != nil {
				return err
			}
			roots = append(roots, a.value)
		}
	}
	if err := r.checkSize(roots...); err != nil {
		return err
	}
	for _, n := range roots {
		if err := checkUpdateUse(n, true); err != nil {
			return err
		}
	}
	for _, n := range roots {
		if err := p.resolve(UpdateClause, n); err != nil {
			return err
		}
	}
	if err := checkApart(UpdateClause, u.Paths()); err != nil {
		return err
	}
	for _, a := range u.actions {
		if err := a.checkOperands(); err != nil {
			return err
		}
	}
	return nil
}

// checkUpdateUse refuses functions that are unknown or in the wrong place, and reserved words. list_append can't stand inside
// of another function.
func checkUpdateUse(n *node, outermost bool) error {
	if n.kind == callNode {
		f, ok := functionOf(n.op)
		switch {
		case !ok:
			return invalid(UpdateClause, "Invalid function name; function: %s", n.op)
		case !f.update:
			return invalid(UpdateClause, "The function is not allowed in an update expression; function: %s", n.op)
		case n.op == "list_append" && !outermost:
			return invalid(UpdateClause, "The function is not allowed to be used this way in an expression; function: %s", n.op)
		}
	}
	if err := checkWords(UpdateClause, n); err != nil {
		return err
	}
	for _, arg := range n.args {
		if err := checkUpdateUse(arg, false); err != nil {
			return err
		}
	}
	return nil
}

// names are what messages about updates call the kinds.
var names = map[attribute.Kind]string{
	attribute.String: "STRING", attribute.Number: "NUMBER", attribute.Binary: "BINARY", attribute.Bool: "BOOLEAN", attribute.Null: "NULL",
	attribute.List: "LIST", attribute.Map: "MAP", attribute.StringSet: "STRING_SET", attribute.NumberSet: "NUMBER_SET", attribute.BinarySet: "BINARY_SET",
}

func (a action) checkOperands() error {
	switch a.section {
	case "REMOVE":
		return nil
	case "SET":
		return a.value.walk(func(n *node) error {
			if n.kind == sumNode {
				return allow(UpdateClause, n, n.args, attribute.Number)
			}
			return checkOperands(UpdateClause, n)
		})
	}
	kind := a.value.as.value.Kind
	if kind.Element() != "" || kind == attribute.Number && a.section == "ADD" {
		return nil
	}
	return invalid(UpdateClause, "Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND",
		a.section, names[kind], a.section)
}

// Paths are those that the update changes.
func (u *Update) Paths() []Path {
	out := make([]Path, len(u.actions))
	for i, a := range u.actions {
		out[i] = a.target.as.path
	}
	return out
}

// The ways in which an update can fail on an item.
var (
	errPath    = &Error{"The document path provided in the update expression is invalid for update"}
	errOperand = &Error{"An operand in the update expression has an incorrect data type"}
	errMissing = &Error{"The provided expression refers to an attribute that does not exist in the item"}
)

// Apply gives the item after the update; the old one stays as it is. All values are those of before, whatever the order.
func (u *Update) Apply(old attribute.Item) (attribute.Item, error) {
	values := make([]attribute.Value, len(u.actions))
	for i, a := range u.actions {
		var err error
		if values[i], err = a.result(old); err != nil {
			return nil, err
		}
	}
	item := old.Clone()
	// Elements come and go in the order of the old list: those behind its end are added from the front, and those that are
	// removed go from the back, last of all.
	order := make([]int, len(u.actions))
	for i := range order {
		order[i] = i
	}
	place := func(i int) (removed, index int) {
		last := u.actions[i].target.as.path[len(u.actions[i].target.as.path)-1]
		if !values[i].Exists() {
			return 1, -last.Index
		}
		return 0, last.Index
	}
	slices.SortStableFunc(order, func(i, j int) int {
		removedI, indexI := place(i)
		removedJ, indexJ := place(j)
		return cmp.Or(removedI-removedJ, indexI-indexJ)
	})
	for _, i := range order {
		if err := put(item, u.actions[i].target.as.path, values[i]); err != nil {
			return nil, err
		}
	}
	return item, nil
}

// result is what an action leaves at its path: nothing when it removes what is there.
func (a action) result(old attribute.Item) (attribute.Value, error) {
	switch a.section {
	case "SET":
		return a.value.updated(old)
	case "REMOVE":
		return attribute.Value{}, nil
	}
	before, by := a.target.as.path.Get(old), a.value.as.value
	switch {
	case !before.Exists() && a.section == "ADD":
		return by, nil
	case !before.Exists():
		return attribute.Value{}, nil
	case before.Kind != by.Kind:
		return attribute.Value{}, errOperand
	case by.Kind == attribute.Number:
		return attribute.Add(before, by)
	case a.section == "ADD":
		return attribute.Union(before, by), nil
	}
	left := attribute.Without(before, by)
	if len(left.Items) == 0 {
		return attribute.Value{}, nil
	}
	return left, nil
}

// updated gives what a tree of SET comes to.
func (n *node) updated(old attribute.Item) (attribute.Value, error) {
	switch {
	case n.kind == valueNode:
		return n.as.value, nil
	case n.kind == pathNode:
		v := n.as.path.Get(old)
		if !v.Exists() {
			return v, errMissing
		}
		return v, nil
	case n.op == "if_not_exists":
		otherwise, err := n.args[1].updated(old) // must be there in any case
		if v := n.args[0].as.path.Get(old); v.Exists() {
			return v, err
		}
		return otherwise, err
	}
	left, err := n.args[0].updated(old)
	if err != nil {
		return left, err
	}
	right, err := n.args[1].updated(old)
	if err != nil {
		return right, err
	}
	want := attribute.Number
	if n.op == "list_append" {
		want = attribute.List
	}
	switch {
	case left.Kind != want || right.Kind != want:
		return attribute.Value{}, errOperand
	case n.op == "+":
		return attribute.Add(left, right)
	case n.op == "-":
		return attribute.Subtract(left, right)
	default:
		return attribute.Value{Kind: attribute.List, Items: slices.Concat(left.Items, right.Items)}, nil
	}
}

// put sets or removes what is at a path; all but its end must be there. What is inside of the item is its own.
func put(item attribute.Item, path Path, v attribute.Value) error {
	inner, ok := item[path[0].Name]
	if len(path) == 1 {
		inner = v.Clone()
	} else if err := within(&inner, path[1:], v); !ok || err != nil {
		return errPath
	}
	if !inner.Exists() {
		delete(item, path[0].Name)
		return nil
	}
	item[path[0].Name] = inner
	return nil
}

// within changes what is inside of a map or list.
func within(in *attribute.Value, path Path, v attribute.Value) error {
	at := path[0]
	switch {
	case !at.ByIndex && in.Kind == attribute.Map:
		return put(in.Map, path, v)
	case !at.ByIndex || in.Kind != attribute.List:
		return errPath
	case len(path) > 1:
		if at.Index >= len(in.Items) {
			return errPath
		}
		return within(&in.Items[at.Index], path[1:], v)
	case !v.Exists():
		if at.Index < len(in.Items) {
			in.Items = slices.Delete(in.Items, at.Index, at.Index+1)
		}
	case at.Index < len(in.Items):
		in.Items[at.Index] = v.Clone()
	default:
		in.Items = append(in.Items, v.Clone())
	}
	return nil
}
