package tabletest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"opsflow/shared/table"
)

var queryCases = map[string]func(t *testing.T, e *env){
	"ranges of the table": func(t *testing.T, e *env) {
		rangeCases(t, e, "")
	},
	"ranges of an index": func(t *testing.T, e *env) {
		rangeCases(t, e, "list")
	},
	"ranges of an index of keys only": func(t *testing.T, e *env) {
		rangeCases(t, e, "wake")
	},
	"a query that cannot be is refused": func(t *testing.T, e *env) {
		for name, q := range map[string]table.Query{
			"no partition":         {},
			"unknown index":        {Index: "nope", PK: "p"},
			"consistent index":     {Index: "list", PK: "p", Consistent: true},
			"prefix and range":     {PK: "p", Prefix: "a", From: "b"},
			"limit over 1000":      {PK: "p", Limit: 1001},
			"negative limit":       {PK: "p", Limit: -1},
			"place elsewhere":      {PK: "p", After: &table.Place{Key: key("q", "1")}},
			"place out of range":   {PK: "p", From: "b", After: &table.Place{Key: key("p", "a")}},
			"place without index":  {PK: "p", Index: "list", After: &table.Place{Key: key("p", "a")}},
			"place in other index": {PK: "p", Index: "list", After: &table.Place{Key: key("p", "a"), Index: key("q", "1")}},
		} {
			if _, err := e.Query(t.Context(), q); err == nil {
				t.Errorf("%s: no error", name)
			} else {
				wantLimit(t, err)
			}
		}
	},
	"pages of ten thousand rows": func(t *testing.T, e *env) {
		const rows = 10_000
		fill(t, e, rows)
		for _, q := range []table.Query{
			{PK: "rows", Limit: 1000, Consistent: true},
			{PK: "rows", Limit: 1000, Descending: true},
			{PK: "rows", Limit: 170, From: "002000", To: "002999", Descending: true},
			{PK: "all", Index: "list", Limit: 777},
			{PK: "all", Index: "list", Limit: 777, Descending: true},
			{PK: "all", Index: "state", Limit: 999}, // where a hundred rows have one sort key
			{PK: "all", Index: "state", Limit: 999, Descending: true},
		} {
			want := rows
			if q.From != "" {
				want = 1000
			}
			seen := map[table.Key]bool{}
			var order []string
			for _, it := range walk(t, e, q) {
				if seen[it.Key] {
					t.Fatalf("%+v gives %s twice", q, it.Key)
				}
				seen[it.Key] = true
				order = append(order, sortKey(it, q.Index))
			}
			if len(seen) != want {
				t.Errorf("%+v gives %d rows; want %d", q, len(seen), want)
			}
			if q.Descending {
				slices.Reverse(order)
			}
			if !slices.IsSorted(order) {
				t.Errorf("%+v is out of order", q)
			}
		}
	},
	"pages of large items": func(t *testing.T, e *env) {
		for i := range 40 { // 12 MB where one answer of DynamoDB holds 1 MB
			e.put(t, item("large", fmt.Sprintf("%03d", i), "text", strings.Repeat("x", 300_000)), 0)
		}
		if got := walk(t, e, table.Query{PK: "large", Limit: 1000}); len(got) != 40 {
			t.Errorf("got %d items; want 40", len(got))
		}
		if page, err := e.Query(t.Context(), table.Query{PK: "large", Limit: 7}); err != nil || len(page.Items) != 7 && page.Next == nil {
			t.Errorf("got %d items, %v, %v; want 7 or where to go on", len(page.Items), page.Next, err)
		}
	},
	"a page can end at a deleted item": func(t *testing.T, e *env) {
		for i := range 6 {
			e.put(t, item("p", strconv.Itoa(i)), 0)
		}
		page, err := e.Query(t.Context(), table.Query{PK: "p", Limit: 3})
		if err != nil || page.Next == nil {
			t.Fatalf("%v, %v", page, err)
		}
		e.write(t, table.Write{Deletes: []table.Delete{{Key: page.Next.Key, WantV: 1}}})
		rest := walk(t, e, table.Query{PK: "p", After: page.Next})
		if len(page.Items)+len(rest) != 6 {
			t.Errorf("%d and %d items", len(page.Items), len(rest))
		}
	},
	"expired rows do not end a walk": func(t *testing.T, e *env) {
		var w table.Write
		for i := range 60 {
			it := item("p", fmt.Sprintf("%02d", i))
			if i%20 != 19 {
				it.ExpiresAt = e.now.Now().Add(1)
			}
			w.Puts = append(w.Puts, table.Put{Item: it})
		}
		e.write(t, w)
		e.now.advance(2e9)
		if got := walk(t, e, table.Query{PK: "p", Limit: 2}); len(got) != 3 {
			t.Errorf("got %d items; want 3", len(got))
		}
	},
}

