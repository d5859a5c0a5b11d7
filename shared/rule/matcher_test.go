package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// Values and paths are few, so that conditions often hold, and often just not.
var (
	texts7   = []string{`"a"`, `"b"`, `"ab"`, `"a\u0062"`, `"é\""`, `""`, `"2026-11-24T10:00:00Z"`, `"2026-11-24T14:00:00+02:00"`, `"2026-11-24T15:30:00.5+04:00"`}
	numbers7 = []string{"0", "-0.0", "1", "1.0", "10e-1", "0.1", "0.10", "100.10", "-5", "1e30", "123456789012345678901234567890", "123456789012345678901234567891"}
	others7  = []string{"true", "false", "null"}
	names7   = []string{"x", "y", "z"}
)

func scalar() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(texts7), rapid.SampledFrom(numbers7), rapid.SampledFrom(others7))
}

// anyJSON is a value of up to two levels.
func anyJSON(depth int) *rapid.Generator[string] {
	if depth == 0 {
		return scalar()
	}
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			return list(rapid.SliceOfN(anyJSON(depth-1), 0, 3).Draw(t, "list"))
		case 1:
			return object(t, depth-1)
		}
		return scalar().Draw(t, "scalar")
	})
}

func list(members []string) string {
	out := "["
	for n, m := range members {
		if n > 0 {
			out += " , "
		}
		out += m
	}
	return out + "]"
}

func object(t *rapid.T, depth int) string {
	out := "{"
	for n, name := range rapid.SliceOfN(rapid.SampledFrom(append(names7, `\u0079`)), 0, 4).Draw(t, "names") { // also twice
		if n > 0 {
			out += ","
		}
		out += fmt.Sprintf(` "%s" :%s`, name, anyJSON(depth).Draw(t, "value"))
	}
	return out + "}"
}

func pathText(t *rapid.T, lists bool) string {
	p := rapid.SampledFrom([]string{"detail", "detail", "subject"}).Draw(t, "root")
	for range rapid.IntRange(1, 3).Draw(t, "words") {
		p += "." + rapid.SampledFrom(append(names7, "0", "1")).Draw(t, "word")
		if lists && rapid.IntRange(0, 4).Draw(t, "list") == 0 {
			p += rapid.SampledFrom([]string{"[any]", "[every]"}).Draw(t, "which")
		}
	}
	return p
}

func conditionOf(t *rapid.T, depth int) ops.Condition {
	if depth > 0 {
		some := func() []ops.Condition {
			out := make([]ops.Condition, rapid.IntRange(1, 3).Draw(t, "n"))
			for i := range out {
				out[i] = conditionOf(t, depth-1)
			}
			return out
		}
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0, 1, 2:
			return ops.Condition{All: some()}
		case 3:
			return ops.Condition{Any: some()}
		case 4:
			inner := conditionOf(t, depth-1)
			return ops.Condition{Not: &inner}
		}
	}
	c := ops.Condition{Path: pathText(t, true), Op: rapid.SampledFrom(ops.Ops()).Draw(t, "op")}
	var value string
	scalars := rapid.OneOf(rapid.SampledFrom(texts7), rapid.SampledFrom(numbers7), rapid.SampledFrom(others7[:2]))
	switch c.Op {
	case ops.OpExists, ops.OpAbsent:
		return c
	case ops.OpBetween:
		value = rapid.SampledFrom([]string{"[0, 1]", "[0.1, 100.1]", `["a", "b"]`}).Draw(t, "range")
	case ops.OpIn, ops.OpNotIn:
		value = list(rapid.SliceOfN(scalars, 1, 3).Draw(t, "members"))
	case ops.OpMatches:
		value = `"^a.?$"`
	case ops.OpBefore, ops.OpAfter:
		value = rapid.SampledFrom([]string{`"now"`, `"now-2h"`, `"now+1h30m"`, texts7[6]}).Draw(t, "moment")
	case ops.OpGt, ops.OpGte, ops.OpLt, ops.OpLte:
		value = rapid.OneOf(rapid.SampledFrom(texts7[:6]), rapid.SampledFrom(numbers7)).Draw(t, "value") // no times
	case ops.OpStartsWith, ops.OpEndsWith:
		value = rapid.SampledFrom(texts7).Draw(t, "value")
	default:
		value = scalars.Draw(t, "value")
	}
	if c.Op != ops.OpMatches && rapid.IntRange(0, 5).Draw(t, "ref") == 0 {
		value = `"$.` + pathText(t, false) + `"`
	}
	c.Value = json.RawMessage(value)
	return c
}

