package embedded

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"opsflow/shared/table"
	"opsflow/shared/table/jsonscan"
)

// record is an item as it is stored, its key apart:
//
//	format (1 byte), v, expires_at (uvarints), write_id, number of indexes, {name, pk, sk}..., data as it was put
//
// with strings behind their length (uvarint). The data stands last and raw, so that reading it is one copy. An index
// entry is a record, too: without write_id and with the projected fields.
type record struct {
	v       int64
	expires int64
	writeID string
	index   []place // by name
	data    []byte
}

type place struct {
	name string
	at   table.Key
}

const recordFormat = 1

var errRecord = errors.New("a stored record is corrupt")

func newRecord(item table.Item, v int64, writeID string) record {
	r := record{v: v, expires: table.Epoch(item.ExpiresAt), writeID: writeID, data: item.Data}
	for name, at := range item.Index {
		r.index = append(r.index, place{name, at})
	}
	slices.SortFunc(r.index, func(a, b place) int { return strings.Compare(a.name, b.name) })
	if len(r.data) == 0 {
		r.data = []byte("{}")
	}
	return r
}

func (r record) encode() []byte {
	size := len(r.data) + len(r.writeID) + 32
	for _, p := range r.index {
		size += len(p.name) + len(p.at.PK) + len(p.at.SK) + 8
	}
	dst := append(make([]byte, 0, size), recordFormat)
	dst = binary.AppendUvarint(dst, uint64(r.v))       //nolint:gosec // never negative
	dst = binary.AppendUvarint(dst, uint64(r.expires)) //nolint:gosec // never negative
	dst = appendString(dst, r.writeID)
	dst = binary.AppendUvarint(dst, uint64(len(r.index)))
	for _, p := range r.index {
		dst = appendString(appendString(appendString(dst, p.name), p.at.PK), p.at.SK)
	}
	return append(dst, r.data...)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// decode reads a record whose data still lies in raw.
func decode(raw []byte) (record, error) {
	if len(raw) == 0 || raw[0] != recordFormat {
		return record{}, errRecord
	}
	d := decoder{rest: raw[1:]}
	r := record{v: d.number(), expires: d.number(), writeID: d.text()}
	for n := d.number(); n > 0 && !d.failed; n-- {
		r.index = append(r.index, place{d.text(), table.Key{PK: d.text(), SK: d.text()}})
	}
	r.data = d.rest
	if d.failed {
		return record{}, errRecord
	}
	return r, nil
}

type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) number() int64 {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.failed = true
		return 0
	}
	d.rest = d.rest[size:]
	return int64(n) //nolint:gosec // it was an int64 before
}

func (d *decoder) text() string {
	n := d.number()
	if n < 0 || n > int64(len(d.rest)) {
		d.failed = true
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

// item gives the record as an item of its own, with those of its indexes that are declared.
func (r record) item(key table.Key, indexes []table.Index) table.Item {
	item := table.Item{Key: key, V: r.v, ExpiresAt: expiry(r.expires), Data: slices.Clone(r.data)}
	for _, p := range r.index {
		if !slices.ContainsFunc(indexes, func(ix table.Index) bool { return ix.Name == p.name }) {
			continue
		}
		if item.Index == nil {
			item.Index = make(map[string]table.Key, len(r.index))
		}
		item.Index[p.name] = p.at
	}
	return item
}

func expiry(epoch int64) time.Time {
	if epoch == 0 {
		return time.Time{}
	}
	return time.Unix(epoch, 0).UTC()
}

// at gives the record's place in an index.
func (r record) at(name string) (table.Key, bool) {
	for _, p := range r.index {
		if p.name == name {
			return p.at, true
		}
	}
	return table.Key{}, false
}

// project gives what an index holds of the record.
func (r record) project(ix table.Index) record {
	if len(ix.Project) == 0 {
		return record{data: []byte("{}")}
	}
	data := []byte{'{'}
	for name, value := range jsonscan.Fields(r.data) {
		if !slices.Contains(ix.Project, name) {
			continue
		}
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = append(jsonscan.AppendString(data, name), ':')
		data = append(data, value...)
	}
	return record{v: r.v, expires: r.expires, data: append(data, '}')}
}
