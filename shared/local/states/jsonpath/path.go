// Package jsonpath evaluates JSONPath as Step Functions does: the dialect of the Jayway library, with its rule that a
// path with a wildcard, slice, filter, union or deep scan gives a list (empty when nothing is there), while any other
// path gives one value or fails.
package jsonpath

import (
	"strconv"
	"strings"
)

// Path is a parsed path. It is immutable and safe for concurrent use.
type Path struct {
	text     string
	steps    []step
	definite bool
}

type stepKind uint8

const (
	stepNames  stepKind = iota // .name ['name'] ['a','b']
	stepIndex                  // [0] [-1] [0,2]
	stepSlice                  // [1:3]
	stepAll                    // [*] .*
	stepDeep                   // .. : this value and everything in it
	stepFilter                 // [?(...)]
	stepFunc                   // .length()
)

type step struct {
	kind     stepKind
	names    []string
	indexes  []int
	from, to *int
	filter   filter
	function string
}

// String is the path as it was written.
func (p *Path) String() string { return p.text }

// IsReference reports whether the path only names object members and single array elements, as ResultPath must.
func (p *Path) IsReference() bool {
	for _, s := range p.steps {
		switch {
		case s.kind == stepNames && len(s.names) == 1:
		case s.kind == stepIndex && len(s.indexes) == 1:
		default:
			return false
		}
	}
	return true
}

// normal is the path up to and with step n, in the form that error messages use: $['a'][0].
func (p *Path) normal(n int) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p.steps[:n+1] {
		switch s.kind {
		case stepNames:
			b.WriteString("['" + strings.Join(s.names, "','") + "']")
		case stepIndex:
			b.WriteByte('[')
			for i, x := range s.indexes {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(strconv.Itoa(x))
			}
			b.WriteByte(']')
		case stepSlice:
			b.WriteByte('[')
			if s.from != nil {
				b.WriteString(strconv.Itoa(*s.from))
			}
			b.WriteByte(':')
			if s.to != nil {
				b.WriteString(strconv.Itoa(*s.to))
			}
			b.WriteByte(']')
		case stepAll:
			b.WriteString("[*]")
		case stepDeep:
			b.WriteString("..")
		case stepFilter:
			b.WriteString("[?]")
		case stepFunc:
			b.WriteString("." + s.function + "()")
		}
	}
	return b.String()
}