// 100 rounds of 20 rules and 50 events are 100,000 pairs.
func TestTheMatcherAgreesWithThePlainEvaluator(t *testing.T) {
	t.Parallel()
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		conditions := make([]ops.Condition, 20)
		conds := make([]*Cond, len(conditions))
		for n := range conditions {
			conditions[n] = conditionOf(t, 2)
			var err error
			if conds[n], err = CompileCondition(conditions[n], calendar.Default()); err != nil {
				t.Fatalf("%s: %v", mustJSON(conditions[n]), err)
			}
		}
		m := newMatcher(conds)
		r := m.read()
		for range 50 {
			doc := Doc{"detail": json.RawMessage(object(t, 2)), "subject": json.RawMessage(" " + object(t, 1))}
			plain := map[string]any{"detail": decoded(doc["detail"]), "subject": decoded(doc["subject"])}
			want := []int32{}
			for n := range conditions {
				holds := naive(&conditions[n], plain, noon)
				if holds {
					want = append(want, int32(n))
				}
				if one, _ := conds[n].Eval(doc, noon); one != holds {
					t.Fatalf("%s of %s: evaluated alone %v, plainly %v", mustJSON(conditions[n]), mustJSON(doc), one, holds)
				}
			}
			got := m.match(r, doc, noon)
			if !slices.Equal(got, want) {
				t.Fatalf("of %s with %s: matched %v, plainly %v", mustJSON(conditions), mustJSON(doc), got, want)
			}
			held += len(want)
		}
		m.done(r)
	})
	if held < 1000 {
		t.Errorf("only %d conditions held: the test says little", held)
	}
}

// Every operator, with a literal and with a path, through lists and on texts with escapes.
var eachOperator = []string{
	`{"path":"detail.text","op":"exists"}`, `{"path":"detail.none","op":"absent"}`,
	`{"path":"detail.escaped","op":"eq","value":"a\"é"}`, `{"path":"detail.escaped","op":"eq","value":"$.detail.text"}`,
	`{"path":"detail.text","op":"ne","value":"b"}`, `{"path":"detail.escaped","op":"ne","value":"$.detail.text"}`,
	`{"path":"detail.number","op":"gt","value":1}`, `{"path":"detail.number","op":"gte","value":"$.detail.price"}`,
	`{"path":"detail.text","op":"lt","value":"z"}`, `{"path":"detail.number","op":"lte","value":99.5}`,
	`{"path":"detail.number","op":"between","value":[1,100]}`, `{"path":"detail.number","op":"between","value":"$.detail.range"}`,
	`{"path":"detail.text","op":"in","value":["x","a"]}`, `{"path":"detail.escaped","op":"in","value":"$.detail.texts"}`,
	`{"path":"detail.text","op":"not_in","value":["x","y"]}`, `{"path":"detail.text","op":"not_in","value":"$.detail.texts"}`,
	`{"path":"detail.text","op":"contains","value":"a"}`, `{"path":"detail.texts","op":"contains","value":"a\"é"}`,
	`{"path":"detail.escaped","op":"starts_with","value":"a\""}`, `{"path":"detail.escaped","op":"ends_with","value":"é"}`,
	`{"path":"detail.text","op":"matches","value":"^a.*$"}`,
	`{"path":"detail.at","op":"before","value":"now"}`, `{"path":"detail.at","op":"before","value":"now-8bh"}`,
	`{"path":"detail.at","op":"after","value":"now+8bh"}`, `{"path":"detail.at","op":"after","value":"$.detail.at"}`,
	`{"path":"detail.texts[any]","op":"eq","value":"a\"é"}`, `{"path":"detail.items[every].price","op":"lt","value":100}`,
	`{"path":"detail.items[any].names[any]","op":"in","value":"$.detail.texts"}`,
}

