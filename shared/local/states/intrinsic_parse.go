package states

import (
	"encoding/json"
	"fmt"
	"strings"

	"opsflow/shared/local/states/value"
)

// call is an intrinsic function with its arguments.
type call struct {
	text string
	name string
	fn   intrinsic
	args []argument
}

// argument is a literal, a reference or a nested call.
type argument struct {
	literal any
	ref     *reference
	call    *call
}

type callParser struct {
	text string
	pos  int
}

func parseCall(text string) (*call, error) {
	p := &callParser{text: text}
	c, err := p.call()
	if err != nil {
		return nil, err
	}
	p.skipSpace()
	if p.pos < len(text) {
		return nil, p.errorf("text after the end of the function call")
	}
	return c, nil
}

func (p *callParser) errorf(format string, args ...any) error {
	return fmt.Errorf("character %d of %q: %s", p.pos+1, p.text, fmt.Sprintf(format, args...))
}

func (p *callParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *callParser) skipSpace() {
	for c := p.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = p.peek() {
		p.pos++
	}
}

func (p *callParser) call() (*call, error) {
	start := p.pos
	for c := p.peek(); c == '.' || isNameStart(c) || c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	c := &call{name: p.text[start:p.pos]}
	f, ok := intrinsics[c.name]
	if !ok {
		return nil, p.errorf("there is no intrinsic function %q", c.name)
	}
	c.fn = f.run
	if p.skipSpace(); p.peek() != '(' {
		return nil, p.errorf("expected (")
	}
	p.pos++
	for p.skipSpace(); p.peek() != ')'; p.skipSpace() {
		if len(c.args) > 0 {
			if p.peek() != ',' {
				return nil, p.errorf("expected , or )")
			}
			p.pos++
			p.skipSpace()
		}
		a, err := p.argument()
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, a)
	}
	p.pos++
	if n := len(c.args); n < f.least || n > f.most {
		return nil, p.errorf("%s takes %d to %d arguments, got %d", c.name, f.least, f.most, n)
	}
	c.text = p.text[start:p.pos]
	return c, nil
}

func (p *callParser) argument() (argument, error) {
	switch c := p.peek(); {
	case c == '\'':
		s, err := p.quoted()
		return argument{literal: s}, err
	case c == '$':
		ref, err := parseReference(p.untilSeparator())
		return argument{ref: ref}, err
	case c == '-' || c >= '0' && c <= '9':
		v, err := value.Parse([]byte(p.untilSeparator()))
		if _, ok := v.(json.Number); !ok || err != nil {
			return argument{}, p.errorf("expected a number")
		}
		return argument{literal: v}, nil
	}
	for word, v := range map[string]any{"null": nil, "true": true, "false": false} {
		if strings.HasPrefix(p.text[p.pos:], word) {
			p.pos += len(word)
			return argument{literal: v}, nil
		}
	}
	nested, err := p.call()
	return argument{call: nested}, err
}

// untilSeparator takes a path or a number: everything to the next comma or closing bracket that is not within
// brackets or quotes.
func (p *callParser) untilSeparator() string {
	start, depth := p.pos, 0
	var quote byte
	for ; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[':
			depth++
		case depth > 0 && (c == ')' || c == ']'):
			depth--
		case depth == 0 && (c == ',' || c == ')'):
			return strings.TrimSpace(p.text[start:p.pos])
		}
	}
	return strings.TrimSpace(p.text[start:p.pos])
}

// quoted takes a string literal. A backslash stands for the character after it; \{ and \} keep their backslash, which
// States.Format takes away.
func (p *callParser) quoted() (string, error) {
	var b strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		switch {
		case c == '\'':
			p.pos++
			return b.String(), nil
		case c == '\\' && p.pos+1 < len(p.text):
			p.pos++
			if e := p.text[p.pos]; e == '{' || e == '}' {
				b.WriteByte('\\')
			}
			b.WriteByte(p.text[p.pos])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errorf("the quote is not closed")
}

func (c *call) eval(s *scope, field string) (any, error) {
	args := make([]any, len(c.args))
	for i, a := range c.args {
		var err error
		switch {
		case a.call != nil:
			args[i], err = a.call.eval(s, field)
		case a.ref != nil:
			args[i], err = evalField(a.ref, s, field)
		default:
			args[i] = a.literal
		}
		if err != nil {
			return nil, err
		}
	}
	v, err := c.fn(args, s.random)
	if err != nil {
		return nil, newFailure(errIntrinsic, "The function '%s' had the following error: %v", c.text, err)
	}
	return v, nil
}
