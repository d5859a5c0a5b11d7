// Package graph draws workflows: the steps of a template as boxes, what waits for what as lines, the ways out of decisions
// with their conditions, and of an instance how each step stands and how long it took. A drawing is SVG without scripts,
// follows the reader's light or dark colours, and is the same for the same template and instance, byte for byte.
package graph

import (
	_ "embed"
	"fmt"
	"strings"

	"opsflow/shared/ops"
)

// Style is how drawings look, as CSS: a page that holds one brings it along.
//
//go:embed graph.css
var Style string

// SVG draws a template, or, if i is not nil, an instance of it, to be put into a page that brings Style along.
func SVG(t *ops.Template, i *ops.Instance) string { return draw(t, i, "") }

// Document is the same drawing as a file of its own.
func Document(t *ops.Template, i *ops.Instance) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + draw(t, i, "<style>\n"+Style+"</style>\n") + "\n")
}

func draw(t *ops.Template, i *ops.Instance, style string) string {
	l := arrange(t, i)
	p := &pen{}
	class := "flow"
	if i != nil {
		class += " run"
	}
	p.f(`<svg xmlns="http://www.w3.org/2000/svg" class="%s" viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-labelledby="flow-title flow-desc">`,
		class, num(l.width), num(l.height), num(l.width), num(l.height))
	p.f("\n<title id=\"flow-title\">%s</title>\n<desc id=\"flow-desc\">%s</desc>\n", esc(title(t, i)), esc(describe(t, i)))
	p.b.WriteString(style)
	for _, e := range l.edges {
		p.edge(e)
	}
	for _, n := range l.nodes {
		if n.step != nil {
			p.node(n)
		}
	}
	for _, e := range l.edges { // above all lines
		p.label(e)
	}
	p.b.WriteString("</svg>")
	return p.b.String()
}

func title(t *ops.Template, i *ops.Instance) string {
	if i != nil {
		return fmt.Sprintf("Steps of %s, which is %s", i.Name, words(string(i.Status)))
	}
	return fmt.Sprintf("Steps of %s, version %d", t.Name, t.Version)
}

// describe says the drawing in words, for who can't see it.
func describe(t *ops.Template, i *ops.Instance) string {
	var b strings.Builder
	for n, id := range order(t) {
		s := t.Step(id)
		if n > 0 {
			b.WriteString(" ")
		}
		fmt.Fprintf(&b, "%s (%s", s.Name, words(string(s.Kind)))
		if r := record(i, id); r != nil {
			b.WriteString(", " + words(string(r.Status)))
		}
		b.WriteString(")")
		if needs := t.Needs(id); len(needs) > 0 {
			b.WriteString(" after " + strings.Join(names(t, needs), " and "))
		}
		b.WriteString(".")
	}
	return b.String()
}

func names(t *ops.Template, ids []string) []string {
	list := make([]string, 0, len(ids))
	for _, id := range ids {
		if s := t.Step(id); s != nil {
			list = append(list, s.Name)
		}
	}
	return list
}

// order is the template's, with steps that a cycle keeps out of it at the end: what is wrong is drawn too.
func order(t *ops.Template) []string {
	ids := t.Order()
	placed := map[string]bool{}
	for _, id := range ids {
		placed[id] = true
	}
	for i := range t.Steps {
		if id := t.Steps[i].ID; !placed[id] {
			placed[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

func record(i *ops.Instance, id string) *ops.StepRecord {
	if i == nil {
		return nil
	}
	return i.Step(id)
}
