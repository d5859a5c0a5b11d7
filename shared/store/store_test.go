package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/table"
)

func TestStoreOnTheEmbeddedTable(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, now func() time.Time) table.Table {
		t.Helper()
		return storetest.Table(t, now)
	})
}

// failing answers every write with an error.
type failing struct {
	table.Table
	err error
}

func (f failing) Write(context.Context, table.Write) error { return f.err }

func TestATableThatRefusesForLoadIsThrottled(t *testing.T) {
	t.Parallel()
	s := store.New(failing{err: &table.ThrottleError{Err: errors.New("busy")}}, rand.NewChaCha8([32]byte{1}), time.Now)
	err := s.Save(t.Context(), &ops.Cooldown{ID: "c"})
	if ops.ErrorCode(err) != ops.CodeThrottled {
		t.Errorf("the save gave %v, want throttled", err)
	}
}

func TestTheIndexesFitDynamoDB(t *testing.T) {
	t.Parallel()
	if err := table.CheckIndexes(store.Indexes()); err != nil {
		t.Error(err)
	}
	for _, ix := range store.Indexes() {
		// With what the driver adds (v, expires_at) an index may hold 20 fields.
		if len(ix.Project) > 18 {
			t.Errorf("index %s holds %d fields", ix.Name, len(ix.Project))
		}
	}
}
