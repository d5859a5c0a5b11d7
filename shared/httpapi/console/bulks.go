package console

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
)

// bulkList is the view of the bulk operations.
type bulkList struct {
	Items []bulkRow
	Pager pager
}

type bulkRow struct {
	*ops.Bulk
	Percent int // of its items that have an outcome
}

// bulkView is the view of one operation.
type bulkView struct {
	bulkRow
	Params  []contextField
	Tiles   []outcomeTile
	Outcome ops.BulkOutcome // which items are shown; empty: all
	Items   []bulkItem      // on each page those that did not work come first
	Pager   pager
}

type outcomeTile struct {
	Outcome ops.BulkOutcome
	Count   int
	URL     string
}

// bulkItem is an item with what it is called.
type bulkItem struct {
	ops.BulkItem
	Title string // empty: the record is there no more, or never was
	URL   string
}

func (c *Console) bulkPages() {
	show(c, page{path: "/bulk", action: "bulk.read", section: "Bulk", file: "bulks"}, c.bulkList)
	show(c, page{path: "/bulk/{id}", action: "bulk.read", section: "Bulk", file: "bulk"}, c.bulk)
}

func bulkRowOf(b *ops.Bulk) bulkRow {
	r := bulkRow{Bulk: b, Percent: 100}
	if b.Total > 0 {
		r.Percent = 100 * (b.Total - b.Counts.Pending) / b.Total
	}
	return r
}

// Progress and Name are what the progress bar shows.
func (r bulkRow) Progress() int { return r.Percent }

// Name is what the operation does, in words.
func (r bulkRow) Name() string {
	what, do, _ := strings.Cut(string(r.Action), ".")
	return words(do) + " " + what + "s"
}

func (c *Console) bulkList(q *request) (bulkList, error) {
	p, err := c.Store.Bulks(q.Context(), pageRequest(q))
	if err != nil {
		return bulkList{}, fmt.Errorf("list bulk operations: %w", err)
	}
	v := bulkList{Pager: pages(q, p, "bulk operations")}
	for _, b := range p.Items {
		v.Items = append(v.Items, bulkRowOf(b))
	}
	return v, nil
}

// itemsShown is how many items a page has.
const itemsShown = 100

func (c *Console) bulk(q *request) (bulkView, error) {
	b, err := c.Store.Bulk(q.Context(), q.PathValue("id"))
	if err != nil {
		return bulkView{}, fmt.Errorf("read bulk operation: %w", err)
	}
	v := bulkView{bulkRow: bulkRowOf(b)}
	if v.Params, err = members(b.Params); err != nil {
		return v, fmt.Errorf("read the parameters of bulk operation %s: %w", b.ID, err)
	}
	_, v.Outcome = choose(q, "", "outcome", "", ops.BulkOutcomes())
	from, _ := strconv.Atoi(q.field("cursor"))
	items, next, err := c.Bulk.Items(q.Context(), b, v.Outcome, max(0, from), itemsShown)
	if err != nil {
		return v, fmt.Errorf("read the items: %w", err)
	}
	if v.Items, err = c.named(q.Context(), b.Action, items); err != nil {
		return v, err
	}
	if v.Outcome == "" { // what did not work stands out
		slices.SortStableFunc(v.Items, func(x, y bulkItem) int { return urgency(x.Outcome) - urgency(y.Outcome) })
	}
	counts := b.Counts
	for outcome, n := range map[ops.BulkOutcome]int{
		ops.BulkDone: counts.Done, ops.BulkRefused: counts.Refused, ops.BulkFailed: counts.Failed, ops.BulkPending: counts.Pending,
	} {
		url := "/bulk/" + b.ID + "?outcome=" + string(outcome)
		if v.Outcome == outcome {
			url = "/bulk/" + b.ID
		}
		v.Tiles = append(v.Tiles, outcomeTile{outcome, n, url})
	}
	slices.SortFunc(v.Tiles, func(x, y outcomeTile) int { return urgency(y.Outcome) - urgency(x.Outcome) })
	v.Pager = pager{Count: strconv.Itoa(b.Total) + " " + plural(b.Total, "items")}
	if q.field("cursor") != "" {
		v.Pager.First = address(q, "")
	}
	if next < b.Total {
		v.Pager.Next = address(q, strconv.Itoa(next))
	}
	return v, nil
}

// urgency orders outcomes: what somebody must look at first.
func urgency(o ops.BulkOutcome) int {
	return slices.Index([]ops.BulkOutcome{ops.BulkFailed, ops.BulkRefused, ops.BulkPending, ops.BulkDone}, o)
}

// named finds what the items are called.
func (c *Console) named(ctx context.Context, action ops.BulkAction, items []ops.BulkItem) ([]bulkItem, error) {
	kind, _, _ := strings.Cut(string(action), ".")
	list := make([]bulkItem, len(items))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxLookups)
	for i := range items {
		list[i].BulkItem = items[i]
		g.Go(func() error {
			title, err := c.titleOf(ctx, kind, items[i].ID)
			if ops.ErrorCode(err) == ops.CodeNotFound {
				return nil
			}
			list[i].Title, list[i].URL = title, "/"+kind+"s/"+items[i].ID
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("read what the items are called: %w", err)
	}
	return list, nil
}

func (c *Console) titleOf(ctx context.Context, kind, id string) (string, error) {
	switch kind {
	case "alert":
		a, err := c.Store.Alert(ctx, id)
		if err != nil {
			return "", err
		}
		return a.Title, nil
	case "event":
		e, err := c.Store.Event(ctx, id)
		if err != nil {
			return "", err
		}
		return words(e.Type), nil
	case "task":
		t, err := c.Store.Task(ctx, id)
		if err != nil {
			return "", err
		}
		return t.Title, nil
	}
	i, err := c.Store.Instance(ctx, id)
	if err != nil {
		return "", err
	}
	return called(i), nil
}

// FilterText is the filter that the selection came from.
func (v bulkView) FilterText() string {
	fields, err := members(v.Filter)
	if err != nil {
		return string(v.Filter)
	}
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = words(f.Name) + " " + words(plain(f.Value))
	}
	return strings.Join(texts, ", ")
}
