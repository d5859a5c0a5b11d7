package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"opsflow/shared/ops"
)

// maxInput is how much of a file is read, in bytes: more than the API takes.
const maxInput = 2 << 20

// readFile reads a file, or standard input for "-".
func (s *session) readFile(name string) ([]byte, error) {
	from := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > maxInput {
		return nil, ops.Errorf(ops.CodeTooLarge, "%s is over %d bytes", name, maxInput)
	}
	return b, nil
}

// object reads a JSON object that was given on the command line as text, or as "-" for standard input; nil for none.
func (s *session) object(argument, text string) (json.RawMessage, error) {
	if text == "" {
		return nil, nil
	}
	if text == "-" {
		b, err := s.readFile(text)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	var o map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &o); err != nil || o == nil {
		const limit = 80
		shown := text
		if len(shown) > limit {
			shown = strings.ToValidUTF8(shown[:limit], "") + "..."
		}
		return nil, ops.Invalid("argument", []ops.Fault{{Path: argument, Expected: "a JSON object", Got: shown}})
	}
	return json.RawMessage(text), nil
}

// subjectArgument is a --subject: type/id.
type subjectArgument struct{ ops.SubjectRef }

// UnmarshalText reads it.
func (a *subjectArgument) UnmarshalText(text []byte) error {
	kind, id, _ := strings.Cut(string(text), "/")
	if !ops.ValidID(kind) || !ops.ValidID(id) {
		return fmt.Errorf("must be type/id, like booking/bk-1, got %q", text)
	}
	a.SubjectRef = ops.SubjectRef{Type: kind, ID: id}
	return nil
}
