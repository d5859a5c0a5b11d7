package tabletest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"opsflow/shared/table"
)

var readCases = map[string]func(t *testing.T, e *env){
	"an item that is not there is not found": func(t *testing.T, e *env) {
		e.wantNone(t, key("a", "b"))
	},
	"an item comes back whole": func(t *testing.T, e *env) {
		it := item("a", "b", "title", "x")
		it.ExpiresAt = e.now.Now().Add(time.Hour).Truncate(time.Second)
		it.Index = map[string]table.Key{"list": key("l", "1"), "wake": key("w", "2")}
		e.put(t, it, 0)
		it.V = 1
		e.want(t, it)
	},
	"an expired item is absent from the second it expires": func(t *testing.T, e *env) {
		it := item("a", "b")
		it.ExpiresAt = e.now.Now().Add(10 * time.Second) // ...5.6 s, kept as ...16 s
		e.put(t, it, 0)
		e.now.advance(10 * time.Second)
		it.V, it.ExpiresAt = 1, it.ExpiresAt.Truncate(time.Second).Add(time.Second)
		e.want(t, it)
		e.now.advance(400 * time.Millisecond)
		e.wantNone(t, it.Key)
		if got, err := e.BatchGet(t.Context(), []table.Key{it.Key}); err != nil || len(got) > 0 {
			t.Errorf("batch get: %v, %v", got, err)
		}
		if page, err := e.Query(t.Context(), table.Query{PK: "a"}); err != nil || len(page.Items) > 0 {
			t.Errorf("query: %v, %v", page, err)
		}
	},
	"a batch gives what exists": func(t *testing.T, e *env) {
		var keys []table.Key
		var w table.Write
		for i := range table.MaxBatchGet {
			keys = append(keys, key("batch", strconv.Itoa(i)))
			if i%2 == 0 {
				w.Puts = append(w.Puts, table.Put{Item: item("batch", strconv.Itoa(i), "n", i)})
			}
		}
		e.write(t, w)
		got, err := e.BatchGet(t.Context(), keys)
		if err != nil || len(got) != len(w.Puts) {
			t.Fatalf("got %d items, %v; want %d", len(got), err, len(w.Puts))
		}
		for _, p := range w.Puts {
			p.Item.V = 1
			same(t, got[p.Item.Key], p.Item)
		}
		if got, err := e.BatchGet(t.Context(), nil); err != nil || len(got) > 0 {
			t.Errorf("a batch of none: %v, %v", got, err)
		}
	},
	"a batch of large items is complete": func(t *testing.T, e *env) {
		const n = 60 // 60 times 300 KB is over the 16 MB of one answer of DynamoDB
		var keys []table.Key
		for i := range n {
			keys = append(keys, key("large", strconv.Itoa(i)))
			e.put(t, item("large", strconv.Itoa(i), "text", strings.Repeat("x", 300_000)), 0)
		}
		if got, err := e.BatchGet(t.Context(), keys); err != nil || len(got) != n {
			t.Errorf("got %d items, %v; want %d", len(got), err, n)
		}
	},
	"an ended context is an error": func(t *testing.T, e *env) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		check := func(what string, err error) {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v; want context.Canceled", what, err)
			}
		}
		_, _, err := e.Get(ctx, key("a", "b"))
		check("get", err)
		_, err = e.BatchGet(ctx, []table.Key{key("a", "b")})
		check("batch get", err)
		_, err = e.Query(ctx, table.Query{PK: "a"})
		check("query", err)
		check("write", e.Write(ctx, table.Write{ID: "w", Puts: []table.Put{{Item: item("a", "b")}}}))
		e.wantNone(t, key("a", "b"))
	},
}
