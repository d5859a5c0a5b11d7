package ops_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"opsflow/shared/ops"
)

// openCursors are cursors that anybody could write; what signs them is the store's.
type openCursors map[string]ops.Position

func (c openCursors) SealCursor(_ context.Context, scope string, p ops.Position) (string, error) {
	cursor := scope + "|" + p.After
	c[cursor] = p
	return cursor, nil
}

func (c openCursors) OpenCursor(_ context.Context, scope, cursor string) (ops.Position, error) {
	p, known := c[cursor]
	if cursor != "" && (!known || cursor != scope+"|"+p.After) {
		return p, ops.BadCursor(cursor)
	}
	return p, nil
}

func TestPagesOfAWholeListGoOnWhereTheyEndedWhileItChanges(t *testing.T) {
	t.Parallel()
	for _, descending := range []bool{false, true} {
		list := ops.List{Name: "letters", Filter: "all", Descending: descending}
		order := func(letters string) []string {
			all := []string{}
			for _, l := range letters {
				all = append(all, string(l))
			}
			slices.Sort(all)
			if descending {
				slices.Reverse(all)
			}
			return all
		}
		cursors := openCursors{}
		same := func(s string) string { return s }
		page := func(letters, cursor string) ops.Page[string] {
			t.Helper()
			p, err := ops.Cut(t.Context(), cursors, list, order(letters), same, ops.PageRequest{Limit: 2, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		first := page("abdef", "")
		// Meanwhile c is added, what the page ended with is removed, and so is a letter of the page before.
		second := page("cf", first.NextCursor)
		if descending {
			second = page("ac", first.NextCursor)
		}
		want := "[a b] [c f]"
		if descending {
			want = "[f e] [c a]"
		}
		if got := fmt.Sprint(first.Items, second.Items); got != want || first.Count != (ops.Count{Value: 5, Exact: true}) || second.NextCursor != "" {
			t.Errorf("descending %v: pages %s, want %s; %+v, %q", descending, got, want, first.Count, second.NextCursor)
		}
		list.Filter = "others"
		if _, err := ops.Cut(t.Context(), cursors, list, order("ab"), same, ops.PageRequest{Cursor: first.NextCursor}); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("with another filter: %v", err)
		}
	}
	if _, err := ops.Cut(t.Context(), openCursors{}, ops.List{}, []string{}, func(s string) string { return s }, ops.PageRequest{Limit: 101}); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("a limit of 101: %v", err)
	}
}
