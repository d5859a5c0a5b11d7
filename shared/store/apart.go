package store

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// An instance's record is read and written at every turn of its workflow, and an item has a limit. So what grows is kept
// apart from it: large values, and all but the newest of its history. However long a workflow lives, its record stays small.
//
// A value's key follows from its content: it is written once, before the record that refers to it, by a write of its own. A
// transaction with the record would cost twice as much; a crash between the two leaves a value that the next try refers to.
// Entries of the history move in the transaction of the record that they leave.

const (
	// maxInlineValue is the largest value that is kept in the record, and maxInlineValues the most of all of them.
	maxInlineValue  = 4 << 10
	maxInlineValues = 32 << 10
	// maxHistory is how much history a record keeps, and keptHistory what is left of it when it has more.
	maxHistory  = 8 << 10
	keptHistory = 2 << 10
	// maxChunk is how much history one item keeps.
	maxChunk = 64 << 10
	// entryBytes is about what an entry has besides its words.
	entryBytes = 80
)

// parted is an instance as it is stored: its record, and what is kept apart.
type parted struct {
	record ops.Instance
	values []table.Item
	chunks []table.Item
}

// value is one that may be kept apart.
type value struct {
	at    *json.RawMessage
	apart **ops.Apart
}

func stepValues(steps []ops.StepRecord) []value {
	all := make([]value, 0, len(steps))
	for n := range steps {
		all = append(all, value{&steps[n].Input, &steps[n].InputApart}, value{&steps[n].Output, &steps[n].OutputApart})
	}
	return all
}

func entryValues(entries []ops.HistoryEntry) []value {
	all := make([]value, 0, len(entries))
	for n := range entries {
		all = append(all, value{&entries[n].Detail, &entries[n].DetailApart})
	}
	return all
}

// part takes what is kept apart out of a copy of an instance.
func part(i *ops.Instance) (*parted, error) {
	p := &parted{record: *i}
	p.record.Steps, p.record.History = slices.Clone(i.Steps), slices.Clone(i.History)
	left := maxInlineValues
	for _, v := range append(stepValues(p.record.Steps), entryValues(p.record.History)...) {
		size := len(*v.at)
		if size == 0 { // none, or not loaded
			continue
		}
		if size <= maxInlineValue && size <= left {
			*v.apart, left = nil, left-size
			continue
		}
		key := valueKey(*v.at)
		if *v.apart == nil || (*v.apart).Key != key {
			data, err := json.Marshal(map[string]json.RawMessage{"value": *v.at})
			if err != nil {
				return nil, fmt.Errorf("write a value of %s: %w", i.Ref(), err)
			}
			p.values = append(p.values, table.Item{Key: table.Key{PK: valuesPartition(i.ID), SK: key}, Data: data})
			*v.apart = &ops.Apart{Key: key, Bytes: size}
		}
		*v.at = nil
	}
	return p, p.spill()
}

// valueKey names a value by its content.
func valueKey(v json.RawMessage) string {
	sum := sha256.Sum256(v)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:20])
}

// spill moves the older part of a long history into chunks.
func (p *parted) spill() error {
	size := 0
	for n := range p.record.History {
		size += entrySize(&p.record.History[n])
	}
	if size <= maxHistory {
		return nil
	}
	h, moved := p.record.History, 0
	for size > keptHistory && moved < len(h)-1 { // the newest stays
		first, chunk := moved, 0
		for size > keptHistory && moved < len(h)-1 && chunk < maxChunk {
			chunk += entrySize(&h[moved])
			size -= entrySize(&h[moved])
			moved++
		}
		data, err := json.Marshal(map[string]any{"entries": h[first:moved]})
		if err != nil {
			return fmt.Errorf("write the history of %s: %w", p.record.Ref(), err)
		}
		p.chunks = append(p.chunks, table.Item{Key: chunkKey(p.record.ID, p.record.Earlier+first), Data: data})
	}
	p.record.History, p.record.Earlier = h[moved:], p.record.Earlier+moved
	return nil
}

func entrySize(e *ops.HistoryEntry) int {
	return entryBytes + len(e.What) + len(e.Step) + len(e.By) + len(e.Detail)
}

// keep writes the values that are kept apart.
func (s *Store) keep(ctx context.Context, p *parted) error {
	for _, item := range p.values {
		write, err := s.newWrite()
		if err != nil {
			return err
		}
		write.Puts = []table.Put{{Item: item}}
		err = s.table.Write(ctx, write)
		if _, there := errors.AsType[*table.ConditionError](err); err != nil && !there {
			return inWords(err)
		}
	}
	return nil
}

