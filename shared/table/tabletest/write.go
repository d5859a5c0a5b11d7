package tabletest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/table"
)

var writeCases = map[string]func(t *testing.T, e *env){
	"a put wants absence or the right version": func(t *testing.T, e *env) {
		for _, wantV := range []int64{1, 7} {
			wantFailed(t, e.try(t, table.Write{Puts: []table.Put{{Item: item("a", "b"), WantV: wantV}}}), key("a", "b"))
		}
		e.wantNone(t, key("a", "b"))
		e.put(t, item("a", "b", "n", 1), 0)
		wantFailed(t, e.try(t, table.Write{Puts: []table.Put{{Item: item("a", "b", "n", 2)}}}), key("a", "b"))
		wantFailed(t, e.try(t, table.Write{Puts: []table.Put{{Item: item("a", "b", "n", 2), WantV: 2}}}), key("a", "b"))
		e.put(t, item("a", "b", "m", 3), 1)
		want := item("a", "b", "m", 3)
		want.V = 2
		e.want(t, want)
	},
	"a put over an expired item begins anew": func(t *testing.T, e *env) {
		it := item("a", "b", "n", 1)
		it.ExpiresAt = e.now.Now().Add(time.Minute)
		e.put(t, it, 0)
		e.now.advance(2 * time.Minute)
		wantFailed(t, e.try(t, table.Write{Puts: []table.Put{{Item: item("a", "b"), WantV: 1}}}), it.Key)
		wantFailed(t, e.try(t, table.Write{Deletes: []table.Delete{{Key: it.Key, WantV: 1}}}), it.Key)
		e.put(t, item("a", "b", "n", 2), 0)
		want := item("a", "b", "n", 2)
		want.V = 1
		e.want(t, want)
	},
	"a delete wants the right version": func(t *testing.T, e *env) {
		e.put(t, item("a", "b"), 0)
		wantFailed(t, e.try(t, table.Write{Deletes: []table.Delete{{Key: key("a", "b"), WantV: 2}}}), key("a", "b"))
		e.write(t, table.Write{Deletes: []table.Delete{{Key: key("a", "b"), WantV: 1}}})
		e.wantNone(t, key("a", "b"))
		wantFailed(t, e.try(t, table.Write{Deletes: []table.Delete{{Key: key("a", "b"), WantV: 1}}}), key("a", "b"))
	},
	"a transaction changes everything": func(t *testing.T, e *env) {
		e.put(t, item("t", "old"), 0)
		e.put(t, item("t", "gone"), 0)
		e.write(t, table.Write{
			Puts:     []table.Put{{Item: item("t", "new", "n", 1)}, {Item: item("t", "old", "n", 2), WantV: 1}},
			Deletes:  []table.Delete{{Key: key("t", "gone"), WantV: 1}},
			Counters: []table.Counter{{Key: key("t", "count"), Field: "n", Add: 3, Max: 5}},
		})
		for sk, n := range map[string]int{"new": 1, "old": 2, "count": 3} {
			want := item("t", sk, "n", n)
			if want.V = 1; sk == "old" {
				want.V = 2
			}
			e.want(t, want)
		}
		e.wantNone(t, key("t", "gone"))
	},
	"a transaction names exactly what failed and changes nothing": func(t *testing.T, e *env) {
		e.put(t, item("t", "there", "n", 1), 0)
		e.put(t, item("t", "full", "n", 5), 0)
		e.put(t, item("t", "kept"), 0)
		for name, tc := range map[string]struct {
			w    table.Write
			want []table.Key
		}{
			"put": {table.Write{Puts: []table.Put{
				{Item: item("t", "new1")}, {Item: item("t", "there")}, {Item: item("t", "new2")},
			}}, []table.Key{key("t", "there")}},
			"delete": {table.Write{
				Puts:    []table.Put{{Item: item("t", "new1")}},
				Deletes: []table.Delete{{Key: key("t", "kept"), WantV: 1}, {Key: key("t", "there"), WantV: 9}},
			}, []table.Key{key("t", "there")}},
			"counter": {table.Write{
				Puts: []table.Put{{Item: item("t", "new1")}},
				Counters: []table.Counter{
					{Key: key("t", "full"), Field: "n", Add: 1, Max: 5}, {Key: key("t", "new2"), Field: "n", Add: 1, Max: 5},
				},
			}, []table.Key{key("t", "full")}},
			"all": {table.Write{
				Puts:     []table.Put{{Item: item("t", "there")}, {Item: item("t", "new1"), WantV: 3}, {Item: item("t", "new2")}},
				Deletes:  []table.Delete{{Key: key("t", "kept"), WantV: 2}},
				Counters: []table.Counter{{Key: key("t", "full"), Field: "n", Add: 1, Max: 5}},
			}, []table.Key{key("t", "there"), key("t", "new1"), key("t", "kept"), key("t", "full")}},
		} {
			if err := e.try(t, tc.w); err == nil {
				t.Errorf("%s: no error", name)
			} else {
				wantFailed(t, err, tc.want...)
			}
		}
		e.wantNone(t, key("t", "new1"))
		e.wantNone(t, key("t", "new2"))
		for sk, n := range map[string]int{"there": 1, "full": 5} {
			want := item("t", sk, "n", n)
			want.V = 1
			e.want(t, want)
		}
		kept := item("t", "kept")
		kept.V = 1
		e.want(t, kept)
	},
	"of writers racing for one version one wins": func(t *testing.T, e *env) {
		e.put(t, item("a", "b"), 0)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				w := table.Write{ID: fmt.Sprint("racer-", i), Puts: []table.Put{{Item: item("a", "b", "n", i), WantV: 1}}}
				if i%2 == 0 { // half of them in a transaction
					w.Puts = append(w.Puts, table.Put{Item: item("a", fmt.Sprint("with", i))})
				}
				if err := persist(t, e, w); err == nil {
					won.Add(1)
				} else {
					wantFailed(t, err, key("a", "b"))
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d writers won", won.Load())
		}
		if got, _, err := e.Get(t.Context(), key("a", "b")); err != nil || got.V != 2 {
			t.Errorf("v is %d, %v; want 2", got.V, err)
		}
	},
	"a write given again under its ID is done once": func(t *testing.T, e *env) {
		e.put(t, item("a", "gone"), 0)
		put := table.Write{ID: "put", Puts: []table.Put{{Item: item("a", "one", "n", 1)}}}
		over := table.Write{ID: "over", Puts: []table.Put{{Item: item("a", "one", "n", 2), WantV: 1}}}
		count := table.Write{ID: "count", Counters: []table.Counter{{Key: key("a", "count"), Field: "n", Add: 2}}}
		many := table.Write{
			ID:       "many",
			Puts:     []table.Put{{Item: item("a", "two")}},
			Deletes:  []table.Delete{{Key: key("a", "gone"), WantV: 1}},
			Counters: []table.Counter{{Key: key("a", "count"), Field: "n", Add: 5, Max: 8}},
		}
		for _, w := range []table.Write{put, over, count, many} {
			for again := range 3 {
				if err := e.try(t, w); err != nil {
					t.Errorf("write %s, repeated %d times: %v", w.ID, again, err)
				}
				e.now.advance(time.Second)
			}
		}
		for sk, want := range map[string]table.Item{
			"one":   {V: 2, Data: data("n", 2)},
			"two":   {V: 1, Data: data()},
			"count": {V: 2, Data: data("n", 7)},
		} {
			want.Key = key("a", sk)
			e.want(t, want)
		}
		e.wantNone(t, key("a", "gone"))
		wantFailed(t, e.try(t, table.Write{ID: "other", Puts: put.Puts}), key("a", "one"))
	},
}

// persist writes and tries again for as long as the table is too busy: a race is about who wins, not about patience.
func persist(t *testing.T, e *env, w table.Write) error {
	t.Helper()
	for {
		err := e.Write(t.Context(), w)
		var busy *table.ThrottleError
		if !errors.As(err, &busy) {
			return err
		}
	}
}
