package tabletest

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/table"
)

var counterCases = map[string]func(t *testing.T, e *env){
	"a counter is made, raised and bounded": func(t *testing.T, e *env) {
		c := table.Counter{Key: key("c", "1"), Field: "n", Add: 2, Max: 5}
		add := func() error { return e.try(t, table.Write{Counters: []table.Counter{c}}) }
		for v := range int64(2) {
			if err := add(); err != nil {
				t.Fatal(err)
			}
			e.want(t, table.Item{Key: c.Key, V: v + 1, Data: data("n", 2*(v+1))})
		}
		wantFailed(t, add(), c.Key)
		c.Add = 1 // fits to the last unit
		if err := add(); err != nil {
			t.Error(err)
		}
		c.Add = -5
		if err := add(); err != nil {
			t.Error(err)
		}
		e.want(t, table.Item{Key: c.Key, V: 4, Data: data("n", 0)})
		c.Add, c.Max = -3, 0
		if err := add(); err != nil {
			t.Error(err)
		}
		e.want(t, table.Item{Key: c.Key, V: 5, Data: data("n", -3)})
	},
	"an addition over the maximum fails on nothing too": func(t *testing.T, e *env) {
		c := table.Counter{Key: key("c", "1"), Field: "n", Add: 6, Max: 5}
		wantFailed(t, e.try(t, table.Write{Counters: []table.Counter{c}}), c.Key)
		e.wantNone(t, c.Key)
		e.put(t, item("c", "1", "n", -1), 0)
		e.write(t, table.Write{Counters: []table.Counter{c}})
		e.want(t, table.Item{Key: c.Key, V: 2, Data: data("n", 5)})
	},
	"counters keep the rest of their item": func(t *testing.T, e *env) {
		it := item("c", "1", "title", "kept", "other", []int{1, 2})
		it.Index = map[string]table.Key{"list": key("l", "1")}
		it.ExpiresAt = e.now.Now().Add(time.Hour).Truncate(time.Second)
		e.put(t, it, 0)
		e.write(t, table.Write{Counters: []table.Counter{{Key: it.Key, Field: "n", Add: math.MaxInt64}}})
		it.V, it.Data = 2, data("title", "kept", "other", []int{1, 2}, "n", math.MaxInt64)
		e.want(t, it)
		it.ExpiresAt = it.ExpiresAt.Add(time.Hour)
		e.write(t, table.Write{Counters: []table.Counter{{Key: it.Key, Field: "m", Add: 1, ExpiresAt: it.ExpiresAt}}})
		it.V, it.Data = 3, data("title", "kept", "other", []int{1, 2}, "n", math.MaxInt64, "m", 1)
		e.want(t, it)
	},
	"an expired counter begins at zero": func(t *testing.T, e *env) {
		for name, with := range map[string]table.Write{
			"alone":       {},
			"transaction": {Puts: []table.Put{{Item: item("c", "beside")}}},
		} {
			it := item("c", name, "n", 5, "old", true)
			it.Index = map[string]table.Key{"list": key("l", name)}
			it.ExpiresAt = e.now.Now().Add(time.Minute)
			e.put(t, it, 0)
			e.now.advance(time.Hour)
			with.Counters = []table.Counter{{Key: it.Key, Field: "n", Add: 6, Max: 5}}
			wantFailed(t, e.try(t, with), it.Key)
			expires := e.now.Now().Add(time.Minute).Truncate(time.Second)
			with.Counters = []table.Counter{{Key: it.Key, Field: "n", Add: 5, Max: 5, ExpiresAt: expires}}
			e.write(t, with)
			e.want(t, table.Item{Key: it.Key, V: 1, ExpiresAt: expires, Data: data("n", 5)})
			wantFailed(t, e.try(t, table.Write{Counters: []table.Counter{{Key: it.Key, Field: "n", Add: 1, Max: 5}}}), it.Key)
		}
	},
	"of two racing for the last unit one wins":        func(t *testing.T, e *env) { race(t, e, 2, false, false) },
	"of many racing for the last unit one wins":       func(t *testing.T, e *env) { race(t, e, 64, false, false) },
	"of transactions racing for the last one wins":    func(t *testing.T, e *env) { race(t, e, 16, true, false) },
	"of many racing for an expired counter one wins":  func(t *testing.T, e *env) { race(t, e, 32, false, true) },
	"transactions racing for an expired one: one win": func(t *testing.T, e *env) { race(t, e, 8, true, true) },
	"parallel additions are all counted": func(t *testing.T, e *env) {
		var wg sync.WaitGroup
		const n = 64
		for i := range n {
			wg.Go(func() {
				c := table.Counter{Key: key("c", "sum"), Field: "n", Add: int64(i + 1)}
				if err := persist(t, e, table.Write{ID: fmt.Sprint("add-", i), Counters: []table.Counter{c}}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		e.want(t, table.Item{Key: key("c", "sum"), V: n, Data: data("n", n*(n+1)/2)})
	},
}

// race lets writers loose on a counter that has room for one more, and 5 is the most.
func race(t *testing.T, e *env, writers int, transaction, expired bool) {
	t.Helper()
	it, add := item("c", "last", "n", 4), int64(1)
	if expired {
		it, add = item("c", "last", "n", 77), 5
		it.ExpiresAt = e.now.Now().Add(time.Minute)
	}
	e.put(t, it, 0)
	e.now.advance(time.Hour)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			w := table.Write{
				ID:       fmt.Sprint("racer-", i),
				Counters: []table.Counter{{Key: it.Key, Field: "n", Add: add, Max: 5}},
			}
			if transaction {
				w.Puts = []table.Put{{Item: item("c", fmt.Sprint("by", i))}}
			}
			if err := persist(t, e, w); err == nil {
				won.Add(1)
			} else {
				wantFailed(t, err, it.Key)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of %d writers got the last unit", won.Load(), writers)
	}
	want := table.Item{Key: it.Key, V: 2, Data: data("n", 5)}
	if expired {
		want.V = 1
	}
	e.want(t, want)
}
