package dynamodb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/dynamodb/attribute"
	"opsflow/shared/local/dynamodb/expression"
	"opsflow/shared/table/bytekey"
	"opsflow/shared/table/embedded"
)

// buckets are the items of a table that a user made: in a bucket of the table, and for each index in one more, which has the
// keys of the items. A key begins with a checksum of the partition, so that a scan comes by partitions in no order that
// means anything, and segments are ranges.
//
//	items:    checksum, partition, sort                  -> the item in DynamoDB's notation
//	index/X:  checksum, partition, sort, the item's key  -> the item's key
type buckets struct {
	*collection

	now func() time.Time
}

var (
	definitionKey = []byte("definition")
	itemsBucket   = []byte("items")
)

func indexBucket(x *index) []byte { return []byte("index/" + x.name) }

// root gives the table's bucket.
func (b *buckets) root(tx *bbolt.Tx) (*bbolt.Bucket, error) {
	if root := tx.Bucket(bucket).Bucket([]byte(b.TableName)); root != nil {
		return root, nil
	}
	return nil, notFound("Requested resource not found")
}

// bytesOf gives the key of an item in the table or an index, without what tells apart items of an index with the same one.
func (s schema) bytesOf(item attribute.Item) []byte {
	key := partition(item[s.hash.name])
	if s.sort != nil {
		key = bytekey.Append(key, item[s.sort.name].Ordered())
	}
	return key
}

func partition(hash attribute.Value) []byte {
	ordered := hash.Ordered()
	key := binary.BigEndian.AppendUint32(make([]byte, 0, 64), crc32.ChecksumIEEE(ordered))
	return bytekey.Append(key, ordered)
}

func (b *buckets) entry(x *index, item attribute.Item) []byte {
	return append(x.bytesOf(item), b.bytesOf(item)...)
}

func (b *buckets) read(raw []byte, only []string) (attribute.Item, error) {
	item, err := attribute.ParseItem(raw, only...)
	if err != nil {
		return nil, fmt.Errorf("table %s: a stored item is corrupt: %w", b.TableName, err)
	}
	return item, nil
}

func (b *buckets) get(tx *bbolt.Tx, key attribute.Item, only []string) (attribute.Item, error) {
	root, err := b.root(tx)
	if err != nil {
		return nil, err
	}
	raw := root.Bucket(itemsBucket).Get(b.bytesOf(key))
	if raw == nil {
		return nil, nil
	}
	if only != nil {
		only = append(slices.Clip(only), b.TimeToLive)
	}
	item, err := b.read(raw, only)
	if err != nil || b.over(item, b.now()) {
		return nil, err
	}
	return item, nil
}

func (b *buckets) encode(item attribute.Item) (*encoded, error) {
	return &encoded{item: item, raw: item.Append(nil)}, nil
}

func (b *buckets) plan(key, _ attribute.Item, item *encoded) (store func(tx *bbolt.Tx) error, err error) {
	return func(tx *bbolt.Tx) error { return b.put(tx, key, item) }, nil
}

// put stores an item, or removes what is there when it is nil.
func (b *buckets) put(tx *bbolt.Tx, key attribute.Item, item *encoded) error {
	root, err := b.root(tx)
	if err != nil {
		return err
	}
	at := b.bytesOf(key)
	if item == nil {
		return errors.Join(b.reindexAll(root, at, nil), root.Bucket(itemsBucket).Delete(at))
	}
	return errors.Join(b.reindexAll(root, at, item.item), root.Bucket(itemsBucket).Put(at, item.raw))
}

// reindexAll makes the indexes follow the item at a key, be the old one over or not.
func (b *buckets) reindexAll(root *bbolt.Bucket, at []byte, item attribute.Item) error {
	if len(b.indexes) == 0 {
		return nil
	}
	var old attribute.Item
	if raw := root.Bucket(itemsBucket).Get(at); raw != nil {
		names := b.names()
		for _, x := range b.indexes {
			names = append(names, x.names()...)
		}
		var err error
		if old, err = b.read(raw, names); err != nil {
			return err
		}
	}
	for _, x := range b.indexes {
		if err := b.reindex(root, x, old, item); err != nil {
			return err
		}
	}
	return nil
}

// reindex makes an index follow an item; nil stands for none.
func (b *buckets) reindex(root *bbolt.Bucket, x *index, old, item attribute.Item) error {
	var was, is []byte
	if old != nil && x.holds(old) {
		was = b.entry(x, old)
	}
	if item != nil && x.holds(item) {
		is = b.entry(x, item)
	}
	entries := root.Bucket(indexBucket(x))
	if bytes.Equal(was, is) {
		return nil
	}
	if was != nil {
		if err := entries.Delete(was); err != nil {
			return err
		}
	}
	if is == nil {
		return nil
	}
	return entries.Put(is, b.bytesOf(item))
}

func (b *buckets) walk(tx *bbolt.Tx, r reach, yield func(attribute.Item) bool) error {
	root, err := b.root(tx)
	if err != nil {
		return err
	}
	items, from := root.Bucket(itemsBucket), root.Bucket(itemsBucket)
	if r.index != nil {
		from = root.Bucket(indexBucket(r.index))
	}
	now := b.now()
	s := b.span(r)
	c := from.Cursor()
	for k, raw := s.First(c); k != nil; k, raw = s.Next(c) {
		if r.index != nil {
			raw = items.Get(raw)
		}
		item, err := b.read(raw, nil)
		if err != nil {
			return err
		}
		if !b.over(item, now) && !yield(item) {
			return nil
		}
	}
	return nil
}

func (b *buckets) count(tx *bbolt.Tx, x *index) (items, size int) {
	_ = b.walk(tx, reach{index: x}, func(item attribute.Item) bool { // a table that can't be read has nothing that counts
		items++
		if x != nil {
			item = b.project(x, item)
		}
		size += item.Size()
		return true
	})
	return items, size
}

// span gives the keys within reach.
func (b *buckets) span(r reach) embedded.Span {
	s := embedded.Span{Low: []byte{}, Down: r.down}
	if r.hash.Exists() {
		s.Low, s.High = narrow(partition(r.hash), r.sort)
	} else if r.part.of > 0 {
		s.Low, s.High = r.part.bound(r.part.number), r.part.bound(r.part.number+1)
	}
	switch {
	case r.after == nil:
		return s
	case r.index != nil:
		return s.After(b.entry(r.index, r.after))
	default:
		return s.After(b.bytesOf(r.after))
	}
}

// narrow gives the bounds of what a condition on the sort key asks for within a partition.
func narrow(base []byte, c *expression.KeyCondition) (low, high []byte) {
	low, high = base, bytekey.Successor(base)
	if c == nil {
		return low, high
	}
	whole := func(v attribute.Value) []byte { return bytekey.Append(bytes.Clone(base), v.Ordered()) }
	first := whole(c.Values[0])
	switch c.Op {
	case "=":
		return first, bytekey.Successor(first)
	case "<":
		return low, first
	case "<=":
		return low, bytekey.Successor(first)
	case ">":
		return bytekey.Successor(first), high
	case ">=":
		return first, high
	case "BETWEEN":
		return first, bytekey.Successor(whole(c.Values[1]))
	default: // begins_with
		low = bytekey.Open(bytes.Clone(base), c.Values[0].Ordered())
		return low, bytekey.Successor(low)
	}
}
