// Package bytekey makes keys of parts in a row whose bytes sort as the parts do, one after the other; two different rows of
// parts never give the same key. A part may hold any bytes: each 0x00 becomes 0x00 0xFF, and 0x00 0x01, which sorts below
// whatever could go on, ends the part.
package bytekey

import "bytes"

// Append appends a part.
func Append[T ~string | ~[]byte](dst []byte, part T) []byte { return append(Open(dst, part), 0, 1) }

// Open appends a part without its end: a prefix of exactly the keys whose part begins with it.
func Open[T ~string | ~[]byte](dst []byte, part T) []byte {
	for i := range len(part) {
		dst = append(dst, part[i])
		if part[i] == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return dst
}

// Cut takes the first part off a key; rest is nil when no part ends in it. Inside of a part 0x00 is always followed by 0xFF.
func Cut(key []byte) (part string, rest []byte) {
	end := bytes.Index(key, []byte{0, 1})
	if end < 0 {
		return string(key), nil
	}
	return string(bytes.ReplaceAll(key[:end], []byte{0, 0xFF}, []byte{0})), key[end+2:]
}

// Successor gives the first key behind all that begin with a prefix; nil when there is none.
func Successor(prefix []byte) []byte {
	next := bytes.Clone(prefix)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i] < 0xFF {
			next[i]++
			return next[:i+1]
		}
	}
	return nil
}