// rangeCases stores rows under sort keys chosen to be awkward and asks for parts of them.
func rangeCases(t *testing.T, e *env, index string) {
	t.Helper()
	sorts := []string{"a", "a\x00", "a\x00b", "a\x01", "a#1", "a#10", "a#2", "aa", "b", "é", "中", "\U0001F600"}
	slices.Sort(sorts)
	var w table.Write
	for i, sk := range sorts {
		it := item("p", sk)
		if index != "" { // stored the other way round
			it = item("row", fmt.Sprintf("%02d", 99-i))
			it.Index = map[string]table.Key{index: key("p", sk)}
		}
		w.Puts = append(w.Puts, table.Put{Item: it})
	}
	for _, pk := range []string{"o", "p\x00", "pp", "q"} { // neighbours
		it := item(pk, "a")
		if index != "" {
			it.Index = map[string]table.Key{index: key(pk, "a")}
		}
		w.Puts = append(w.Puts, table.Put{Item: it})
	}
	e.write(t, w)
	for _, q := range []table.Query{
		{},
		{From: "a#1"},
		{To: "a#1"},
		{From: "a#1", To: "a#2"},
		{From: "a#11", To: "a#19"},
		{From: "b", To: "a"},
		{From: "a\x00", To: "a\x00"},
		{Prefix: "a"},
		{Prefix: "a#1"},
		{Prefix: "a\x00"},
		{Prefix: "é"},
		{Prefix: "zz"},
		{From: "zz"},
		{To: "A"},
	} {
		var want []string
		for _, sk := range sorts {
			if sk >= q.From && (q.To == "" || sk <= q.To) && strings.HasPrefix(sk, q.Prefix) {
				want = append(want, sk)
			}
		}
		for _, down := range []bool{false, true} {
			for _, limit := range []int{0, 1, 2, 5} {
				q.PK, q.Index, q.Descending, q.Limit = "p", index, down, limit
				var got []string
				for _, it := range walk(t, e, q) {
					got = append(got, sortKey(it, index))
				}
				if !slices.Equal(got, want) {
					t.Errorf("%+v gives %q; want %q", q, got, want)
				}
			}
			slices.Reverse(want)
		}
	}
}

func sortKey(it table.Item, index string) string {
	if index != "" {
		return it.Index[index].SK
	}
	return it.Key.SK
}

// walk follows pages to the end, every place written down as JSON and read back in between.
func walk(t *testing.T, e *env, q table.Query) []table.Item {
	t.Helper()
	var all []table.Item
	for range 20_000 {
		page, err := e.Query(t.Context(), q)
		if err != nil {
			t.Fatalf("query %+v: %v", q, err)
		}
		if q.Limit > 0 && len(page.Items) > q.Limit {
			t.Fatalf("query %+v gives %d items", q, len(page.Items))
		}
		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}
		raw, err := json.Marshal(page.Next)
		if err != nil {
			t.Fatal(err)
		}
		q.After = new(table.Place)
		if err := json.Unmarshal(raw, q.After); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("query %+v does not end", q)
	return nil
}

// fill writes rows in full transactions, some at a time.
func fill(t *testing.T, e *env, rows int) {
	t.Helper()
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for from := 0; from < rows; from += table.MaxWriteItems {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			w := table.Write{ID: fmt.Sprint("fill-", from)}
			for i := from; i < min(from+table.MaxWriteItems, rows); i++ {
				it := item("rows", fmt.Sprintf("%06d", i), "status", "open")
				it.Index = map[string]table.Key{
					"list":  key("all", fmt.Sprintf("%06d", rows-i)),
					"state": key("all", fmt.Sprintf("%04d", i%100)),
				}
				w.Puts = append(w.Puts, table.Put{Item: it})
			}
			if err := persist(t, e, w); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
