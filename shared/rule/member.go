package rule

import "bytes"

// find gives the value of a member of a raw JSON object; of members with the same name the last one, as encoding/json
// does. It reads the text as it is: an event has many fields and a condition asks for one, so nothing is decoded but
// names, and those only when they are escaped.
func find(object []byte, name string) (found []byte) {
	i := skipSpace(object, 0)
	if i >= len(object) || object[i] != '{' {
		return nil
	}
	i = skipSpace(object, i+1)
	for i < len(object) && object[i] == '"' {
		end := skipString(object, i)
		match := sameText(object[i:end], name)
		i = skipSpace(object, end)
		if i >= len(object) || object[i] != ':' {
			return nil
		}
		i = skipSpace(object, i+1)
		end = skipValue(object, i)
		if match {
			found = object[i:end]
		}
		i = skipComma(object, end)
	}
	return found
}

// element gives an element of a raw JSON list, counted from 0; nil when there is none.
func element(list []byte, index int) []byte {
	var found []byte
	eachElement(list, func(n int, v []byte) bool {
		if n == index {
			found = v
		}
		return n < index
	})
	return found
}

// firstElement gives the place of a raw list's first element, or of its end; len(list) when it is no list.
func firstElement(list []byte) int {
	i := skipSpace(list, 0)
	if i >= len(list) || list[i] != '[' {
		return len(list)
	}
	return skipSpace(list, i+1)
}

// eachElement calls f with each element of a raw JSON list until it reports false.
func eachElement(list []byte, f func(n int, v []byte) bool) {
	i := firstElement(list)
	for n := 0; i < len(list) && list[i] != ']'; n++ {
		end := skipValue(list, i)
		if !f(n, list[i:end]) {
			return
		}
		i = skipComma(list, end)
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func skipComma(b []byte, i int) int {
	i = skipSpace(b, i)
	if i < len(b) && b[i] == ',' {
		i = skipSpace(b, i+1)
	}
	return i
}

// skipString gives the place after the text that begins at i.
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// skipValue gives the place after the value that begins at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for start := i; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if depth == 0 {
				return i
			}
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return max(i, start+1) // also past a stray bracket: callers must always move on
			}
			depth--
			i++
			if depth == 0 {
				return i
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 && i > start {
				return i
			}
			i++
		default:
			i++
		}
	}
	return len(b)
}

// sameText reports whether a quoted JSON text is name.
func sameText(quoted []byte, name string) bool {
	if len(quoted) < 2 {
		return false
	}
	inner := quoted[1 : len(quoted)-1]
	if string(inner) == name {
		return true
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return false
	}
	var room [64]byte
	said, ok := unescape(room[:0], inner)
	return ok && string(said) == name
}
