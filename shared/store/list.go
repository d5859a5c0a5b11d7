package store

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

const (
	// maxExamined is how many rows one page looks at when a filter has to be applied after reading. A page that reaches it
	// ends there, short or even empty, with a cursor.
	maxExamined = 2000
	// filteredRead is how many rows a query asks for then.
	filteredRead = 200
	// maxQueries is how many queries of one page run at once.
	maxQueries = 32
)

// list says where the records of a list are found.
type list struct {
	name       string   // part of what a cursor is bound to
	filter     any      // the rest of it, as JSON
	index      string   // empty: the table itself, read consistently and whole
	partitions []string // the first ones to read, together
	// more gives partitions whose rows all come behind those read so far; nil when there are none. May be nil itself.
	more       func() []string
	prefix     string // of the sort keys, or else
	from, to   string // the first and the last of them
	descending bool
	whole      bool // the index holds keys alone, and the records come from the table
}

// page reads one page of a list: the rows of its partitions in the order of their sort keys, those for which keep says
// true (nil: all).
func page[T any, P record[T]](
	ctx context.Context, s *Store, l list, req ops.PageRequest, keep func(P) bool,
) (ops.Page[P], error) {
	result := ops.Page[P]{Items: []P{}}
	limit, err := req.Most()
	if err != nil {
		return result, err
	}
	scope, from, err := s.scope(ctx, l, req.Cursor)
	if err != nil {
		return result, err
	}
	query := table.Query{
		Index: l.index, Prefix: l.prefix, From: l.from, To: l.to, Descending: l.descending, Limit: limit + 2, Consistent: l.index == "",
	}
	if keep != nil {
		query.Limit = max(query.Limit, filteredRead)
	}
	m := &merge{table: s.table, query: startAfter(query, from.After), after: from.After, more: l.more}
	if l.whole {
		m.batch = limit + 1
	}
	if err := m.add(ctx, l.partitions); err != nil {
		return result, listError(l, err)
	}
	last := ""
	for examined := 0; ; examined++ {
		item, ok, err := m.row(ctx)
		if err != nil {
			return result, listError(l, err)
		}
		seen := from.Seen + len(result.Items)
		if !ok {
			result.Count = ops.Count{Value: seen, Exact: true}
			return result, nil
		}
		record, err := decodeRow[T, P](l, item)
		if err != nil {
			return result, listError(l, err)
		}
		fits := keep == nil || keep(record)
		if full := fits && len(result.Items) == limit; full || examined >= maxExamined {
			result.Count.Value = seen
			if full {
				result.Count.Value++
			}
			result.NextCursor, err = s.SealCursor(ctx, scope, ops.Position{After: last, Seen: seen})
			return result, err
		}
		if fits {
			result.Items = append(result.Items, record)
		}
		last = sortKey(item, l.index)
	}
}

func decodeRow[T any, P record[T]](l list, item table.Item) (P, error) {
	if l.index == "" || l.whole {
		return decode[T, P](item)
	}
	return decodeSummary[T, P](item)
}

// sortKey gives an item's place in the partition that was queried.
func sortKey(item table.Item, index string) string {
	if index == "" {
		return item.Key.SK
	}
	return item.Index[index].SK
}

// listError says which list could not be read.
func listError(l list, err error) error {
	return fmt.Errorf("list %s: %w", l.name, inWords(err))
}

// scope gives what the list's cursors are bound to, and the place that a request's cursor names.
func (s *Store) scope(ctx context.Context, l list, cursor string) (scope string, from ops.Position, err error) {
	if scope, err = (ops.List{Name: l.name, Filter: l.filter}).Scope(); err != nil {
		return "", from, err
	}
	from, err = s.OpenCursor(ctx, scope, cursor)
	return scope, from, err
}

// startAfter narrows a query to what may come behind a sort key. The bounds of a query are inclusive, so the row with
// that very key can be among the answers; merge drops it.
func startAfter(q table.Query, after string) table.Query {
	if after == "" {
		return q
	}
	if q.Prefix != "" {
		q.From, q.To, q.Prefix = q.Prefix, q.Prefix+lastText, ""
	}
	if q.Descending {
		q.To = after
	} else {
		q.From = after
	}
	return q
}

