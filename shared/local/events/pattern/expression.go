package pattern

import (
	"encoding/json"
	"strings"
)

// expression reads {"operator": operand} behind its opening brace.
func (c *compiler) expression() (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	name, isName := t.(string)
	if !isName {
		return nil, c.fail("Match expression name not found")
	}
	var m matcher
	switch name {
	case "exact", "equals-ignore-case", "wildcard":
		m, err = c.textOperand(name, name+" match pattern must be a string")
	case "prefix", "suffix":
		m, err = c.affix(name)
	case "cidr":
		m, err = c.cidr()
	case "exists":
		m, err = c.exists()
	case "numeric":
		m, err = c.numeric()
	case "anything-but":
		m, err = c.anythingBut()
	default:
		err = c.fail("Unrecognized match type " + name)
	}
	if err != nil {
		return nil, err
	}
	return m, c.end()
}

// end reads the brace that closes an expression.
func (c *compiler) end() error {
	t, err := c.next()
	if err != nil {
		return err
	}
	if t != json.Delim('}') {
		return c.fail("Only one key allowed in match expression")
	}
	return nil
}

func (c *compiler) textOperand(operator, otherwise string) (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	s, ok := t.(string)
	if !ok {
		return nil, c.fail(otherwise)
	}
	return c.textMatcher(operator, s)
}

func (c *compiler) textMatcher(operator, s string) (matcher, error) {
	switch operator {
	case "prefix":
		return prefix(s), nil
	case "suffix":
		return suffix(s), nil
	case "equals-ignore-case":
		return equalFold(s), nil
	case "wildcard":
		w, reason := parseWildcard(s)
		if reason != "" {
			return nil, c.fail(reason)
		}
		return w, nil
	default:
		return newEqual(value{kind: text, text: s}), nil
	}
}

// affix reads the operand of prefix or suffix: a string, or {"equals-ignore-case": string}.
func (c *compiler) affix(operator string) (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if s, ok := t.(string); ok {
		return c.textMatcher(operator, s)
	}
	if t != json.Delim('{') {
		return nil, c.fail(operator + " match pattern must be a string")
	}
	if t, err = c.next(); err != nil {
		return nil, err
	}
	if t != "equals-ignore-case" {
		return nil, c.fail("Unsupported " + operator + " pattern: " + nameOf(t))
	}
	if t, err = c.next(); err != nil {
		return nil, err
	}
	s, ok := t.(string)
	if !ok {
		return nil, c.fail("equals-ignore-case match pattern must be a string")
	}
	if err := c.end(); err != nil {
		return nil, err
	}
	if operator == "prefix" {
		return prefixFold(strings.ToLower(s)), nil
	}
	return suffixFold(strings.ToLower(s)), nil
}

func nameOf(t json.Token) string {
	s, _ := t.(string)
	return s
}

func (c *compiler) cidr() (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	s, ok := t.(string)
	if !ok {
		return nil, c.fail("prefix match pattern must be a string") // AWS's words for cidr too
	}
	m, reason := parseCIDR(s)
	if reason != "" {
		return nil, c.fail(reason)
	}
	return m, nil
}

func (c *compiler) exists() (matcher, error) {
	t, err := c.next()
	switch {
	case err != nil:
		return nil, err
	case t == true:
		return exists{}, nil
	case t == false:
		return absent{}, nil
	}
	return nil, c.fail("exists match pattern must be either true or false.")
}
