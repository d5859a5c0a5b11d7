package pattern

import (
	"encoding/json"
	"fmt"
)

// anythingBut reads the operand of anything-but: a string or number, a list of either, or one of prefix, suffix,
// equals-ignore-case and wildcard with a string or a list of strings.
func (c *compiler) anythingBut() (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string, json.Number:
		m, err := c.plain(t)
		return anythingBut{m}, err
	case json.Delim:
		if t == '[' {
			return c.anythingButList()
		}
		return c.anythingButText()
	}
	return nil, c.fail("Value of anything-but must be an array or single string/number value.")
}

func (c *compiler) plain(t json.Token) (matcher, error) {
	if n, ok := t.(json.Number); ok {
		if _, ok := parseMicro(n.String()); !ok {
			return nil, c.fail(rangeReason)
		}
	}
	return c.element(t)
}

func (c *compiler) anythingButList() (matcher, error) {
	var (
		m                anythingBut
		strings, numbers bool
	)
	for {
		t, err := c.next()
		if err != nil {
			return nil, err
		}
		switch t.(type) {
		case string:
			strings = true
		case json.Number:
			numbers = true
		default:
			if t != json.Delim(']') {
				return nil, c.fail("Inside anything but list, start|null|boolean is not supported.")
			}
			if strings == numbers {
				return nil, c.fail("Inside anything but list, either all values are number or string, mixed type is not supported")
			}
			return m, nil
		}
		one, err := c.plain(t)
		if err != nil {
			return nil, err
		}
		m = append(m, one)
	}
}

// anythingButText reads {"prefix": ...} and its like behind the opening brace.
func (c *compiler) anythingButText() (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	operator, ok := t.(string)
	if !ok {
		return nil, c.fail("Anything-But expression name not found")
	}
	switch operator {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
	default:
		return nil, c.fail("Unsupported anything-but pattern: " + operator)
	}
	if t, err = c.next(); err != nil {
		return nil, err
	}
	var m anythingBut
	add := func(t json.Token) error {
		s, ok := t.(string)
		if !ok {
			return c.fail(fmt.Sprintf("Inside anything-but/%s list, number|start|null|boolean is not supported.", operator))
		}
		if s == "" && (operator == "prefix" || operator == "suffix") {
			return c.fail("Null prefix/suffix not allowed")
		}
		one, err := c.textMatcher(operator, s)
		m = append(m, one)
		return err
	}
	if t != json.Delim('[') {
		if err := add(t); err != nil {
			return nil, err
		}
		return m, c.end()
	}
	for {
		if t, err = c.next(); err != nil {
			return nil, err
		}
		if t == json.Delim(']') {
			break
		}
		if err := add(t); err != nil {
			return nil, err
		}
	}
	if len(m) == 0 {
		return nil, c.fail("Empty arrays are not allowed")
	}
	return m, c.end()
}
