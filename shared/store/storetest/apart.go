package storetest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func whatIsLargeOfAnInstanceIsKeptApart(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	i := &ops.Instance{ID: "wf-1", Status: ops.InstanceRunning, Steps: []ops.StepRecord{
		{ID: "small", Output: raw(`"s"`)}, {ID: "large", Output: text(300 << 10)}, {ID: "none"}, {ID: "other", Output: text(200 << 10)},
	}}
	i.Log(ops.HistoryEntry{At: start, What: "large", Detail: text(100 << 10)})
	b.save(t, i)
	const entries = 1000
	for n := 1; n < entries; n++ {
		i.Log(ops.HistoryEntry{At: start.Add(time.Duration(n) * time.Second), What: "n", Detail: raw(strconv.Itoa(n))})
		if n%7 == 0 {
			b.save(t, i)
		}
	}
	b.save(t, i)
	stale := *i
	stale.V--
	stale.History = append(stale.History, ops.HistoryEntry{What: "lost", Detail: text(50 << 10)})
	before := stale.Happened()
	if err := b.Save(ctx, &stale); ops.AsConflict(err) == nil || stale.Happened() != before {
		t.Errorf("a stale save gave %v, and %d entries of %d", err, stale.Happened(), before)
	}

	got, err := b.Instance(ctx, "wf-1")
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Step("large"); s.Output != nil || s.OutputApart == nil || s.OutputApart.Bytes != 300<<10 || string(got.Step("small").Output) != `"s"` {
		t.Errorf("before Load the steps are %+v", got.Steps)
	}
	if len(got.History) > 200 || got.Happened() != entries {
		t.Errorf("the record holds %d of %d entries", len(got.History), got.Happened())
	}
	if err := b.Load(ctx, got, 400<<10); err != nil || len(got.Step("large").Output) != 300<<10 || got.Step("other").Output != nil {
		t.Errorf("after Load of at most 400 KB: %v", err)
	}
	if err := b.Load(ctx, got, 0); err != nil || len(got.Step("other").Output) != 200<<10 {
		t.Errorf("after Load: %v", err)
	}
	b.save(t, got) // whole as it is now
	if got, err = b.Instance(ctx, "wf-1"); err != nil || got.Step("large").Output != nil || got.Step("large").OutputApart == nil {
		t.Errorf("saved again, the step is %+v, %v", got.Step("large"), err)
	}
	for _, c := range []struct{ skip, limit, want int }{
		{0, 100, 100}, {0, entries, entries}, {333, 1, 1}, {entries - got.Happened() + got.Earlier - 1, 2, 2}, {entries - 1, 9, 1}, {entries, 9, 0},
	} {
		page, err := b.History(ctx, got, c.skip, c.limit, 0)
		if err != nil || len(page) != c.want {
			t.Errorf("%d entries after %d, want %d: %v", len(page), c.skip, c.want, err)
		}
		for n, h := range page {
			if at := start.Add(time.Duration(c.skip+n) * time.Second); !h.At.Equal(at) {
				t.Fatalf("entry %d is of %s, want %s", c.skip+n, h.At, at)
			}
		}
	}
	if page, err := b.History(ctx, got, 0, 1, 0); err != nil || len(page[0].Detail) != 100<<10 {
		t.Errorf("the large detail: %v, %v", page, err)
	}
	if page, err := b.History(ctx, got, 0, 1, 1<<10); err != nil || page[0].Detail != nil || page[0].DetailApart.Bytes != 100<<10 {
		t.Errorf("the large detail, unread: %v, %v", page, err)
	}
}

// text makes a JSON text of so many bytes.
func text(bytes int) []byte { return raw(`"` + strings.Repeat("x", bytes-2) + `"`) }
