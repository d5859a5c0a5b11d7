package rule

import (
	"fmt"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// Limits of one condition.
const (
	MaxConditionDepth  = 16  // all, any and not inside one another
	MaxConditionLeaves = 200 // comparisons
)

// Cond is a condition made ready to be asked. It never changes: any number of goroutines may ask it at once.
type Cond struct {
	all  []*Cond
	any  []*Cond
	not  *Cond
	leaf *leaf
}

// CompileCondition prepares a condition. The error lists every fault, with paths from "$". Moments like "now-8bh" are counted
// by the calendar.
func CompileCondition(c ops.Condition, hours *calendar.Calendar) (*Cond, error) {
	b := compiler{calendar: hours}
	cond := b.compile(&c, "$", 0)
	if err := ops.Invalid("condition", b.faults); err != nil {
		return nil, err
	}
	return cond, nil
}

// ValidateCondition lists what is wrong with a condition that stands at path in its document and may look into the given
// roots (nil: any).
func ValidateCondition(c ops.Condition, path string, roots []string) []ops.Fault {
	b := compiler{roots: roots, calendar: calendar.Default()}
	b.compile(&c, path, 0)
	return b.faults
}

// Eval answers the condition and names the comparison that decided it: of `all` the first that is false, of `any` the first
// that is true, or else the last. A condition that asks nothing is true, and nothing decided it. A missing or mistyped value
// makes its comparison false; nothing is an error.
func (c *Cond) Eval(doc Doc, now time.Time) (bool, *ops.Leaf) {
	decided, ok := c.decide(docView{doc}, now)
	if decided == nil {
		return ok, nil
	}
	return ok, decided.show(doc, now)
}

func (c *Cond) decide(v view, now time.Time) (*leaf, bool) {
	switch {
	case c == nil:
		return nil, true
	case c.leaf != nil:
		return c.leaf, c.leaf.holds(v, now)
	case c.not != nil:
		l, ok := c.not.decide(v, now)
		return l, !ok
	case c.any != nil:
		return firstThat(c.any, true, v, now)
	}
	return firstThat(c.all, false, v, now)
}

// firstThat asks conditions in turn until one answers as wanted. Without one the last of them decided, the other way.
func firstThat(list []*Cond, wanted bool, v view, now time.Time) (l *leaf, ok bool) {
	for _, c := range list {
		l, ok = c.decide(v, now)
		if ok == wanted {
			return l, wanted
		}
	}
	return l, !wanted
}

// compiler turns a condition into a Cond and collects what is wrong with it.
type compiler struct {
	roots    []string
	calendar *calendar.Calendar
	faults   []ops.Fault
	leaves   int
}

func (b *compiler) fault(path, expected, got string) {
	b.faults = append(b.faults, ops.Fault{Path: path, Expected: expected, Got: got})
}

func (b *compiler) compile(c *ops.Condition, path string, depth int) *Cond {
	if c.IsZero() {
		if depth > 0 {
			b.fault(path, "a comparison with path and op, or all, any or not", "nothing")
		}
		return nil
	}
	if depth >= MaxConditionDepth {
		b.fault(path, fmt.Sprintf("nested at most %d deep", MaxConditionDepth), "")
		return nil
	}
	forms := 0
	for _, given := range []bool{c.All != nil, c.Any != nil, c.Not != nil, c.Path != "" || c.Op != "" || c.Value != nil} {
		if given {
			forms++
		}
	}
	if forms > 1 {
		b.fault(path, "only one of all, any, not, or a comparison with path and op", "more than one of them")
		return nil
	}
	switch {
	case c.All != nil:
		return &Cond{all: b.list(c.All, path+".all", depth)}
	case c.Any != nil:
		return &Cond{any: b.list(c.Any, path+".any", depth)}
	case c.Not != nil:
		return &Cond{not: b.compile(c.Not, path+".not", depth+1)}
	}
	b.leaves++
	if b.leaves == MaxConditionLeaves+1 {
		b.fault(path, fmt.Sprintf("one of at most %d comparisons", MaxConditionLeaves), "")
	}
	return &Cond{leaf: b.compileLeaf(c, path)}
}

func (b *compiler) list(list []ops.Condition, path string, depth int) []*Cond {
	if len(list) == 0 {
		b.fault(path, "a list of at least one condition", "an empty list")
	}
	out := make([]*Cond, len(list))
	for i := range list {
		out[i] = b.compile(&list[i], fmt.Sprintf("%s[%d]", path, i), depth+1)
	}
	return out
}
