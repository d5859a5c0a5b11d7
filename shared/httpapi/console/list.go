package console

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

// option is a value that a filter can have.
type option struct{ Value, Text string }

// filter is one choice above a list.
type filter struct {
	Label, Name, Value string
	Options            []option
}

// choose makes a filter over words of ours; all is what it is called when nothing is chosen. A value in the address that is
// none of them is no filter.
func choose[T ~string](q *request, label, name, all string, values []T) (filter, T) {
	f := filter{Label: label, Name: name, Options: []option{{"", all}}}
	var chosen T
	for _, v := range values {
		f.Options = append(f.Options, option{string(v), words(v)})
		if q.field(name) == string(v) {
			f.Value, chosen = string(v), v
		}
	}
	return f, chosen
}

// anyValue in an address asks for everything, where nothing asks for what is to be done.
const anyValue = "any"

// chooseUnless makes a filter like choose that, when the address says nothing, is set to usual.
func chooseUnless[T ~string](q *request, label, name, all string, usual T, values []T) (filter, T) {
	f, chosen := choose(q, label, name, all, values)
	f.Options[0].Value = anyValue
	switch {
	case chosen == "" && q.field(name) == anyValue:
		f.Value = anyValue
	case chosen == "":
		f.Value, chosen = string(usual), usual
	}
	return f, chosen
}

// pager leads through the pages of a list.
type pager struct {
	Count       string // "12 workflows", "at least 21 workflows"
	First, Next string // addresses; empty: there is none
}

// pages makes the pager of a page of a list of things.
func pages[T any](q *request, p ops.Page[T], things string) pager {
	out := pager{Count: strconv.Itoa(p.Count.Value) + " " + plural(p.Count.Value, things)}
	if !p.Count.Exact {
		out.Count = "at least " + out.Count
	}
	if q.field("cursor") != "" {
		out.First = address(q, "")
	}
	if p.NextCursor != "" {
		out.Next = address(q, p.NextCursor)
	}
	return out
}

// plural is the name of n things; things is the plural.
func plural(n int, things string) string {
	if one, ok := strings.CutSuffix(things, "ies"); ok && n == 1 {
		return one + "y"
	}
	if n == 1 {
		return strings.TrimSuffix(things, "s")
	}
	return things
}

// address is this page's from a cursor on, or, if that is empty, from the beginning.
func address(q *request, cursor string) string {
	values := q.URL.Query()
	values.Del("cursor")
	if cursor != "" {
		values.Set("cursor", cursor)
	}
	for key := range values { // a form sends its empty fields too
		values[key] = slices.DeleteFunc(values[key], func(v string) bool { return v == "" })
	}
	if text := values.Encode(); text != "" {
		return q.URL.Path + "?" + text
	}
	return q.URL.Path
}

// pageRequest is the page of a list that the address asks for.
func pageRequest(q *request) ops.PageRequest {
	const shown = 25
	return ops.PageRequest{Limit: shown, Cursor: q.field("cursor")}
}

// subjectNeeded is what is said beside a filter that subjectField refuses.
const subjectNeeded = "This must be type/id, like booking/bk-1."

// subjectField reads "type/id"; the zero value when it is empty.
func subjectField(text string) (ops.SubjectRef, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return ops.SubjectRef{}, nil
	}
	kind, id, _ := strings.Cut(text, "/")
	if !ops.ValidID(kind) || !ops.ValidID(id) {
		return ops.SubjectRef{}, ops.Invalid("filter", []ops.Fault{
			{Path: "subject", Expected: "type/id, like booking/bk-1", Got: strconv.Quote(text)},
		})
	}
	return ops.SubjectRef{Type: kind, ID: id}, nil
}

// query escapes a value for an address.
func query(v string) string { return url.QueryEscape(v) }
