package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
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
}

// docView looks values up as they are asked for.
type docView struct{ doc Doc }

func (d docView) at(p *path) *value {
	v := &value{}
	v.set(d.doc.Lookup(p.plain))
	return v
}

// holds answers the comparison.
func (l *leaf) holds(v view, now time.Time) bool {
	want := &l.value
	if l.ref != nil {
		want = v.at(l.ref)
	}
	got := v.at(&l.path)
	if l.path.rest != nil {
		return l.holdsIn(got.raw, &l.path, want, now)
	}
	return l.test(got, want, now)
}

// holdsIn answers for the elements of a list: whether one of them makes the comparison true, or every one does. An empty
// list has none, so it is false; so is what is no list.
func (l *leaf) holdsIn(list []byte, p *path, want *value, now time.Time) bool {
	for i := firstElement(list); i < len(list) && list[i] != ']'; {
		end := skipValue(list, i)
		element := lookIn(list[i:end], p.rest.plain)
		var ok bool
		if p.rest.rest != nil {
			ok = l.holdsIn(element, p.rest, want, now)
		} else {
			var got value
			got.set(element)
			ok = l.test(&got, want, now)
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
func (l *leaf) test(got, want *value, now time.Time) bool {
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
		list := l.members(want)
		return len(list) == 2 && ordered(ops.OpGte, got, &list[0]) && ordered(ops.OpLte, got, &list[1])
	case ops.OpIn:
		return among(got, l.members(want))
	case ops.OpNotIn:
		list := l.members(want)
		sameKind := func(v value) bool { return v.kind == got.kind }
		return got.scalar() && slices.ContainsFunc(list, sameKind) && !among(got, list)
	case ops.OpContains:
		return contains(got, want)
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

func (l *leaf) members(want *value) []value {
	if l.ref == nil {
		return l.list
	}
	return parseList(want.raw)
}

func among(got *value, list []value) bool {
	for i := range list {
		if got.equal(&list[i]) {
			return true
		}
	}
	return false
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

func contains(got, want *value) bool {
	switch got.kind {
	case textKind:
		return want.kind == textKind && bytes.Contains(got.text, want.text)
	case listKind:
		var member value
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

// show tells what the comparison wanted and what it saw; of a path into a list, the list.
func (l *leaf) show(doc Doc, now time.Time) *ops.Leaf {
	want := l.want
	switch {
	case l.ref != nil:
		want = doc.Lookup(l.ref.plain)
	case l.moment.relative:
		want = mustJSON(l.moment.show(now))
	}
	return &ops.Leaf{Path: l.path.text, Op: l.op, Want: shown(want), Got: shown(doc.Lookup(l.path.plain))}
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
