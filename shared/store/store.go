// Package store keeps the domain's records in a table.Table: it implements every store contract of package ops, once,
// over both drivers. keys.go is the whole key and index scheme.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// Store reads and writes the domain's records. It is safe for concurrent use.
type Store struct {
	table  table.Table
	now    func() time.Time
	random io.Reader // safe for concurrent use

	secretMu sync.Mutex
	secret   []byte // signs cursors; read from the table on first use
}

var _ interface {
	ops.Saver
	ops.Waker
	ops.ActionStore
	ops.AlertStore
	ops.AssignmentStore
	ops.AuditStore
	ops.BacktestStore
	ops.BulkStore
	ops.ConnectionStore
	ops.CooldownStore
	ops.Cursors
	ops.CounterStore
	ops.DurationStore
	ops.EventStore
	ops.EvidenceStore
	ops.EventHistory
	ops.InstanceStore
	ops.KeyedRequestStore
	ops.MemberStore
	ops.MetricStore
	ops.NotificationStore
	ops.RuleStore
	ops.SlotStore
	ops.RuleVersionStore
	ops.RuleTallyStore
	ops.SubjectStore
	ops.TaskStore
	ops.TemplateStore
	ops.UndeliveredStore
	ops.VendorStore
	ops.WaiterStore
	ops.WatchStore
} = (*Store)(nil)

// New makes a Store over a table that was made with Indexes. random names writes and makes the secret that signs
// cursors: crypto/rand.Reader outside of tests.
func New(t table.Table, random io.Reader, now func() time.Time) *Store {
	return &Store{table: t, random: ops.Shared(random), now: now}
}

// Save implements ops.Saver. It keeps people's counts of open work with every task that it writes, notes on the request that
// ctx carries that it was done, and keeps what is large of an instance apart from it. A new record without CreatedAt gets the
// present time, for lists are ordered by it.
func (s *Store) Save(ctx context.Context, records ...ops.Record) error {
	if len(records) == 0 {
		return nil
	}
	if request := doneBy(ctx, records); request != nil {
		err := s.save(ctx, append(slices.Clip(records), request))
		if err != nil {
			request.Done = ops.Ref{}
		}
		if c := ops.AsConflict(err); c != nil && c.Has(request.Ref()) {
			// No *ops.Conflict: whoever made the change must not try it again.
			return ops.Errorf(ops.CodeConflict, "another request with the same Idempotency-Key has taken over from this one")
		}
		return err
	}
	return s.save(ctx, records)
}

// doneBy gives the request that is done with these records, noted so; nil if there is none.
func doneBy(ctx context.Context, records []ops.Record) *ops.KeyedRequest {
	request := ops.RequestOf(ctx)
	if request == nil || request.Done != (ops.Ref{}) {
		return nil
	}
	for _, r := range records {
		if entry, ok := r.(*ops.AuditEntry); ok {
			request.Done = entry.Target
			return request
		}
	}
	return nil
}

func (s *Store) save(ctx context.Context, records []ops.Record) error {
	expected := ops.ExpectedOf(ctx)
	if expected != nil && !expected.Met {
		at := slices.IndexFunc(records, func(r ops.Record) bool { return r.Ref() == expected.Ref })
		if at < 0 {
			expected = nil
		} else if v := records[at].RecordMeta().V; v != expected.V {
			return ops.Errorf(ops.CodePreconditionFailed, "%s was changed meanwhile: it has version %d, not %d", expected.Ref, v, expected.V)
		}
	}
	write, err := s.newWrite()
	if err != nil {
		return fmt.Errorf("save %s: %w", records[0].Ref(), err)
	}
	var work openWork
	var instances []*ops.Instance
	var parts []*parted
	for _, r := range records {
		if c, ok := r.(*ops.Counter); ok {
			write.Counters = append(write.Counters, table.Counter{
				Key: keyOf(c), Field: counterField, Add: c.Add, Max: c.Max, ExpiresAt: c.ExpiresAt,
			})
			continue
		}
		m := r.RecordMeta()
		if m.V == 0 && m.CreatedAt.IsZero() {
			m.CreatedAt = s.now().UTC()
		}
		if t, ok := r.(*ops.Task); ok {
			work.take(t)
		}
		stored := r
		if i, ok := r.(*ops.Instance); ok {
			p, err := part(i)
			if err == nil {
				err = s.keep(ctx, p)
			}
			if err != nil {
				work.undo()
				return fmt.Errorf("save %s: %w", r.Ref(), err)
			}
			for _, chunk := range p.chunks {
				write.Puts = append(write.Puts, table.Put{Item: chunk})
			}
			instances, parts, stored = append(instances, i), append(parts, p), &p.record
		}
		item, err := encode(stored)
		if err != nil {
			work.undo()
			return fmt.Errorf("save %s: %w", r.Ref(), err)
		}
		write.Puts = append(write.Puts, table.Put{Item: item, WantV: m.V})
	}
	write.Counters = append(write.Counters, work.counters()...)
	if err := s.write(ctx, write, append(slices.Clip(records), work.records()...)); err != nil {
		work.undo()
		return fmt.Errorf("save %s: %w", records[0].Ref(), err)
	}
	for _, r := range records {
		r.RecordMeta().V++
	}
	for n, i := range instances {
		parts[n].kept(i)
	}
	if expected != nil {
		expected.Met = true
	}
	return nil
}

