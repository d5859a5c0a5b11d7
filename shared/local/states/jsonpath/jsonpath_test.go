package jsonpath_test

import (
	"testing"

	"opsflow/shared/local/states/jsonpath"
	"opsflow/shared/local/states/value"
)

const library = `{"store": {"book": [
	{"title": "A", "price": 8.95, "tags": ["x", "y"]}, {"title": "B", "price": 12.99, "isbn": "1"}, {"title": "C", "price": 22.99, "isbn": "2"}],
	"bicycle": {"price": 19.95, "odd name": 1}}, "limit": 10}`

func TestPathsLeadToValues(t *testing.T) {
	t.Parallel()
	root := parse(t, library)
	for path, want := range map[string]string{
		"$.limit":                                  `10`,
		"$['limit']":                               `10`,
		"$.store.bicycle['odd name']":              `1`,
		"$.store.book[0].title":                    `"A"`,
		"$.store.book[-1].title":                   `"C"`,
		"$.store.book[*].title":                    `["A","B","C"]`,
		"$.store.book[1:].title":                   `["B","C"]`,
		"$.store.book[:-1].title":                  `["A","B"]`,
		"$.store.book[0,2].title":                  `["A","C"]`,
		"$..title":                                 `["A","B","C"]`,
		"$..price":                                 `[8.95,12.99,22.99,19.95]`,
		"$.store.book[?(@.isbn)].title":            `["B","C"]`,
		"$.store.book[?(@.price < $.limit)].title": `["A"]`,
		"$.store.book[?(@.price > 9 && @.title != 'C')].isbn": `["1"]`,
		"$.store.book[?(@.title in ['A','C'])].price":         `[8.95,22.99]`,
		"$.store.book[?(@.title =~ /[ab]/i)].title":           `["A","B"]`,
		"$.store.book[?(!(@.isbn))].title":                    `["A"]`,
		"$.store.book[0]['title','price']":                    `{"title":"A","price":8.95}`,
		"$.store.book.length()":                               `3`,
		"$.store.book[*].price.max()":                         `22.99`,
		"$.nothing[*].here":                                   `[]`,
		"$.nothing[1:]":                                       `[]`,
	} {
		p, err := jsonpath.Parse(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got, err := p.Get(root)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if text := string(value.Text(got)); text != want {
			t.Errorf("%s: got %s, want %s", path, text, want)
		}
	}
}

func TestMissingDefinitePathSaysWhere(t *testing.T) {
	t.Parallel()
	root := parse(t, library)
	for path, want := range map[string]string{
		"$.none":                   "No results for path: $['none']",
		"$.none.deeper":            "Missing property in path $['none']",
		"$.store.book[7]":          "No results for path: $['store']['book'][7]",
		"$.limit.x":                "No results for path: $['limit']['x']",
		"$.store['bicycle'].owner": "No results for path: $['store']['bicycle']['owner']",
	} {
		p, err := jsonpath.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Get(root); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

func TestInvalidPathsAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "a", "$.", "$a", "$[", "$['a", "$[]", "$[?(@.a]", "$..", "$.a()", "$[?(@.a == )]"} {
		if _, err := jsonpath.Parse(path); err == nil {
			t.Errorf("%q was accepted", path)
		}
	}
}

func TestSetLeavesTheOriginalAlone(t *testing.T) {
	t.Parallel()
	const original = `{"a":{"b":1},"l":[1,2]}`
	root := parse(t, original)
	for path, want := range map[string]string{
		"$":       `"new"`,
		"$.c":     `{"a":{"b":1},"l":[1,2],"c":"new"}`,
		"$.a.b":   `{"a":{"b":"new"},"l":[1,2]}`,
		"$.x.y.z": `{"a":{"b":1},"l":[1,2],"x":{"y":{"z":"new"}}}`,
		"$.l[1]":  `{"a":{"b":1},"l":[1,"new"]}`,
	} {
		p, err := jsonpath.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Set(root, "new")
		if err != nil || string(value.Text(got)) != want {
			t.Errorf("%s: got %s, %v; want %s", path, value.Text(got), err, want)
		}
	}
	if text := string(value.Text(root)); text != original {
		t.Errorf("the original became %s", text)
	}
	p, err := jsonpath.Parse("$.l.x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Set(root, 1); err == nil {
		t.Error("a member was set in a list")
	}
}

func parse(t *testing.T, text string) any {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
