package embedded

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"opsflow/shared/table"
)

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	q, err := table.CheckQuery(q, t.indexes)
	if err != nil {
		return table.Page{}, err
	}
	var page table.Page
	err = t.db.View(ctx, func(tx *bbolt.Tx) error {
		name := itemsBucket
		if q.Index != "" {
			name = indexBucket(q.Index)
		}
		s := newSpan(q)
		page, err = t.read(ctx, s, tx.Bucket(t.root).Bucket(name).Cursor(), q)
		return err
	})
	return page, err
}

// read collects a page. It looks one entry further than it needs, so that Next is nil exactly when nothing is left.
func (t *Table) read(ctx context.Context, s span, c *bbolt.Cursor, q table.Query) (table.Page, error) {
	var page table.Page
	now, size := t.now(), 0
	var last table.Place
	for k, raw := s.first(c); k != nil; k, raw = s.next(c) {
		if err := ctx.Err(); err != nil {
			return table.Page{}, err
		}
		r, err := decode(raw)
		if err != nil {
			return table.Page{}, fmt.Errorf("query %q: %w", q.PK, err)
		}
		if table.Expired(r.expires, now) {
			continue
		}
		if len(page.Items) == q.Limit || size > pageBytes {
			page.Next = &last
			return page, nil
		}
		size += len(k) + len(raw)
		if q.Index == "" {
			last = table.Place{Key: splitItemKey(k)}
			page.Items = append(page.Items, r.item(last.Key, t.indexes))
			continue
		}
		at, key := splitIndexKey(k)
		last = table.Place{Key: key, Index: at}
		item := r.item(key, nil)
		item.Index = map[string]table.Key{q.Index: at}
		page.Items = append(page.Items, item)
	}
	return page, nil
}

// span is the part of a bucket that a query asks for: keys from low (inclusive) to high (exclusive; nil: no end), one way
// or the other.
type span struct {
	low, high []byte
	down      bool
}

func newSpan(q table.Query) span {
	base := appendPart(nil, q.PK)
	s := span{low: base, high: successor(base), down: q.Descending}
	// In an index more parts follow the sort key, so it is escaped there and a whole value ends with a mark.
	prefix, whole := rawPart, rawPart
	if q.Index != "" {
		prefix, whole = openPart, appendPart
	}
	switch {
	case q.Prefix != "":
		s.low = prefix(bytes.Clone(base), q.Prefix)
		s.high = successor(s.low)
	default:
		if q.From != "" {
			s.low = prefix(bytes.Clone(base), q.From)
		}
		if q.To != "" && q.Index != "" {
			s.high = successor(whole(bytes.Clone(base), q.To))
		} else if q.To != "" {
			s.high = append(whole(bytes.Clone(base), q.To), 0)
		}
	}
	if q.After != nil {
		at := itemKey(q.After.Key)
		if q.Index != "" {
			at = indexKey(q.After.Index, q.After.Key)
		}
		if q.Descending {
			s.high = at
		} else {
			s.low = append(at, 0) //nolint:gocritic // at is ours and not used again
		}
	}
	return s
}

func rawPart(dst []byte, part string) []byte { return append(dst, part...) }

// openPart is appendPart without the mark at the end. A value that ends in 0x00 keeps its 0xFF, so it is a prefix of
// exactly the keys whose part begins with it.
func openPart(dst []byte, part string) []byte {
	dst = appendPart(dst, part)
	return dst[:len(dst)-2]
}

// successor gives the first key behind everything that begins with prefix; nil when there is none.
func successor(prefix []byte) []byte {
	next := bytes.Clone(prefix)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i] < 0xFF {
			next[i]++
			return next[:i+1]
		}
	}
	return nil
}

func (s span) first(c *bbolt.Cursor) (k, v []byte) {
	if !s.down {
		return s.check(c.Seek(s.low))
	}
	if s.high == nil {
		return s.check(c.Last())
	}
	if k, _ := c.Seek(s.high); k == nil {
		return s.check(c.Last())
	}
	return s.check(c.Prev())
}

func (s span) next(c *bbolt.Cursor) (k, v []byte) {
	if s.down {
		return s.check(c.Prev())
	}
	return s.check(c.Next())
}

func (s span) check(k, v []byte) ([]byte, []byte) {
	if k == nil || bytes.Compare(k, s.low) < 0 || (s.high != nil && bytes.Compare(k, s.high) >= 0) {
		return nil, nil
	}
	return k, v
}
