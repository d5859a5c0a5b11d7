package jsonpath

import (
	"fmt"
	"strconv"
	"strings"
)

// SyntaxError says what is wrong with the text of a path.
type SyntaxError struct {
	Path string
	At   int // byte offset
	Why  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid path %q at character %d: %s", e.Path, e.At+1, e.Why)
}

// Parse reads a path that begins with $ (the root; what the root is, is up to the caller).
func Parse(text string) (*Path, error) {
	p := &parser{text: text}
	if !strings.HasPrefix(text, "$") {
		return nil, p.errorf("must begin with $")
	}
	p.pos = 1
	steps, err := p.steps(func() bool { return p.pos >= len(p.text) })
	if err != nil {
		return nil, err
	}
	return newPath(text, steps), nil
}

func newPath(text string, steps []step) *Path {
	path := &Path{text: text, steps: steps, definite: true}
	for _, s := range steps {
		switch {
		case s.kind == stepSlice, s.kind == stepAll, s.kind == stepDeep, s.kind == stepFilter, len(s.indexes) > 1:
			path.definite = false
		case s.kind == stepFunc: // a function makes one value of whatever there is
			path.definite = true
		}
	}
	return path
}

type parser struct {
	text string
	pos  int
}

func (p *parser) errorf(format string, args ...any) error {
	return &SyntaxError{Path: p.text, At: p.pos, Why: fmt.Sprintf(format, args...)}
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) skipSpace() {
	for p.peek() == ' ' {
		p.pos++
	}
}

func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *parser) steps(end func() bool) ([]step, error) {
	var steps []step
	for !end() {
		switch {
		case p.take(".."):
			steps = append(steps, step{kind: stepDeep})
			if p.peek() == '[' {
				continue
			}
			s, err := p.dotted()
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		case p.take("."):
			s, err := p.dotted()
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		case p.peek() == '[':
			s, err := p.bracket()
			if err != nil {
				return nil, err
			}
			steps = append(steps, s)
		default:
			return nil, p.errorf("expected . or [")
		}
	}
	return steps, nil
}

func (p *parser) dotted() (step, error) {
	if p.take("*") {
		return step{kind: stepAll}, nil
	}
	start := p.pos
	for p.pos < len(p.text) && !strings.ContainsRune(".[]()=!<>&|, '\"", rune(p.text[p.pos])) {
		p.pos++
	}
	name := p.text[start:p.pos]
	if name == "" {
		return step{}, p.errorf("expected a name")
	}
	if p.take("()") {
		if _, ok := functions[name]; !ok {
			return step{}, p.errorf("there is no function %s()", name)
		}
		return step{kind: stepFunc, function: name}, nil
	}
	return step{kind: stepNames, names: []string{name}}, nil
}

func (p *parser) bracket() (step, error) {
	p.pos++ // [
	p.skipSpace()
	var s step
	var err error
	switch p.peek() {
	case '*':
		p.pos++
		s = step{kind: stepAll}
	case '?':
		s, err = p.filterStep()
	case '\'', '"':
		s, err = p.quotedNames()
	default:
		s, err = p.indexes()
	}
	if err != nil {
		return step{}, err
	}
	p.skipSpace()
	if !p.take("]") {
		return step{}, p.errorf("expected ]")
	}
	return s, nil
}

func (p *parser) quotedNames() (step, error) {
	s := step{kind: stepNames}
	for {
		p.skipSpace()
		name, err := p.quoted()
		if err != nil {
			return step{}, err
		}
		s.names = append(s.names, name)
		p.skipSpace()
		if !p.take(",") {
			return s, nil
		}
	}
}

func (p *parser) quoted() (string, error) {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		return "", p.errorf("expected a quoted name")
	}
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == quote:
			return b.String(), nil
		case c == '\\' && p.pos < len(p.text):
			b.WriteByte(p.text[p.pos])
			p.pos++
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errorf("the quote is not closed")
}

func (p *parser) number() (*int, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	if start == p.pos {
		return nil, nil
	}
	n, err := strconv.Atoi(p.text[start:p.pos])
	if err != nil {
		return nil, p.errorf("expected a whole number, got %q", p.text[start:p.pos])
	}
	return &n, nil
}

func (p *parser) indexes() (step, error) {
	s := step{kind: stepIndex}
	for {
		p.skipSpace()
		n, err := p.number()
		if err != nil {
			return step{}, err
		}
		p.skipSpace()
		if p.take(":") && len(s.indexes) == 0 {
			p.skipSpace()
			to, err := p.number()
			return step{kind: stepSlice, from: n, to: to}, err
		}
		if n == nil {
			return step{}, p.errorf("expected an index, a slice, a quoted name, * or ?")
		}
		s.indexes = append(s.indexes, *n)
		if !p.take(",") {
			return s, nil
		}
	}
}
