package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// openWork collects how a Save changes people's counts of open tasks. A task that says that it is counted for somebody is,
// for it is written under the condition that nobody else wrote it: so the counts are exact, whoever writes a task, and can't
// be forgotten. Counting the rows of an index instead would be late by its delay, just when many tasks are opened at once.
type openWork struct {
	changed []*ops.Task
	was     []string // Counted of each of them before
	members []string // in the order in which they came
	add     map[string]int64
	room    map[string]int64
}

// take moves a task to the count that it belongs to; to be called before it is encoded.
func (w *openWork) take(t *ops.Task) {
	holder := t.Assignee
	if t.Status.Decided() || t.Kind == ops.StepAssignment { // an offer is no work of a member's
		holder = ""
	}
	if holder == t.Counted {
		return
	}
	w.changed, w.was = append(w.changed, t), append(w.was, t.Counted)
	w.count(t.Counted, -1)
	w.count(holder, +1)
	if holder != "" && t.MaxOpen > 0 {
		w.room[holder] = max(w.room[holder], t.MaxOpen)
	}
	t.Counted = holder
}

func (w *openWork) count(member string, add int64) {
	if member == "" {
		return
	}
	if w.add == nil {
		w.add, w.room = map[string]int64{}, map[string]int64{}
	}
	if !slices.Contains(w.members, member) {
		w.members = append(w.members, member)
	}
	w.add[member] += add
}

// counters are the changes, one for each member whose count changes.
func (w *openWork) counters() []table.Counter {
	var all []table.Counter
	for _, member := range w.members {
		add := w.add[member]
		if add == 0 {
			continue
		}
		c := table.Counter{Key: openWorkKey(member), Field: counterField, Add: add}
		if add > 0 {
			c.Max = w.room[member]
		}
		all = append(all, c)
	}
	return all
}

// records names the counters for a Conflict.
func (w *openWork) records() []ops.Record {
	var all []ops.Record
	for _, member := range w.members {
		all = append(all, &ops.Counter{ID: ops.OpenWorkID(member)})
	}
	return all
}

// undo takes everything back after a Save that failed.
func (w *openWork) undo() {
	for i, t := range w.changed {
		t.Counted = w.was[i]
	}
}

func openWorkKey(member string) table.Key {
	return keyOfRef(ops.Ref{Kind: ops.KindCounter, ID: ops.OpenWorkID(member)})
}

// OpenWork implements ops.MemberStore.
func (s *Store) OpenWork(ctx context.Context, members []string) (map[string]int64, error) {
	open := make(map[string]int64, len(members))
	for batch := range slices.Chunk(members, table.MaxBatchGet) {
		keys := make([]table.Key, len(batch))
		for i, member := range batch {
			keys[i] = openWorkKey(member)
		}
		items, err := s.table.BatchGet(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("read who has how much open work: %w", inWords(err))
		}
		for i, member := range batch {
			item, found := items[keys[i]]
			if !found {
				continue
			}
			var data struct {
				Value int64 `json:"value"`
			}
			if err := json.Unmarshal(item.Data, &data); err != nil {
				return nil, fmt.Errorf("read the open work of %s: %w", member, err)
			}
			open[member] = data.Value
		}
	}
	return open, nil
}

// Member implements ops.MemberStore.
func (s *Store) Member(ctx context.Context, id string) (*ops.Member, error) {
	return get[ops.Member](ctx, s, ops.Ref{Kind: ops.KindMember, ID: id})
}

// Members implements ops.MemberStore.
func (s *Store) Members(ctx context.Context) ([]*ops.Member, error) {
	return readAll[ops.Member](ctx, s, string(ops.KindMember))
}
