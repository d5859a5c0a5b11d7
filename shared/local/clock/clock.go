// Package clock is the time of the local runtime: the machine's own, or a virtual one that stands still. Both can be moved
// on: they then jump through everything that was waiting, in order.
package clock

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Clock gives the time, runs timers, and knows whether anything is at work. It is an ops.Clock.
//
// Work in progress is counted: whoever handles a request, an event or a transition calls Busy and, when done, the
// function it returned. Advance moves time only while the count is zero, so that everything that happens at an instant is
// over before the next instant begins.
type Clock struct {
	virtual bool // time never moves by itself

	mu     sync.Mutex
	now    time.Time     // the time while it stands still
	ahead  time.Duration // how far a real clock is before the machine's
	jumps  int           // how many calls of Advance are at work: a real clock stands still too meanwhile
	timers timerHeap
	wake   *time.Timer // of the machine's clock, for the first of timers; nil: none is set
	seq    uint64
	busy   int
	idle   chan struct{} // closed when busy becomes 0; nil while nobody waits
}

type timer struct {
	at    time.Time
	seq   uint64 // timers of one instant run in the order they were set
	f     func()
	index int
}

// Real is a clock that goes with the machine's, ahead of it by as much as it is advanced.
func Real() *Clock { return &Clock{} }

// Virtual is a clock that stands at start until Advance moves it.
func Virtual(start time.Time) *Clock { return &Clock{virtual: true, now: start.UTC()} }

// IsVirtual reports whether the clock only moves by Advance.
func (c *Clock) IsVirtual() bool { return c.virtual }

// Stands reports whether time stands still: on a virtual clock, and on a real one while it is being advanced.
func (c *Clock) Stands() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stands()
}

func (c *Clock) stands() bool { return c.virtual || c.jumps > 0 }

// Ahead is how far the clock is before the machine's.
func (c *Clock) Ahead() time.Duration { return time.Until(c.Now()) }

// SetAhead puts a clock on that nobody has used yet.
func (c *Clock) SetAhead(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.ahead = c.now.Add(d), d
}

// Now gives the time in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time()
}

func (c *Clock) time() time.Time {
	if c.stands() {
		return c.now
	}
	return time.Now().Add(c.ahead).UTC()
}

// Busy says that work is going on until the returned function is called (once; more calls do nothing).
func (c *Clock) Busy() (done func()) {
	c.mu.Lock()
	c.busy++
	c.mu.Unlock()
	return sync.OnceFunc(c.release)
}

func (c *Clock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	if c.busy == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// WaitIdle returns when no work is going on.
func (c *Clock) WaitIdle(ctx context.Context) error {
	for {
		c.mu.Lock()
		if c.busy == 0 {
			c.mu.Unlock()
			return nil
		}
		if c.idle == nil {
			c.idle = make(chan struct{})
		}
		idle := c.idle
		c.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// AfterFunc runs f in its own goroutine, as busy work, once the time is at or past at. stop prevents that and
// reports true, unless f has begun, was stopped before or is over.
func (c *Clock) AfterFunc(at time.Time, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.After(c.time()) {
		c.run(f)
		return func() bool { return false }
	}
	c.seq++
	t := &timer{at: at, seq: c.seq, f: f}
	heap.Push(&c.timers, t)
	if t.index == 0 {
		c.setWake()
	}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if t.index < 0 {
			return false
		}
		heap.Remove(&c.timers, t.index)
		return true
	}
}

// run runs f as busy work.
func (c *Clock) run(f func()) {
	c.busy++
	go func() {
		defer c.release()
		f()
	}()
}

// setWake has the machine's clock wake this one for the first timer. One that wakes too early, for a timer that was
// stopped, is harmless.
func (c *Clock) setWake() {
	if c.stands() || len(c.timers) == 0 {
		return
	}
	d := c.timers[0].at.Sub(c.time())
	if c.wake == nil {
		c.wake = time.AfterFunc(d, c.woken)
		return
	}
	c.wake.Reset(d)
}

// woken runs the timers whose time has come.
func (c *Clock) woken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stands() {
		return // whoever advances it runs them
	}
	for now := c.time(); len(c.timers) > 0 && !c.timers[0].at.After(now); {
		c.run(c.pop().f)
	}
	c.setWake()
}

func (c *Clock) pop() *timer {
	return heap.Pop(&c.timers).(*timer) //nolint:errcheck,forcetypeassert // the heap holds nothing else
}

// Sleep waits for d. The caller must be inside a Busy section: it does not count as busy while it sleeps.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	woken := make(chan struct{})
	stop := c.AfterFunc(c.Now().Add(d), func() {
		c.mu.Lock()
		c.busy++ // the sleeper is at work again before this timer's own work ends
		c.mu.Unlock()
		close(woken)
	})
	c.release()
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		if stop() {
			c.Busy()
		} else {
			<-woken
		}
		return ctx.Err()
	}
}

// Advance moves time on by d. It waits until no work is going on, then goes from timer to timer, each time waiting for
// the work that the timer set off, and returns when the system is idle at the new time. A real clock stands still
// meanwhile, and goes on from the new time. One that is not done when the context ends stays at the time it came to.
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	now, err := c.stop(ctx)
	if err != nil {
		return err
	}
	defer c.goOn()
	target := now.Add(d)
	for {
		if err := c.WaitIdle(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		if c.busy > 0 { // somebody began between WaitIdle and here
			c.mu.Unlock()
			continue
		}
		if len(c.timers) == 0 || c.timers[0].at.After(target) {
			if c.now.Before(target) {
				c.now = target
			}
			c.mu.Unlock()
			return c.WaitIdle(ctx)
		}
		t := c.pop()
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.run(t.f)
		c.mu.Unlock()
	}
}

// stop stands time still as soon as no work is going on, and gives it.
func (c *Clock) stop(ctx context.Context) (time.Time, error) {
	for {
		if err := c.WaitIdle(ctx); err != nil {
			return time.Time{}, err
		}
		c.mu.Lock()
		if c.busy == 0 {
			defer c.mu.Unlock()
			c.now = c.time()
			c.jumps++
			return c.now, nil
		}
		c.mu.Unlock() // somebody began between WaitIdle and here, and may sleep at work: time must go on for it
	}
}

// goOn lets a real clock go again when nobody advances it any more.
func (c *Clock) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.jumps--; c.stands() {
		return
	}
	c.ahead = time.Until(c.now)
	c.setWake()
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer) //nolint:errcheck,forcetypeassert // container/heap gives back what it was given
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	t.index = -1
	*h = old[:len(old)-1]
	return t
}
