package rule

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
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
}

// set reads a value. Nothing is allocated but for a text with escapes and a number of more than 19 digits.
func (v *value) set(raw []byte) {
	*v = value{kind: kindOf(raw), raw: raw}
	switch v.kind {
	case textKind:
		t, ok := textIn(raw)
		if !ok {
			*v = value{raw: raw}
			return
		}
		v.text = t
	case boolKind:
		v.text = bytes.TrimSpace(raw)
	case numberKind:
		d, ok := parseDecimal(bytes.TrimSpace(raw))
		if !ok {
			*v = value{raw: raw}
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

// textIn gives what a quoted text says: a part of raw when it has no escapes.
func textIn(raw []byte) ([]byte, bool) {
	b := raw[skipSpace(raw, 0):]
	if end := skipString(b, 0); end >= 2 && end <= len(b) && b[end-1] == '"' {
		t := b[1 : end-1]
		if bytes.IndexByte(t, '\\') < 0 && utf8.Valid(t) {
			return t, true
		}
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}

func unquote(raw []byte) (string, bool) {
	t, ok := textIn(raw)
	return string(t), ok
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
