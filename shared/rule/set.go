package rule

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"opsflow/shared/ops"
)

// freshFor is how long rules are used without asking whether they changed.
const freshFor = 2 * time.Second

// ready is a rule made ready to be asked. A broken one has no condition, so that it always comes up.
type ready struct {
	*ops.Rule
	condition *Cond
	unless    []*Cond // of each action; nil for one without
	putOff    []bool  // of each action: it has a delay, or waits for one before it
	zone      *time.Location
	broken    error // a stored rule that this version of the program can't take
}

// ruleSet is all rules as they were at one time.
type ruleSet struct {
	version  int64
	rules    []*ops.Rule // by priority, highest first, then id
	byEvent  map[ops.EventType]eventRules
	switches *ops.RuleSet
}

// eventRules are the rules that one type of event triggers, in the order in which they are decided about.
type eventRules struct {
	rules   []*ready
	matcher *matcher
	wanted  wanted
}

// cache is the rules that an Engine goes by.
type cache struct {
	mu      sync.Mutex // never held while the table is asked
	set     *ruleSet
	at      time.Time // when the table was last asked
	changes int       // how often the rules were changed here
	// asking is closed when who asks the table now has its answer; nil while nobody does.
	asking chan struct{}
}

// current gives the rules to use now. What the table said is used again for two seconds; a clock that stands still, as a
// virtual one does, says nothing about that, so then the table is asked each time. One asks for all who come meanwhile.
func (e *Engine) current(ctx context.Context) (*ruleSet, error) {
	k := &e.rules
	for {
		now := e.clock.Now()
		k.mu.Lock()
		old, asking, changes := k.set, k.asking, k.changes
		if age := now.Sub(k.at); old != nil && age > 0 && age < freshFor {
			k.mu.Unlock()
			return old, nil
		}
		if asking == nil {
			k.asking = make(chan struct{})
			k.mu.Unlock()
			return e.ask(ctx, old, changes, now)
		}
		k.mu.Unlock()
		select {
		case <-asking: // who asks anew if it failed, or if the clock stands still
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the rules: %w", ctx.Err())
		}
	}
}

// ask reads the rules, unless they are still those of old, and keeps them, unless they were changed here meanwhile.
func (e *Engine) ask(ctx context.Context, old *ruleSet, changes int, now time.Time) (set *ruleSet, err error) {
	k := &e.rules
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if set != nil && k.changes == changes {
			k.set, k.at = set, now
		}
		close(k.asking)
		k.asking = nil
	}()
	switches, err := e.store.RuleSet(ctx)
	if err != nil {
		return nil, fmt.Errorf("read whether rules changed: %w", err)
	}
	next := &ruleSet{version: switches.V, switches: switches}
	if old != nil && old.version == switches.V {
		next.rules, next.byEvent = old.rules, old.byEvent
	} else if err := e.load(ctx, next); err != nil {
		return nil, err
	}
	return next, nil
}

// changed has the table asked before the rules are used again.
func (k *cache) changed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set = nil
	k.changes++
}

func (e *Engine) load(ctx context.Context, set *ruleSet) error {
	var err error
	if set.rules, err = e.readRules(ctx, set.version > 0); err != nil {
		return err
	}
	set.byEvent = e.compile(set.rules)
	return nil
}

// compile makes rules ready for the events that trigger them.
func (e *Engine) compile(rules []*ops.Rule) map[ops.EventType]eventRules {
	byEvent := map[ops.EventType]eventRules{}
	for _, r := range rules {
		if r.Mode != ops.RuleOff {
			some := byEvent[r.Event]
			some.rules = append(some.rules, e.prepare(r))
			if some.wanted == nil {
				some.wanted = wanted{}
			}
			some.wanted.rule(r)
			byEvent[r.Event] = some
		}
	}
	for t, some := range byEvent {
		conds := make([]*Cond, len(some.rules))
		for n, r := range some.rules {
			conds[n] = r.condition
		}
		some.matcher = newMatcher(conds)
		byEvent[t] = some
	}
	return byEvent
}

// readRules reads the built-in rules and, over them, the stored ones.
func (e *Engine) readRules(ctx context.Context, stored bool) ([]*ops.Rule, error) {
	rules, err := e.builtin()
	if err != nil {
		return nil, err
	}
	if stored {
		own, err := e.store.Rules(ctx)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		for _, r := range own {
			rules = slices.DeleteFunc(rules, func(b *ops.Rule) bool { return b.ID == r.ID })
		}
		rules = append(rules, own...)
	}
	slices.SortFunc(rules, func(a, b *ops.Rule) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	return rules, nil
}

func (e *Engine) prepare(r *ops.Rule) *ready {
	c := &ready{Rule: r, zone: time.UTC, unless: make([]*Cond, len(r.Actions)), putOff: putOff(r.Actions)}
	if c.condition, c.broken = CompileCondition(r.Condition, e.calendar); c.broken != nil {
		return c
	}
	for i := range r.Actions {
		if u := r.Actions[i].Unless; u != nil {
			if c.unless[i], c.broken = CompileCondition(*u, e.calendar); c.broken != nil {
				return c
			}
		}
	}
	if r.TimeZone != "" {
		c.zone, c.broken = time.LoadLocation(r.TimeZone)
	}
	return c
}

// putOff tells of each action whether it can't be done, or fail, in the transaction of its event. What stands behind one that
// can't, and that stops the others when it fails, waits for it.
func putOff(actions []ops.Action) []bool {
	all := make([]bool, len(actions))
	waits := false
	for i := range actions {
		a := &actions[i]
		all[i] = waits || !a.Delay.IsZero()
		sent := a.Type == ops.Notify || a.Type == ops.EmitEvent
		waits = waits || a.OnError == ops.StopOnError && (all[i] || sent)
	}
	return all
}

// rule gives a rule by its id; one that is no more has nothing but the id.
func (s *ruleSet) rule(id string) *ops.Rule {
	for _, r := range s.rules {
		if r.ID == id {
			return r
		}
	}
	return &ops.Rule{ID: id}
}

// paused reports whether the kill switch is on.
func (s *ruleSet) paused(now time.Time) bool { return now.Before(s.switches.PausedUntil) }
