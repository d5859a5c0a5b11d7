package embedded

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/table"
)

// pageBytes is how much stored text one page may hold; at that it ends before its Limit.
const pageBytes = 8 << 20

// Table is one table.Table in a DB. Queries see every write at once, those on an index too.
type Table struct {
	db      *DB
	indexes []table.Index
	now     func() time.Time
	root    []byte
}

var _ table.Table = (*Table)(nil)

var (
	itemsBucket = []byte("items")
	indexesKey  = []byte("indexes") // which indexes the buckets were written for
)

// NewTable opens the table of that name, which it makes if it is not there, with these indexes. Indexes that were declared
// otherwise when the table was last open are built anew from the items, in one transaction; those no longer declared are
// dropped.
func NewTable(db *DB, name string, indexes []table.Index, now func() time.Time) (*Table, error) {
	if err := table.CheckIndexes(indexes); err != nil {
		return nil, err
	}
	t := &Table{db: db, indexes: slices.Clone(indexes), now: now, root: []byte("table/" + name)}
	if err := db.Update(context.Background(), t.prepare); err != nil {
		return nil, fmt.Errorf("open table %s: %w", name, err)
	}
	return t, nil
}

func indexBucket(name string) []byte { return []byte("index/" + name) }

// prepare makes the buckets that are missing or outdated.
func (t *Table) prepare(tx *bbolt.Tx) error {
	root, err := tx.CreateBucketIfNotExists(t.root)
	if err != nil {
		return err
	}
	items, err := root.CreateBucketIfNotExists(itemsBucket)
	if err != nil {
		return err
	}
	declared, err := json.Marshal(t.indexes)
	if err != nil {
		return err
	}
	stored := root.Get(indexesKey)
	if bytes.Equal(stored, declared) {
		return nil
	}
	var old []table.Index
	if stored != nil {
		if err := json.Unmarshal(stored, &old); err != nil {
			return fmt.Errorf("read the declared indexes: %w", err)
		}
	}
	for _, ix := range old {
		if err := root.DeleteBucket(indexBucket(ix.Name)); err != nil {
			return err
		}
	}
	for _, ix := range t.indexes {
		if _, err := root.CreateBucket(indexBucket(ix.Name)); err != nil {
			return err
		}
	}
	err = items.ForEach(func(k, raw []byte) error {
		r, err := decode(raw)
		if err != nil {
			return err
		}
		return t.reindex(root, splitItemKey(k), nil, &r)
	})
	if err != nil {
		return err
	}
	return root.Put(indexesKey, declared)
}

// reindex makes the indexes follow an item from one record to the next; nil stands for none.
func (t *Table) reindex(root *bbolt.Bucket, key table.Key, from, to *record) error {
	for _, ix := range t.indexes {
		var (
			was, is       table.Key
			wasIn, in     bool
			before, after []byte
		)
		if from != nil {
			if was, wasIn = from.at(ix.Name); wasIn {
				before = from.project(ix).encode()
			}
		}
		if to != nil {
			if is, in = to.at(ix.Name); in {
				after = to.project(ix).encode()
			}
		}
		if wasIn && in && was == is && bytes.Equal(before, after) {
			continue
		}
		bucket := root.Bucket(indexBucket(ix.Name))
		if wasIn && (!in || was != is) {
			if err := bucket.Delete(indexKey(was, key)); err != nil {
				return err
			}
		}
		if in {
			if err := bucket.Put(indexKey(is, key), after); err != nil {
				return err
			}
		}
	}
	return nil
}

// live gives the record at key unless there is none or it has expired.
func (t *Table) live(items *bbolt.Bucket, key table.Key, now time.Time) (record, bool, error) {
	raw := items.Get(itemKey(key))
	if raw == nil {
		return record{}, false, nil
	}
	r, err := decode(raw)
	if err != nil {
		return record{}, false, fmt.Errorf("read %s: %w", key, err)
	}
	return r, !table.Expired(r.expires, now), nil
}

// Get implements table.Table.
func (t *Table) Get(ctx context.Context, key table.Key) (item table.Item, found bool, err error) {
	items, err := t.BatchGet(ctx, []table.Key{key})
	item, found = items[key]
	return item, found, err
}

// BatchGet implements table.Table; here it does read at one point in time.
func (t *Table) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	if err := table.CheckBatchGet(keys); err != nil {
		return nil, err
	}
	found := make(map[table.Key]table.Item, len(keys))
	err := t.db.View(ctx, func(tx *bbolt.Tx) error {
		items := tx.Bucket(t.root).Bucket(itemsBucket)
		now := t.now()
		for _, key := range keys {
			r, ok, err := t.live(items, key, now)
			if err != nil {
				return err
			}
			if ok {
				found[key] = r.item(key, t.indexes)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
