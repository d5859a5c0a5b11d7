package tabletest

import (
	"testing"
	"time"

	"opsflow/shared/table"
)

// OpenLosing is Open with a switch: after lose is called, the next request that changes something is applied and its
// answer lost on the way back.
type OpenLosing func(t *testing.T, indexes []table.Index, now func() time.Time) (tbl table.Table, lose func())

// RunLostAnswer checks that a write whose answer was lost is tried again, applied once and reported as success.
func RunLostAnswer(t *testing.T, open OpenLosing) {
	t.Helper()
	for name, tc := range map[string]struct {
		w    table.Write
		want []table.Item
	}{
		"put": {
			table.Write{Puts: []table.Put{{Item: item("l", "new", "n", 1)}}},
			[]table.Item{{Key: key("l", "new"), V: 1, Data: data("n", 1)}},
		},
		"put over a version": {
			table.Write{Puts: []table.Put{{Item: item("l", "old", "n", 2), WantV: 1}}},
			[]table.Item{{Key: key("l", "old"), V: 2, Data: data("n", 2)}},
		},
		"counter": {
			table.Write{Counters: []table.Counter{{Key: key("l", "old"), Field: "n", Add: 3}}},
			[]table.Item{{Key: key("l", "old"), V: 2, Data: data("n", 3)}},
		},
		"bounded counter": {
			table.Write{Counters: []table.Counter{{Key: key("l", "old"), Field: "n", Add: 3, Max: 3}}},
			[]table.Item{{Key: key("l", "old"), V: 2, Data: data("n", 3)}},
		},
		"delete": {
			table.Write{Deletes: []table.Delete{{Key: key("l", "old"), WantV: 1}}}, nil,
		},
		"transaction": {
			table.Write{
				Puts:     []table.Put{{Item: item("l", "new")}},
				Deletes:  []table.Delete{{Key: key("l", "old"), WantV: 1}},
				Counters: []table.Counter{{Key: key("l", "count"), Field: "n", Add: 3}},
			},
			[]table.Item{
				{Key: key("l", "new"), V: 1, Data: data()},
				{Key: key("l", "count"), V: 1, Data: data("n", 3)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &env{now: &clock{}}
			var lose func()
			e.Table, lose = open(t, indexes, e.now.Now)
			e.put(t, item("l", "old"), 0)
			lose()
			e.write(t, tc.w)
			for _, want := range tc.want {
				e.want(t, want)
			}
			if len(tc.w.Deletes) > 0 {
				e.wantNone(t, key("l", "old"))
			}
		})
	}
	t.Run("a put that lost to another is not taken for applied", func(t *testing.T) {
		t.Parallel()
		e := &env{now: &clock{}}
		e.Table, _ = open(t, indexes, e.now.Now)
		e.put(t, item("l", "a", "by", "other"), 0)
		wantFailed(t, e.try(t, table.Write{Puts: []table.Put{{Item: item("l", "a", "by", "me")}}}), key("l", "a"))
	})
}
