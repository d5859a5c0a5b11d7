package expression

// Limits of expressions (developer guide, "Quotas").
const (
	maxBytes     = 4096
	maxOperators = 300
	maxOperands  = 100 // of IN
	maxPath      = 32
)

type nodeKind uint8

const (
	pathNode    nodeKind = iota
	valueNode            // :value
	callNode             // a function
	compareNode          // a comparison, BETWEEN or IN
	logicNode            // AND, OR, NOT
	sumNode              // + and -
	parens
)

// node is a piece of an expression.
type node struct {
	kind  nodeKind
	op    string // a function's name, an operator, :value
	args  []*node
	steps []token // of a path: names and indexes
	as    operand // what it stands for, once resolved
}

// parser reads the tokens of one expression from left to right. It stops at the first token that nothing can be made of;
// where it has two ways to go on, at that which leads further.
type parser struct {
	clause string // the parameter that the expression came in
	text   string
	tokens []token
	at     int
	nodes  []node // those that were made, and room for some more
}

// node makes a node.
func (p *parser) node(kind nodeKind, op string, args ...*node) *node {
	if len(p.nodes) == cap(p.nodes) {
		p.nodes = make([]node, 0, 8)
	}
	p.nodes = append(p.nodes, node{kind: kind, op: op, args: args})
	return &p.nodes[len(p.nodes)-1]
}

func newParser(clause, text string) (*parser, error) {
	switch {
	case text == "":
		return nil, invalid(clause, "The expression can not be empty;")
	case len(text) > maxBytes:
		return nil, invalid(clause, "Expression size has exceeded the maximum allowed size; expression size: %d", len(text))
	}
	return &parser{clause: clause, text: text, tokens: scan(text)}, nil
}

// syntaxError is where a parser could not go on.
type syntaxError struct{ at int }

func (*syntaxError) Error() string { return "syntax error" }

func (p *parser) fail() error { return &syntaxError{p.at} }

// refuse words a syntax error: the token and what stands around it.
func (p *parser) refuse(err error) error {
	s, ok := err.(*syntaxError) //nolint:errorlint // never wrapped: the parser itself made it
	if !ok {
		return err
	}
	t := p.tokens[s.at]
	from, to := t.start, t.stop
	switch {
	case s.at > 0:
		from = p.tokens[s.at-1].start
	case t.kind == end:
		from = 0
	}
	if t.kind == end {
		to = len(p.text)
	} else if following := p.tokens[s.at+1]; following.kind != end {
		to = following.stop
	}
	return invalid(p.clause, `Syntax error; token: "%s", near: "%s"`, rawText(t, p.text), p.text[from:to])
}

func rawText(t token, text string) string {
	if t.kind == end {
		return t.text
	}
	return text[t.start:t.stop]
}

func (p *parser) peek() token { return p.tokens[p.at] }

// is reports whether the next token is a keyword or symbol.
func (p *parser) is(text string) bool {
	t := p.peek()
	return (t.kind == keyword || t.kind == symbol) && t.text == text
}

func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return p.fail()
	}
	return nil
}

// condition reads a whole condition.
func (p *parser) condition() (*node, error) {
	n, err := p.chain("OR", func() (*node, error) { return p.chain("AND", p.negation) })
	if err == nil && p.peek().kind != end {
		err = p.fail()
	}
	return n, err
}

func (p *parser) chain(op string, part func() (*node, error)) (*node, error) {
	left, err := part()
	for err == nil && p.accept(op) {
		var right *node
		right, err = part()
		left = p.node(logicNode, op, left, right)
	}
	return left, err
}

func (p *parser) negation() (*node, error) {
	if !p.accept("NOT") {
		return p.primary()
	}
	n, err := p.negation()
	return p.node(logicNode, "NOT", n), err
}

// primary reads a comparison, a function or a condition in parentheses. A parenthesis may also begin an operand, which is
// tried first.
func (p *parser) primary() (*node, error) {
	start := p.at
	n, err := p.comparison()
	if err == nil || p.tokens[start].text != "(" {
		return n, err
	}
	furthest, stop := err, p.at
	p.at = start + 1
	inner, err := p.chain("OR", func() (*node, error) { return p.chain("AND", p.negation) })
	if err == nil {
		err = p.expect(")")
	}
	if err != nil && stop > p.at {
		p.at, err = stop, furthest
	}
	return p.node(parens, "", inner), err
}

