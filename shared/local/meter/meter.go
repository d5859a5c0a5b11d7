// Package meter counts what a running system asks of AWS, and prices it.
package meter

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"opsflow/shared/table"
)

// Use is what was asked of AWS. Units are of items as DynamoDB measures them; an entry of an index is taken as below 1 KiB.
type Use struct {
	Gets             float64 `json:"gets"`
	BatchGets        float64 `json:"batch_gets"`
	Queries          float64 `json:"queries"`
	Writes           float64 `json:"plain_writes"`
	Transactions     float64 `json:"transactions"`
	TransactionItems float64 `json:"transaction_items"`
	ReadUnits        float64 `json:"read_units"`
	WriteUnits       float64 `json:"write_units"`
	Invocations      float64 `json:"invocations"`
	Events           float64 `json:"events"`
	Executions       float64 `json:"executions"`
	Transitions      float64 `json:"transitions"` // states entered, for the first time or by a retrier
}

// each goes through the numbers of both.
func (u *Use) each(v Use, f func(a *float64, b float64)) {
	for _, n := range []struct {
		a *float64
		b float64
	}{
		{&u.Gets, v.Gets},
		{&u.BatchGets, v.BatchGets},
		{&u.Queries, v.Queries},
		{&u.Writes, v.Writes},
		{&u.Transactions, v.Transactions},
		{&u.TransactionItems, v.TransactionItems},
		{&u.ReadUnits, v.ReadUnits},
		{&u.WriteUnits, v.WriteUnits},
		{&u.Invocations, v.Invocations},
		{&u.Events, v.Events},
		{&u.Executions, v.Executions},
		{&u.Transitions, v.Transitions},
	} {
		f(n.a, n.b)
	}
}

// Since gives what was used after an earlier count.
func (u Use) Since(before Use) Use {
	u.each(before, func(a *float64, b float64) { *a -= b })
	return u
}

// Times multiplies a use.
func (u Use) Times(factor float64) Use {
	u.each(u, func(a *float64, _ float64) { *a *= factor })
	return u
}

// Who is whom something is counted for.
type Who struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name,omitempty"` // of the state machine or function
}

// Kind is what Who is.
type Kind string

// Outside is whoever asks without a function: booking systems that put events, developers.
const (
	Workflow Kind = "workflow"
	Function Kind = "function"
	Outside  Kind = "outside"
)

type whoKey struct{}

// As has what is asked for under the context counted for who, unless that is settled already: what a function does for a
// workflow is the workflow's.
func As(ctx context.Context, who Who) context.Context {
	if _, settled := ctx.Value(whoKey{}).(Who); settled {
		return ctx
	}
	return context.WithValue(ctx, whoKey{}, who)
}

func whoOf(ctx context.Context) Who {
	if who, ok := ctx.Value(whoKey{}).(Who); ok {
		return who
	}
	return Who{Kind: Outside}
}

// Meter counts. It is safe for concurrent use; the zero value counts.
type Meter struct {
	mu   sync.Mutex
	uses map[Who]*Use
	off  int
}

// Pause stops counting until done is called: for what only watches the system.
func (m *Meter) Pause() (done func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off++
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.off--
	})
}

// Add counts something for whom the context is of.
func (m *Meter) Add(ctx context.Context, count func(u *Use)) { m.AddFor(whoOf(ctx), count) }

// AddFor counts something for somebody.
func (m *Meter) AddFor(who Who, count func(u *Use)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off > 0 {
		return
	}
	if m.uses == nil {
		m.uses = map[Who]*Use{}
	}
	u := m.uses[who]
	if u == nil {
		u = &Use{}
		m.uses[who] = u
	}
	count(u)
}

// Use gives the count so far, of all together.
func (m *Meter) Use() Use {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum Use
	for _, u := range m.uses {
		sum.each(*u, func(a *float64, b float64) { *a += b })
	}
	return sum
}

// Account is what somebody has used, and what that costs.
type Account struct {
	Who
	// Runs are the executions of a workflow, the invocations of a function, or the events put from outside.
	Runs float64 `json:"runs"`
	Use  Use     `json:"used"`
	Cost Cost    `json:"cost"`
	// PerMillion is what a million runs cost; the zero Cost without any.
	PerMillion Cost `json:"per_million_runs"`
}

