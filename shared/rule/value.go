package rule

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type kind byte

const (
	noKind kind = iota // not JSON, or nothing
	nullKind
	boolKind
	numberKind
	textKind
	listKind
	objectKind
)

func kindOf(raw []byte) kind {
	i := skipSpace(raw, 0)
	if i >= len(raw) {
		return noKind
	}
	switch c := raw[i]; {
	case c == 'n':
		return nullKind
	case c == 't', c == 'f':
		return boolKind
	case c == '"':
		return textKind
	case c == '[':
		return listKind
	case c == '{':
		return objectKind
	case c == '-', '0' <= c && c <= '9':
		return numberKind
	}
	return noKind
}

// value is a JSON value made ready to be compared.
type value struct {
	kind kind
	text []byte  // of a text; "true" or "false". It can be a part of raw
	num  decimal // of a number
	raw  []byte

	spare []byte // where texts with escapes are written out, again and again
}

// set reads a value. Nothing is allocated but for a number of more than 19 digits, and for the first texts with escapes.
func (v *value) set(raw []byte) {
	*v = value{kind: kindOf(raw), raw: raw, spare: v.spare}
	switch v.kind {
	case textKind:
		t, written, ok := textIn(raw, v.spare)
		if !ok {
			v.kind = noKind
			return
		}
		v.text, v.spare = t, written
	case boolKind:
		v.text = bytes.TrimSpace(raw)
	case numberKind:
		d, ok := parseDecimal(bytes.TrimSpace(raw))
		if !ok {
			v.kind = noKind
			return
		}
		v.num = d
	case noKind, nullKind, listKind, objectKind:
	}
}

func parseValue(raw []byte) value {
	var v value
	v.set(raw)
	return v
}

// missing reports whether there is no value, or null.
func (v *value) missing() bool { return v.raw == nil || v.kind == nullKind }

// equal reports whether both are the same scalar.
func (v *value) equal(o *value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case textKind, boolKind:
		return bytes.Equal(v.text, o.text)
	case numberKind:
		return v.num.compare(&o.num) == 0
	case noKind, nullKind, listKind, objectKind:
	}
	return false
}

// order compares two numbers, or two texts by code point. ok is false for anything else.
func (v *value) order(o *value) (c int, ok bool) {
	if v.kind != o.kind {
		return 0, false
	}
	switch v.kind {
	case textKind:
		return bytes.Compare(v.text, o.text), true // UTF-8 sorts as its code points do
	case numberKind:
		return v.num.compare(&o.num), true
	case noKind, nullKind, boolKind, listKind, objectKind:
	}
	return 0, false
}

func (v *value) scalar() bool {
	return v.kind == textKind || v.kind == numberKind || v.kind == boolKind
}

// textIn gives what a quoted text says: a part of raw when it has no escapes, or else written over spare, which comes back as
// it is to be used next.
func textIn(raw, spare []byte) (text, written []byte, ok bool) {
	b := raw[skipSpace(raw, 0):]
	end := skipString(b, 0)
	if end < 2 || end > len(b) || b[end-1] != '"' {
		return nil, spare, false
	}
	t := b[1 : end-1]
	if bytes.IndexByte(t, '\\') < 0 && utf8.Valid(t) {
		return t, spare, true
	}
	written, ok = unescape(spare[:0], t)
	return written, written, ok
}

func unquote(raw []byte) (string, bool) {
	t, _, ok := textIn(raw, nil)
	return string(t), ok
}

// unescape appends what a text between quotes says, as encoding/json reads it.
func unescape(to, text []byte) ([]byte, bool) {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\\':
			r, size := escaped(text[i:])
			if size == 0 {
				return to, false
			}
			to = utf8.AppendRune(to, r)
			i += size
		case c < utf8.RuneSelf:
			to = append(to, c)
			i++
		default:
			r, size := utf8.DecodeRune(text[i:])
			to = utf8.AppendRune(to, r)
			i += size
		}
	}
	return to, true
}

// escaped reads the escape that a text begins with, and how long it is; 0 when it is none.
func escaped(text []byte) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	const simple, means = "\"\\/bfnrt", "\"\\/\b\f\n\r\t"
	if n := strings.IndexByte(simple, text[1]); n >= 0 {
		return rune(means[n]), 2
	}
	first, ok := hex4(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if second, ok := hex4(text[6:]); ok {
		if both := utf16.DecodeRune(first, second); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads an escape like \u00e9.
func hex4(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// maxShown is the longest value, in bytes, that a decision repeats.
const maxShown = 200

// shown is a value as a decision shows it: itself, or when it is long, a text that says what it was. Decisions of all rules
// share one record with the event, which holds the whole value anyway.
func shown(raw json.RawMessage) json.RawMessage {
	if len(raw) <= maxShown {
		return raw
	}
	size := strconv.Itoa(len(raw)) + " bytes"
	switch kindOf(raw) {
	case textKind:
		if s, ok := unquote(raw); ok {
			return mustJSON(strings.ToValidUTF8(s[:min(len(s), maxShown/2)], "") + "... (" + size + ")")
		}
	case listKind:
		return mustJSON("a list of " + size)
	case objectKind:
		return mustJSON("an object of " + size)
	case noKind, nullKind, boolKind, numberKind:
	}
	return mustJSON(string(raw[:maxShown/2]) + "... (" + size + ")")
}
