package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// leaf is one comparison.
//
// Its value is a literal, or, as a text that begins with "$.", the path of another value: {"path": "detail.completed_at",
// "op": "after", "value": "$.detail.promised_at"}. The literals of before and after may also be relative: "now", "now-24h",
// "now-8bh" of business time.
type leaf struct {
	path path
	op   ops.Op
	want json.RawMessage

	value   value          // want, parsed
	list    []value        // the members of a list
	ref     *path          // the path that want is
	pattern *regexp.Regexp // of matches
	moment  moment         // of before and after
}

// view is what a condition is asked about: a document, or an event that the matcher has read. The value is good until the
// next event.
type view interface {
	at(p *path) *value
	// spare gives a value to read into: an element of a list that is gone through, or a member of one that is compared.
	spare(of spareValue) *value
}

type spareValue int

const (
	spareElement spareValue = iota
	spareMember
	spareValues // how many there are
)

// docView looks values up as they are asked for.
type docView struct{ doc Doc }

func (d docView) at(p *path) *value {
	v := &value{}
	v.set(d.doc.Lookup(p.plain))
	return v
}

func (d docView) spare(spareValue) *value { return &value{} }

// holds answers the comparison.
func (l *leaf) holds(v view, now time.Time) bool {
	want := &l.value
	if l.ref != nil {
		want = v.at(l.ref)
	}
	got := v.at(&l.path)
	if l.path.rest != nil {
		return l.holdsIn(v, got.raw, &l.path, want, now)
	}
	return l.test(v, got, want, now)
}

// holdsIn answers for the elements of a list: whether one of them makes the comparison true, or every one does. An empty
// list has none, so it is false; so is what is no list.
func (l *leaf) holdsIn(v view, list []byte, p *path, want *value, now time.Time) bool {
	got := v.spare(spareElement)
	for i := firstElement(list); i < len(list) && list[i] != ']'; {
		end := skipValue(list, i)
		element := lookIn(list[i:end], p.rest.plain)
		var ok bool
		if p.rest.rest != nil {
			ok = l.holdsIn(v, element, p.rest, want, now)
		} else {
			got.set(element)
			ok = l.test(v, got, want, now)
		}
		if ok != p.every {
			return ok
		}
		if i = skipComma(list, end); i >= len(list) || list[i] == ']' {
			return p.every
		}
	}
	return false
}

// test compares one value.
func (l *leaf) test(v view, got, want *value, now time.Time) bool {
	missing := got.missing()
	if l.op == ops.OpAbsent || missing {
		return l.op == ops.OpAbsent && missing
	}
	switch l.op {
	case ops.OpExists:
		return true
	case ops.OpEq:
		return got.equal(want)
	case ops.OpNe:
		return got.kind == want.kind && got.scalar() && !got.equal(want)
	case ops.OpGt, ops.OpGte, ops.OpLt, ops.OpLte:
		return ordered(l.op, got, want)
	case ops.OpBetween:
		return l.between(v, got, want)
	case ops.OpIn:
		same, _ := l.among(v, got, want)
		return same
	case ops.OpNotIn:
		same, ofItsKind := l.among(v, got, want)
		return got.scalar() && ofItsKind && !same
	case ops.OpContains:
		return contains(v, got, want)
	case ops.OpStartsWith:
		return texts(got, want) && bytes.HasPrefix(got.text, want.text)
	case ops.OpEndsWith:
		return texts(got, want) && bytes.HasSuffix(got.text, want.text)
	case ops.OpMatches:
		return got.kind == textKind && l.pattern.Match(got.text)
	case ops.OpBefore:
		return l.compareTime(got, want, now) < 0
	case ops.OpAfter:
		return l.compareTime(got, want, now) > 0
	case ops.OpAbsent: // answered above
	}
	return false
}

// among tells whether a value is a member of the list that is wanted, and whether any member is of its kind.
func (l *leaf) among(v view, got, want *value) (same, ofItsKind bool) {
	if l.ref == nil {
		for i := range l.list {
			ofItsKind = ofItsKind || l.list[i].kind == got.kind
			if got.equal(&l.list[i]) {
				return true, true
			}
		}
		return false, ofItsKind
	}
	member := v.spare(spareMember)
	for i := firstElement(want.raw); i < len(want.raw) && want.raw[i] != ']'; {
		end := skipValue(want.raw, i)
		member.set(want.raw[i:end])
		ofItsKind = ofItsKind || member.kind == got.kind
		if got.equal(member) {
			return true, true
		}
		i = skipComma(want.raw, end)
	}
	return false, ofItsKind
}