// Accounts gives what everybody has used so far, at some prices: workflows first, the dearest first.
func (m *Meter) Accounts(p Prices) []Account {
	m.mu.Lock()
	list := make([]Account, 0, len(m.uses))
	for who, u := range m.uses {
		a := Account{Who: who, Use: *u, Cost: p.Of(*u)}
		switch who.Kind {
		case Workflow:
			a.Runs = u.Executions
		case Function:
			a.Runs = u.Invocations
		case Outside:
			a.Runs = u.Events
		}
		if a.Runs > 0 {
			const million = 1e6
			a.PerMillion = p.Of(u.Times(million / a.Runs))
		}
		list = append(list, a)
	}
	m.mu.Unlock()
	slices.SortFunc(list, func(a, b Account) int {
		workflow := func(a Account) int {
			if a.Kind == Workflow {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(workflow(a), workflow(b)), cmp.Compare(b.Cost.Total, a.Cost.Total), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name),
		)
	})
	return list
}

// Table counts what goes to a table.
func (m *Meter) Table(t table.Table) table.Table { return &metered{Table: t, m: m} }

type metered struct {
	table.Table
	m *Meter
}

const (
	readUnit  = 4 << 10 // bytes
	writeUnit = 1 << 10
)

// units gives the units of so many bytes, of so many each; what is not there costs as much as the smallest.
func units(bytes, each int) float64 { return float64(max(1, (bytes+each-1)/each)) }

// writeID stands for the id of the write that an item was last written by, which readers are not told.
const writeID = "aaaaaaaaaaaaaaaaaaaaaaaaaa"

func size(item table.Item) int { return table.ItemBytes(item, writeID, item.V) }

func (t *metered) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	item, found, err := t.Table.Get(ctx, key)
	t.m.Add(ctx, func(u *Use) { u.Gets++; u.ReadUnits += units(size(item), readUnit) })
	return item, found, err
}

func (t *metered) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	items, err := t.Table.BatchGet(ctx, keys)
	t.m.Add(ctx, func(u *Use) {
		u.BatchGets++
		for _, key := range keys {
			u.ReadUnits += units(size(items[key]), readUnit)
		}
	})
	return items, err
}

func (t *metered) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := t.Table.Query(ctx, q)
	t.m.Add(ctx, func(u *Use) {
		u.Queries++
		bytes := 0
		for _, item := range page.Items {
			bytes += size(item)
		}
		n := units(bytes, readUnit)
		if !q.Consistent {
			n /= 2
		}
		u.ReadUnits += n
	})
	return page, err
}

func (t *metered) Write(ctx context.Context, w table.Write) error {
	n, indexes := 0.0, 0.0
	for _, p := range w.Puts {
		var old table.Item
		if p.WantV > 0 { // else there is none
			var err error
			if old, _, err = t.Table.Get(ctx, p.Item.Key); err != nil {
				return err
			}
		}
		n += units(max(size(p.Item), size(old)), writeUnit)
		indexes += indexUnits(old, p.Item)
	}
	n += float64(len(w.Deletes) + len(w.Counters))
	items := len(w.Puts) + len(w.Deletes) + len(w.Counters)
	if items > 1 {
		n *= 2 // a transaction costs twice; its indexes do not
	}
	err := t.Table.Write(ctx, w)
	t.m.Add(ctx, func(u *Use) {
		u.WriteUnits += n + indexes
		if items == 1 {
			u.Writes++
			return
		}
		u.Transactions++
		u.TransactionItems += float64(items)
	})
	return err
}

// indexUnits is what a write costs in the indexes: one for a place that is new or lost, two for one that moves, one for
// one that stays while the index holds more than keys. Entries are below 1 KiB.
func indexUnits(from, to table.Item) float64 {
	n := 0.0
	for name, key := range to.Index {
		was, ok := from.Index[name]
		switch {
		case !ok:
			n++
		case was != key:
			n += 2
		case name != "wake":
			n++
		}
	}
	for name := range from.Index {
		if _, ok := to.Index[name]; !ok {
			n++
		}
	}
	return n
}
