package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Limits of a list request.
const (
	DefaultPageLimit = 20
	MaxPageLimit     = 100
)

// PageRequest asks for one page of a list. Limit 0 means DefaultPageLimit. Cursor is a NextCursor that was given for
// the same list with the same filter, or empty for the first page.
type PageRequest struct {
	Limit  int
	Cursor string
}

// Most is the limit to keep to. CodeInvalid.
func (r PageRequest) Most() (int, error) {
	switch {
	case r.Limit == 0:
		return DefaultPageLimit, nil
	case r.Limit < 0 || r.Limit > MaxPageLimit:
		return 0, Invalid("list request", []Fault{{
			Path: "query.limit", Expected: fmt.Sprintf("a number from 1 to %d", MaxPageLimit), Got: strconv.Itoa(r.Limit),
		}})
	}
	return r.Limit, nil
}

// Page is one page of a list, newest or most urgent first. Lists come from indexes: they are eventually consistent,
// and their records hold only the fields that lists show; read one by its id for all of it.
type Page[T any] struct {
	Items      []T
	NextCursor string // empty on the last page
	Count      Count
}

// Count is how many records a filter matches.
type Count struct {
	Value int  `json:"value"`
	Exact bool `json:"exact"` // false: there are at least Value
}

// Position is where a page of a list ended.
type Position struct {
	After string `json:"a"` // the sort key of the last item that was looked at
	Seen  int    `json:"n"` // items given up to there
}

// Cursors writes positions down, signed: a cursor is good for its list and filter only.
type Cursors interface {
	// SealCursor writes a position down for the list and filter that scope names.
	SealCursor(ctx context.Context, scope string, p Position) (string, error)
	// OpenCursor reads what SealCursor wrote for the same scope; the zero Position for an empty cursor. CodeInvalid for
	// anything else.
	OpenCursor(ctx context.Context, scope, cursor string) (Position, error)
}

// List is a list as its cursors know it.
type List struct {
	Name       string
	Filter     any // what was applied to it, as JSON
	Descending bool
}

// Scope is what the list's cursors are bound to.
func (l List) Scope() (string, error) {
	text, err := json.Marshal(l.Filter)
	if err != nil {
		return "", fmt.Errorf("write the filter of list %s: %w", l.Name, err)
	}
	return l.Name + string(text), nil
}

// BadCursor is the error of a cursor that is none of this list. CodeInvalid.
func BadCursor(cursor string) error {
	return Invalid("list request", []Fault{{
		Path: "query.cursor", Expected: "a next_cursor of this list with the same filter", Got: Shown(cursor),
	}})
}

// Cut cuts a page out of a list that is at hand as a whole. place is an item's sort key: no two are the same, and they ascend
// along the list, or descend. A page goes on behind the last item of the one before, whatever was added or removed meanwhile.
func Cut[T any](
	ctx context.Context, c Cursors, list List, all []T, place func(T) string, r PageRequest,
) (Page[T], error) {
	page := Page[T]{Items: []T{}, Count: Count{Value: len(all), Exact: true}}
	limit, err := r.Most()
	if err != nil {
		return page, err
	}
	scope, err := list.Scope()
	if err != nil {
		return page, err
	}
	from, err := c.OpenCursor(ctx, scope, r.Cursor)
	if err != nil {
		return page, err
	}
	for _, item := range all {
		if from.After != "" {
			order := strings.Compare(place(item), from.After)
			if list.Descending {
				order = -order
			}
			if order <= 0 {
				continue
			}
		}
		if len(page.Items) == limit {
			page.NextCursor, err = c.SealCursor(ctx, scope, Position{After: place(page.Items[limit-1]), Seen: from.Seen + limit})
			return page, err
		}
		page.Items = append(page.Items, item)
	}
	return page, nil
}
