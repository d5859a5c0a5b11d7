package clock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

var start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// record keeps what happened in order, from any goroutine.
type record struct {
	mu   sync.Mutex
	what []string
}

func (r *record) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.what = append(r.what, s)
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.what)
}

func TestAdvanceRunsTimersInOrderEachAtItsTime(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	var r record
	at := func(name string, d time.Duration) {
		c.AfterFunc(start.Add(d), func() { r.add(name + " " + c.Now().Sub(start).String()) })
	}
	at("late", 2*time.Hour)
	at("first", time.Minute)
	at("second", time.Minute)
	at("never", 4*time.Hour)
	if err := c.Advance(t.Context(), 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	want := []string{"first 1m0s", "second 1m0s", "late 2h0m0s"}
	if got := r.all(); !slices.Equal(got, want) {
		t.Errorf("timers ran as %v, want %v", got, want)
	}
	if got := c.Now(); !got.Equal(start.Add(3 * time.Hour)) {
		t.Errorf("the time is %s, want three hours later", got)
	}
}

func TestAdvanceRunsWhatTimersSetWithinTheSpan(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	var r record
	var tick func()
	tick = func() {
		r.add(c.Now().Format("15:04"))
		c.AfterFunc(c.Now().Add(time.Minute), tick)
	}
	c.AfterFunc(start.Add(time.Minute), tick)
	if err := c.Advance(t.Context(), 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, want := r.all(), []string{"09:01", "09:02", "09:03"}; !slices.Equal(got, want) {
		t.Errorf("ticks at %v, want %v", got, want)
	}
}

func TestAdvanceWaitsForWorkThatATimerSetOff(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	var r record
	c.AfterFunc(start.Add(time.Minute), func() {
		done := c.Busy()
		go func() {
			defer done()
			if err := c.Sleep(context.Background(), 30*time.Second); err != nil {
				t.Error(err)
			}
			r.add("work " + c.Now().Format("15:04:05"))
		}()
	})
	c.AfterFunc(start.Add(2*time.Minute), func() { r.add("next " + c.Now().Format("15:04:05")) })
	if err := c.Advance(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, want := r.all(), []string{"work 09:01:30", "next 09:02:00"}; !slices.Equal(got, want) {
		t.Errorf("it went %v, want %v", got, want)
	}
}

func TestStoppedTimerDoesNotRun(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	stop := c.AfterFunc(start.Add(time.Minute), func() { t.Error("a stopped timer ran") })
	if !stop() {
		t.Error("stop of a waiting timer reports false")
	}
	if stop() {
		t.Error("a second stop reports true")
	}
	if err := c.Advance(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
}

func TestSleepEndsWithItsContextAndStaysCountedOnce(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	ctx, cancel := context.WithCancel(t.Context())
	slept := make(chan error, 1)
	done := c.Busy()
	go func() {
		err := c.Sleep(ctx, time.Hour)
		done()
		slept <- err
	}()
	cancel()
	if err := <-slept; !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep gave %v, want Canceled", err)
	}
	if err := c.Advance(t.Context(), 2*time.Hour); err != nil { // would wait for ever on a wrong count
		t.Fatal(err)
	}
}

func TestRealClockJumpsThroughItsTimersAndGoesOnFromThere(t *testing.T) {
	t.Parallel()
	c := clock.Real()
	var r record
	from := c.Now()
	for _, d := range []time.Duration{2 * time.Hour, time.Hour, 24 * time.Hour} {
		c.AfterFunc(from.Add(d), func() { r.add(c.Now().Sub(from).String()) })
	}
	if err := c.Advance(t.Context(), 3*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, want := r.all(), []string{"1h0m0s", "2h0m0s"}; !slices.Equal(got, want) {
		t.Errorf("timers ran after %v, want %v", got, want)
	}
	ahead := time.Until(c.Now())
	if ahead < 2*time.Hour+59*time.Minute || c.Stands() {
		t.Errorf("the clock is %s ahead, stands still: %v; want three hours, and going", ahead, c.Stands())
	}
	ran := make(chan struct{})
	c.AfterFunc(c.Now().Add(time.Millisecond), func() { close(ran) })
	<-ran // it goes on by itself

	later := clock.Real()
	later.SetAhead(c.Ahead())
	if d := later.Now().Sub(c.Now()); d.Abs() > time.Minute {
		t.Errorf("a clock set ahead as far is %s off", d)
	}
}

func TestAdvanceOfARealClockWaitsForASleeperAtWork(t *testing.T) {
	t.Parallel()
	c := clock.Real()
	outer, inner := c.Busy(), c.Busy()
	go func() {
		defer outer()
		defer inner()
		if err := (clock.Invocation{Clock: c}).Sleep(context.Background(), 5*time.Millisecond); err != nil {
			t.Error(err)
		}
	}()
	if err := c.Advance(t.Context(), time.Hour); err != nil { // would stand still for ever with the sleeper inside
		t.Fatal(err)
	}
}

func TestRealTimerInThePastRunsAtOnce(t *testing.T) {
	t.Parallel()
	c := clock.Real()
	ran := make(chan struct{})
	c.AfterFunc(time.Now().Add(-time.Hour), func() { close(ran) })
	<-ran
	if err := c.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPauseInsideOfAnInvocationDoesNotHoldUpVirtualTime(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(start)
	outer := c.Busy() // whoever invokes
	inner := c.Busy() // the invocation
	go func() {
		defer outer()
		defer inner()
		if err := (clock.Invocation{Clock: c}).Sleep(context.Background(), time.Hour); err != nil {
			t.Error(err)
		}
	}()
	if err := c.Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if got := c.Now(); !got.Equal(start.Add(time.Minute)) {
		t.Errorf("the time is %s, want a minute later: the pause takes none", got)
	}
}
