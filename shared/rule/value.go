package rule

import (
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
	text string  // of a text; "true" or "false"
	num  decimal // of a number
	raw  []byte  // of a list
}

func parseValue(raw []byte) value {
	v := value{kind: kindOf(raw), raw: raw}
	switch v.kind {
	case textKind:
		t, ok := unquote(raw)
		if !ok {
			return value{}
		}
		v.text = t
	case boolKind:
		v.text = strings.TrimSpace(string(raw))
	case numberKind:
		d, ok := parseDecimal(strings.TrimSpace(string(raw)))
		if !ok {
			return value{}
		}
		v.num = d
	case noKind, nullKind, listKind, objectKind:
	}
	return v
}

// equal reports whether both are the same scalar.
func (v value) equal(o value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case textKind, boolKind:
		return v.text == o.text
	case numberKind:
		return v.num.compare(o.num) == 0
	case noKind, nullKind, listKind, objectKind:
	}
	return false
}

// order compares two numbers, or two texts by code point. ok is false for anything else.
func (v value) order(o value) (c int, ok bool) {
	if v.kind != o.kind {
		return 0, false
	}
	switch v.kind {
	case textKind:
		return strings.Compare(v.text, o.text), true // UTF-8 sorts as its code points do
	case numberKind:
		return v.num.compare(o.num), true
	case noKind, nullKind, boolKind, listKind, objectKind:
	}
	return 0, false
}

func (v value) scalar() bool {
	return v.kind == textKind || v.kind == numberKind || v.kind == boolKind
}

func unquote(raw []byte) (string, bool) {
	i := skipSpace(raw, 0)
	b := raw[i:]
	if len(b) >= 2 && !strings.ContainsAny(string(b), `\`) && utf8.Valid(b) {
		if end := skipString(b, 0); end >= 2 && b[end-1] == '"' {
			return string(b[1 : end-1]), true
		}
	}
	var s string
	return s, json.Unmarshal(b, &s) == nil
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