// between tells whether a value lies within the bounds that are wanted, which are the two members of a list.
func (l *leaf) between(v view, got, want *value) bool {
	if l.ref == nil {
		return len(l.list) == 2 && ordered(ops.OpGte, got, &l.list[0]) && ordered(ops.OpLte, got, &l.list[1])
	}
	bound := v.spare(spareMember)
	n, within := 0, true
	for i := firstElement(want.raw); i < len(want.raw) && want.raw[i] != ']'; n++ {
		end := skipValue(want.raw, i)
		bound.set(want.raw[i:end])
		within = within && (n == 0 && ordered(ops.OpGte, got, bound) || n == 1 && ordered(ops.OpLte, got, bound))
		i = skipComma(want.raw, end)
	}
	return n == 2 && within
}

func ordered(op ops.Op, got, want *value) bool {
	c, ok := got.order(want)
	if !ok {
		return false
	}
	switch op { //nolint:exhaustive // only these order
	case ops.OpGt:
		return c > 0
	case ops.OpGte:
		return c >= 0
	case ops.OpLt:
		return c < 0
	default:
		return c <= 0
	}
}

func contains(v view, got, want *value) bool {
	switch got.kind {
	case textKind:
		return want.kind == textKind && bytes.Contains(got.text, want.text)
	case listKind:
		member := v.spare(spareMember)
		for i := firstElement(got.raw); i < len(got.raw) && got.raw[i] != ']'; {
			end := skipValue(got.raw, i)
			if member.set(got.raw[i:end]); member.equal(want) {
				return true
			}
			i = skipComma(got.raw, end)
		}
	case noKind, nullKind, boolKind, numberKind, objectKind:
	}
	return false
}

func texts(a, b *value) bool { return a.kind == textKind && b.kind == textKind }

func (l *leaf) compareTime(got, want *value, now time.Time) int {
	at, ok := parseTime(got)
	if !ok {
		return 0
	}
	m := &l.moment
	if l.ref == nil {
		return m.compare(at, now)
	}
	t, ok := parseTime(want)
	if !ok {
		return 0
	}
	return at.Compare(t)
}

// show tells what the comparison wanted and what it saw; of a path through a list, the element that decided it, or the list when
// all of them did.
func (l *leaf) show(doc Doc, now time.Time) *ops.Leaf {
	want := l.want
	switch {
	case l.ref != nil:
		want = doc.Lookup(l.ref.plain)
	case l.moment.relative:
		want = mustJSON(l.moment.show(now))
	}
	path, got := l.path.text, doc.Lookup(l.path.plain)
	if l.path.rest != nil {
		asked := &l.value
		if l.ref != nil {
			v := parseValue(want)
			asked = &v
		}
		if at, element, ok := l.decider(got, &l.path, asked, now); ok {
			path, got = at, element
		}
	}
	return &ops.Leaf{Path: path, Op: l.op, Want: shown(want), Got: shown(got)}
}

// decider finds the element of a list that decided the comparison, and its path: the first that fails of every, the first that
// holds of any; ok is false when there is none.
func (l *leaf) decider(list []byte, p *path, want *value, now time.Time) (at string, found []byte, ok bool) {
	eachElement(list, func(n int, v []byte) bool {
		element := lookIn(v, p.rest.plain)
		at = p.plain + "[" + strconv.Itoa(n) + "]"
		if p.rest.rest == nil {
			if p.rest.plain != "" {
				at += "." + p.rest.plain
			}
			got := parseValue(element)
			found, ok = element, l.test(docView{}, &got, want, now) != p.every
			return !ok
		}
		if ok = l.holdsIn(docView{}, element, p.rest, want, now) != p.every; !ok {
			return true
		}
		inner, decided, one := l.decider(element, p.rest, want, now)
		if found = element; one {
			found = decided
		}
		at += joined(inner, p.rest, one)
		return false
	})
	return at, found, ok
}

