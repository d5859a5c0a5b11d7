package rule

import (
	"bytes"
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// naive answers a condition in the plainest way, on a decoded document: what the compiled one is checked
// against.
func naive(c *ops.Condition, doc map[string]any, now time.Time) bool {
	switch {
	case c.All != nil:
		return !slices.ContainsFunc(c.All, func(inner ops.Condition) bool { return !naive(&inner, doc, now) })
	case c.Any != nil:
		return slices.ContainsFunc(c.Any, func(inner ops.Condition) bool { return naive(&inner, doc, now) })
	case c.Not != nil:
		return !naive(c.Not, doc, now)
	case c.Path == "":
		return true
	}
	want := decoded(c.Value)
	if s, ok := want.(string); ok && c.Op != ops.OpMatches {
		if ref, ok := strings.CutPrefix(s, "$."); ok {
			want = walkNaive(doc, strings.Split(ref, "."))
		} else if strings.HasPrefix(s, "$$.") {
			want = s[1:]
		}
	}
	return naivePath(c.Op, doc, strings.Split(c.Path, "."), want, now)
}

func decoded(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

func walkNaive(v any, words []string) any {
	for _, w := range words {
		switch at := v.(type) {
		case map[string]any:
			v = at[w]
		case []any:
			n, err := strconv.Atoi(w)
			if err != nil || n < 0 || n >= len(at) {
				return nil
			}
			v = at[n]
		default:
			return nil
		}
	}
	return v
}

func naivePath(op ops.Op, v any, words []string, want any, now time.Time) bool {
	for n, w := range words {
		name, every := strings.CutSuffix(w, "[every]")
		name, some := strings.CutSuffix(name, "[any]")
		if !every && !some {
			continue
		}
		list, ok := walkNaive(v, append(slices.Clone(words[:n]), name)).([]any)
		if !ok || len(list) == 0 {
			return false
		}
		holds := func(e any) bool { return naivePath(op, e, words[n+1:], want, now) }
		if every {
			return !slices.ContainsFunc(list, func(e any) bool { return !holds(e) })
		}
		return slices.ContainsFunc(list, holds)
	}
	return naiveOp(op, walkNaive(v, words), want, now)
}

func naiveOp(op ops.Op, got, want any, now time.Time) bool {
	if got == nil || op == ops.OpAbsent {
		return got == nil && op == ops.OpAbsent
	}
	text, isText := got.(string)
	wanted, wantsText := want.(string)
	list, _ := want.([]any)
	equals := func(v any) bool { return same(got, v) }
	order := func() (int, bool) { return compareNaive(got, want) }
	switch op {
	case ops.OpExists:
		return true
	case ops.OpEq:
		return same(got, want)
	case ops.OpNe:
		return sameType(got, want) && !same(got, want)
	case ops.OpGt:
		c, ok := order()
		return ok && c > 0
	case ops.OpGte:
		c, ok := order()
		return ok && c >= 0
	case ops.OpLt:
		c, ok := order()
		return ok && c < 0
	case ops.OpLte:
		c, ok := order()
		return ok && c <= 0
	case ops.OpBetween:
		if len(list) != 2 {
			return false
		}
		low, ok := compareNaive(got, list[0])
		high, ok2 := compareNaive(got, list[1])
		return ok && ok2 && low >= 0 && high <= 0
	case ops.OpIn:
		return slices.ContainsFunc(list, equals)
	case ops.OpNotIn:
		return slices.ContainsFunc(list, func(v any) bool { return sameType(got, v) }) && !slices.ContainsFunc(list, equals)
	case ops.OpContains:
		if members, ok := got.([]any); ok {
			return slices.ContainsFunc(members, func(v any) bool { return same(v, want) })
		}
		return isText && wantsText && strings.Contains(text, wanted)
	case ops.OpStartsWith:
		return isText && wantsText && strings.HasPrefix(text, wanted)
	case ops.OpEndsWith:
		return isText && wantsText && strings.HasSuffix(text, wanted)
	case ops.OpMatches:
		return isText && regexp.MustCompile(wanted).MatchString(text)
	case ops.OpBefore, ops.OpAfter:
		at, err := time.Parse(time.RFC3339, text)
		if !isText || err != nil {
			return false
		}
		moment, ok := naiveMoment(wanted, now)
		return ok && (op == ops.OpBefore && at.Before(moment) || op == ops.OpAfter && at.After(moment))
	case ops.OpAbsent:
	}
	return false
}

func naiveMoment(s string, now time.Time) (time.Time, bool) {
	if rest, ok := strings.CutPrefix(s, "now"); ok {
		d, err := time.ParseDuration(rest)
		return now.Add(d), rest == "" || err == nil
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

func sameType(a, b any) bool {
	switch a.(type) {
	case string:
		_, ok := b.(string)
		return ok
	case json.Number:
		_, ok := b.(json.Number)
		return ok
	case bool:
		_, ok := b.(bool)
		return ok
	}
	return false
}

func same(a, b any) bool {
	if !sameType(a, b) {
		return false
	}
	if _, ok := a.(json.Number); ok {
		c, _ := compareNaive(a, b)
		return c == 0
	}
	return a == b
}

func compareNaive(a, b any) (int, bool) {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return 0, false
		}
		x, _ := new(big.Rat).SetString(a.String())
		y, _ := new(big.Rat).SetString(b.String())
		return x.Cmp(y), true
	}
	return 0, false
}
