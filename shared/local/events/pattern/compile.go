package pattern

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
)

const orKey = "$or"

// operators are the names of match expressions; inside $or they may not be fields.
var operators = map[string]bool{
	"exact": true, "prefix": true, "suffix": true, "anything-but": true, "numeric": true, "exists": true, "cidr": true,
	"equals-ignore-case": true, "wildcard": true,
}

// Compile reads a pattern. Errors are *Error.
func Compile(text []byte) (*Pattern, error) {
	c := &compiler{reader: newReader(text)}
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		return nil, c.fail("Filter is not an object")
	}
	alternatives, err := c.object("", nil, false)
	if err != nil {
		return nil, err
	}
	if _, err := c.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{Reason: "Invalid JSON"}
	}
	return &Pattern{alternatives}, nil
}

type compiler struct{ *reader }

// object reads the fields of an object whose brace is read, and adds them to every alternative so far.
func (c *compiler) object(path string, so []alternative, inOr bool) ([]alternative, error) {
	for count := 0; ; count++ {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		name, isName := t.(string)
		if !isName {
			if count == 0 {
				return nil, c.fail("Empty objects are not allowed")
			}
			return so, nil
		}
		if name == orKey {
			if so, err = c.or(path, so); err != nil {
				return nil, err
			}
			continue
		}
		if inOr && operators[name] {
			return nil, c.fail(name + " is Ruler reserved fieldName which cannot be used inside $or.")
		}
		if t, err = c.next(); err != nil {
			return nil, err
		}
		switch t {
		case json.Delim('{'):
			so, err = c.object(join(path, name), so, inOr)
		case json.Delim('['):
			so, err = c.field(join(path, name), so)
		default:
			err = c.fail(fmt.Sprintf("%q must be an object or an array", name))
		}
		if err != nil {
			return nil, err
		}
	}
}

// or multiplies the alternatives so far with the branches of a $or.
func (c *compiler) or(path string, so []alternative) ([]alternative, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('[') {
		return nil, c.fail("It must be an Array followed with $or.")
	}
	var all []alternative
	for count := 0; ; count++ {
		if t, err = c.next(); err != nil {
			return nil, err
		}
		if t == json.Delim(']') {
			if count < 2 {
				return nil, c.fail("There must have at least 2 Objects in $or relationship.")
			}
			return all, nil
		}
		if t != json.Delim('{') {
			return nil, c.fail("Only JSON object is allowed in array of $or relationship.")
		}
		branch := []alternative{{}}
		if len(so) > 0 {
			branch = make([]alternative, len(so))
			for i, a := range so {
				branch[i] = maps.Clone(a)
			}
		}
		if branch, err = c.object(path, branch, true); err != nil {
			return nil, err
		}
		all = append(all, branch...)
		if len(all) > maxCombinations {
			return nil, c.fail(fmt.Sprintf("Rule is too complex - $or makes more than %d combinations", maxCombinations))
		}
	}
}

// field reads the values of a field whose bracket is read.
func (c *compiler) field(path string, so []alternative) ([]alternative, error) {
	var matchers []matcher
	for {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		if t == json.Delim(']') {
			break
		}
		m, err := c.element(t)
		if err != nil {
			return nil, err
		}
		matchers = append(matchers, m)
	}
	if len(matchers) == 0 {
		return nil, c.fail("Empty arrays are not allowed")
	}
	if len(so) == 0 {
		so = []alternative{{}}
	}
	for _, a := range so {
		a[path] = matchers
	}
	return so, nil
}

// element reads one member of a field's array: a plain value, or a match expression.
func (c *compiler) element(t json.Token) (matcher, error) {
	switch t := t.(type) {
	case string:
		return newEqual(value{kind: text, text: t}), nil
	case json.Number:
		n, ok := parseMicro(t.String())
		return newEqual(value{kind: number, text: t.String(), num: n, ok: ok}), nil
	case bool:
		return newEqual(value{kind: literal, text: strconv.FormatBool(t)}), nil
	case nil:
		return newEqual(value{kind: literal, text: "null"}), nil
	}
	if t != json.Delim('{') {
		return nil, c.fail("Match value must be String, number, true, false, or null")
	}
	return c.expression()
}
