package expression_test

import (
	"encoding/json"
	"testing"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
)

// FuzzExpressions has every reader of expressions read the same text: none may panic, and an update may not change the item
// that it is applied to.
func FuzzExpressions(f *testing.F) {
	for _, seed := range []string{
		"a = :v", "NOT (size(a) > :v OR b IN (:v, c[0].d))", "SET a = if_not_exists(a, :v) + :v, l = list_append(l, l) REMOVE m.x ADD n :v DELETE s :v",
		"a, b[0], c.#d", "pk = :v AND begins_with(sk, :v)", "((a = :v))", "a BETWEEN :v AND :v",
	} {
		f.Add(seed)
	}
	values := map[string]json.RawMessage{":v": json.RawMessage(`{"N":"1"}`), ":s": json.RawMessage(`{"SS":["a"]}`), ":l": json.RawMessage(`{"L":[{"S":"x"}]}`)}
	const text = `{"a":{"N":"1"},"l":{"L":[{"N":"1"},{"M":{"x":{"S":"y"}}}]},"m":{"M":{"x":{"N":"2"}}},"s":{"SS":["a","b"]}}`
	f.Fuzz(func(t *testing.T, e string) {
		p, err := expression.NewParameters(map[string]string{"#d": "d"}, values, true)
		if err != nil {
			t.Fatal(err)
		}
		old, err := attribute.ParseItem([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if c, err := p.Condition(expression.FilterClause, e); err == nil {
			c.Holds(old)
			c.Holds(nil)
		}
		if u, err := p.Update(e); err == nil {
			_, _ = u.Apply(old)
		}
		if paths, err := p.Projection(e); err == nil {
			expression.Project(old, paths)
		}
		_, _ = p.KeyConditions(e)
		same, err := attribute.ParseItem([]byte(text))
		if err != nil || old.Hash() != same.Hash() {
			t.Fatalf("%q changed the item", e)
		}
	})
}
