package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// claim is a comparison that must hold for a condition to hold.
type claim struct {
	at   string
	path string
	*leaf
}

// never tells why a condition can't become true for any event of a schema, and which comparison says so; "" when it can, as
// far as its comparisons with literals tell. An any can't when none of its ways can, beside all that must hold with it; not is
// passed over.
func never(schema *shape, c *ops.Condition, at string) (why, where string) {
	return neverBeside(schema, nil, c, at)
}

// neverBeside is never of a condition beside claims that can hold together.
func neverBeside(schema *shape, beside []claim, c *ops.Condition, at string) (why, where string) {
	claims := claimsOf(c, at, slices.Clip(beside))
	for n := len(beside); n < len(claims); n++ {
		one := claims[n]
		if why := one.impossible(schema); why != "" {
			return why, one.at
		}
		for _, earlier := range claims[:n] {
			if earlier.path == one.path && (one.clashes(&earlier) || earlier.clashes(&one)) {
				return fmt.Sprintf("%s can't be both: see %s", one.path, earlier.at), one.at
			}
		}
	}
	return noWay(schema, claims, c, at)
}

// noWay finds an any, among what must hold, of which no way can be gone beside claims.
func noWay(schema *shape, claims []claim, c *ops.Condition, at string) (why, where string) {
	for i := range c.All {
		if why, where := noWay(schema, claims, &c.All[i], fmt.Sprintf("%s.all[%d]", at, i)); why != "" {
			return why, where
		}
	}
	for i := range c.Any {
		one, _ := neverBeside(schema, claims, &c.Any[i], fmt.Sprintf("%s.any[%d]", at, i))
		if one == "" {
			return "", ""
		}
		if why == "" {
			why, where = "none of these can hold; of the first: "+one, at+".any"
		}
	}
	return why, where
}

func claimsOf(c *ops.Condition, at string, claims []claim) []claim {
	for i := range c.All {
		claims = claimsOf(&c.All[i], fmt.Sprintf("%s.all[%d]", at, i), claims)
	}
	if c.Path == "" || strings.Contains(c.Path, "[") {
		return claims // elements of a list may differ
	}
	b := compiler{calendar: calendar.Default()}
	l := b.compileLeaf(c, at)
	if len(b.faults) > 0 || l.ref != nil {
		return claims
	}
	return append(claims, claim{at: at, path: c.Path, leaf: l})
}

// candidates are the only values with which the comparison holds; ok is false when there are others.
func (c *claim) candidates() (values []value, ok bool) {
	switch c.op { //nolint:exhaustive // all others hold for many values
	case ops.OpEq:
		return []value{c.value}, true
	case ops.OpIn:
		return c.list, true
	}
	return nil, false
}

// bounds are the least and the greatest value with which the comparison holds; strict when those are not among them.
func (c *claim) bounds() (low, high *value, strict bool) {
	switch c.op { //nolint:exhaustive // all others have none
	case ops.OpGt, ops.OpGte:
		return &c.value, nil, c.op == ops.OpGt
	case ops.OpLt, ops.OpLte:
		return nil, &c.value, c.op == ops.OpLt
	case ops.OpBetween:
		if len(c.list) == 2 {
			return &c.list[0], &c.list[1], false
		}
	}
	return nil, nil, false
}

// impossible tells why no value that the schema allows makes the comparison true.
func (c *claim) impossible(schema *shape) string {
	low, high, strict := c.bounds()
	s := schema.at(c.path)
	if s == nil {
		return ""
	}
	if c.op == ops.OpAbsent {
		if schema.requires(c.path) {
			return c.path + " is never absent"
		}
		return ""
	}
	if s.kind == objectKind {
		return ""
	}
	allowed := func(v value) bool { return s.kind == v.kind && s.allows(&v) }
	if values, ok := c.candidates(); ok && !slices.ContainsFunc(values, allowed) {
		return c.path + " must be " + s.description
	}
	for _, bound := range []*value{low, high} {
		if bound != nil && bound.kind != s.kind {
			return c.path + " must be " + s.description
		}
	}
	if s.kind == numberKind && (low != nil && s.maximum != nil && beyond(low.num.compare(s.maximum), strict) ||
		high != nil && s.minimum != nil && beyond(-high.num.compare(s.minimum), strict)) {
		return c.path + " must be " + s.description
	}
	return ""
}

// at gives the shape of the value at a path like "detail.location.area"; nil when the schema says nothing of it.
func (s *shape) at(path string) *shape {
	root, words, more := strings.Cut(path, ".")
	if root != "detail" {
		return nil
	}
	for s != nil && more {
		root, words, more = strings.Cut(words, ".")
		s = s.members[root]
	}
	return s
}

// requires reports whether every event has the value at a path.
func (s *shape) requires(path string) bool {
	_, words, more := strings.Cut(path, ".")
	var word string
	for s != nil && more {
		word, words, more = strings.Cut(words, ".")
		if !slices.Contains(s.required, word) {
			return false
		}
		s = s.members[word]
	}
	return true
}

// allows reports whether an event may have the value.
func (s *shape) allows(v *value) bool {
	if v.kind == textKind {
		return s.holdsText(string(v.text))
	}
	return v.kind == numberKind && s.holdsNumber(&v.num)
}

// clashes reports whether no value makes both comparisons true.
func (c *claim) clashes(o *claim) bool {
	if (c.op == ops.OpAbsent) != (o.op == ops.OpAbsent) {
		return true
	}
	if values, ok := c.candidates(); ok && !o.moment.relative {
		holds := func(v value) bool { return o.test(docView{}, &v, &o.value, time.Time{}) }
		return !slices.ContainsFunc(values, holds)
	}
	low, _, above := c.bounds()
	_, high, below := o.bounds()
	return crossed(low, high, above || below)
}

// crossed reports whether nothing lies between two bounds.
func crossed(low, high *value, strict bool) bool {
	if low == nil || high == nil {
		return false
	}
	order, ok := low.order(high)
	return !ok || beyond(order, strict)
}

func beyond(order int, strict bool) bool { return order > 0 || strict && order == 0 }
