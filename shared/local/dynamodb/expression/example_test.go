package expression_test

import (
	"encoding/json"
	"fmt"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

func parameters(values string) *expression.Parameters {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(values), &raw); err != nil {
		panic(err)
	}
	p, err := expression.NewParameters(nil, raw, true)
	if err != nil {
		panic(err)
	}
	return p
}

func item(text string) attribute.Item {
	i, err := attribute.ParseItem([]byte(text))
	if err != nil {
		panic(err)
	}
	return i
}

func ExampleParameters_Condition() {
	p := parameters(`{":low": {"N": "1"}, ":high": {"N": "10"}, ":tag": {"S": "new"}}`)
	c, err := p.Condition(expression.ConditionClause, "price BETWEEN :low AND :high AND NOT contains(tags, :tag)")
	fmt.Println(err, p.CheckUsed())
	fmt.Println(c.Holds(item(`{"price": {"N": "9.99"}}`)))
	fmt.Println(c.Holds(item(`{"price": {"N": "9.99"}, "tags": {"SS": ["new", "red"]}}`)))
	// Output:
	// <nil> <nil>
	// true
	// false
}

func ExampleParameters_Update() {
	p := parameters(`{":one": {"N": "1"}, ":seen": {"SS": ["b"]}, ":none": {"L": []}, ":line": {"L": [{"S": "x"}]}}`)
	u, err := p.Update("SET n = if_not_exists(n, :one) + :one, lines_read = list_append(:none, :line) REMOVE old_name ADD seen :seen")
	if err != nil {
		panic(err)
	}
	after, err := u.Apply(item(`{"old_name": {"S": "gone"}, "seen": {"SS": ["a"]}}`))
	fmt.Println(err, len(after))
	fmt.Printf("%s %s %s\n", after["n"].Append(nil), after["lines_read"].Append(nil), after["seen"].Append(nil))
	// Output:
	// <nil> 3
	// {"N":"2"} {"L":[{"S":"x"}]} {"SS":["a","b"]}
}

func ExampleParameters_Projection() {
	p := parameters(`{":unused": {"S": ""}}`)
	paths, _ := p.Projection("skus[0].id, amount")
	got := expression.Project(item(`{"skus": {"L": [{"M": {"id": {"S": "a"}, "n": {"N": "2"}}}]}, "amount": {"N": "7"}}`), paths)
	fmt.Printf("%s %s\n", got["skus"].Append(nil), got["amount"].Append(nil))
	_, err := p.Projection("status")
	fmt.Println(err)
	// Output:
	// {"L":[{"M":{"id":{"S":"a"}}}]} {"N":"7"}
	// Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: status
}