// lastText sorts behind whatever comes after a prefix.
const lastText = "\U0010FFFF"

// merge reads several partitions side by side and gives their rows in the order of their sort keys.
type merge struct {
	table table.Table
	query table.Query // all but the partition
	after string      // rows at this sort key or before it are dropped
	more  func() []string
	batch int // how many rows at once are read whole from the table; 0: they are taken as they are in the index

	whole []table.Item // read whole, and not given yet

	sources []*source
}

type source struct {
	query table.Query
	rows  []table.Item
	done  bool // no rows beyond those in hand
}

// row gives the next row, also of the partitions that come behind; false when there is none.
func (m *merge) row(ctx context.Context) (table.Item, bool, error) {
	if m.batch == 0 {
		return m.anyNext(ctx)
	}
	for len(m.whole) == 0 {
		var rows []table.Item
		for len(rows) < min(m.batch, table.MaxBatchGet) {
			row, ok, err := m.anyNext(ctx)
			if err != nil {
				return row, false, err
			}
			if !ok {
				break
			}
			rows = append(rows, row)
		}
		if len(rows) == 0 {
			return table.Item{}, false, nil
		}
		if err := m.readWhole(ctx, rows); err != nil {
			return table.Item{}, false, err
		}
	}
	item := m.whole[0]
	m.whole = m.whole[1:]
	return item, true, nil
}

// readWhole reads the records of rows. One that has expired meanwhile is passed over.
func (m *merge) readWhole(ctx context.Context, rows []table.Item) error {
	keys := make([]table.Key, len(rows))
	for n, row := range rows {
		keys[n] = row.Key
	}
	found, err := m.table.BatchGet(ctx, keys)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if item, ok := found[row.Key]; ok {
			item.Index = row.Index
			m.whole = append(m.whole, item)
		}
	}
	return nil
}

// anyNext gives the next row as the index has it, also of the partitions that come behind.
func (m *merge) anyNext(ctx context.Context) (table.Item, bool, error) {
	item, ok, err := m.next(ctx)
	for err == nil && !ok && m.more != nil {
		partitions := m.more()
		if partitions == nil {
			break
		}
		if err = m.add(ctx, partitions); err == nil {
			item, ok, err = m.next(ctx)
		}
	}
	return item, ok, err
}

// add reads the first rows of partitions, in parallel.
func (m *merge) add(ctx context.Context, partitions []string) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxQueries)
	for _, pk := range partitions {
		q := m.query
		q.PK = pk
		src := &source{query: q}
		m.sources = append(m.sources, src)
		g.Go(func() error { return m.fill(ctx, src) })
	}
	return g.Wait()
}

// fill reads on until a source has rows in hand or is done.
func (m *merge) fill(ctx context.Context, src *source) error {
	for len(src.rows) == 0 && !src.done {
		page, err := m.table.Query(ctx, src.query)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if m.after == "" || m.before(m.after, sortKey(item, src.query.Index)) {
				src.rows = append(src.rows, item)
			}
		}
		src.query.After = page.Next
		src.done = page.Next == nil
	}
	return nil
}

func (m *merge) before(a, b string) bool {
	if m.query.Descending {
		return a > b
	}
	return a < b
}

// next gives the next row; false when there is none.
func (m *merge) next(ctx context.Context) (table.Item, bool, error) {
	var first *source
	at := ""
	for _, src := range m.sources {
		if err := m.fill(ctx, src); err != nil {
			return table.Item{}, false, err
		}
		if len(src.rows) == 0 {
			continue
		}
		if sk := sortKey(src.rows[0], src.query.Index); first == nil || m.before(sk, at) {
			first, at = src, sk
		}
	}
	if first == nil {
		return table.Item{}, false, nil
	}
	item := first.rows[0]
	first.rows = first.rows[1:]
	return item, true, nil
}
