package tabletest

import (
	"testing"
	"time"

	"opsflow/shared/table"
)

var indexCases = map[string]func(t *testing.T, e *env){
	"an index gives the fields it holds": func(t *testing.T, e *env) {
		it := item("a", "1", "status", "open", "title", "x", "secret", "y", "deep", map[string]any{"status": "no"})
		it.ExpiresAt = e.now.Now().Add(time.Hour).Truncate(time.Second)
		it.Index = map[string]table.Key{"list": key("l", "1"), "state": key("s", "2"), "wake": key("w", "3")}
		e.put(t, it, 0)
		for index, want := range map[string]table.Item{
			"list":  {V: 1, ExpiresAt: it.ExpiresAt, Data: data("status", "open", "title", "x")},
			"state": {V: 1, ExpiresAt: it.ExpiresAt, Data: data("status", "open")},
			"wake":  {Data: data()},
		} {
			want.Key, want.Index = it.Key, map[string]table.Key{index: it.Index[index]}
			got := walk(t, e, table.Query{Index: index, PK: it.Index[index].PK})
			if len(got) != 1 {
				t.Fatalf("%s holds %d items", index, len(got))
			}
			same(t, got[0], want)
		}
	},
	"an item moves within, out of and into indexes": func(t *testing.T, e *env) {
		it := item("a", "1", "status", "open")
		it.Index = map[string]table.Key{"list": key("l", "1"), "state": key("open", "1")}
		e.put(t, it, 0)
		it.Data = data("status", "done")
		it.Index = map[string]table.Key{"list": key("l", "1"), "state": key("done", "1"), "wake": key("w", "1")}
		e.put(t, it, 1)
		holds(t, e, "list", "l", `{"status":"done"}`)
		holds(t, e, "state", "open")
		holds(t, e, "state", "done", `{"status":"done"}`)
		holds(t, e, "wake", "w", `{}`)
		it.Index = nil
		e.put(t, it, 2)
		holds(t, e, "list", "l")
		holds(t, e, "state", "done")
		holds(t, e, "wake", "w")
		it.V = 3
		e.want(t, it)
		it.Index = map[string]table.Key{"list": key("l", "1")}
		e.put(t, it, 3)
		e.write(t, table.Write{Deletes: []table.Delete{{Key: it.Key, WantV: 4}}})
		holds(t, e, "list", "l")
	},
	"an index follows a counter": func(t *testing.T, e *env) {
		it := item("a", "1", "status", 1)
		it.Index = map[string]table.Key{"state": key("s", "1")}
		e.put(t, it, 0)
		e.write(t, table.Write{Counters: []table.Counter{{Key: it.Key, Field: "status", Add: 4}}})
		holds(t, e, "state", "s", `{"status":5}`)
	},
	"an index leaves out what has expired": func(t *testing.T, e *env) {
		it := item("a", "1")
		it.Index = map[string]table.Key{"list": key("l", "1")}
		it.ExpiresAt = e.now.Now().Add(time.Minute)
		e.put(t, it, 0)
		holds(t, e, "list", "l", `{}`)
		e.now.advance(time.Hour)
		holds(t, e, "list", "l")
		it.ExpiresAt, it.Index = time.Time{}, nil
		e.put(t, it, 0) // takes the old one's place, also in the index
		holds(t, e, "list", "l")
	},
	"a write that fails leaves the index alone": func(t *testing.T, e *env) {
		it := item("a", "1")
		it.Index = map[string]table.Key{"list": key("l", "1")}
		e.put(t, it, 0)
		other := item("a", "2")
		other.Index = map[string]table.Key{"list": key("l", "2")}
		wantFailed(t, e.try(t, table.Write{Puts: []table.Put{{Item: other}, {Item: it}}}), it.Key)
		holds(t, e, "list", "l", `{}`)
	},
}

// holds checks the data of everything in one partition of an index.
func holds(t *testing.T, e *env, index, pk string, want ...string) {
	t.Helper()
	got := walk(t, e, table.Query{Index: index, PK: pk})
	if len(got) != len(want) {
		t.Errorf("index %s holds %d items in %s; want %d", index, len(got), pk, len(want))
		return
	}
	for i := range got {
		sameData(t, got[i].Data, []byte(want[i]))
	}
}
