package jsonpath

import (
	"regexp"
	"strings"

	"opsflow/shared/local/states/value"
)

var operators = []string{"==", "!=", "<=", ">=", "=~", "<", ">", "in ", "nin "}

func (p *parser) filterStep() (step, error) {
	p.pos++ // ?
	p.skipSpace()
	if !p.take("(") {
		return step{}, p.errorf("expected ( after ?")
	}
	f, err := p.or()
	if err != nil {
		return step{}, err
	}
	p.skipSpace()
	if !p.take(")") {
		return step{}, p.errorf("expected )")
	}
	return step{kind: stepFilter, filter: f}, nil
}

func (p *parser) or() (filter, error) {
	var all anyOf
	for {
		f, err := p.and()
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		p.skipSpace()
		if !p.take("||") {
			return all, nil
		}
	}
}

func (p *parser) and() (filter, error) {
	var all allOf
	for {
		f, err := p.term()
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		p.skipSpace()
		if !p.take("&&") {
			return all, nil
		}
	}
}

func (p *parser) term() (filter, error) {
	p.skipSpace()
	if p.take("!") {
		inner, err := p.term()
		return negation{inner}, err
	}
	if p.take("(") {
		f, err := p.or()
		if err != nil {
			return nil, err
		}
		p.skipSpace()
		if !p.take(")") {
			return nil, p.errorf("expected )")
		}
		return f, nil
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	p.skipSpace()
	for _, op := range operators {
		if !p.take(op) {
			continue
		}
		p.skipSpace()
		if op == "=~" {
			return p.regexp(left)
		}
		right, err := p.operand()
		return compare{left: left, right: right, op: strings.TrimSpace(op)}, err
	}
	return exists{left}, nil
}

func (p *parser) regexp(left operand) (filter, error) {
	if !p.take("/") {
		return nil, p.errorf("expected a regular expression between slashes")
	}
	end := strings.IndexByte(p.text[p.pos:], '/')
	if end < 0 {
		return nil, p.errorf("the regular expression is not closed")
	}
	source := "^(?:" + p.text[p.pos:p.pos+end] + ")$"
	p.pos += end + 1
	if p.take("i") {
		source = "(?i)" + source
	}
	pattern, err := regexp.Compile(source)
	if err != nil {
		return nil, p.errorf("%v", err)
	}
	return matches{left, pattern}, nil
}

func (p *parser) operand() (operand, error) {
	p.skipSpace()
	start := p.pos
	switch c := p.peek(); c {
	case '@', '$':
		p.pos++
		steps, err := p.steps(func() bool { c := p.peek(); return c != '.' && c != '[' })
		if err != nil {
			return operand{}, err
		}
		return operand{path: newPath(p.text[start:p.pos], steps), current: c == '@'}, nil
	case '\'', '"':
		s, err := p.quoted()
		return operand{literal: s}, err
	case '[':
		end := strings.IndexByte(p.text[p.pos:], ']')
		if end < 0 {
			return operand{}, p.errorf("the list is not closed")
		}
		p.pos += end + 1
		v, err := value.Parse([]byte(strings.ReplaceAll(p.text[start:p.pos], "'", `"`)))
		if err != nil {
			return operand{}, p.errorf("%v", err)
		}
		return operand{literal: v}, nil
	}
	for p.pos < len(p.text) && !strings.ContainsRune(" )&|=!<>", rune(p.text[p.pos])) {
		p.pos++
	}
	v, err := value.Parse([]byte(p.text[start:p.pos]))
	if err != nil {
		return operand{}, p.errorf("expected @, $ or a value")
	}
	return operand{literal: v}, nil
}
