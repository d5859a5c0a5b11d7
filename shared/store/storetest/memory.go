package storetest

import (
	"math/rand/v2"
	"testing"
	"time"

	"opsflow/shared/store"
	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
)

// InMemory is a store of a test's own, gone with the test.
func InMemory(t testing.TB, now func() time.Time) *store.Store {
	t.Helper()
	return store.New(Table(t, now), rand.NewChaCha8([32]byte{1}), now)
}

// Table is a table of a test's own, gone with the test.
func Table(t testing.TB, now func() time.Time) table.Table {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tbl, err := embedded.NewTable(db, "opsflow", store.Indexes(), now)
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}
