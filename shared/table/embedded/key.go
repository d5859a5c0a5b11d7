package embedded

import (
	"opsflow/shared/table"
	"opsflow/shared/table/bytekey"
)

// Keys of a bucket are parts in a row (see bytekey); the last part stands as it is.
//
//	items:  pk sk
//	index:  index pk, index sk, pk, sk

func itemKey(key table.Key) []byte {
	dst := make([]byte, 0, len(key.PK)+len(key.SK)+2)
	return append(bytekey.Append(dst, key.PK), key.SK...)
}

func splitItemKey(raw []byte) table.Key {
	pk, rest := bytekey.Cut(raw)
	return table.Key{PK: pk, SK: string(rest)}
}

func indexKey(at, key table.Key) []byte {
	dst := make([]byte, 0, len(at.PK)+len(at.SK)+len(key.PK)+len(key.SK)+6)
	dst = bytekey.Append(bytekey.Append(dst, at.PK), at.SK)
	return append(bytekey.Append(dst, key.PK), key.SK...)
}

func splitIndexKey(raw []byte) (at, key table.Key) {
	at.PK, raw = bytekey.Cut(raw)
	at.SK, raw = bytekey.Cut(raw)
	return at, splitItemKey(raw)
}
