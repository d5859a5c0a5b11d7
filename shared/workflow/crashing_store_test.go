package workflow_test

import (
	"context"
	"errors"
	"sync"

	"opsflow/shared/ops"
	"opsflow/shared/store"
)

var errCrash = errors.New("crash")

// crashingStore fails the write that its countdown comes to, and every one after it, until it is repaired: before it is
// applied, or after.
type crashingStore struct {
	*store.Store
	mu      sync.Mutex
	armed   bool
	left    int
	applied bool
	dead    bool
	between func() // called before the write that the countdown comes to, once
}

// before has f called before the nth write from now.
func (c *crashingStore) before(n int, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.between = n, f
}

// happened reports whether what was to happen before a write did.
func (c *crashingStore) happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.between == nil
}

func (c *crashingStore) arm(left int, applied bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left, c.applied, c.dead = true, left, applied, false
}

// waiting reports whether there have been fewer writes than the countdown has.
func (c *crashingStore) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.armed && !c.dead
}

func (c *crashingStore) repair() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.dead = false, false
}

func (c *crashingStore) Save(ctx context.Context, records ...ops.Record) error {
	c.mu.Lock()
	if f := c.between; f != nil {
		if c.left--; c.left < 0 {
			c.between = nil
			c.mu.Unlock()
			f()
			c.mu.Lock()
		}
	}
	crash := c.dead
	last := false
	if c.armed && !c.dead {
		if c.left--; c.left < 0 {
			crash, c.dead, last = true, true, c.applied
		}
	}
	c.mu.Unlock()
	if !crash {
		return c.Store.Save(ctx, records...)
	}
	if last {
		if err := c.Store.Save(ctx, records...); err != nil {
			return err
		}
	}
	return errCrash
}
