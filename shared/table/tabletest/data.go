package tabletest

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"opsflow/shared/table"
)

var dataCases = map[string]func(t *testing.T, e *env){
	"documents come back as they were": func(t *testing.T, e *env) {
		for i, doc := range []string{
			``, `{}`, ` { } `,
			`{"empty":"","null":null,"yes":true,"no":false,"list":[],"map":{},"nested":{"null":null,"list":[null,[],{}]}}`,
			`{"n":[0,-0,1,-1,1.5,1e3,1E-3,-2.50,100,12345678901234567890123456789012345678]}`,
			`{"n":0.00000000000000000012345678901234567890123456789012345678}`,
			`{"n":-9.9999999999999999999999999999999999999e+125,"m":1e-130}`,
			`{"text":"é 中 😀 \u0000 \u001f \" \\ \/ \b\f\n\r\t \ud83d\ude00 </script>"}`,
			`{"é 中":{"a b":1,"x\"y":3,"#n":4},"with-dash":1,"with.dot":2,"size":3,"name":4,"status":5}`,
			`{"deep":` + strings.Repeat(`[`, 31) + strings.Repeat(`]`, 31) + `}`,
			`{"mixed":[1,"1",true,null,{"a":[1,2,{"b":"c"}]},[["x"]]]}`,
		} {
			it := table.Item{Key: key("doc", strconv.Itoa(i)), Data: json.RawMessage(doc)}
			if err := e.try(t, table.Write{Puts: []table.Put{{Item: it}}}); err != nil {
				t.Errorf("%.200s: %v", doc, err)
				continue
			}
			if it.V = 1; doc == "" {
				it.Data = json.RawMessage(`{}`)
			}
			e.want(t, it)
		}
	},
	"keys may hold any text": func(t *testing.T, e *env) {
		for i, k := range []table.Key{
			key("a\x00b", "\x00"), key("a", "b\x00"), key("a\x00", "b"), key("é", "中"), key("a/b", "c#d"), key("\x01", "\U0010FFFF"),
			key(strings.Repeat("p", table.MaxPartition), strings.Repeat("s", table.MaxSort)),
		} {
			it := table.Item{Key: k, Data: data("n", i), Index: map[string]table.Key{"list": k}}
			e.put(t, it, 0)
			it.V = 1
			e.want(t, it)
			if got := walk(t, e, table.Query{Index: "list", PK: k.PK}); len(got) != 1 || got[0].Key != k || got[0].Index["list"] != k {
				t.Errorf("the index gives %d items for %.20q", len(got), k)
			}
		}
	},
	"data that is no document is refused": func(t *testing.T, e *env) {
		for _, doc := range []string{
			`x`, `[]`, `1`, `null`, `{"a":1`, `{"a":1}{}`, "{\"a\":\"\xff\"}",
			`{"pk":1}`, `{"sk":1}`, `{"v":1}`, `{"write_id":1}`, `{"expires_at":1}`, `{"list_pk":1}`, `{"wake_sk":1}`, `{"":1}`, `{"a":[{"":1}]}`,
			`{"n":123456789012345678901234567890123456789}`, `{"n":1e126}`, `{"n":1e-131}`, `{"n":1e999999999999999999999}`,
			`{"deep":` + strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40) + `}`,
		} {
			it := table.Item{Key: key("doc", "x"), Data: json.RawMessage(doc)}
			if err := e.try(t, table.Write{Puts: []table.Put{{Item: it}}}); err == nil {
				t.Errorf("%.100s: no error", doc)
			} else {
				wantLimit(t, err)
			}
		}
		e.wantNone(t, key("doc", "x"))
	},
}
