package rule

import (
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/ops"
)

// path says where a condition looks: "detail.location.area". A word that ends with [any] or [every] goes through the elements
// of a list, and the rest of the path is looked up in each: "detail.items[any].price" is one of the prices,
// "detail.tags[every]" each tag. Everything else that a word may be is the name of a member or a whole number, the place of an
// element.
type path struct {
	text  string
	plain string // the words up to the first list that is gone through
	slot  int    // where the matcher puts what is there
	every bool   // of the elements: all of them, not one
	rest  *path  // in each element; nil when no list is gone through
}

// bracketed reports whether a word has brackets that mean nothing.
func bracketed(word string) bool {
	word, every := strings.CutSuffix(word, "[every]")
	if !every {
		word = strings.TrimSuffix(word, "[any]")
	}
	return strings.ContainsAny(word, "[]")
}

// parsePath reads a path. A fault is told at the place at.
func (b *compiler) parsePath(text, at string) path {
	const limit = 256
	words := strings.Split(strings.ReplaceAll(text, "][", "].["), ".") // a[any][every] are two words
	switch {
	case text == "" || len(text) > limit || slices.Contains(words, ""):
		b.fault(at, fmt.Sprintf("a path of 1 to %d characters like detail.service_value", limit), quoted(text))
	case b.roots != nil && !slices.Contains(b.roots, words[0]):
		b.fault(at, "a path that begins with "+strings.Join(b.roots, ", "), quoted(text))
		if near := ops.Nearest(words[0], b.roots); near != "" {
			b.faults[len(b.faults)-1].Problem = "leads nowhere; did you mean " + near + "?"
		}
	case slices.ContainsFunc(words, bracketed):
		b.fault(at, "a path whose words have no brackets but [any] or [every] at their end; a place in a list is a word, as in detail.items.0",
			quoted(text))
	}
	p := path{text: text}
	for at, inner := &p, words; ; {
		n := slices.IndexFunc(inner, func(w string) bool { return strings.HasSuffix(w, "[any]") || strings.HasSuffix(w, "[every]") })
		if n < 0 {
			at.plain = strings.Join(inner, ".")
			return p
		}
		word, every := strings.CutSuffix(inner[n], "[every]")
		at.every = every
		plain := slices.Clone(inner[:n])
		if word = strings.TrimSuffix(word, "[any]"); word != "" {
			plain = append(plain, word)
		}
		at.plain, inner = strings.Join(plain, "."), inner[n+1:]
		at.rest = &path{}
		at = at.rest
	}
}
