package embedded

import (
	"bytes"
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"opsflow/shared/table"
	"opsflow/shared/table/bytekey"
)

// Query implements table.Table.
func (t *Table) Query(ctx context.Context, q table.Query) (table.Page, error) {
	q, err := table.CheckQuery(q, t.indexes)
	if err != nil {
		return table.Page{}, err
	}
	var page table.Page
	err = t.db.View(ctx, func(tx *bbolt.Tx) error {
		page, err = t.read(ctx, tx, q)
		return err
	})
	return page, err
}

// read collects a page. It looks one entry further than it needs, so that Next is nil exactly when nothing is left.
func (t *Table) read(ctx context.Context, tx *bbolt.Tx, q table.Query) (table.Page, error) {
	var page table.Page
	size := 0
	err := t.Walk(tx, q, func(s Stored) bool {
		if ctx.Err() != nil {
			return false
		}
		if n := len(page.Items); n == q.Limit || size > pageBytes {
			last := page.Items[n-1]
			page.Next = &table.Place{Key: last.Key, Index: last.Index[q.Index]}
			return false
		}
		size += len(s.Key.PK) + len(s.Key.SK) + len(s.Data)
		page.Items = append(page.Items, s.Item)
		return true
	})
	return page, errors.Join(err, ctx.Err())
}

// span is the part of a bucket that a query asks for: keys from low (inclusive) to high (exclusive; nil: no end), one way
// or the other.
type span struct {
	low, high []byte
	down      bool
}

func newSpan(q table.Query) span {
	if q.PK == "" {
		return after(span{low: []byte{}, down: q.Descending}, q)
	}
	base := bytekey.Append(nil, q.PK)
	s := span{low: base, high: bytekey.Successor(base), down: q.Descending}
	// In an index more parts follow the sort key, so it is escaped there and a whole value ends with a mark.
	prefix, whole := rawPart, rawPart
	if q.Index != "" {
		prefix, whole = bytekey.Open[string], bytekey.Append[string]
	}
	switch {
	case q.Prefix != "":
		s.low = prefix(bytes.Clone(base), q.Prefix)
		s.high = bytekey.Successor(s.low)
	default:
		if q.From != "" {
			s.low = prefix(bytes.Clone(base), q.From)
		}
		if q.To != "" && q.Index != "" {
			s.high = bytekey.Successor(whole(bytes.Clone(base), q.To))
		} else if q.To != "" {
			s.high = append(whole(bytes.Clone(base), q.To), 0)
		}
	}
	return after(s, q)
}

// after leaves out what comes before the place where a query continues.
func after(s span, q table.Query) span {
	if q.After == nil {
		return s
	}
	at := itemKey(q.After.Key)
	if q.Index != "" {
		at = indexKey(q.After.Index, q.After.Key)
	}
	if q.Descending {
		s.high = at
	} else {
		s.low = append(at, 0)
	}
	return s
}

func rawPart(dst []byte, part string) []byte { return append(dst, part...) }

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
