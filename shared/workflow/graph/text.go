package graph

import (
	"encoding/json"
	"html"
	"strconv"
	"strings"
	"time"
	"unicode"

	"opsflow/shared/ops"
)

func esc(s string) string { return html.EscapeString(s) }

// num writes a coordinate with at most one decimal, so that the last bits of a sum don't show.
func num(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func upperFirst(s string) string {
	for i, r := range s {
		return s[:i] + string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

// widthOf guesses how wide a text is in a usual sans-serif, rather too wide than too narrow.
func widthOf(s string, size float64) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfrI.,:;'| ", r):
			w += .40
		case strings.ContainsRune("mwMW@", r):
			w++
		case unicode.IsUpper(r):
			w += .78
		case r > unicode.MaxLatin1:
			w++
		default:
			w += .67
		}
	}
	return w * size
}

// fit cuts a text that is too wide.
func fit(s string, size, width float64) string {
	if widthOf(s, size) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 1 && widthOf(string(r)+"…", size) > width {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ,.") + "…"
}

// wrap lays a text out in at most two lines.
func wrap(s string, size, width float64) []string {
	if widthOf(s, size) <= width {
		return []string{s}
	}
	first, rest := "", strings.Fields(s)
	for len(rest) > 0 && widthOf(strings.TrimSpace(first+" "+rest[0]), size) <= width {
		first, rest = strings.TrimSpace(first+" "+rest[0]), rest[1:]
	}
	if first == "" || len(rest) == 0 {
		return []string{fit(s, size, width)}
	}
	return []string{first, fit(strings.Join(rest, " "), size, width)}
}

const (
	labelSize = 11.0
	maxLabel  = 150.0
)

func labelWidth(label string) float64 { return widthOf(label, labelSize) + 16 }

// wayOut says when a step chooses another one: short, and whole. Both are empty when it can't.
func wayOut(s *ops.Step, to string) (label, whole string) {
	if !s.Targets(to) {
		return "", ""
	}
	var ways []string
	for i := range s.Choices {
		if s.Choices[i].Next == to {
			ways = append(ways, say(&s.Choices[i].When))
		}
	}
	if s.Default == to {
		ways = append(ways, "otherwise")
	}
	for _, way := range []struct{ next, when string }{
		{s.OnError.Next, "it fails"}, {s.OnReject.Next, "refused"}, {s.OnTimeout.Next, "no event in time"}, {s.OnExpire.Next, "nobody in time"},
	} {
		if way.next == to {
			ways = append(ways, way.when)
		}
	}
	whole = strings.Join(ways, " or ")
	return fit(whole, labelSize, maxLabel), whole
}

var signs = map[ops.Op]string{
	ops.OpEq: "=", ops.OpNe: "≠", ops.OpGt: ">", ops.OpGte: "≥", ops.OpLt: "<", ops.OpLte: "≤",
}

// say writes a condition as people would.
func say(c *ops.Condition) string {
	several := func(list []ops.Condition, between string) string {
		texts := make([]string, len(list))
		for i := range list {
			texts[i] = say(&list[i])
		}
		return strings.Join(texts, between)
	}
	switch {
	case c.IsZero():
		return "always"
	case c.All != nil:
		return several(c.All, " and ")
	case c.Any != nil:
		return several(c.Any, " or ")
	case c.Not != nil:
		return "not " + say(c.Not)
	}
	name := c.Path[strings.LastIndexByte(c.Path, '.')+1:]
	sign, ok := signs[c.Op]
	if !ok {
		sign = words(string(c.Op))
	}
	if len(c.Value) == 0 {
		return words(name) + " " + sign
	}
	value := string(c.Value)
	var text string
	if json.Unmarshal(c.Value, &text) == nil {
		value = words(text)
	}
	return words(name) + " " + sign + " " + value
}

// took says how long a step that is over took.
func took(r *ops.StepRecord) string {
	if r.StartedAt.IsZero() || r.FinishedAt.IsZero() {
		return ""
	}
	d := r.FinishedAt.Sub(r.StartedAt)
	switch {
	case d < time.Millisecond:
		return ""
	case d < time.Second:
		return strconv.Itoa(int(d.Milliseconds())) + " ms"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days"
}
