package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/store"
	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
)

// BenchmarkOwnTable is opsflow's table as bootstraps reach it: the driver, the SDK and the endpoint, with records of 1.5 KB.
func BenchmarkOwnTable(b *testing.B) {
	indexes := store.Indexes()
	tbl := dynamo.New(setup(b, indexes, time.Now, nil), tableName, indexes, time.Now)
	data := []byte(`{"status":"running","attempt":1,"context":{"booking_id":"bk-1","service_value":120.5,"notes":"` +
		strings.Repeat("x", 1000) + `"},"steps":[{"id":"a","status":"completed","tries":1},{"id":"b","status":"pending"}]}`)
	n := 0
	put := func(pk, sk string, v int64) table.Put {
		return table.Put{WantV: v, Item: table.Item{
			Key: table.Key{PK: pk, SK: sk}, Data: data, Index: map[string]table.Key{"list": {PK: "workflow#1", SK: sk}},
		}}
	}
	write := func(b *testing.B, w table.Write) {
		b.Helper()
		n++
		w.ID = fmt.Sprint("w", n)
		if err := tbl.Write(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 20 {
		write(b, table.Write{Puts: []table.Put{put("page", fmt.Sprintf("s%02d", i), 0)}})
	}
	b.Run("get", func(b *testing.B) {
		for b.Loop() {
			if _, found, err := tbl.Get(b.Context(), table.Key{PK: "page", SK: "s00"}); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("query of 20", func(b *testing.B) {
		for b.Loop() {
			if page, err := tbl.Query(b.Context(), table.Query{PK: "page", Limit: 20}); err != nil || len(page.Items) != 20 {
				b.Fatal(err)
			}
		}
	})
	b.Run("put", func(b *testing.B) {
		pk, v := fmt.Sprint("put", b.N, n), int64(0)
		for b.Loop() {
			write(b, table.Write{Puts: []table.Put{put(pk, "s", v)}})
			v++
		}
	})
	b.Run("transaction of 4", func(b *testing.B) {
		pk, v := fmt.Sprint("transaction", b.N, n), int64(0)
		for b.Loop() {
			write(b, table.Write{
				Puts:     []table.Put{put(pk, "a", v), put(pk, "b", v), put(pk, "c", v)},
				Counters: []table.Counter{{Key: table.Key{PK: pk, SK: "n"}, Field: "n", Add: 1, Max: 1 << 40}},
			})
			v++
		}
	})
}
