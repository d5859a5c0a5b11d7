package rule_test

import (
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func Example_condition() {
	var c ops.Condition
	text := `{"all": [
		{"path": "detail.service_type", "op": "in", "value": ["cleaning", "plumbing"]},
		{"path": "detail.service_value", "op": "gt", "value": 100}
	]}`
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Println(err)
		return
	}
	cond, err := rule.CompileCondition(c, calendar.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, detail := range []string{
		`{"service_type": "cleaning", "service_value": 100.01}`,
		`{"service_type": "cleaning", "service_value": 100.00}`,
		`{"service_value": 250}`,
	} {
		ok, leaf := cond.Eval(rule.Doc{"detail": json.RawMessage(detail)}, time.Time{})
		fmt.Printf("%v: %s %s %s, got %s\n", ok, leaf.Path, leaf.Op, leaf.Want, leaf.Got)
	}
	// Output:
	// true: detail.service_value gt 100, got 100.01
	// false: detail.service_value gt 100, got 100.00
	// false: detail.service_type in ["cleaning", "plumbing"], got
}

func ExampleValidateCondition() {
	c := ops.Condition{Any: []ops.Condition{{Path: "detail.amount", Op: "above"}}}
	for _, f := range rule.ValidateCondition(c, "$.condition", []string{"detail", "subject", "event"}) {
		fmt.Println(f.Path, "must be", f.Expected+", got", f.Got)
	}
	// Output:
	// $.condition.any[0].op must be one of exists absent eq ne gt gte lt lte between in not_in contains starts_with ends_with matches before after, got "above"
}

func ExampleResolve() {
	doc := rule.Doc{"detail": json.RawMessage(`{"booking_id": "bk-1", "amount": 120.50}`)}
	v, _ := rule.Resolve(json.RawMessage(`{"booking": "$.detail.booking_id", "text": "$$.not a path"}`), doc)
	fmt.Println(string(v))
	// Output:
	// {"booking":"bk-1","text":"$.not a path"}
}
