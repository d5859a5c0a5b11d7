package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

const benchEvent = `{
	"booking_id": "bk-20261124-000123", "vendor_id": "vendor-1000", "completed_at": "2026-11-24T11:30:00Z",
	"service_type": "type-10", "service_value": 240.50, "currency": "AED", "promised_at": "2026-11-24T11:00:00Z",
	"started_at": "2026-11-24T09:05:00Z", "rating": 4.5, "location": {"area": "area-60", "address": "12 Marina Walk", "lat": 25.08, "lng": 55.14},
	"customer_id": "customer-502", "customer": {"name": "Ada Lovelace", "email": "ada@example.com"}
}`

func benchDoc() Doc {
	return Doc{
		"detail": json.RawMessage(benchEvent), "subject": json.RawMessage(`{"type":"booking","id":"bk-20261124-000123","status":"confirmed"}`),
	}
}

// benchRules are rules of one trigger as a marketplace has them: for one vendor, for a kind of service in one of 500 areas,
// for some customers. Each comes as our condition and as the same in CEL.
func benchRules(tb testing.TB, count int) (conditions []ops.Condition, programs []string) {
	tb.Helper()
	for n := range count {
		text, program := "", ""
		switch n % 4 {
		case 0:
			text = fmt.Sprintf(`{"all":[{"path":"detail.vendor_id","op":"eq","value":"vendor-%d"},{"path":"detail.service_value","op":"gt","value":100}]}`, n)
			program = fmt.Sprintf(`detail.vendor_id == "vendor-%d" && detail.service_value > 100.0`, n)
		case 1:
			text = fmt.Sprintf(`{"all":[{"path":"detail.rating","op":"lt","value":3},{"path":"detail.service_type","op":"eq","value":"type-%d"},{"path":"detail.location.area","op":"eq","value":"area-%d"}]}`, n/4%50, n/4%500)
			program = fmt.Sprintf(`detail.rating < 3.0 && detail.service_type == "type-%d" && detail.location.area == "area-%d"`, n/4%50, n/4%500)
		case 2:
			text = fmt.Sprintf(`{"all":[{"path":"detail.customer_id","op":"in","value":["customer-%d","customer-%d"]},{"path":"subject.status","op":"eq","value":"confirmed"}]}`, n, n+1)
			program = fmt.Sprintf(`detail.customer_id in ["customer-%d", "customer-%d"] && subject.status == "confirmed"`, n, n+1)
		case 3:
			text = fmt.Sprintf(`{"any":[{"path":"detail.location.area","op":"eq","value":"area-%d"},{"path":"detail.booking_id","op":"eq","value":"bk-%d"}]}`, n/4%500, n)
			program = fmt.Sprintf(`detail.location.area == "area-%d" || detail.booking_id == "bk-%d"`, n/4%500, n)
		}
		var c ops.Condition
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			tb.Fatal(err)
		}
		conditions, programs = append(conditions, c), append(programs, program)
	}
	return conditions, programs
}

func benchConditions(tb testing.TB, count int) []*Cond {
	tb.Helper()
	conditions, _ := benchRules(tb, count)
	conds := make([]*Cond, count)
	for n, c := range conditions {
		var err error
		if conds[n], err = CompileCondition(c, calendar.Default()); err != nil {
			tb.Fatal(err)
		}
	}
	return conds
}

// BenchmarkMatch matches one event of 480 bytes against all rules of its trigger, three ways in one run: our matcher; the
// event decoded once and every rule asked (loop); the same with a compiled CEL program for each rule (cel-go). All of them
// start from the raw text.
func BenchmarkMatch(b *testing.B) {
	for _, count := range []int{4, 100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("matcher/rules=%d", count), func(b *testing.B) {
			m := newMatcher(benchConditions(b, count))
			doc, r := benchDoc(), m.read()
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				m.match(r, doc, noon)
			}
		})
		b.Run(fmt.Sprintf("loop/rules=%d", count), func(b *testing.B) {
			conditions, _ := benchRules(b, count)
			rules := make([]func(map[string]any) bool, count)
			for n := range conditions {
				rules[n] = plainRule(&conditions[n])
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				vars := decodeAll(b, benchDoc())
				for _, holds := range rules {
					holds(vars)
				}
			}
		})
		b.Run(fmt.Sprintf("cel-go/rules=%d", count), func(b *testing.B) {
			_, texts := benchRules(b, count)
			programs := celPrograms(b, texts)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				vars := decodeAll(b, benchDoc())
				for _, p := range programs {
					if _, _, err := p.Eval(vars); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func decodeAll(b *testing.B, doc Doc) map[string]any {
	b.Helper()
	vars := map[string]any{}
	for root, raw := range doc {
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			b.Fatal(err)
		}
		vars[root] = v
	}
	return vars
}

// plainRule is a condition as somebody in a hurry writes it: closures over the decoded event, numbers as floats.
func plainRule(c *ops.Condition) func(map[string]any) bool {
	switch {
	case c.All != nil, c.Any != nil:
		inner := make([]func(map[string]any) bool, 0, len(c.All)+len(c.Any))
		for _, list := range [][]ops.Condition{c.All, c.Any} {
			for i := range list {
				inner = append(inner, plainRule(&list[i]))
			}
		}
		every := c.All != nil
		return func(doc map[string]any) bool {
			for _, holds := range inner {
				if holds(doc) != every {
					return !every
				}
			}
			return every
		}
	}
	words := strings.Split(c.Path, ".")
	var want any
	if json.Unmarshal(c.Value, &want) != nil {
		want = nil
	}
	return func(doc map[string]any) bool {
		var v any = doc
		for _, w := range words {
			object, ok := v.(map[string]any)
			if !ok {
				return false
			}
			v = object[w]
		}
		switch c.Op { //nolint:exhaustive // those that the benchmark has
		case ops.OpEq:
			return v == want
		case ops.OpIn:
			return slices.Contains(want.([]any), v) //nolint:forcetypeassert // the benchmark's own
		case ops.OpGt:
			return v.(float64) > want.(float64) //nolint:forcetypeassert // likewise
		default:
			return v.(float64) < want.(float64) //nolint:forcetypeassert // likewise
		}
	}
}

func celPrograms(b *testing.B, texts []string) []cel.Program {
	b.Helper()
	env, err := cel.NewEnv(cel.Variable("detail", cel.DynType), cel.Variable("subject", cel.DynType))
	if err != nil {
		b.Fatal(err)
	}
	programs := make([]cel.Program, len(texts))
	for n, text := range texts {
		ast, issues := env.Compile(text)
		if issues.Err() != nil {
			b.Fatal(issues.Err())
		}
		if programs[n], err = env.Program(ast, cel.EvalOptions(cel.OptOptimize)); err != nil {
			b.Fatal(err)
		}
	}
	return programs
}
