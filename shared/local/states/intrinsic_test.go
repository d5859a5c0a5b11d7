package states

import (
	"crypto/rand"
	"strings"
	"testing"

	"opsflow/shared/local/states/value"
)

// The last argument of each call is $, the input.
func evalCall(t *testing.T, text, input string) (string, error) {
	t.Helper()
	v, err := value.Parse([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseCall(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	got, err := c.eval(&scope{input: v, random: rand.Reader}, "x.$")
	return string(value.Text(got)), err
}

func TestIntrinsicFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ call, input, want string }{
		{`States.Array(1, 'a', null, true, $.x)`, `{"x":[2]}`, `[1,"a",null,true,[2]]`},
		{`States.ArrayPartition($, 2)`, `[1,2,3]`, `[[1,2],[3]]`},
		{`States.ArrayRange(5, 1, -2)`, `{}`, `[5,3,1]`},
		{`States.ArrayUnique($)`, `[1,1.0,"1",{"a":1},{"a":1.0}]`, `[1,"1",{"a":1}]`},
		{`States.ArrayGetItem($, 1)`, `["a","b"]`, `"b"`},
		{`States.ArrayLength(States.ArrayRange(1, 1000, 1))`, `{}`, `1000`},
		{`States.Base64Decode(States.Base64Encode('Grüße'))`, `{}`, `"Grüße"`},
		{`States.Format('{} \{\} it\'s {}', $.a, $.b)`, `{"a":{"k":[1,"x",null]},"b":1.50}`, `"{k=[1, x, null]} {} it's 1.50"`},
		{`States.Hash('input data', 'SHA-1')`, `{}`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`},
		{`States.JsonMerge($.a, $.b, false)`, `{"a":{"x":1,"y":{"p":1}},"b":{"y":{"q":2}}}`, `{"x":1,"y":{"q":2}}`},
		{`States.JsonToString($)`, `{"b":1,"a":"<é>"}`, `"{\"b\":1,\"a\":\"<é>\"}"`},
		{`States.MathAdd($, 0.5)`, `-1.5`, `0`},
		{`States.StringSplit($, '.+')`, `"a.b+c..d"`, `["a","b","c","d"]`},
		{`States.StringToJson($)`, `"{\"b\":1.10,\"a\":[]}"`, `{"b":1.10,"a":[]}`},
	} {
		if got, err := evalCall(t, c.call, c.input); err != nil || got != c.want {
			t.Errorf("%s on %s: got %s, %v; want %s", c.call, c.input, got, err, c.want)
		}
	}
}

func TestIntrinsicFunctionsFail(t *testing.T) {
	t.Parallel()
	for call, input := range map[string]string{
		`States.ArrayGetItem($, 2)`:       `[1,2]`,
		`States.ArrayRange(1, 2000, 1)`:   `{}`,
		`States.ArrayRange(1, 2, 0)`:      `{}`,
		`States.ArrayPartition($, 0)`:     `[1]`,
		`States.ArrayLength($)`:           `"text"`,
		`States.Format('{} {}', $)`:       `1`,
		`States.Hash('a', 'CRC')`:         `{}`,
		`States.JsonMerge($, $, true)`:    `{}`,
		`States.MathAdd($, 1)`:            `"1"`,
		`States.StringToJson('{')`:        `{}`,
		`States.Base64Encode($)`:          `"` + strings.Repeat("a", maxIntrinsicText+1) + `"`,
		`States.MathRandom(3, 3)`:         `{}`,
		`States.Base64Decode('not base')`: `{}`,
	} {
		_, err := evalCall(t, call, input)
		if f, ok := err.(*failure); !ok || f.Name != errIntrinsic { //nolint:errorlint // exactly this type
			t.Errorf("%s: got %v, want an intrinsic failure", call, err)
		}
	}
}

func TestInvalidCallsAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"States.None()", "States.UUID", "States.UUID(1)", "States.MathAdd(1)", "States.Format('x'", "States.Format('x') y", "States.Array(1 2)",
		"States.Array(-)", "States.Array(x)", "States.Array('x)",
	} {
		if _, err := parseCall(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestWildcards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"log-*.txt", "log-1.txt", true},
		{"log-*.txt", "log-1.txt.gz", false},
		{"*", "", true},
		{`a\*b`, "a*b", true},
		{`a\*b`, "axb", false},
		{"*a*b", "xxaxxb", true},
		{strings.Repeat("*a", 30) + "b", strings.Repeat("a", 200), false},
	} {
		if got := wildcardMatch(c.pattern, c.text); got != c.want {
			t.Errorf("%s on %s: got %v", c.pattern, c.text, got)
		}
	}
}
