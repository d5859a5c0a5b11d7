package tabletest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"opsflow/shared/table"
)

var limitCases = map[string]func(t *testing.T, e *env){
	"an item of 401 KB is refused, one just under 400 KB is not": func(t *testing.T, e *env) {
		it := item("big", "1", "text", strings.Repeat("x", 401<<10))
		wantLimit(t, e.try(t, table.Write{Puts: []table.Put{{Item: it}}}))
		e.wantNone(t, it.Key)
		it = item("big", "1", "text", strings.Repeat("x", table.MaxItemBytes-100))
		e.put(t, it, 0)
		it.V = 1
		e.want(t, it)
	},
	"a write of 101 items is refused, one of 100 is not": func(t *testing.T, e *env) {
		var w table.Write
		for i := range 101 {
			w.Puts = append(w.Puts, table.Put{Item: item("many", fmt.Sprintf("%03d", i))})
		}
		wantLimit(t, e.try(t, w))
		if got := walk(t, e, table.Query{PK: "many"}); len(got) > 0 {
			t.Errorf("%d items were written", len(got))
		}
		w.Puts = w.Puts[:100]
		e.write(t, w)
		if got := walk(t, e, table.Query{PK: "many"}); len(got) != 100 {
			t.Errorf("%d items were written; want 100", len(got))
		}
	},
	"a write of more than 4 MB is refused, one just under is not": func(t *testing.T, e *env) {
		w := table.Write{}
		for i := range 11 {
			w.Puts = append(w.Puts, table.Put{Item: item("much", strconv.Itoa(i), "text", strings.Repeat("x", 390<<10))})
		}
		wantLimit(t, e.try(t, w))
		e.wantNone(t, key("much", "0"))
		w.Puts = w.Puts[:10]
		e.write(t, w)
	},
	"malformed keys are refused": func(t *testing.T, e *env) {
		for name, k := range map[string]table.Key{
			"no partition":   key("", "s"),
			"no sort key":    key("p", ""),
			"long partition": key(strings.Repeat("p", table.MaxPartition+1), "s"),
			"long sort key":  key("p", strings.Repeat("s", table.MaxSort+1)),
			"not UTF-8":      key("p", "\xff"),
		} {
			in := item("p", "s")
			in.Index = map[string]table.Key{"list": k}
			_, _, err := e.Get(t.Context(), k)
			_, batchErr := e.BatchGet(t.Context(), []table.Key{k})
			for what, err := range map[string]error{
				"get": err, "batch get": batchErr,
				"put":     e.try(t, table.Write{Puts: []table.Put{{Item: table.Item{Key: k}}}}),
				"index":   e.try(t, table.Write{Puts: []table.Put{{Item: in}}}),
				"delete":  e.try(t, table.Write{Deletes: []table.Delete{{Key: k, WantV: 1}}}),
				"counter": e.try(t, table.Write{Counters: []table.Counter{{Key: k, Field: "n", Add: 1}}}),
			} {
				if err == nil {
					t.Errorf("%s, %s: no error", name, what)
				} else {
					wantLimit(t, err)
				}
			}
		}
	},
	"malformed requests are refused": func(t *testing.T, e *env) {
		a, undeclared := item("a", "1"), item("a", "1")
		undeclared.Index = map[string]table.Key{"nope": key("x", "y")}
		count := func(field string, add, most int64) table.Write {
			return table.Write{ID: "w", Counters: []table.Counter{{Key: key("c", "1"), Field: field, Add: add, Max: most}}}
		}
		for name, w := range map[string]table.Write{
			"nothing":           {ID: "w"},
			"no id":             {Puts: []table.Put{{Item: a}}},
			"long id":           {ID: strings.Repeat("w", 65), Puts: []table.Put{{Item: a}}},
			"one key, two puts": {ID: "w", Puts: []table.Put{{Item: a}, {Item: a}}},
			"put and delete":    {ID: "w", Puts: []table.Put{{Item: a}}, Deletes: []table.Delete{{Key: a.Key, WantV: 1}}},
			"put and counter":   {ID: "w", Puts: []table.Put{{Item: a}}, Counters: []table.Counter{{Key: a.Key, Field: "n", Add: 1}}},
			"negative version":  {ID: "w", Puts: []table.Put{{Item: a, WantV: -1}}},
			"delete of none":    {ID: "w", Deletes: []table.Delete{{Key: a.Key}}},
			"undeclared index":  {ID: "w", Puts: []table.Put{{Item: undeclared}}},
			"adding nothing":    count("n", 0, 0),
			"no field":          count("", 1, 0),
			"reserved field":    count("v", 1, 0),
			"maximum too low":   count("n", 2, math.MinInt64),
		} {
			if err := e.Write(t.Context(), w); err == nil {
				t.Errorf("%s: no error", name)
			} else {
				wantLimit(t, err)
			}
		}
		keys := []table.Key{key("a", "1"), key("a", "1")}
		_, err := e.BatchGet(t.Context(), keys)
		wantLimit(t, err)
		keys = keys[:0]
		for i := range 101 {
			keys = append(keys, key("a", strconv.Itoa(i)))
		}
		_, err = e.BatchGet(t.Context(), keys)
		wantLimit(t, err)
	},
}