// joined is the rest of a path behind a list's element: that of the element that decided within it, or as it was written.
func joined(inner string, rest *path, one bool) string {
	if !one {
		inner = rest.plain
	}
	if inner == "" || inner[0] == '[' {
		return inner
	}
	return "." + inner
}

func parseList(raw []byte) []value {
	var list []value
	eachElement(raw, func(_ int, v []byte) bool {
		list = append(list, parseValue(v))
		return true
	})
	return list
}

func (b *compiler) compileLeaf(c *ops.Condition, path string) *leaf {
	l := &leaf{path: b.parsePath(c.Path, path+".path"), op: c.Op, want: c.Value}
	if !slices.Contains(ops.Ops(), c.Op) {
		b.fault(path+".op", "one of "+joinOps(ops.Ops()), quoted(string(c.Op)))
		return l
	}
	at := path + ".value"
	if c.Op == ops.OpExists || c.Op == ops.OpAbsent {
		if c.Value != nil {
			b.fault(at, "absent: "+string(c.Op)+" takes no value", string(shown(c.Value)))
		}
		return l
	}
	if !json.Valid(c.Value) {
		b.fault(at, "present: "+string(c.Op)+" compares with it", "nothing")
		return l
	}
	l.value = parseValue(c.Value)
	if l.value.kind == textKind && c.Op != ops.OpMatches {
		if ref, ok := bytes.CutPrefix(l.value.text, []byte("$.")); ok {
			p := b.parsePath(string(ref), at)
			if p.rest != nil {
				b.fault(at, "the path of one value: only the left side may say [any] or [every]", quoted(string(ref)))
			}
			l.ref = &p
			return l
		}
		if bytes.HasPrefix(l.value.text, []byte("$$.")) {
			l.value.text = l.value.text[1:]
		}
	}
	b.compileValue(l, at)
	return l
}

// compileValue checks that the operator takes the value, and prepares it.
func (b *compiler) compileValue(l *leaf, at string) {
	expected := ""
	switch l.op {
	case ops.OpEq, ops.OpNe, ops.OpContains:
		if !l.value.scalar() {
			expected = "a text, a number, true or false"
		}
	case ops.OpGt, ops.OpGte, ops.OpLt, ops.OpLte:
		switch {
		case l.value.kind != numberKind && l.value.kind != textKind:
			expected = "a number or a text"
		case b.isMoment(&l.value):
			expected = "a number, or a text that is no time: times are compared by before and after"
		}
	case ops.OpBetween:
		l.list = parseList(l.want)
		switch {
		case slices.ContainsFunc(l.list, func(v value) bool { return b.isMoment(&v) }):
			expected = "two numbers, or two texts that are no times: of a time, say all of after and before"
		case len(l.list) != 2 || !ordered(ops.OpLte, &l.list[0], &l.list[1]):
			expected = "a list of two numbers or two texts, the lower one first"
		}
	case ops.OpIn, ops.OpNotIn:
		l.list = parseList(l.want)
		notScalar := func(v value) bool { return !v.scalar() }
		if len(l.list) == 0 || slices.ContainsFunc(l.list, notScalar) {
			expected = "a list of texts, numbers or booleans with at least one member"
		}
	case ops.OpStartsWith, ops.OpEndsWith:
		if l.value.kind != textKind {
			expected = "a text"
		}
	case ops.OpMatches:
		expected = l.compilePattern()
	case ops.OpBefore, ops.OpAfter:
		var ok bool
		if l.moment, ok = b.parseMoment(&l.value); !ok {
			expected = "a time like 2026-01-31T10:00:00Z, or relative like now, now-24h or now-8bh"
		}
	case ops.OpExists, ops.OpAbsent:
	}
	if expected != "" {
		b.fault(at, expected, string(shown(l.want)))
	}
}

func (l *leaf) compilePattern() (expected string) {
	const limit = 1000
	if l.value.kind != textKind || len(l.value.text) > limit {
		return fmt.Sprintf("a regular expression (RE2) of at most %d characters", limit)
	}
	re, err := regexp.Compile(string(l.value.text))
	if err != nil {
		return "a regular expression (RE2): " + err.Error()
	}
	l.pattern = re
	return ""
}

func joinOps(list []ops.Op) string {
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = string(o)
	}
	return strings.Join(names, " ")
}

func quoted(s string) string { return string(shown(mustJSON(s))) }
