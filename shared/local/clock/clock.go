// Package clock is the time of the local runtime: the machine's own, or a virtual one that stands still until it is
// advanced and then moves through everything that was waiting, in order.
package clock

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"
)

// Clock gives the time, runs timers, and knows whether anything is at work. It is an ops.Clock.
//
// Work in progress is counted: whoever handles a request, an event or a transition calls Busy and, when done, the
// function it returned. Advance moves virtual time only while the count is zero, so that everything that happens at an
// instant is over before the next instant begins.
type Clock struct {
	virtual bool

	mu     sync.Mutex
	now    time.Time
	timers timerHeap
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

// Real is a clock that follows the machine's.
func Real() *Clock { return &Clock{} }

// Virtual is a clock that stands at start until Advance moves it.
func Virtual(start time.Time) *Clock { return &Clock{virtual: true, now: start.UTC()} }

// IsVirtual reports whether the clock only moves by Advance.
func (c *Clock) IsVirtual() bool { return c.virtual }

// Now gives the time in UTC.
func (c *Clock) Now() time.Time {
	if !c.virtual {
		return time.Now().UTC()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
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
	if !c.virtual {
		t := time.AfterFunc(time.Until(at), func() {
			defer c.Busy()()
			f()
		})
		return t.Stop
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.After(c.now) {
		c.busy++
		go func() {
			defer c.release()
			f()
		}()
		return func() bool { return false }
	}
	c.seq++
	t := &timer{at: at, seq: c.seq, f: f}
	heap.Push(&c.timers, t)
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

// ErrReal is the answer of Advance on a clock that follows the machine's.
var ErrReal = errors.New("the clock is real and can't be advanced; start with --clock virtual")

// Advance moves virtual time on by d. It waits until no work is going on, then goes from timer to timer, each time
// waiting for the work that the timer set off, and returns when the system is idle at the new time.
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	if !c.virtual {
		return ErrReal
	}
	if err := c.WaitIdle(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	target := c.now.Add(d)
	c.mu.Unlock()
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
		t := heap.Pop(&c.timers).(*timer) //nolint:errcheck,forcetypeassert // the heap holds nothing else
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.busy++
		c.mu.Unlock()
		go func() {
			defer c.release()
			t.f()
		}()
	}
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