const operatorEvent = `{"text":"abc", "esc\u0061ped":"a\"\u00e9", "number":12.50, "price":3, "range":[1, 20], "none":null,
	"at":"2026-11-20T11:30:00Z", "texts":["x", "a\"\u00e9", 3], "items":[{"price":1, "names":["\u0078y"]}, {"price":99, "names":["x"]}]}`

func TestTheMatcherAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations of other tests would count
	for _, size := range []int{4, 100, 1000, 10_000} {
		kinds := map[string][]*Cond{"rules of a marketplace": benchConditions(t, size)}
		for _, text := range eachOperator {
			var c ops.Condition
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				t.Fatal(err)
			}
			cond, err := CompileCondition(c, calendar.Default())
			if err != nil {
				t.Fatal(err)
			}
			kinds[text] = slices.Repeat([]*Cond{cond}, size)
		}
		for name, conds := range kinds {
			m, r := newMatcher(conds), (*reading)(nil)
			doc := Doc{"detail": json.RawMessage(operatorEvent)}
			if name == "rules of a marketplace" {
				doc = benchDoc()
			}
			r = m.read()
			m.match(r, doc, noon)
			if n := testing.AllocsPerRun(5, func() { m.match(r, doc, noon) }); n != 0 {
				t.Errorf("%d of %s: %v allocations", size, name, n)
			}
		}
	}
}

// FuzzDetail gives the readers any text: conditions never panic, and the matcher sees what a single condition sees.
func FuzzDetail(f *testing.F) {
	for _, seed := range []string{`{"x":{"y":[1,2,{"z":"a"}]}}`, `{"x":"\ud800","y":1e999999999999}`, `[`, `{"x"`, `{"x":1,"x":{"y":2}}`, "\"\\", `{"x":-}`} {
		f.Add([]byte(seed))
	}
	var conds []*Cond
	for _, text := range []string{
		`{"path":"detail.x","op":"exists"}`, `{"path":"detail.x.y.0","op":"gt","value":1}`, `{"path":"detail.x.y[any].z","op":"eq","value":"a"}`,
		`{"path":"detail.x[every]","op":"before","value":"now"}`, `{"path":"detail.y","op":"between","value":[0,1e30]}`,
		`{"path":"detail.x","op":"contains","value":"a"}`, `{"not":{"path":"detail.x","op":"eq","value":"$.detail.y"}}`,
	} {
		var c ops.Condition
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			f.Fatal(err)
		}
		cond, err := CompileCondition(c, calendar.Default())
		if err != nil {
			f.Fatal(err)
		}
		conds = append(conds, cond)
	}
	m := newMatcher(conds)
	var schemas Schemas
	f.Fuzz(func(t *testing.T, detail []byte) {
		r := m.read()
		defer m.done(r)
		doc := Doc{"detail": detail}
		got := slices.Clone(m.match(r, doc, noon))
		if json.Valid(detail) {
			for n, c := range conds {
				if holds, _ := c.Eval(doc, noon); holds != slices.Contains(got, int32(n)) {
					t.Errorf("condition %d of %q: alone %v, matched %v", n, detail, holds, got)
				}
			}
		}
		if _, err := schemas.Validate(ops.Envelope{ID: "e", DetailType: "booking_created", Detail: detail}); err != nil {
			t.Error(err)
		}
	})
}
