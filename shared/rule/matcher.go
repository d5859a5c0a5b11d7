package rule

import (
	"slices"
	"sync"
	"time"
)

// matcher tells which of many conditions an event makes true, without asking all of them.
//
// Every condition stands in the index under the test of its that is the most selective: equality of a value ("detail.area is
// marina"), or presence of one. Only the conditions whose test the event passes are asked; those that have no such test (a
// `not`, an `absent`) always are. An event is read once: all paths of all conditions are one tree of names, and whatever lies
// on a path is put into its slot as the raw text passes by. Values are parsed when the first condition asks for them. Nothing
// is allocated but for numbers of more than 19 digits.
//
// BenchmarkMatch compares it with asking every condition, and with cel-go.
type matcher struct {
	conds  []*Cond
	roots  []*branch // by name: detail, subject, event
	slots  int
	index  []slotIndex // by slot
	always []int32     // conditions without a test
	many   []bool      // conditions that stand at several places
	pool   sync.Pool   // of *reading
}

// slotIndex holds, by position in conds, the conditions whose test looks at one slot.
type slotIndex struct {
	slot    int
	texts   map[string][]int32
	numbers map[number][]int32
	bools   [2][]int32
	present []int32
}

// number is what a decimal is found by. Those of more than 19 digits are not in the index.
type number struct {
	negative bool
	lead     uint64
	scale    int64
}

// gate is one test that a condition stands under.
type gate struct {
	slot int
	kind kind // of the value; noKind: any that is there
	text string
	num  number
}

// newMatcher makes a matcher of compiled conditions; nil ones are always true. They belong to it from then on.
func newMatcher(conds []*Cond) *matcher {
	m := &matcher{conds: conds, many: make([]bool, len(conds))}
	paths := pathTree{}
	for _, c := range conds {
		c.eachLeaf(func(l *leaf) {
			paths.add(&l.path)
			if l.ref != nil {
				paths.add(l.ref)
			}
		})
	}
	m.roots, m.slots = paths.number()
	m.pool.New = func() any {
		return &reading{
			raw: make([][]byte, m.slots), values: make([]value, m.slots), parsed: make([]bool, m.slots), asked: make([]uint32, len(conds)),
		}
	}
	m.build()
	return m
}

// build puts every condition under the cheapest of its tests: the one that the fewest others stand under.
func (m *matcher) build() {
	options := make([][][]gate, len(m.conds))
	uses := map[gate]int{}
	for n, c := range m.conds {
		options[n] = c.gates()
		for _, option := range options[n] {
			for _, g := range option {
				uses[g]++
			}
		}
	}
	bySlot := make([]slotIndex, m.slots)
	for n := range m.conds {
		best, lowest := []gate(nil), 0
		for _, option := range options[n] {
			cost := 0
			for _, g := range option {
				if cost += uses[g]; g.kind == noKind {
					cost += len(m.conds) // that something is there says little
				}
			}
			if best == nil || cost < lowest {
				best, lowest = option, cost
			}
		}
		if best == nil {
			m.always = append(m.always, int32(n)) //nolint:gosec // far fewer than 2^31
		}
		m.many[n] = len(best) > 1
		for _, g := range best {
			bySlot[g.slot].add(g, int32(n)) //nolint:gosec // likewise
		}
	}
	for slot, s := range bySlot {
		if s.texts != nil || s.numbers != nil || s.present != nil || s.bools[0] != nil || s.bools[1] != nil {
			s.slot = slot
			m.index = append(m.index, s)
		}
	}
}

func (s *slotIndex) add(g gate, n int32) {
	switch g.kind {
	case textKind:
		if s.texts == nil {
			s.texts = map[string][]int32{}
		}
		s.texts[g.text] = append(s.texts[g.text], n)
	case numberKind:
		if s.numbers == nil {
			s.numbers = map[number][]int32{}
		}
		s.numbers[g.num] = append(s.numbers[g.num], n)
	case boolKind:
		s.bools[boolIndex([]byte(g.text))] = append(s.bools[boolIndex([]byte(g.text))], n)
	case noKind, nullKind, listKind, objectKind:
		s.present = append(s.present, n)
	}
}

func boolIndex(text []byte) int {
	if string(text) == "true" {
		return 1
	}
	return 0
}

// reading is one event as the matcher has read it. It is used again for later events.
type reading struct {
	raw    [][]byte // by slot
	values []value
	parsed []bool
	asked  []uint32 // by condition: the event that it was asked about last
	event  uint32
	found  []int32
	spares [spareValues]value
}

func (r *reading) spare(of spareValue) *value { return &r.spares[of] }

func (r *reading) at(p *path) *value { return r.value(p.slot) }

func (r *reading) value(slot int) *value {
	v := &r.values[slot]
	if !r.parsed[slot] {
		r.parsed[slot] = true
		v.set(r.raw[slot])
	}
	return v
}

// read gives a reading that match fills; hand it back with done.
func (m *matcher) read() *reading { return m.pool.Get().(*reading) } //nolint:forcetypeassert,errcheck // the pool holds nothing else

func (m *matcher) done(r *reading) {
	clear(r.raw) // the event may go
	m.pool.Put(r)
}

// match gives the positions of the conditions that the document makes true, in order. They are good until r is used again.
func (m *matcher) match(r *reading, doc Doc, now time.Time) []int32 {
	clear(r.raw)
	clear(r.parsed)
	r.found = r.found[:0]
	if r.event++; r.event == 0 { // all over again
		clear(r.asked)
		r.event = 1
	}
	for _, root := range m.roots {
		if raw := doc[root.name]; raw != nil {
			root.scan(raw, skipSpace(raw, 0), r.raw)
		}
	}
	for i := range m.index {
		s := &m.index[i]
		if r.raw[s.slot] == nil {
			continue
		}
		v := r.value(s.slot)
		switch v.kind {
		case textKind:
			m.ask(r, s.texts[string(v.text)], now)
		case numberKind:
			if s.numbers != nil && v.num.huge == nil && v.num.rest == "" {
				m.ask(r, s.numbers[number{v.num.negative, v.num.lead, v.num.scale}], now)
			}
		case boolKind:
			m.ask(r, s.bools[boolIndex(v.text)], now)
		case nullKind:
			continue
		case noKind, listKind, objectKind:
		}
		m.ask(r, s.present, now)
	}
	m.ask(r, m.always, now)
	slices.Sort(r.found)
	return r.found
}

func (m *matcher) ask(r *reading, some []int32, now time.Time) {
	for _, n := range some {
		if m.many[n] {
			if r.asked[n] == r.event {
				continue
			}
			r.asked[n] = r.event
		}
		if _, ok := m.conds[n].decide(r, now); ok {
			r.found = append(r.found, n)
		}
	}
}
