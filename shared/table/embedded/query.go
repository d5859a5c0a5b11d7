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

// newSpan is the part of a bucket that a query asks for.
func newSpan(q table.Query) Span {
	if q.PK == "" {
		return after(Span{Low: []byte{}, Down: q.Descending}, q)
	}
	base := bytekey.Append(nil, q.PK)
	s := Span{Low: base, High: bytekey.Successor(base), Down: q.Descending}
	// In an index more parts follow the sort key, so it is escaped there and a whole value ends with a mark.
	prefix, whole := rawPart, rawPart
	if q.Index != "" {
		prefix, whole = bytekey.Open[string], bytekey.Append[string]
	}
	switch {
	case q.Prefix != "":
		s.Low = prefix(bytes.Clone(base), q.Prefix)
		s.High = bytekey.Successor(s.Low)
	default:
		if q.From != "" {
			s.Low = prefix(bytes.Clone(base), q.From)
		}
		if q.To != "" && q.Index != "" {
			s.High = bytekey.Successor(whole(bytes.Clone(base), q.To))
		} else if q.To != "" {
			s.High = append(whole(bytes.Clone(base), q.To), 0)
		}
	}
	return after(s, q)
}

// after leaves out what comes before the place where a query continues.
func after(s Span, q table.Query) Span {
	switch {
	case q.After == nil:
		return s
	case q.Index != "":
		return s.After(indexKey(q.After.Index, q.After.Key))
	default:
		return s.After(itemKey(q.After.Key))
	}
}

func rawPart(dst []byte, part string) []byte { return append(dst, part...) }
