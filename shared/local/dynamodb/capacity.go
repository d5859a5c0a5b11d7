package dynamodb

import (
	"context"
	"maps"
	"slices"

	"opsflow/shared/local/dynamodb/attribute"
)

const (
	readUnit  = 4 << 10
	writeUnit = 1 << 10
)

// Used is what a request took.
type Used struct {
	Operation  string // PutItem, TransactGetItems, ...
	Items      int    // that it named
	ReadUnits  float64
	WriteUnits float64
}

// counts reports whether anybody wants to know what a request takes.
func (s *Service) counts(wanted string) bool { return s.o.Used != nil || counted(wanted) }

func (s *Service) tell(ctx context.Context, u Used) {
	if s.o.Used != nil {
		s.o.Used(ctx, u)
	}
}

// capacity is what a request used of its table and of the table's indexes.
type capacity struct {
	table float64
	index map[string]float64
}

// add adds what an item took, times a factor. A transaction takes twice as much, but of the table only: the indexes follow when
// it is done.
func (c *capacity) add(other capacity, factor float64) {
	c.table += other.table * factor
	for name, units := range other.index {
		c.addIndex(name, units)
	}
}

func (c *capacity) addIndex(name string, units float64) {
	if c.index == nil {
		c.index = map[string]float64{}
	}
	c.index[name] += units
}

func (c capacity) total() float64 {
	sum := c.table
	for _, units := range c.index {
		sum += units
	}
	return sum
}

// reading is what reading some bytes takes: half as much when it need not be consistent.
func reading(bytes int, consistent bool) float64 {
	n := float64(max(1, (bytes+readUnit-1)/readUnit))
	if consistent {
		return n
	}
	return n / 2
}

func writeUnits(items ...attribute.Item) float64 {
	largest := 0
	for _, item := range items {
		largest = max(largest, item.Size())
	}
	return float64(max(1, (largest+writeUnit-1)/writeUnit))
}

// writing is what a change takes: the larger one of the item before and after, and what changes in the indexes.
func writing(c *collection, o outcome) capacity {
	used := capacity{table: writeUnits(o.old, o.item)}
	for _, x := range c.indexes {
		var was, is attribute.Item
		if o.old != nil && x.holds(o.old) {
			was = c.project(x, o.old)
		}
		if o.item != nil && x.holds(o.item) {
			is = c.project(x, o.item)
		}
		switch {
		case was == nil && is == nil, maps.EqualFunc(was, is, attribute.Equal):
		case was != nil && is != nil && was.Pick(x.names()...).Key() != is.Pick(x.names()...).Key():
			used.addIndex(x.name, writeUnits(was)+writeUnits(is))
		default:
			used.addIndex(x.name, writeUnits(was, is))
		}
	}
	return used
}

// addCapacity adds ConsumedCapacity to an answer if the request asks for it.
func (in *itemRequest) addCapacity(out *object, c *collection, used capacity) {
	if shown := used.shown(c, in.ReturnConsumedCapacity, ""); shown != nil {
		out.add("ConsumedCapacity", shown)
	}
}

// counted reports whether a request wants to know what it used.
func counted(wanted string) bool { return wanted == "TOTAL" || wanted == "INDEXES" }

// shown gives ConsumedCapacity; nil when it is not wanted. kind is Read or Write in a transaction's.
func (c capacity) shown(of *collection, wanted, kind string) object {
	if !counted(wanted) {
		return nil
	}
	units := func(n float64) object {
		o := object{{"CapacityUnits", n}}
		if kind != "" {
			o.add(kind+"CapacityUnits", n)
		}
		return o
	}
	out := append(object{{"TableName", of.TableName}}, units(c.total())...)
	if wanted == "TOTAL" {
		return out
	}
	out.add("Table", units(c.table))
	for _, list := range []struct {
		member string
		global bool
	}{{"LocalSecondaryIndexes", false}, {"GlobalSecondaryIndexes", true}} {
		var each object
		for _, name := range slices.Sorted(maps.Keys(c.index)) {
			if of.find(name).global == list.global {
				each.add(name, units(c.index[name]))
			}
		}
		if each != nil {
			out.add(list.member, each)
		}
	}
	return out
}

// ledger sums up what a request used of several tables, in the order in which they came.
type ledger struct {
	tables []*collection
	used   map[*collection]*capacity
}

func (l *ledger) add(c *collection, used capacity, factor float64) {
	if l.used == nil {
		l.used = map[*collection]*capacity{}
	}
	if l.used[c] == nil {
		l.used[c] = &capacity{}
		l.tables = append(l.tables, c)
	}
	l.used[c].add(used, factor)
}

func (l *ledger) total() float64 {
	sum := 0.0
	for _, used := range l.used {
		sum += used.total()
	}
	return sum
}

// addTo adds ConsumedCapacity, one for each table, to an answer.
func (l *ledger) addTo(out *object, wanted, kind string) {
	var list []object
	for _, c := range l.tables {
		if shown := l.used[c].shown(c, wanted, kind); shown != nil {
			list = append(list, shown)
		}
	}
	if list != nil {
		out.add("ConsumedCapacity", list)
	}
}
