package dynamodb

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
)

const maxSegments = 1000000 // of one table

// segment is a part of a table that one of several workers scans; the zero segment is all of it.
type segment struct{ number, of int }

// segment is the part that a scan asks for.
func (in *searchRequest) segment() (segment, error) {
	number, of := in.Segment, in.TotalSegments
	switch {
	case number == nil && of == nil:
		return segment{}, nil
	case of == nil:
		return segment{}, invalid("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case number == nil:
		return segment{}, invalid("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	}
	var f constraint.Faults
	if f.Range("totalSegments", *of, 1, maxSegments); f == nil {
		f.Range("segment", *number, 0, math.MaxInt)
	}
	if f != nil {
		return segment{}, broken(f)
	}
	if *number >= *of {
		return segment{}, invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", *number, *of)
	}
	return segment{*number, *of}, nil
}

// bound gives the key at which a segment begins; nil behind the last one.
func (p segment) bound(number int) []byte {
	if number == p.of {
		return nil
	}
	return binary.BigEndian.AppendUint32(nil, uint32((uint64(number)<<32+uint64(p.of)-1)/uint64(p.of)))
}

// covers reports whether a partition belongs to a segment.
func (p segment) covers(hash attribute.Value) bool {
	if p.of == 0 {
		return true
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(hash.Ordered()))
	high := p.bound(p.number + 1)
	return bytes.Compare(sum, p.bound(p.number)) >= 0 && (high == nil || bytes.Compare(sum, high) < 0)
}
