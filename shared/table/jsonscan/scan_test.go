package jsonscan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"opsflow/shared/table/jsonscan"
)

func TestTextAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`""`, `"plain"`, `"a\"b\\c\/d"`, `"\b\f\n\r\t"`, `"\u00e9\u4E2d"`, `"\ud83d\ude00!"`, `"\ud83dx"`, `"\ude00"`,
		`"\ud83d\u0041"`, `"é中😀"`, `"\u0000"`,
	} {
		var want string
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		if got := jsonscan.Text([]byte(raw)); got != want {
			t.Errorf("Text(%s) = %q; encoding/json says %q", raw, got, want)
		}
	}
}

func TestAppendStringIsReadBack(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "plain", "a\"b\\c", "\x00\x1f\n\t", "é中😀", "</script>"} {
		var got string
		quoted := jsonscan.AppendString(nil, text)
		if err := json.Unmarshal(quoted, &got); err != nil || got != text {
			t.Errorf("AppendString(%q) = %s, read back as %q, %v", text, quoted, got, err)
		}
	}
}

func TestFieldsGivesEachFieldWhole(t *testing.T) {
	t.Parallel()
	var got []string
	doc := ` { "a" : [1, {"x":"}]"}] , "b":{},"c\u0064":-1.5e3 ,"e":"q\"","f":null,"g":true} `
	for name, value := range jsonscan.Fields([]byte(doc)) {
		got = append(got, name+"="+string(value))
	}
	want := `a=[1, {"x":"}]"}]|b={}|cd=-1.5e3|e="q\""|f=null|g=true`
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func FuzzScannerEndsOnAnyText(f *testing.F) {
	f.Add([]byte(`{"a":[1,2,{"b":null}]}`))
	f.Add([]byte(`{"a`))
	f.Add([]byte(`"\u12`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for range jsonscan.Fields(data) { //nolint:revive // walking is the test
		}
		s := jsonscan.New(data)
		for range len(data) + 1 {
			kind, raw := s.Next()
			if kind == jsonscan.String {
				jsonscan.Text(raw)
			}
			if kind == jsonscan.End {
				return
			}
		}
		t.Fatal("more tokens than bytes")
	})
}
