package rule_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func document() rule.Doc {
	return rule.Doc{
		"detail": json.RawMessage(`{
			"service_value": 100.10, "whole": 100, "name": "Ada Lövelace", "quoted": "a\"b\u00e9", "none": null,
			"yes": true, "tags": ["new", 3, {"k": 1}], "location": {"area": "marina", "lat": 25.08},
			"at": "2026-11-24T10:00:00Z", "promised": "2026-11-24T13:00:00+04:00", "empty": "", "esc\u0061ped": 7,
			"twice": 1, "twice": 2, "big": 1e400, "nested": [[1, 2], [3]],
			"items": [{"price": 5}, {"price": 20}, {"price": 700}]
		}`),
		"subject": json.RawMessage(` {"status": "pending"} `),
	}
}

func condition(t *testing.T, text string) ops.Condition {
	t.Helper()
	var c ops.Condition
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComparisons(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, op, value string
		want            bool
	}{
		{"detail.service_value", "exists", "", true},
		{"detail.none", "exists", "", false},
		{"detail.missing", "exists", "", false},
		{"detail.none", "absent", "", true},
		{"detail.missing.deeper", "absent", "", true},
		{"detail.name", "absent", "", false},
		{"detail.service_value", "eq", "100.1", true},
		{"detail.service_value", "eq", "1.001e2", true},
		{"detail.service_value", "eq", `"100.1"`, false},
		{"detail.yes", "eq", "true", true},
		{"detail.quoted", "eq", `"a\u0022bé"`, true},
		{"detail.name", "ne", `"Bob"`, true},
		{"detail.name", "ne", "1", false},
		{"detail.missing", "ne", "1", false},
		{"detail.service_value", "gt", "100", true},
		{"detail.service_value", "gt", "100.1", false},
		{"detail.service_value", "gte", "100.10", true},
		{"detail.service_value", "lt", "100.1000000000000000000000001", true},
		{"detail.service_value", "lte", "100", false},
		{"detail.big", "gt", "1e399", true},
		{"detail.name", "gt", `"Ada"`, true},
		{"detail.name", "gt", "1", false},
		{"detail.whole", "between", "[100, 200]", true},
		{"detail.whole", "between", "[0, 100]", true},
		{"detail.whole", "between", "[0, 99.9]", false},
		{"detail.whole", "in", `["a", 100.0]`, true},
		{"detail.name", "in", `["a", 100.0]`, false},
		{"detail.whole", "not_in", "[1, 2]", true},
		{"detail.whole", "not_in", `["100"]`, false},
		{"detail.missing", "not_in", "[1]", false},
		{"detail.name", "contains", `"Löv"`, true},
		{"detail.tags", "contains", "3.0", true},
		{"detail.tags", "contains", `"old"`, false},
		{"detail.whole", "contains", "1", false},
		{"detail.name", "starts_with", `"Ada"`, true},
		{"detail.name", "ends_with", `"lace"`, true},
		{"detail.whole", "starts_with", `"1"`, false},
		{"detail.name", "matches", `"^A[a-z]+ "`, true},
		{"detail.whole", "matches", `"1"`, false},
		{"detail.at", "before", `"2026-11-24T14:00:01+04:00"`, true},
		{"detail.at", "after", `"2026-11-24T10:00:00Z"`, false},
		{"detail.at", "after", `"now-3h"`, true},
		{"detail.at", "before", `"now-3h"`, false},
		{"detail.at", "before", `"now"`, true},
		{"detail.name", "before", `"now"`, false},
		{"detail.at", "after", `"$.detail.promised"`, true},
		{"detail.at", "after", `"$.detail.missing"`, false},
		{"detail.service_value", "gt", `"$.detail.whole"`, true},
		{"detail.whole", "in", `"$.detail.nested.0"`, false},
		{"detail.nested.1.0", "eq", "3", true},
		{"detail.nested.7", "exists", "", false},
		{"detail.location.area", "eq", `"marina"`, true},
		{"detail.location", "eq", `"marina"`, false},
		{"detail.tags.2.k", "eq", "1", true},
		{"detail.escaped", "eq", "7", true},
		{"detail.twice", "eq", "2", true},
		{"detail", "exists", "", true},
		{"nowhere.at", "exists", "", false},
		{"subject.status", "eq", `"pending"`, true},
		{"detail.tags[any]", "eq", "3", true},
		{"detail.tags[every]", "eq", "3", false},
		{"detail.tags[any].k", "exists", "", true},
		{"detail.tags[every].k", "exists", "", false},
		{"detail.nested[every][any]", "gte", "2", true},
		{"detail.nested[every][every]", "gte", "2", false},
		{"detail.nested[every].0", "gte", "1", true},
		{"detail.nested.[any].[every]", "eq", "3", true},
		{"detail.name[any]", "eq", `"A"`, false},
		{"detail.missing[every]", "absent", "", false},
		{"detail.at", "before", `"now-1bh"`, true},
		{"detail.at", "before", `"now-3bh"`, false},
		{"detail.at", "before", `"now+1bh"`, true},
	} {
		t.Run(c.path+" "+c.op+" "+c.value, func(t *testing.T) {
			t.Parallel()
			asked := ops.Condition{Path: c.path, Op: ops.Op(c.op)}
			if c.value != "" {
				asked.Value = json.RawMessage(c.value)
			}
			cond, err := rule.CompileCondition(asked, calendar.Default())
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := cond.Eval(document(), now); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestTheDecidingLeaf(t *testing.T) {
	t.Parallel()
	const (
		yes   = `{"path": "detail.yes", "op": "eq", "value": true}`
		value = `{"path": "detail.service_value", "op": "gt", "value": 200}`
		name  = `{"path": "detail.name", "op": "eq", "value": "Bob"}`
		gone  = `{"path": "detail.gone", "op": "exists"}`
	)
	const valueLeaf = `{"path":"detail.service_value","op":"gt","want":200,"got":100.10}`
	const nameLeaf = `{"path":"detail.name","op":"eq","want":"Bob","got":"Ada Lövelace"}`
	const yesLeaf = `{"path":"detail.yes","op":"eq","want":true,"got":true}`
	for _, c := range []struct {
		name, condition string
		want            bool
		leaf            string
	}{
		{"all names the first that is false", `{"all": [` + yes + "," + value + "," + name + `]}`, false, valueLeaf},
		{"any names the last that is false", `{"any": [` + value + "," + name + `]}`, false, nameLeaf},
		{"any names the first that is true", `{"any": [` + value + "," + yes + "," + name + `]}`, true, yesLeaf},
		{"not names its own", `{"not": ` + yes + `}`, false, yesLeaf},
		{"not of any", `{"not": {"any": [` + value + "," + name + `]}}`, true, nameLeaf},
		{"nested", `{"all": [` + yes + `, {"any": [` + value + `, {"not": ` + yes + `}]}]}`, false, yesLeaf},
		{"what is missing has no got", gone, false, `{"path":"detail.gone","op":"exists"}`},
		{"every names the first that fails", `{"path": "detail.items[every].price", "op": "lt", "value": 100}`, false, `{"path":"detail.items[2].price","op":"lt","want":100,"got":700}`},
		{"any names the first that holds", `{"path": "detail.items[any].price", "op": "gt", "value": 10}`, true, `{"path":"detail.items[1].price","op":"gt","want":10,"got":20}`},
		{"any of which none holds names the list", `{"path": "detail.tags[any]", "op": "eq", "value": 7}`, false, `{"path":"detail.tags[any]","op":"eq","want":7,"got":["new",3,{"k":1}]}`},
		{"what an element lacks", `{"path": "detail.items[every].name", "op": "exists"}`, false, `{"path":"detail.items[0].name","op":"exists"}`},
		{"lists in lists", `{"path": "detail.nested[every][every]", "op": "lt", "value": 3}`, false, `{"path":"detail.nested[1][0]","op":"lt","want":3,"got":3}`},
		{"the value of a path", `{"path": "detail.items[every].price", "op": "lt", "value": "$.detail.whole"}`, false, `{"path":"detail.items[2].price","op":"lt","want":100,"got":700}`},
		{"nothing asked", `{}`, true, `null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cond, err := rule.CompileCondition(condition(t, c.condition), calendar.Default())
			if err != nil {
				t.Fatal(err)
			}
			got, leaf := cond.Eval(document(), now)
			text, err := json.Marshal(leaf)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want || string(text) != c.leaf {
				t.Errorf("got %v by %s", got, text)
			}
		})
	}
}

func TestALongValueIsNotRepeatedWhole(t *testing.T) {
	t.Parallel()
	cond, err := rule.CompileCondition(ops.Condition{Path: "detail.text", Op: ops.OpEq, Value: json.RawMessage(`"x"`)}, calendar.Default())
	if err != nil {
		t.Fatal(err)
	}
	long := rule.Doc{"detail": json.RawMessage(`{"text": "` + strings.Repeat("é", 100_000) + `"}`)}
	_, leaf := cond.Eval(long, now)
	if len(leaf.Got) > 300 || !json.Valid(leaf.Got) {
		t.Errorf("got %d bytes: %s", len(leaf.Got), leaf.Got)
	}
}

func TestFaultsOfConditions(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"not": `, 20) + `{"path": "detail.a", "op": "exists"}` + strings.Repeat("}", 20)
	for _, c := range []struct{ condition, path string }{
		{`{"path": "detail.a", "op": "like", "value": 1}`, "$.condition.op"},
		{`{"path": "details.a", "op": "eq", "value": 1}`, "$.condition.path"},
		{`{"path": "detail..a", "op": "eq", "value": 1}`, "$.condition.path"},
		{`{"op": "eq", "value": 1}`, "$.condition.path"},
		{`{"path": "detail.a", "op": "eq"}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "exists", "value": true}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "between", "value": [2, 1]}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "in", "value": []}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "in", "value": "a"}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "gt", "value": true}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "matches", "value": "(("}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "after", "value": "tomorrow"}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "after", "value": "$.nowhere.at"}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "lt", "value": "now+24h"}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "gte", "value": "2026-11-24T12:00:00+04:00"}`, "$.condition.value"},
		{`{"path": "detail.a", "op": "between", "value": ["2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z"]}`, "$.condition.value"},
		{`{"path": "detail.a[some].b", "op": "exists"}`, "$.condition.path"},
		{`{"path": "detail.a[any]x", "op": "exists"}`, "$.condition.path"},
		{`{"path": "detail.a[0]", "op": "exists"}`, "$.condition.path"},
		{`{"path": "detail.a", "op": "eq", "value": "$.detail.b]"}`, "$.condition.value"},
		{`{"all": []}`, "$.condition.all"},
		{`{"all": [{"any": [{"path": "detail.a", "op": "exists"}, {}]}]}`, "$.condition.all[0].any[1]"},
		{`{"all": [{"path": "detail.a", "op": "exists"}], "path": "detail.a", "op": "exists"}`, "$.condition"},
		{deep, "$.condition" + strings.Repeat(".not", rule.MaxConditionDepth)},
	} {
		t.Run(c.condition, func(t *testing.T) {
			t.Parallel()
			faults := rule.ValidateCondition(condition(t, c.condition), "$.condition", []string{"detail", "subject", "event"})
			if len(faults) != 1 || faults[0].Path != c.path || faults[0].Expected == "" {
				t.Errorf("got %+v", faults)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, want string
		ok          bool
	}{
		{`"$.detail.location.area"`, `"marina"`, true},
		{`"$.detail.gone"`, ``, false},
		{`"$$.detail.gone"`, `"$.detail.gone"`, true},
		{`"\u0024.detail.whole"`, `100`, true},
		{`"costs $5"`, `"costs $5"`, true},
		{`12`, `12`, true},
		{`{"a": {"b": "$.detail.whole", "c": "$.detail.gone"}, "d": ["$.detail.yes", "$.gone"]}`, `{"a":{"b":100},"d":[true,null]}`, true},
	} {
		got, ok := rule.Resolve(json.RawMessage(c.value), document())
		if ok != c.ok || string(got) != c.want {
			t.Errorf("%s: got %s, %v", c.value, got, ok)
		}
	}
}
