package embedded_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
)

// BenchmarkWrite writes small items to a directory, with fsync, from one and from many writers; commits/op shows how many
// share a commit.
func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			db, err := embedded.Open(b.TempDir(), embedded.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close() //nolint:errcheck // the directory goes next
			tbl, err := embedded.NewTable(db, "main", []table.Index{{Name: "list", Project: []string{"status"}}}, time.Now)
			if err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			before := db.Commits()
			b.SetParallelism(writers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := strconv.FormatInt(n.Add(1), 10)
					err := tbl.Write(b.Context(), table.Write{ID: id, Puts: []table.Put{{Item: table.Item{
						Key: table.Key{PK: "p" + id, SK: "s"}, Data: []byte(`{"status":"open"}`),
						Index: map[string]table.Key{"list": {PK: "l", SK: id}},
					}}}})
					if err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(db.Commits()-before)/float64(b.N), "commits/op")
		})
	}
}

// BenchmarkGet reads one small item.
func BenchmarkGet(b *testing.B) {
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // it is in memory
	tbl, err := embedded.NewTable(db, "main", nil, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	key := table.Key{PK: "a", SK: "b"}
	put := table.Put{Item: table.Item{Key: key, Data: []byte(`{"status":"open","n":[1,2,3]}`)}}
	if err := tbl.Write(b.Context(), table.Write{ID: "w", Puts: []table.Put{put}}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, found, err := tbl.Get(b.Context(), key); err != nil || !found {
			b.Fatal(found, err)
		}
	}
}
