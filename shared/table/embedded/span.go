package embedded

import (
	"bytes"

	"go.etcd.io/bbolt"
)

// Span is a range of a bucket's keys, from Low (inclusive) to High (exclusive; nil: no end), one way or the other.
type Span struct {
	Low, High []byte
	Down      bool
}

// After gives what is left of a span behind a key.
func (s Span) After(key []byte) Span {
	switch {
	case s.Down && (s.High == nil || bytes.Compare(key, s.High) < 0):
		s.High = key
	case !s.Down && bytes.Compare(key, s.Low) >= 0:
		s.Low = append(bytes.Clone(key), 0)
	}
	return s
}

// First moves a cursor to the first key; nil when there is none.
func (s Span) First(c *bbolt.Cursor) (k, v []byte) {
	if !s.Down {
		return s.check(c.Seek(s.Low))
	}
	if s.High == nil {
		return s.check(c.Last())
	}
	if k, _ := c.Seek(s.High); k == nil {
		return s.check(c.Last())
	}
	return s.check(c.Prev())
}

// Next moves a cursor to the next key; nil when there is none.
func (s Span) Next(c *bbolt.Cursor) (k, v []byte) {
	if s.Down {
		return s.check(c.Prev())
	}
	return s.check(c.Next())
}

func (s Span) check(k, v []byte) ([]byte, []byte) {
	if k == nil || bytes.Compare(k, s.Low) < 0 || (s.High != nil && bytes.Compare(k, s.High) >= 0) {
		return nil, nil
	}
	return k, v
}