// kept makes an instance like its stored record; values stay at hand.
func (p *parted) kept(i *ops.Instance) {
	i.History, i.Earlier = i.History[len(i.History)-len(p.record.History):], p.record.Earlier
	for n := range i.Steps {
		i.Steps[n].InputApart, i.Steps[n].OutputApart = p.record.Steps[n].InputApart, p.record.Steps[n].OutputApart
	}
	for n := range i.History {
		i.History[n].DetailApart = p.record.History[n].DetailApart
	}
}

// Load implements ops.InstanceStore.
func (s *Store) Load(ctx context.Context, i *ops.Instance, most int) error {
	return s.load(ctx, i.ID, stepValues(i.Steps), most)
}

// load reads those of values that are kept apart and not at hand.
func (s *Store) load(ctx context.Context, instance string, values []value, most int) error {
	wanted := map[table.Key][]value{}
	var keys []table.Key
	for _, v := range values {
		if *v.apart == nil || *v.at != nil {
			continue
		}
		if most > 0 {
			if most -= (*v.apart).Bytes; most <= 0 {
				break
			}
		}
		key := table.Key{PK: valuesPartition(instance), SK: (*v.apart).Key}
		if wanted[key] == nil {
			keys = append(keys, key)
		}
		wanted[key] = append(wanted[key], v)
	}
	for batch := range slices.Chunk(keys, table.MaxBatchGet) {
		items, err := s.table.BatchGet(ctx, batch)
		if err != nil {
			return fmt.Errorf("read values of instance %s: %w", instance, inWords(err))
		}
		for _, key := range batch {
			item, found := items[key]
			if !found {
				return fmt.Errorf("instance %s lacks its value %s", instance, key.SK)
			}
			var data struct {
				Value json.RawMessage `json:"value"`
			}
			if err := json.Unmarshal(item.Data, &data); err != nil {
				return fmt.Errorf("read value %s: %w", key, err)
			}
			for _, v := range wanted[key] {
				*v.at = data.Value
			}
		}
	}
	return nil
}

// History implements ops.InstanceStore.
func (s *Store) History(ctx context.Context, i *ops.Instance, skip, limit, most int) ([]ops.HistoryEntry, error) {
	limit = min(limit, i.Happened()-skip)
	if limit <= 0 {
		return nil, nil
	}
	var found []ops.HistoryEntry
	if skip < i.Earlier {
		var err error
		if found, err = s.earlier(ctx, i.ID, skip, min(limit, i.Earlier-skip)); err != nil {
			return nil, fmt.Errorf("read the history of instance %s: %w", i.ID, err)
		}
	}
	if rest := limit - len(found); rest > 0 {
		from := max(0, skip-i.Earlier)
		found = append(found, i.History[from:from+rest]...)
	}
	return found, s.load(ctx, i.ID, entryValues(found), most)
}

// earlier reads entries that are kept apart.
func (s *Store) earlier(ctx context.Context, instance string, skip, limit int) ([]ops.HistoryEntry, error) {
	q := table.Query{PK: historyPartition(instance), To: chunkKey(instance, skip).SK, Descending: true, Limit: 1, Consistent: true}
	page, err := s.table.Query(ctx, q)
	if err != nil {
		return nil, inWords(err)
	}
	if len(page.Items) == 0 {
		return nil, fmt.Errorf("there is no entry %d", skip)
	}
	var found []ops.HistoryEntry
	q = table.Query{PK: q.PK, From: page.Items[0].Key.SK, Limit: 10, Consistent: true}
	for len(found) < limit {
		if page, err = s.table.Query(ctx, q); err != nil {
			return nil, inWords(err)
		}
		for _, item := range page.Items {
			var data struct {
				Entries []ops.HistoryEntry `json:"entries"`
			}
			if err := json.Unmarshal(item.Data, &data); err != nil {
				return nil, fmt.Errorf("read %s: %w", item.Key, err)
			}
			first, err := chunkFirst(item.Key)
			if err != nil {
				return nil, err
			}
			found = append(found, data.Entries[min(max(0, skip-first), len(data.Entries)):]...)
		}
		if page.Next == nil {
			break
		}
		q.After = page.Next
	}
	if len(found) < limit {
		return nil, fmt.Errorf("entries %d to %d are missing", skip+len(found), skip+limit)
	}
	return found[:limit], nil
}