// Delete implements ops.Saver. A record that was never stored (V 0) is lost from the start.
func (s *Store) Delete(ctx context.Context, records ...ops.Record) error {
	if len(records) == 0 {
		return nil
	}
	write, err := s.newWrite()
	if err != nil {
		return fmt.Errorf("delete %s: %w", records[0].Ref(), err)
	}
	var lost []ops.Ref
	for _, r := range records {
		v := r.RecordMeta().V
		if v == 0 {
			lost = append(lost, r.Ref())
		}
		write.Deletes = append(write.Deletes, table.Delete{Key: keyOf(r), WantV: v})
	}
	if len(lost) > 0 {
		return fmt.Errorf("delete %s: %w", records[0].Ref(), &ops.Conflict{Lost: lost})
	}
	if err := s.write(ctx, write, records); err != nil {
		return fmt.Errorf("delete %s: %w", records[0].Ref(), err)
	}
	return nil
}

func (s *Store) newWrite() (table.Write, error) {
	id, err := ops.RandomID("", s.random)
	return table.Write{ID: id}, err
}

// write sends a write and puts a failure into the domain's words.
func (s *Store) write(ctx context.Context, w table.Write, records []ops.Record) error {
	err := s.table.Write(ctx, w)
	failed, ok := errors.AsType[*table.ConditionError](err)
	if !ok {
		return inWords(err)
	}
	conflict := &ops.Conflict{}
	for _, r := range records {
		if slices.Contains(failed.Failed, keyOf(r)) {
			conflict.Lost = append(conflict.Lost, r.Ref())
		}
	}
	return conflict
}

// inWords gives an error of the table the code that callers act on.
func inWords(err error) error {
	if e, ok := errors.AsType[*table.LimitError](err); ok {
		return ops.Errorf(ops.CodeTooLarge, "%w", e)
	}
	if e, ok := errors.AsType[*table.ThrottleError](err); ok {
		return ops.Errorf(ops.CodeThrottled, "%w", e)
	}
	return err
}

// read gives the record at a key, consistently. found is false for an id that no record can have, too: ids come from
// callers.
func read[T any, P record[T]](ctx context.Context, s *Store, key table.Key) (r P, found bool, err error) {
	if !possible(key) {
		return nil, false, nil
	}
	item, found, err := s.table.Get(ctx, key)
	if err != nil || !found {
		return nil, false, inWords(err)
	}
	r, err = decode[T, P](item)
	return r, err == nil, err
}

// possible reports whether a record can have this key.
func possible(key table.Key) bool { return table.CheckKey(key) == nil }

// get is read for a record that must be there. CodeNotFound.
func get[T any, P record[T]](ctx context.Context, s *Store, ref ops.Ref) (P, error) {
	r, found, err := read[T, P](ctx, s, keyOfRef(ref))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, err)
	}
	if !found {
		if ref.Kind == ops.KindInstance {
			return nil, ops.Errorf(ops.CodeNotFound, "there is no workflow %s", ref.ID) // as everybody calls it
		}
		return nil, ops.Errorf(ops.CodeNotFound, "there is no %s", ref)
	}
	return r, nil
}

// readAll gives all records of a partition of the table itself, consistently, in the order of their sort keys.
func readAll[T any, P record[T]](ctx context.Context, s *Store, partition string) ([]P, error) {
	var all []P
	q := table.Query{PK: partition, Consistent: true, Limit: 1000}
	for {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read all of %s: %w", partition, inWords(err))
		}
		for _, item := range page.Items {
			r, err := decode[T, P](item)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		if page.Next == nil {
			return all, nil
		}
		q.After = page.Next
	}
}
