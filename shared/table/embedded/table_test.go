package embedded_test

import (
	"context"
	"testing"
	"time"

	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
	"opsflow/shared/table/tabletest"
)

func newTable(t *testing.T, db *embedded.DB, indexes []table.Index, now func() time.Time) table.Table {
	t.Helper()
	tbl, err := embedded.NewTable(db, "main", indexes, now)
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

func TestTableInMemory(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T, indexes []table.Index, now func() time.Time) table.Table {
		t.Helper()
		return newTable(t, openDB(t, ""), indexes, now)
	})
}

func TestTableOnDisk(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T, indexes []table.Index, now func() time.Time) table.Table {
		t.Helper()
		return newTable(t, openDB(t, t.TempDir()), indexes, now)
	})
}

func TestWriteGivenAgainAfterALostAnswer(t *testing.T) {
	t.Parallel()
	tabletest.RunLostAnswer(t, func(t *testing.T, indexes []table.Index, now func() time.Time) (table.Table, func()) {
		t.Helper()
		l := &losing{Table: newTable(t, openDB(t, ""), indexes, now)}
		return l, func() { l.lose = true }
	})
}

// losing gives a write again, as a caller does who did not hear the answer. A lone delete leaves nothing to know it by.
type losing struct {
	table.Table
	lose bool
}

func (l *losing) Write(ctx context.Context, w table.Write) error {
	if l.lose && len(w.Puts)+len(w.Counters) > 0 {
		if err := l.Table.Write(ctx, w); err != nil {
			return err
		}
	}
	return l.Table.Write(ctx, w)
}

func TestIndexesDeclaredOtherwiseAreBuiltAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }
	at := table.Key{PK: "l", SK: "1"}
	query := func(indexes ...table.Index) []table.Item {
		t.Helper()
		db := openDB(t, dir)
		defer db.Close() //nolint:errcheck // openDB's cleanup reports it
		tbl := newTable(t, db, indexes, now)
		if len(indexes) == 0 {
			return nil
		}
		page, err := tbl.Query(t.Context(), table.Query{Index: "list", PK: "l"})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 0 { // the first time
			err := tbl.Write(t.Context(), table.Write{ID: "w", Puts: []table.Put{{Item: table.Item{
				Key: table.Key{PK: "a", SK: "b"}, Index: map[string]table.Key{"list": at}, Data: []byte(`{"a":1,"b":2}`),
			}}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		return page.Items
	}
	query(table.Index{Name: "list", Project: []string{"a"}})
	for _, tc := range []struct {
		project []string
		want    string
	}{{[]string{"a"}, `{"a":1}`}, {[]string{"b"}, `{"b":2}`}, {[]string{"a", "b"}, `{"a":1,"b":2}`}, {nil, `{}`}} {
		got := query(table.Index{Name: "list", Project: tc.project})
		if len(got) != 1 || string(got[0].Data) != tc.want {
			t.Errorf("projecting %v gives %v; want %s", tc.project, got, tc.want)
		}
		query() // drops the index
	}
}
