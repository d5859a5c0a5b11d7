package attribute_test

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"opsflow/shared/local/dynamodb/attribute"
)

// numbers are written in many ways, of any size.
func numbers() *rapid.Generator[string] {
	return rapid.StringMatching(`-?([0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12})([eE][-+]?[0-9]{1,2})?`)
}

func parse(t interface{ Fatal(args ...any) }, text string) attribute.Value {
	plain, err := attribute.ParseNumber(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return attribute.Value{Kind: attribute.Number, Text: plain}
}

func rat(t interface{ Fatal(args ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatal(text, "is no number")
	}
	return r
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := numbers().Draw(t, "a"), numbers().Draw(t, "b")
		x, y := parse(t, a), parse(t, b)
		if rat(t, x.Text).Cmp(rat(t, a)) != 0 {
			t.Fatalf("%s became %s", a, x.Text)
		}
		if again := parse(t, x.Text); again.Text != x.Text {
			t.Fatalf("%s is written %s, and that %s", a, x.Text, again.Text)
		}
		want := rat(t, a).Cmp(rat(t, b))
		if got, _ := attribute.Compare(x, y); got != want {
			t.Fatalf("%s and %s compare as %d, want %d", a, b, got, want)
		}
		if got := bytes.Compare(x.Ordered(), y.Ordered()); got != want {
			t.Fatalf("the bytes of %s and %s compare as %d, want %d", a, b, got, want)
		}
		for _, op := range []struct {
			run  func(a, b attribute.Value) (attribute.Value, error)
			want *big.Rat
		}{
			{attribute.Add, new(big.Rat).Add(rat(t, a), rat(t, b))}, {attribute.Subtract, new(big.Rat).Sub(rat(t, a), rat(t, b))},
		} {
			got, err := op.run(x, y)
			if err != nil && strings.Contains(err.Error(), "38 significant digits") {
				continue
			}
			if err != nil || rat(t, got.Text).Cmp(op.want) != 0 {
				t.Fatalf("%s and %s make %s (%v), want %s", a, b, got.Text, err, op.want.FloatString(80))
			}
		}
	})
}

func TestNumbersOutOfRangeAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1E126": "Number overflow", "-1E126": "Number overflow", "1E-131": "Number underflow", "9.9E125": "", "1E-130": "",
		strings.Repeat("9", 38): "", strings.Repeat("9", 39): "38 significant digits", strings.Repeat("9", 38) + "00": "",
		"": "cannot be converted", "1e": "cannot be converted", "0x1": "cannot be converted", "1_0": "cannot be converted", "1 2": "cannot be converted", "NaN": "cannot be converted",
	} {
		_, err := attribute.ParseNumber(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// values are values of all kinds.
func values(depth int) *rapid.Generator[attribute.Value] {
	return rapid.Custom(func(t *rapid.T) attribute.Value {
		kinds := attribute.Kinds()
		if depth == 0 {
			kinds = kinds[:5]
		}
		v := attribute.Value{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		switch v.Kind {
		case attribute.String:
			v.Text = rapid.String().Draw(t, "text")
		case attribute.Number:
			v = parse(t, numbers().Draw(t, "number"))
		case attribute.Binary:
			v.Text = string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		case attribute.Bool:
			v.Bool = rapid.Bool().Draw(t, "bool")
		case attribute.Null:
			v.Bool = true
		case attribute.List:
			v.Items = rapid.SliceOfN(values(depth-1), 0, 3).Draw(t, "list")
		case attribute.Map:
			v.Map = rapid.MapOfN(rapid.StringN(1, 5, -1), values(depth-1), 0, 3).Draw(t, "map")
		default:
			one := rapid.SampledFrom([]attribute.Value{attribute.Str("a"), attribute.Str("b")})
			switch v.Kind.Element() {
			case attribute.Number:
				one = rapid.Map(numbers(), func(text string) attribute.Value { return parse(t, text) })
			case attribute.Binary:
				one = rapid.SampledFrom([]attribute.Value{{Kind: attribute.Binary, Text: "\x00"}, {Kind: attribute.Binary, Text: "\xFF"}})
			default:
			}
			first := attribute.Value{Kind: v.Kind, Items: []attribute.Value{one.Draw(t, "element")}}
			return attribute.Union(first, attribute.Value{Kind: v.Kind, Items: []attribute.Value{one.Draw(t, "element")}})
		}
		return v
	})
}

func TestValuesComeBackFromTheirNotation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "value")
		back, err := attribute.Parse(v.Append(nil))
		if err != nil || !attribute.Equal(back, v) {
			t.Fatalf("%s came back as %s, %v", v.Append(nil), back.Append(nil), err)
		}
		a, b := attribute.Item{"a": v, "b": back}, attribute.Item{"b": v, "a": back.Clone()}
		if a.Hash() != b.Hash() || a.Size() != b.Size() {
			t.Fatalf("equal items have different hashes or sizes: %s", a.Append(nil))
		}
	})
}

func TestPlainJSONComesBack(t *testing.T) {
	t.Parallel()
	item := attribute.Item{}
	attribute.AddPlain(item, []byte(`{"n":1.50,"s":"é\n","l":[1,null,{"x":[]}],"t":true,"gone":1}`), []string{"n", "s", "l", "t"})
	raw, unfit := item.Plain(map[string]bool{"t": true})
	again := attribute.Item{}
	attribute.AddPlain(again, raw, nil)
	if unfit != "" || len(again) != 3 || again["n"].Text != "1.5" || !attribute.Equal(again["l"], item["l"]) || again["s"].Text != "é\n" {
		t.Errorf("got %s, %s", raw, unfit)
	}
	item["set"] = attribute.Value{Kind: attribute.List, Items: []attribute.Value{{Kind: attribute.StringSet, Items: []attribute.Value{attribute.Str("a")}}}}
	if _, unfit = item.Plain(nil); unfit != "set" {
		t.Errorf("a set in a list: %q", unfit)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"S":"a"}`, `{"N":"1e5"}`, `{"L":[{"M":{"a":{"NS":["1","2"]}}}]}`, `{"B":"YQ=="}`, `{"NULL":true}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := attribute.Parse(raw)
		var wrong *attribute.Error
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("%v is no *Error", err)
		}
		if err != nil {
			return
		}
		if back, err := attribute.Parse(v.Append(nil)); err != nil || !attribute.Equal(v, back) {
			t.Fatalf("%q came back as %s, %v", raw, back.Append(nil), err)
		}
	})
}
