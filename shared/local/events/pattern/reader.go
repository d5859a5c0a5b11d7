package pattern

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// reader goes through a pattern's text token by token and knows the place for an error, counted as AWS's parser does.
type reader struct {
	text  []byte
	dec   *json.Decoder
	start int // of the last token
}

func newReader(text []byte) *reader {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return &reader{text: text, dec: d}
}

// next gives the next token: json.Delim, string, json.Number, bool or nil. Broken JSON and the text's end are errors.
func (r *reader) next() (json.Token, error) {
	at := int(r.dec.InputOffset())
	for at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.text[at]) >= 0 {
		at++
	}
	r.start = at
	t, err := r.dec.Token()
	if err != nil {
		return nil, &Error{Reason: "Invalid JSON"}
	}
	return t, nil
}

// fail makes an error at the last token.
func (r *reader) fail(reason string) error {
	end := int(r.dec.InputOffset())
	if r.start < len(r.text) && r.text[r.start] == '"' {
		end = r.start + 1 // AWS's parser has seen no more than the opening quote
	}
	before := r.text[:min(end, len(r.text))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return &Error{Reason: reason, Line: line, Column: column, source: string(r.text)}
}
