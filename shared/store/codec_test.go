package store_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/table"
)

// Each byte of a record is paid for at every write.
func TestNoFieldIsStoredTwice(t *testing.T) {
	t.Parallel()
	tbl := storetest.Table(t, time.Now)
	s := store.New(tbl, rand.NewChaCha8([32]byte{1}), time.Now)
	if err := s.Save(t.Context(), instance(1, time.Time{})); err != nil {
		t.Fatal(err)
	}
	item, found, err := tbl.Get(t.Context(), table.Key{PK: "instance#wf-0000001", SK: "record"})
	if err != nil || !found {
		t.Fatal(found, err)
	}
	var data map[string]json.RawMessage
	var summary map[string]json.RawMessage
	if err := json.Unmarshal(item.Data, &data); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data["summary"], &summary); err != nil || summary["status"] == nil || data["steps"] == nil {
		t.Fatalf("status is not in the summary, or steps not beside it: %s %v", item.Data, err)
	}
	for name := range summary {
		if data[name] != nil {
			t.Errorf("%s is stored twice", name)
		}
	}
	i, err := s.Instance(t.Context(), "wf-0000001")
	if err != nil || i.Status != ops.InstanceRunning || len(i.Steps) != 4 {
		t.Errorf("it is read as %+v, %v", i, err)
	}
}
