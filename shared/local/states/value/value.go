// Package value holds JSON values the way Step Functions handles them: object members keep their order, and numbers keep
// the text they were written with, so that what goes into an execution comes out unchanged.
//
// A value is nil, bool, json.Number, string, []any or *Object. Values are shared freely and never changed after they
// were made; whoever needs a different one makes a copy (see Object.With).
package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// Parse reads one JSON document and nothing after it. Of members with the same name the last one counts.
func Parse(text []byte) (any, error) { return parse(text, nil) }

// ParseUnique is Parse for a text whose objects may have each name only once: repeated are the places of the members whose
// name their object has already, as JSON pointers ("/States/Wait").
func ParseUnique(text []byte) (v any, repeated []string, err error) {
	v, err = parse(text, func(at string) { repeated = append(repeated, at) })
	return v, repeated, err
}

func parse(text []byte, repeated func(at string)) (any, error) {
	p := &parser{Decoder: json.NewDecoder(bytes.NewReader(text)), repeated: repeated}
	p.UseNumber()
	v, err := p.next("")
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("text after the end of the JSON value at byte %d", p.InputOffset())
	}
	return v, nil
}

type parser struct {
	*json.Decoder
	repeated func(at string) // nil: nobody asks, and no places are kept
}

// next reads the value at a place.
func (p *parser) next(at string) (any, error) {
	tok, err := p.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return tok, nil // nil, bool, json.Number or string
	}
	if delim == '[' {
		return p.list(at)
	}
	return p.object(at)
}

func (p *parser) list(at string) (any, error) {
	list := []any{}
	for p.More() {
		here := ""
		if p.repeated != nil {
			here = at + "/" + strconv.Itoa(len(list))
		}
		v, err := p.next(here)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := p.Token()
	return list, err
}

func (p *parser) object(at string) (any, error) {
	obj := NewObject(0)
	for p.More() {
		key, err := p.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string) // the decoder gives nothing else here
		here := ""
		if p.repeated != nil {
			here = at + "/" + name
		}
		v, err := p.next(here)
		if err != nil {
			return nil, err
		}
		if p.repeated != nil && obj.find(name) >= 0 {
			p.repeated(here)
		}
		obj.Set(name, v)
	}
	_, err := p.Token()
	return obj, err
}

// Text is the value's compact JSON. Characters outside ASCII and < > & stay as they are.
func Text(v any) []byte { return appendValue(nil, v) }

// Size is the number of bytes of the value's compact JSON.
func Size(v any) int { return len(Text(v)) }

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		if v {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case json.Number:
		return append(b, v...)
	case string:
		return appendString(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, e)
		}
		return append(b, ']')
	case *Object:
		b = append(b, '{')
		for i, m := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.Key), ':')
			b = appendValue(b, m.Value)
		}
		return append(b, '}')
	}
	panic(fmt.Sprintf("value: %T is not a JSON value", v))
}

const hexDigits = "0123456789abcdef"

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[from:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[from:i]...)
			b = append(b, "\ufffd"...)
			from = i + size
		}
		i += size
	}
	return append(append(b, s[from:]...), '"')
}

// JSON carries a value through encoding/json with its order and its numbers.
type JSON struct{ V any }

// MarshalJSON gives the value's compact text.
func (j JSON) MarshalJSON() ([]byte, error) { return Text(j.V), nil }

// UnmarshalJSON is Parse.
func (j *JSON) UnmarshalJSON(text []byte) (err error) {
	j.V, err = Parse(text)
	return err
}
