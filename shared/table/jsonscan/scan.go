// Package jsonscan reads JSON text token by token, without reflection and without building values. The storage drivers
// use it to measure, project and translate item data; encoding/json's Decoder.Token allocates for every token.
package jsonscan

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Kinds of token. A literal's kind is its first byte.
const (
	ObjectBegin = '{'
	ObjectEnd   = '}'
	ArrayBegin  = '['
	ArrayEnd    = ']'
	String      = '"'
	Number      = '0'
	True        = 't'
	False       = 'f'
	Null        = 'n'
	End         = 0
)

// Scanner walks over text that is known to be valid JSON (json.Valid); on anything else its answers mean nothing, but it
// neither panics nor runs forever. The zero Scanner is at the end of an empty text.
type Scanner struct {
	data []byte
	pos  int
}

// New gives a Scanner at the beginning of data.
func New(data []byte) *Scanner { return &Scanner{data: data} }

// Next gives the next token's kind and its text; commas and colons are passed over, so that the name of a field is the
// String before its value.
func (s *Scanner) Next() (kind byte, raw []byte) {
	for s.pos < len(s.data) {
		start := s.pos
		switch c := s.data[start]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			s.pos++
		case ObjectBegin, ObjectEnd, ArrayBegin, ArrayEnd:
			s.pos++
			return c, s.data[start:s.pos]
		case String:
			s.pos = endOfString(s.data, start)
			return String, s.data[start:s.pos]
		case True, False, Null:
			s.pos = endOfLiteral(s.data, start)
			return c, s.data[start:s.pos]
		default:
			s.pos = endOfLiteral(s.data, start)
			return Number, s.data[start:s.pos]
		}
	}
	return End, nil
}

// Skip passes over one whole value and gives its text.
func (s *Scanner) Skip() []byte {
	kind, raw := s.Next()
	if kind != ObjectBegin && kind != ArrayBegin {
		return raw
	}
	start := s.pos - 1
	for depth := 1; depth > 0; {
		switch kind, _ = s.Next(); kind {
		case ObjectBegin, ArrayBegin:
			depth++
		case ObjectEnd, ArrayEnd:
			depth--
		case End:
			return s.data[start:]
		}
	}
	return s.data[start:s.pos]
}

func endOfString(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func endOfLiteral(data []byte, start int) int {
	i := start + 1
	for i < len(data) && !strings.ContainsRune(" \t\r\n,:{}[]\"", rune(data[i])) {
		i++
	}
	return i
}

// Fields calls yield with the name and the text of each field of an object, until yield says false. It does nothing when
// data is not an object.
func Fields(data []byte) func(yield func(name string, value []byte) bool) {
	return func(yield func(string, []byte) bool) {
		s := Scanner{data: data}
		if kind, _ := s.Next(); kind != ObjectBegin {
			return
		}
		for {
			kind, raw := s.Next()
			if kind != String || !yield(Text(raw), s.Skip()) {
				return
			}
		}
	}
}

// Text gives what a String token says. Half a surrogate pair becomes U+FFFD, as in encoding/json.
func Text(raw []byte) string {
	if len(raw) < 2 {
		return ""
	}
	raw = raw[1 : len(raw)-1]
	plain := true
	for _, c := range raw {
		if c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		return string(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 >= len(raw) {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(raw, i+1)
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low = hex4(raw, i+3)
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, raw[i])
		}
	}
	return string(out)
}

func hex4(raw []byte, at int) rune {
	if at+4 > len(raw) {
		return utf8.RuneError
	}
	var r rune
	for _, c := range raw[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return utf8.RuneError
		}
	}
	return r
}

// AppendString appends text as a JSON string. Bytes that are not UTF-8 are appended as they are.
func AppendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, text[start:]...), '"')
}