var comparators = map[string]bool{"=": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true}

func (p *parser) comparison() (*node, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	switch {
	case t.kind == symbol && comparators[t.text]:
		p.at++
		right, err := p.operand()
		return p.node(compareNode, t.text, left, right), err
	case p.accept("BETWEEN"):
		low, err := p.operand()
		if err == nil {
			err = p.expect("AND")
		}
		if err != nil {
			return nil, err
		}
		high, err := p.operand()
		return p.node(compareNode, "BETWEEN", left, low, high), err
	case p.accept("IN"):
		list, err := p.list()
		return p.node(compareNode, "IN", append([]*node{left}, list...)...), err
	case left.kind == callNode:
		return left, nil
	}
	return nil, p.fail()
}

// list reads operands in parentheses.
func (p *parser) list() ([]*node, error) {
	err := p.expect("(")
	var out []*node
	for err == nil {
		var n *node
		if n, err = p.operand(); err == nil {
			out = append(out, n)
			if !p.accept(",") {
				return out, p.expect(")")
			}
		}
	}
	return nil, err
}

// operand reads a path, a value, a function or one of these in parentheses.
func (p *parser) operand() (*node, error) {
	switch t := p.peek(); {
	case t.kind == valueRef:
		p.at++
		return p.node(valueNode, t.text), nil
	case t.kind == word && p.tokens[p.at+1].text == "(":
		p.at++
		args, err := p.list()
		return p.node(callNode, t.text, args...), err
	case t.kind == word || t.kind == nameRef:
		return p.path()
	case p.accept("("):
		inner, err := p.operand()
		if err == nil {
			err = p.expect(")")
		}
		return p.node(parens, "", inner), err
	}
	return nil, p.fail()
}

func (p *parser) path() (*node, error) {
	n := p.node(pathNode, "")
	for {
		t := p.peek()
		if t.kind != word && t.kind != nameRef {
			return n, p.fail()
		}
		if n.steps == nil {
			n.steps = p.tokens[p.at : p.at+1 : p.at+1] // most paths have no more
		} else {
			n.steps = append(n.steps, t)
		}
		p.at++
		for p.accept("[") {
			if p.peek().kind != integer {
				return n, p.fail()
			}
			n.steps = append(n.steps, p.peek())
			p.at++
			if err := p.expect("]"); err != nil {
				return n, err
			}
		}
		if !p.accept(".") {
			return n, nil
		}
	}
}

// walk calls visit for a node and all inside of it, in the order of the text.
func (n *node) walk(visit func(*node) error) error {
	if err := visit(n); err != nil {
		return err
	}
	for _, arg := range n.args {
		if err := arg.walk(visit); err != nil {
			return err
		}
	}
	return nil
}

// bare gives the tree without parentheses; two around one thing are refused.
func (p *parser) bare(n *node) (*node, error) {
	err := n.walk(func(n *node) error {
		if n.kind == parens && n.args[0].kind == parens {
			return invalid(p.clause, "The expression has redundant parentheses;")
		}
		return nil
	})
	return n.strip(), err
}

func (n *node) strip() *node {
	for n.kind == parens {
		n = n.args[0]
	}
	for i := range n.args {
		n.args[i] = n.args[i].strip()
	}
	return n
}

// checkSize refuses what has too many operators, or goes too deep.
func (p *parser) checkSize(roots ...*node) error {
	operators := 0
	for _, root := range roots {
		err := root.walk(func(n *node) error {
			if n.kind != pathNode && n.kind != valueNode {
				operators++
			}
			if operators > maxOperators {
				return invalid(p.clause, "The expression contains too many operators; operator count: %d", operators)
			}
			if len(n.steps) > maxPath {
				return invalid(p.clause, "The document path has too many nesting levels; nesting levels: %d", len(n.steps))
			}
			if n.op == "IN" && n.kind == compareNode && len(n.args) > maxOperands+1 {
				return invalid(p.clause, "The IN operator is provided with too many operands; number of operands: %d", len(n.args)-1)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
