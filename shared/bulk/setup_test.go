package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/audit"
	"opsflow/shared/bulk"
	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

var (
	start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	oscar = ops.Actor{ID: "oscar", Teams: []ops.Team{ops.Operations}}
)

type bundle struct {
	*bulk.Service
	t     *testing.T
	store *store.Store
	clock *clock.Clock
	desk  *desk
	runs  *executions
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := clock.Virtual(start)
	s := storetest.InMemory(t, c.Now)
	b := &bundle{t: t, store: s, clock: c, desk: &desk{Store: s, clock: c}, runs: &executions{status: map[string]ops.ExecutionStatus{}}}
	b.Service = bulk.New(bulk.Config{
		Store: s, Services: bulk.Services{Alerts: b.desk}, WhatIf: bulk.Services{Alerts: &desk{Store: dry{s}, clock: c}},
		Executions: b.runs, Machine: "machine", Clock: clock.Invocation{Clock: c}, Random: rand.NewChaCha8([32]byte{2}),
		Logger: slog.New(slog.DiscardHandler),
	})
	return b
}

// alerts stores n open alerts and gives their ids.
func (b *bundle) alerts(n int) []string {
	b.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("alr-%03d", i)
		a := &ops.Alert{ID: ids[i], Type: ops.AlertSystemError, Severity: ops.SeverityLow, Status: ops.AlertOpen, Title: "t", Count: 1}
		if err := b.store.Save(b.t.Context(), a); err != nil {
			b.t.Fatal(err)
		}
	}
	return ids
}

func (b *bundle) alert(id string) *ops.Alert {
	b.t.Helper()
	a, err := b.store.Alert(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *bundle) begin(r bulk.Request) *ops.Bulk {
	b.t.Helper()
	o, err := b.Begin(b.t.Context(), r, oscar)
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

func (b *bundle) process(o *ops.Bulk, chunk int) {
	b.t.Helper()
	if err := b.Process(b.t.Context(), bulk.Work{Bulk: o.ID, Chunk: chunk}); err != nil {
		b.t.Fatal(err)
	}
}

// operation reads an operation and all of its items.
func (b *bundle) operation(o *ops.Bulk) (*ops.Bulk, []ops.BulkItem) {
	b.t.Helper()
	o, err := b.store.Bulk(b.t.Context(), o.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	items, _, err := b.Items(b.t.Context(), o, "", 0, ops.MaxBulkItems)
	if err != nil {
		b.t.Fatal(err)
	}
	return o, items
}

// acts is how often people changed a record.
func (b *bundle) acts(id string) int {
	b.t.Helper()
	trail, err := b.store.AuditTrail(b.t.Context(), ops.AuditFilter{Target: ops.Ref{Kind: ops.KindAlert, ID: id}})
	if err != nil {
		b.t.Fatal(err)
	}
	return len(trail.Items)
}

// desk resolves alerts and acknowledges them as often as it is asked, and writes down who did it, as the service does.
type desk struct {
	bulk.Store
	clock *clock.Clock

	mu     sync.Mutex
	before func(id string) error // called before a change
	after  func(id string)       // called behind it
}

func (d *desk) change(ctx context.Context, id string, by ops.Actor, move func(*ops.Alert) error) (*ops.Alert, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before != nil {
		if err := d.before(id); err != nil {
			return nil, err
		}
	}
	a, err := d.Alert(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := move(a); err != nil {
		return nil, err
	}
	ref := ops.Ref{Kind: ops.KindAlert, ID: id}
	e, err := audit.Entry(ctx, d, audit.Change{Actor: by, Action: "alert.change", Target: ref}, d.clock.Now())
	if err != nil {
		return nil, err
	}
	if err := d.Save(ctx, a, e); err != nil {
		return nil, err
	}
	if d.after != nil {
		d.after(id)
	}
	return a, nil
}

func (d *desk) Resolve(ctx context.Context, id string, by ops.Actor, r alert.Resolution) (*ops.Alert, error) {
	return d.change(ctx, id, by, func(a *ops.Alert) error {
		if a.Status == ops.AlertResolved {
			return ops.Errorf(ops.CodeIllegalMove, "alert %s is resolved", id)
		}
		a.Status, a.ResolvedBy, a.Resolution = ops.AlertResolved, by.ID, r.Resolution
		return nil
	})
}

// Acknowledge is never refused: only what was written down tells that it was done.
func (d *desk) Acknowledge(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return d.change(ctx, id, by, func(a *ops.Alert) error { a.Count++; return nil })
}

func (d *desk) Close(context.Context, string, ops.Actor) (*ops.Alert, error) {
	return nil, errors.New("a defect")
}

type dry struct{ *store.Store }

func (dry) Save(context.Context, ...ops.Record) error { return bulk.ErrWouldSave }

// executions remembers what was started, and runs nothing.
type executions struct {
	ops.Executions

	mu      sync.Mutex
	started []string
	inputs  []string
	status  map[string]ops.ExecutionStatus
	fail    error
}

func (x *executions) Start(_ context.Context, _, name string, input []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail != nil {
		return x.fail
	}
	if x.status[name] != "" {
		return ops.ErrExecutionExists
	}
	x.started, x.inputs = append(x.started, name), append(x.inputs, string(input))
	x.status[name] = ops.ExecutionRunning
	return nil
}

func (x *executions) Describe(_ context.Context, _, name string) (ops.Execution, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.status[name] == "" {
		return ops.Execution{}, ops.ErrNoExecution
	}
	return ops.Execution{Status: x.status[name]}, nil
}
