package rule

import (
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
// "op": "after", "value": "$.detail.promised_at"}. The literals of before and after may also be relative: "now", "now-24h".
type leaf struct {
	path string
	op   ops.Op
	want json.RawMessage

	value   value          // want, parsed
	list    []value        // the members of a list
	ref     string         // the path that want is
	pattern *regexp.Regexp // of matches
	moment  moment         // of before and after
}

// moment is a time, or a distance from now.
type moment struct {
	at       time.Time
	relative bool
	offset   time.Duration
}

// holds answers the comparison.
func (l *leaf) holds(doc Doc, now time.Time) bool {
	raw := doc.Lookup(l.path)
	missing := raw == nil || kindOf(raw) == nullKind
	if l.op == ops.OpAbsent || missing {
		return l.op == ops.OpAbsent && missing
	}
	got, want := parseValue(raw), l.value
	if l.ref != "" {
		want = parseValue(doc.Lookup(l.ref))
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
		return len(list) == 2 && ordered(ops.OpGte, got, list[0]) && ordered(ops.OpLte, got, list[1])
	case ops.OpIn:
		return slices.ContainsFunc(l.members(want), got.equal)
	case ops.OpNotIn:
		list := l.members(want)
		sameKind := func(v value) bool { return v.kind == got.kind }
		return got.scalar() && slices.ContainsFunc(list, sameKind) && !slices.ContainsFunc(list, got.equal)
	case ops.OpContains:
		return contains(got, want)
	case ops.OpStartsWith:
		return texts(got, want) && strings.HasPrefix(got.text, want.text)
	case ops.OpEndsWith:
		return texts(got, want) && strings.HasSuffix(got.text, want.text)
	case ops.OpMatches:
		return got.kind == textKind && l.pattern.MatchString(got.text)
	case ops.OpBefore:
		return l.compareTime(got, want, now) < 0
	case ops.OpAfter:
		return l.compareTime(got, want, now) > 0
	case ops.OpAbsent: // answered above
	}
	return false
}

func (l *leaf) members(want value) []value {
	if l.ref == "" {
		return l.list
	}
	return parseList(want.raw)
}

func ordered(op ops.Op, got, want value) bool {
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

func contains(got, want value) bool {
	switch got.kind {
	case textKind:
		return want.kind == textKind && strings.Contains(got.text, want.text)
	case listKind:
		return slices.ContainsFunc(parseList(got.raw), want.equal)
	case noKind, nullKind, boolKind, numberKind, objectKind:
	}
	return false
}

func texts(a, b value) bool { return a.kind == textKind && b.kind == textKind }

func (l *leaf) compareTime(got, want value, now time.Time) int {
	at, err := time.Parse(time.RFC3339, got.text)
	if got.kind != textKind || err != nil {
		return 0
	}
	m := l.moment
	if l.ref != "" {
		t, err := time.Parse(time.RFC3339, want.text)
		if want.kind != textKind || err != nil {
			return 0
		}
		m = moment{at: t}
	}
	if m.relative {
		m.at = now.Add(m.offset)
	}
	return at.Compare(m.at)
}

// show tells what the comparison wanted and what it saw.
func (l *leaf) show(doc Doc, now time.Time) *ops.Leaf {
	want := l.want
	switch {
	case l.ref != "":
		want = doc.Lookup(l.ref)
	case l.moment.relative:
		want = mustJSON(now.Add(l.moment.offset).UTC().Format(time.RFC3339))
	}
	return &ops.Leaf{Path: l.path, Op: l.op, Want: shown(want), Got: shown(doc.Lookup(l.path))}
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
	l := &leaf{path: c.Path, op: c.Op, want: c.Value}
	b.checkPath(c.Path, path+".path")
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
		if ref, ok := strings.CutPrefix(l.value.text, "$."); ok {
			b.checkPath(ref, at)
			l.ref = ref
			return l
		}
		if strings.HasPrefix(l.value.text, "$$.") {
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
		if l.value.kind != numberKind && l.value.kind != textKind {
			expected = "a number or a text"
		}
	case ops.OpBetween:
		l.list = parseList(l.want)
		if len(l.list) != 2 || !ordered(ops.OpLte, l.list[0], l.list[1]) {
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
		if l.moment, ok = parseMoment(l.value); !ok {
			expected = "a time like 2026-01-31T10:00:00Z, or relative like now or now-24h"
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
	re, err := regexp.Compile(l.value.text)
	if err != nil {
		return "a regular expression (RE2): " + err.Error()
	}
	l.pattern = re
	return ""
}

func parseMoment(v value) (moment, bool) {
	if v.kind != textKind {
		return moment{}, false
	}
	if rest, ok := strings.CutPrefix(v.text, "now"); ok {
		if rest == "" {
			return moment{relative: true}, true
		}
		d, err := time.ParseDuration(rest)
		return moment{relative: true, offset: d}, err == nil && (rest[0] == '+' || rest[0] == '-')
	}
	t, err := time.Parse(time.RFC3339, v.text)
	return moment{at: t}, err == nil
}

func (b *compiler) checkPath(p, at string) {
	const limit = 256
	words := strings.Split(p, ".")
	switch {
	case p == "" || len(p) > limit || slices.Contains(words, ""):
		b.fault(at, fmt.Sprintf("a path of 1 to %d characters like detail.service_value", limit), quoted(p))
	case b.roots != nil && !slices.Contains(b.roots, words[0]):
		b.fault(at, "a path that begins with "+strings.Join(b.roots, ", "), quoted(p))
	}
}

func joinOps(list []ops.Op) string {
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = string(o)
	}
	return strings.Join(names, " ")
}

func quoted(s string) string { return string(shown(mustJSON(s))) }
