// Package tabletest is the behaviour that every storage driver shares. A driver's test calls Run and RunLostAnswer; a new
// behaviour is written here first.
package tabletest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/table"
)

// Open gives an empty table with these indexes; now is its clock. It cleans up through t.
type Open func(t *testing.T, indexes []table.Index, now func() time.Time) table.Table

// Run runs the suite in parallel subtests, each on a table of its own.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, group := range []struct {
		name  string
		cases map[string]func(t *testing.T, e *env)
	}{
		{"read", readCases},
		{"write", writeCases},
		{"counter", counterCases},
		{"query", queryCases},
		{"index", indexCases},
		{"data", dataCases},
		{"limit", limitCases},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					e := &env{now: &clock{}}
					e.Table = open(t, indexes, e.now.Now)
					run(t, e)
				})
			}
		})
	}
}

// indexes are those of every table in the suite: two with projections and one of keys only.
var indexes = []table.Index{
	{Name: "list", Project: []string{"status", "title"}},
	{Name: "state", Project: []string{"status"}},
	{Name: "wake"},
}

// env is a table and its clock.
type env struct {
	table.Table
	now *clock
	ids atomic.Int64
}

// clock begins late enough that no endpoint's own clock finds an item of the suite expired and deletes it.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time {
	return time.Date(2090, 1, 2, 3, 4, 5, 600_000_000, time.UTC).Add(time.Duration(c.ahead.Load()))
}

func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

func (e *env) id() string { return fmt.Sprintf("write-%d", e.ids.Add(1)) }

func key(pk, sk string) table.Key { return table.Key{PK: pk, SK: sk} }

// item is a small item; fields are "name", value pairs.
func item(pk, sk string, fields ...any) table.Item {
	return table.Item{Key: key(pk, sk), Data: data(fields...)}
}

func data(fields ...any) json.RawMessage {
	m := map[string]any{}
	for i := 0; i+1 < len(fields); i += 2 {
		m[fmt.Sprint(fields[i])] = fields[i+1]
	}
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return raw
}

// put stores an item over version wantV and fails the test if it cannot.
func (e *env) put(t *testing.T, it table.Item, wantV int64) {
	t.Helper()
	e.write(t, table.Write{Puts: []table.Put{{Item: it, WantV: wantV}}})
}

func (e *env) write(t *testing.T, w table.Write) {
	t.Helper()
	if err := e.try(t, w); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// try writes under a new ID unless w has one.
func (e *env) try(t *testing.T, w table.Write) error {
	t.Helper()
	if w.ID == "" {
		w.ID = e.id()
	}
	return e.Write(t.Context(), w)
}

// want reads an item back and compares all of it.
func (e *env) want(t *testing.T, want table.Item) {
	t.Helper()
	got, found, err := e.Get(t.Context(), want.Key)
	if err != nil || !found {
		t.Fatalf("get %s: found %v, %v", want.Key, found, err)
	}
	same(t, got, want)
}

func (e *env) wantNone(t *testing.T, key table.Key) {
	t.Helper()
	if got, found, err := e.Get(t.Context(), key); err != nil || found {
		t.Fatalf("get %s: found %v (%s), %v; want none", key, found, got.Data, err)
	}
}

func same(t *testing.T, got, want table.Item) {
	t.Helper()
	if got.Key != want.Key || got.V != want.V || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("got %s v%d expiring %v; want %s v%d expiring %v", got.Key, got.V, got.ExpiresAt, want.Key, want.V, want.ExpiresAt)
	}
	if len(got.Index) != len(want.Index) || (len(want.Index) > 0 && !reflect.DeepEqual(got.Index, want.Index)) {
		t.Errorf("%s is in indexes %v; want %v", want.Key, got.Index, want.Index)
	}
	sameData(t, got.Data, want.Data)
}

// sameData compares documents by value: order of keys and spelling of numbers do not matter.
func sameData(t *testing.T, got, want json.RawMessage) {
	t.Helper()
	if g, w := parse(t, got), parse(t, want); !reflect.DeepEqual(g, w) {
		t.Errorf("got data %.300s\nwant     %.300s", got, want)
	}
}

func parse(t *testing.T, raw json.RawMessage) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("data %.300q: %v", raw, err)
	}
	return exact(t, v)
}

// exact turns every number into its value as a fraction.
func exact(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		r, ok := new(big.Rat).SetString(v.String())
		if !ok {
			t.Fatalf("%q is no number", v)
		}
		return "number " + r.RatString()
	case []any:
		for i := range v {
			v[i] = exact(t, v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = exact(t, v[k])
		}
	case string:
		return "text " + v
	}
	return v
}

// wantFailed checks that err is a *table.ConditionError with exactly these keys.
func wantFailed(t *testing.T, err error, keys ...table.Key) {
	t.Helper()
	var failed *table.ConditionError
	if !errors.As(err, &failed) || !slices.Equal(failed.Failed, keys) {
		t.Errorf("got %v; want a ConditionError on %v", err, keys)
	}
}

func wantLimit(t *testing.T, err error) {
	t.Helper()
	var limit *table.LimitError
	if !errors.As(err, &limit) {
		t.Errorf("got %v; want a LimitError", err)
	}
}
