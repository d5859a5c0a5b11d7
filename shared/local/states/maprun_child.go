package states

import (
	"go.etcd.io/bbolt"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
)

// childEnd tells a parent that a child is over.
type childEnd struct {
	thread, index, attempt int
	run, status            string
}

// newChild starts the child for an input.
func (x *execution) newChild(t *thread, a *activeRun, i int) error {
	rec := x.rec
	rec = record{
		Machine: a.machine, Definition: rec.Definition, Revision: rec.Revision, UpdatedAt: rec.UpdatedAt, Settings: rec.Settings,
		Role: rec.Role, Express: a.Express, Input: string(value.Text(a.inputs.Values[i].V)), Status: StatusRunning,
		StartedAt: x.e.now().UnixMilli(), Parent: &link{x.key, t.ID, i}, MapRun: a.key, MapState: a.State, MapAttempt: a.Redrives,
		MapItems: a.inputs.Items[i],
	}
	var err error
	if rec.Name, err = uuid.New(x.e.random); err != nil {
		return err
	}
	if rec.Express {
		if rec.Run, err = uuid.New(x.e.random); err != nil {
			return err
		}
	}
	c := x.e.newExecution(rec.key(), rec, t.state().branches[0], a.inputs.Values[i].V)
	x.more = append(x.more, entry{bucketMapChildren, mapChildKey(a.key, i), []byte(c.key)})
	return x.bear(a, i, c, c.begin)
}

// childAgain redrives a child: an express one begins anew.
func (x *execution) childAgain(t *thread, a *activeRun, i int) error {
	var key string
	if err := x.e.db.View(x.e.ctx, func(tx *bbolt.Tx) error {
		key = string(tx.Bucket(bucketMapChildren).Get(mapChildKey(a.key, i)))
		return nil
	}); err != nil {
		return err
	}
	if a.Express {
		x.more = append(x.more, entry{bucketExecutions, []byte(key), nil})
		return x.newChild(t, a, i)
	}
	c, err := x.e.restore(x.e.ctx, key)
	if err != nil {
		return err
	}
	c.rec.MapAttempt = a.Redrives
	return x.bear(a, i, c, func() { c.redrive("", x.e.now()) })
}

// birth is a child that runs once its parent's burst is stored.
type birth struct {
	child   *execution
	running record
}

// bear lets a child have its first burst, which is stored with that of its parent: the child exists then, and once.
func (x *execution) bear(a *activeRun, i int, c *execution, begin func()) error {
	begin()
	b := birth{c, c.rec}
	c.drain()
	entries, err := c.entries()
	if err != nil {
		return err
	}
	if c.rec.Status == StatusRunning {
		entries = append(entries, entry{bucketExecutions, []byte(c.key), mustJSON(c.rec)})
	}
	x.more = append(x.more, entries...)
	x.born = append(x.born, b)
	a.keys[i], a.status[i] = c.key, StatusRunning
	return nil
}

// deliver lets the children go that were born in a burst, and gives what they set off.
func (x *execution) deliver() (effects []func()) {
	for _, b := range x.born {
		b.child.mu.Lock()
		if b.child.rec.Status == StatusRunning {
			x.e.mu.Lock()
			x.e.running[b.child.key] = b.child
			x.e.mu.Unlock()
		}
		effects = append(effects, func() { x.e.statusChanged(&b.running) })
		effects = append(effects, b.child.settle()...)
		b.child.mu.Unlock()
	}
	x.born = nil
	return effects
}

// tell is called when a child is over, and that is stored. Children that end at about the same time are taken together.
func (x *execution) tell(end childEnd) {
	x.inboxMu.Lock()
	defer x.inboxMu.Unlock()
	x.inbox = append(x.inbox, end)
	if len(x.inbox) > 1 {
		return // somebody is on the way
	}
	x.e.goBusy(func() {
		x.e.report(x.burst(x.e.ctx, func() error {
			x.inboxMu.Lock()
			ends := x.inbox
			x.inbox = nil
			x.inboxMu.Unlock()
			return x.absorb(ends)
		}))
	})
}

// absorb takes note of children that are over.
func (x *execution) absorb(ends []childEnd) error {
	told := map[int]bool{}
	for _, end := range ends {
		a := x.runs[end.thread]
		if a == nil || a.key != end.run || a.Status != StatusRunning || a.status[end.index] != StatusRunning {
			continue
		}
		delete(a.keys, end.index)
		a.note(end.index, end.status, end.attempt)
		told[end.thread] = true
	}
	for id := range told {
		x.goOnWith(x.threads[id], x.runs[id])
	}
	return nil
}

// goOnWith advances a map run if it has not ended.
func (x *execution) goOnWith(t *thread, a *activeRun) {
	if t == nil || !x.going(t, a) {
		return
	}
	if err := x.advance(t, a); err != nil {
		x.failState(t, t.state(), x.asFailure(t, err))
	}
}

// stopLater stops an execution that nobody needs any more.
func (e *Engine) stopLater(key string) {
	e.goBusy(func() {
		if c := e.find(key); c != nil {
			e.report(c.abort(e.ctx, &failure{noError: true, noCause: true}))
		}
	})
}

// stopOrphan stops a child whose map run has ended: a kill may have come between the two.
func (e *Engine) stopOrphan(x *execution) {
	if x.rec.MapRun == "" {
		return
	}
	run, err := e.loadMapRun(e.ctx, x.rec.MapRun)
	if err != nil {
		e.report(err)
	} else if run.Status != StatusRunning {
		e.stopLater(x.key)
	}
}
