package embedded

import (
	"bytes"

	"opsflow/shared/table"
)

// Keys of a bucket are parts in a row. Every part but the last is escaped (0x00 becomes 0x00 0xFF) and ended by 0x00 0x01,
// which sorts below any byte that could go on: so the order is that of the parts, one after the other, and two different
// rows of parts never give the same key. The last part stands as it is.
//
//	items:  pk sk
//	index:  index pk, index sk, pk, sk

func appendPart(dst []byte, part string) []byte {
	for i := range len(part) {
		dst = append(dst, part[i])
		if part[i] == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return append(dst, 0, 1)
}

// cutPart takes the first part off a key. Inside a part 0x00 is always followed by 0xFF, so the first 0x00 0x01 ends it.
func cutPart(key []byte) (part string, rest []byte) {
	end := bytes.Index(key, []byte{0, 1})
	if end < 0 {
		return string(key), nil
	}
	return string(bytes.ReplaceAll(key[:end], []byte{0, 0xFF}, []byte{0})), key[end+2:]
}

func itemKey(key table.Key) []byte {
	dst := make([]byte, 0, len(key.PK)+len(key.SK)+2)
	return append(appendPart(dst, key.PK), key.SK...)
}

func splitItemKey(raw []byte) table.Key {
	pk, rest := cutPart(raw)
	return table.Key{PK: pk, SK: string(rest)}
}

func indexKey(at, key table.Key) []byte {
	dst := make([]byte, 0, len(at.PK)+len(at.SK)+len(key.PK)+len(key.SK)+6)
	dst = appendPart(appendPart(dst, at.PK), at.SK)
	return append(appendPart(dst, key.PK), key.SK...)
}

func splitIndexKey(raw []byte) (at, key table.Key) {
	at.PK, raw = cutPart(raw)
	at.SK, raw = cutPart(raw)
	return at, splitItemKey(raw)
}
