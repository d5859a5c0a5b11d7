package embedded

import (
	"fmt"

	"go.etcd.io/bbolt"

	"opsflow/shared/table"
)

// Stored is an item with all that is kept of it. An index's item has what the index holds.
type Stored struct {
	table.Item
	WriteID string // of the last write
}

// Load reads an item within a transaction of the table's DB; one that has expired is not found.
func (t *Table) Load(tx *bbolt.Tx, key table.Key) (s Stored, found bool, err error) {
	r, found, err := t.live(tx.Bucket(t.root).Bucket(itemsBucket), key, t.now())
	if err != nil || !found {
		return Stored{}, false, err
	}
	return Stored{r.item(key, t.indexes), r.writeID}, true, nil
}

// Replace puts an item in the place of whatever is at a key, or removes that when to is nil. The version is to's own: whoever
// calls sees to it that it rises. It checks nothing (see table.CheckWrite).
func (t *Table) Replace(tx *bbolt.Tx, key table.Key, to *Stored) error {
	root := tx.Bucket(t.root)
	s := step{key: key}
	if raw := root.Bucket(itemsBucket).Get(itemKey(key)); raw != nil {
		from, err := decode(raw)
		if err != nil {
			return fmt.Errorf("read %s: %w", key, err)
		}
		s.from = &from
	}
	if to != nil {
		r := newRecord(to.Item, to.V, to.WriteID)
		s.to = &r
	}
	if s.from == nil && s.to == nil {
		return nil
	}
	if err := t.apply(root, s); err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return nil
}

// Walk calls yield with what a query finds, one after the other, until that says false; the query's Limit has no say. Without
// a partition it goes through everything, in the order of the keys. Items that have expired are left out, as far as the
// index knows.
func (t *Table) Walk(tx *bbolt.Tx, q table.Query, yield func(Stored) bool) error {
	name := itemsBucket
	if q.Index != "" {
		name = indexBucket(q.Index)
	}
	c, now := tx.Bucket(t.root).Bucket(name).Cursor(), t.now()
	s := newSpan(q)
	for k, raw := s.First(c); k != nil; k, raw = s.Next(c) {
		r, err := decode(raw)
		if err != nil {
			return fmt.Errorf("query %q: %w", q.PK, err)
		}
		if table.Expired(r.expires, now) {
			continue
		}
		found := Stored{WriteID: r.writeID}
		if q.Index == "" {
			found.Item = r.item(splitItemKey(k), t.indexes)
		} else {
			at, key := splitIndexKey(k)
			found.Item = r.item(key, nil)
			found.Index = map[string]table.Key{q.Index: at}
		}
		if !yield(found) {
			return nil
		}
	}
	return nil
}
