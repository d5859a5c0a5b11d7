package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"opsflow/shared/ops"
)

// session is what a command works with: the API, where to print, and how. Nothing is ever coloured, so that NO_COLOR is
// always respected.
type session struct {
	streams

	api  *client
	json bool // one JSON document on out instead of tables
}

// show prints an answer of the API: as it came with --json, else as table says.
func (s *session) show(answer json.RawMessage, table func(w io.Writer)) error {
	if !s.json {
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		table(w)
		if err := w.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		return nil
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(answer), "", "  "); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	b.WriteByte('\n')
	if _, err := b.WriteTo(s.out); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// showValue is show for a document of our own.
func (s *session) showValue(v any, table func(w io.Writer)) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return s.show(b, table)
}

// one is show for one record, which table describes field by field.
func one[T any](s *session, answer json.RawMessage, table func(w io.Writer, v T)) error {
	var v T
	if err := decode(answer, &v); err != nil {
		return err
	}
	return s.show(answer, func(w io.Writer) { table(w, v) })
}

// fetch gets one record and shows it.
func fetch[T any](ctx context.Context, s *session, path string, table func(w io.Writer, v T)) error {
	answer, err := s.api.get(ctx, path, nil)
	if err != nil {
		return err
	}
	return one(s, answer, table)
}

// pageFlags are those of every list.
type pageFlags struct {
	Limit  int    `default:"20" help:"How many at most, up to 100."`
	Cursor string `help:"Where the page before ended."`
}

// page is a list as the API gives it.
type page[T any] struct {
	Items      []T       `json:"items"`
	NextCursor *string   `json:"next_cursor"`
	Count      ops.Count `json:"count"`
}

// column is one column of a table.
type column[T any] struct {
	title string
	value func(T) string
}

// list prints a page of a list of the API. That there is more is told on err.
func list[T any](ctx context.Context, s *session, path string, q url.Values, f pageFlags, columns []column[T]) error {
	q.Set("limit", strconv.Itoa(f.Limit))
	if f.Cursor != "" {
		q.Set("cursor", f.Cursor)
	}
	answer, err := s.api.get(ctx, path, q)
	if err != nil {
		return err
	}
	var p page[T]
	if err := decode(answer, &p); err != nil {
		return err
	}
	if err := s.show(answer, func(w io.Writer) { rows(w, p.Items, columns) }); err != nil {
		return err
	}
	if p.NextCursor != nil && !s.json {
		fmt.Fprintf(s.err, "%d of %s; the next page: --cursor %s\n", len(p.Items), count(p.Count), printable(*p.NextCursor))
	}
	return nil
}

// rows writes a table with a line of titles.
func rows[T any](w io.Writer, items []T, columns []column[T]) {
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	row(w, titles...)
	for _, item := range items {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = c.value(item)
		}
		row(w, cells...)
	}
}

// row writes one line of a table; the cells of lines that follow one another are aligned. An empty cell is a dash, so that
// every line has as many words.
func row(w io.Writer, cells ...string) {
	shown := make([]string, len(cells))
	for i, c := range cells {
		if shown[i] = printable(c); shown[i] == "" {
			shown[i] = "-"
		}
	}
	fmt.Fprintln(w, strings.Join(shown, "\t"))
}

// field writes one line of a record, unless it has no value.
func field(w io.Writer, name, value string) {
	if value != "" {
		row(w, name, value)
	}
}

// printable keeps a text on one line and from steering the terminal, whoever wrote it.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// when is a time as tables show it: UTC, to the second; empty for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// count is a number that may be only a lower bound.
func count(c ops.Count) string {
	if c.Exact {
		return strconv.Itoa(c.Value)
	}
	return "at least " + strconv.Itoa(c.Value)
}
