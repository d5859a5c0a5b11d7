package audit_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

var (
	now    = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	ann    = ops.Actor{ID: "ann", Name: "Ann", Teams: []ops.Team{ops.Operations}}
	target = ops.Ref{Kind: ops.KindRule, ID: "quality-check"}
)

func setup(t *testing.T) *store.Store {
	t.Helper()
	clock := func() time.Time { return now }
	return storetest.InMemory(t, clock)
}

func entry(t *testing.T, s *store.Store, c audit.Change) *ops.AuditEntry {
	t.Helper()
	c.Actor, c.Target = ann, target
	e, err := audit.Entry(audit.WithRequestID(t.Context(), "req-1"), s, c, now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func trail(t *testing.T, s *store.Store) []*ops.AuditEntry {
	t.Helper()
	p, err := s.AuditTrail(t.Context(), ops.AuditFilter{Target: target, PageRequest: ops.PageRequest{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

func TestAnEntryTellsWhoChangedWhatFromWhatToWhatAndWhy(t *testing.T) {
	t.Parallel()
	s := setup(t)
	before := &ops.Rule{ID: "quality-check", Name: "Quality", Mode: ops.RuleActive, Version: 1}
	after := &ops.Rule{ID: "quality-check", Name: "Quality", Mode: ops.RuleOff, Version: 2}
	e := entry(t, s, audit.Change{Action: "rule.mode", Before: before, After: after, Reason: "a storm"})
	if err := s.Save(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got := trail(t, s)[0]
	if got.Actor.ID != "ann" || got.Action != "rule.mode" || got.Reason != "a storm" || got.RequestID != "req-1" ||
		!got.At.Equal(now) || got.Seq != 1 || got.Target != target {
		t.Errorf("stored is %+v", got)
	}
	if string(got.Before) != `{"mode":"active","version":1}` || string(got.After) != `{"mode":"off","version":2}` {
		t.Errorf("it became %s from %s, want only what changed", got.After, got.Before)
	}
}

func TestAnEntryShowsNoSecretAndKeepsItsSize(t *testing.T) {
	t.Parallel()
	s := setup(t)
	e := entry(t, s, audit.Change{Action: "task.complete", After: map[string]any{
		"token": "AQC4AAAA", "lease": map[string]any{"owner": "x"}, "status": "completed", "answers": strings.Repeat("x", 300<<10),
	}})
	if strings.Contains(string(e.After), "AQC4AAAA") || strings.Contains(string(e.After), "lease") {
		t.Errorf("it shows what is internal: %.200s", e.After)
	}
	if len(e.After) > 1000 || !strings.Contains(string(e.After), `"bytes":307202`) {
		t.Errorf("a long member became %.200s", e.After)
	}
	if err := s.Save(t.Context(), e); err != nil {
		t.Error(err)
	}
}

func TestOfTwoChangesAtOnceOneIsWrittenBehindTheOther(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const people = 20
	var wg sync.WaitGroup
	for range people {
		wg.Go(func() {
			for {
				e, err := audit.Entry(t.Context(), s, audit.Change{Actor: ann, Action: "rule.update", Target: target}, now)
				if err != nil {
					t.Error(err)
					return
				}
				err = s.Save(t.Context(), e)
				if err == nil {
					return
				}
				if c := ops.AsConflict(err); c == nil || !c.Has(e.Ref()) {
					t.Errorf("lost with %v, want a conflict that names the entry", err)
					return
				}
			}
		})
	}
	wg.Wait()
	all := trail(t, s)
	if len(all) != people {
		t.Fatalf("%d entries, want %d", len(all), people)
	}
	if err := ops.VerifyTrail(all); err != nil {
		t.Error(err)
	}
}

func TestAChainShowsWhatWasAlteredOrTakenOut(t *testing.T) {
	t.Parallel()
	chain := func(t *testing.T) []*ops.AuditEntry {
		s := setup(t)
		for i := range 4 {
			e := entry(t, s, audit.Change{Action: "rule.update", Before: map[string]any{"price": i}, After: map[string]any{"price": i + 1}})
			if err := s.Save(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		return trail(t, s)
	}
	cases := map[string]struct {
		tamper func([]*ops.AuditEntry) []*ops.AuditEntry
		want   string
	}{
		"untouched": {func(a []*ops.AuditEntry) []*ops.AuditEntry { return a }, ""},
		"spelled otherwise by the table": {func(a []*ops.AuditEntry) []*ops.AuditEntry {
			a[1].After = json.RawMessage(` { "price" : 2.0 } `)
			return a
		}, ""},
		"another value":  {func(a []*ops.AuditEntry) []*ops.AuditEntry { a[1].After = json.RawMessage(`{"price":2.01}`); return a }, "entry 2 was altered"},
		"another author": {func(a []*ops.AuditEntry) []*ops.AuditEntry { a[2].Actor.ID = "bob"; return a }, "entry 3 was altered"},
		"another time":   {func(a []*ops.AuditEntry) []*ops.AuditEntry { a[0].At = now.Add(1); return a }, "entry 1 was altered"},
		"one missing":    {func(a []*ops.AuditEntry) []*ops.AuditEntry { return append(a[:1:1], a[2:]...) }, "entry 2 is missing"},
		"another reason, sealed anew": {func(a []*ops.AuditEntry) []*ops.AuditEntry {
			a[1].Reason = "because"
			if err := a[1].Seal(a[0]); err != nil {
				panic(err)
			}
			return a
		}, "entry 3 was altered"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ops.VerifyTrail(c.tamper(chain(t)))
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("gave %v, want %q", err, c.want)
			}
		})
	}
}
