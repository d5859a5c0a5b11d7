package pattern

import (
	"encoding/json"
	"fmt"
)

// numeric reads the operand of numeric: ["=", 5], [">", 0] or [">", 0, "<=", 5].
func (c *compiler) numeric() (matcher, error) {
	t, err := c.next()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('[') {
		return nil, c.fail("Value of numeric must be an array.")
	}
	if t, err = c.next(); err != nil {
		return nil, err
	}
	op, ok := t.(string)
	if !ok {
		return nil, c.fail("Invalid member in numeric match: " + fmt.Sprint(t))
	}
	switch op {
	case "=", "<", "<=", ">", ">=":
	default:
		return nil, c.fail("Unrecognized numeric range operator: " + op)
	}
	shown := op
	if op == "=" {
		shown = "equals"
	}
	n, err := c.number(shown)
	if err != nil {
		return nil, err
	}
	var m between
	switch op {
	case "=":
		m = between{low: n, high: n, hasLow: true, hasHigh: true}
	case "<", "<=":
		m = between{high: n, hasHigh: true, openHigh: op == "<"}
	default:
		m = between{low: n, hasLow: true, openLow: op == ">"}
	}
	if t, err = c.next(); err != nil {
		return nil, err
	}
	if t == json.Delim(']') {
		return m, nil
	}
	if m.hasHigh {
		return nil, c.fail("Too many elements in numeric expression")
	}
	return c.upperBound(m, t)
}

// upperBound completes a range that began with > or >=.
func (c *compiler) upperBound(m between, t json.Token) (matcher, error) {
	op, ok := t.(string)
	if !ok {
		return nil, c.fail("Bad value in numeric range: " + fmt.Sprint(t))
	}
	if op != "<" && op != "<=" {
		return nil, c.fail("Bad numeric range operator: " + op)
	}
	n, err := c.number(op)
	if err != nil {
		return nil, err
	}
	m.high, m.hasHigh, m.openHigh = n, true, op == "<"
	if t, err = c.next(); err != nil {
		return nil, err
	}
	if t != json.Delim(']') {
		return nil, c.fail("Too many terms in numeric range expression")
	}
	if m.low >= m.high {
		return nil, c.fail("Bottom must be less than top")
	}
	return m, nil
}

func (c *compiler) number(operator string) (micro, error) {
	t, err := c.next()
	if err != nil {
		return 0, err
	}
	s, ok := t.(json.Number)
	if !ok {
		return 0, c.fail("Value of " + operator + " must be numeric")
	}
	n, ok := parseMicro(s.String())
	if !ok {
		return 0, c.fail(rangeReason)
	}
	return n, nil
}
