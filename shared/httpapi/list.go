package httpapi

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

// PageQuery are the parameters of every list. It is exported, like the other types that requests and answers embed, only
// because huma looks into no other.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many items at most."`
	Cursor string `query:"cursor" maxLength:"8192" doc:"next_cursor of the page before, with the same filters."`
}

func (q PageQuery) request() ops.PageRequest {
	return ops.PageRequest{Limit: q.Limit, Cursor: q.Cursor}
}

// list is one page of anything.
type list[T any] struct {
	Items      []T       `json:"items" nullable:"false"`
	NextCursor *string   `json:"next_cursor" doc:"null on the last page."`
	Count      ops.Count `json:"count"`
}

// listOutput is a list as huma answers with it.
type listOutput[T any] struct{ Body list[T] }

// listOf shows a page that a store gave.
func listOf[T, V any](p ops.Page[T], view func(T) V) *listOutput[V] {
	out := &listOutput[V]{Body: list[V]{Items: make([]V, len(p.Items)), Count: p.Count}}
	for i, item := range p.Items {
		out.Body.Items[i] = view(item)
	}
	if p.NextCursor != "" {
		out.Body.NextCursor = &p.NextCursor
	}
	return out
}

// numbered cuts a page out of a list whose items have no key that they are ordered by: its cursor holds their number.
func numbered[T any](ctx context.Context, c ops.Cursors, l ops.List, all []T, r ops.PageRequest) (ops.Page[T], error) {
	return numberedOf(ctx, c, l, len(all), r, func(from, to int) ([]T, error) { return all[from:to], nil })
}

// numberedOf does so with a list of which only the length is known, and read gives a part.
func numberedOf[T any](
	ctx context.Context, c ops.Cursors, l ops.List, length int, r ops.PageRequest, read func(from, to int) ([]T, error),
) (ops.Page[T], error) {
	numbers := make([]int, length)
	for n := range numbers {
		numbers[n] = n
	}
	cut, err := ops.Cut(ctx, c, l, numbers, func(n int) string { return fmt.Sprintf("%09d", n) }, r)
	page := ops.Page[T]{Items: []T{}, NextCursor: cut.NextCursor, Count: cut.Count}
	if n := len(cut.Items); n > 0 && err == nil {
		page.Items, err = read(cut.Items[0], cut.Items[n-1]+1)
	}
	return page, err
}

// oneOutput is one record as huma answers with it.
type oneOutput[T any] struct {
	ETag string `header:"ETag" doc:"The record's version, for If-Match."`
	Body T
}

// madeOutput is a record that the request made.
type madeOutput[T any] struct {
	Status   int
	ETag     string `header:"ETag" doc:"The record's version, for If-Match."`
	Location string `header:"Location"`
	Body     T
}

// etag is the version of a record: each write of it makes another.
func etag(r ops.Record) string { return tag(r.RecordMeta().V) }

func tag(version int64) string { return `"v` + strconv.FormatInt(version, 10) + `"` }

// oneOf is the schema of a parameter that takes one of some texts.
func oneOf[T ~string](values ...T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// subjectQuery reads the parameter subject=type/id; empty: the zero SubjectRef.
func subjectQuery(text string) (ops.SubjectRef, *ops.Fault) {
	if text == "" {
		return ops.SubjectRef{}, nil
	}
	kind, id, _ := strings.Cut(text, "/")
	if !ops.ValidID(kind) || !ops.ValidID(id) {
		return ops.SubjectRef{}, &ops.Fault{Path: "query.subject", Expected: "type/id, like booking/bk-1", Got: ops.Shown(text)}
	}
	return ops.SubjectRef{Type: kind, ID: id}, nil
}

// teamQuery reads the parameter team, in any case; empty: none.
func teamQuery(text string) (ops.Team, *ops.Fault) {
	if text == "" {
		return "", nil
	}
	team, ok := ops.ParseTeam(text)
	if !ok || !slices.Contains(ops.Teams(), team) {
		return "", &ops.Fault{Path: "query.team", Expected: "one of " + join(ops.Teams()), Got: ops.Shown(text)}
	}
	return team, nil
}

func join[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// invalid makes an error of the faults that are there.
func invalid(faults ...*ops.Fault) error {
	var found []ops.Fault
	for _, f := range faults {
		if f != nil {
			found = append(found, *f)
		}
	}
	return ops.Invalid("request", found)
}

// same is the view of what is shown as it is.
func same[T any](v T) T { return v }
