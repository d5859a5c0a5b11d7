package states

import (
	"errors"
	"io"

	"opsflow/shared/local/states/jsonpath"
	"opsflow/shared/local/states/value"
)

// scope is what the expressions of a state see: $ (which differs from field to field), $$ and the variables.
type scope struct {
	input    any
	context  func() any
	variable func(name string) (any, bool)
	random   io.Reader
}

func (s *scope) with(input any) *scope {
	c := *s
	c.input = input
	return &c
}

// reference is a path with its root: $.a (the input), $$.a (the context object) or $name.a (a variable).
type reference struct {
	text     string
	root     rootKind
	variable string
	path     *jsonpath.Path
}

type rootKind uint8

const (
	rootInput rootKind = iota
	rootContext
	rootVariable
)

func parseReference(text string) (*reference, error) {
	if len(text) > 1 && text[0] == '$' {
		switch {
		case text[1] == '$':
			path, err := jsonpath.Parse(text[1:])
			return &reference{text: text, root: rootContext, path: path}, err
		case isNameStart(text[1]):
			end := 2
			for end < len(text) && (isNameStart(text[end]) || text[end] >= '0' && text[end] <= '9') {
				end++
			}
			path, err := jsonpath.Parse("$" + text[end:])
			return &reference{text: text, root: rootVariable, variable: text[1:end], path: path}, err
		}
	}
	path, err := jsonpath.Parse(text)
	return &reference{text: text, path: path}, err
}

func isNameStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

var errNoVariable = errors.New("the variable is not assigned")

// get gives what the reference leads to; an error means nothing.
func (r *reference) get(s *scope) (any, error) {
	switch r.root {
	case rootContext:
		return r.path.Get(s.context())
	case rootVariable:
		v, ok := s.variable(r.variable)
		if !ok {
			return nil, errNoVariable
		}
		return r.path.Get(v)
	default:
		return r.path.Get(s.input)
	}
}

// rootText is what a message shows as the data that the reference was looked up in.
func (r *reference) rootText(s *scope) string {
	if r.root == rootContext {
		return string(value.Text(s.context()))
	}
	return string(value.Text(s.input))
}

// lookup is get for the fields that hold one path (InputPath, SecondsPath, ...), with their failure.
func (r *reference) lookup(s *scope) (any, error) {
	v, err := r.get(s)
	if err == nil {
		return v, nil
	}
	if errors.Is(err, errNoVariable) {
		return nil, noVariable(r)
	}
	return nil, runtimeFailure("Invalid path '%s' : %v", r.text, err)
}

func noVariable(r *reference) *failure {
	return runtimeFailure("The JSONPath '%s' refers to the variable '%s', which has not been assigned.", r.text, r.variable)
}
