// Package faults lets calls at the AWS boundary go wrong on purpose, as they do in the life of a distributed system: lost,
// late, twice, out of order, refused for load, or carried out with the answer lost.
//
// What happens is drawn by a seed: the n-th call of a kind (service, operation, function) meets the same fault each time.
// Which of several calls that are made at once is the n-th is the scheduler's to say.
package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"opsflow/shared/local/boundary"
	"opsflow/shared/local/clock"
)

// Set is the faults that are on. All methods are safe for concurrent use.
type Set struct {
	clock *clock.Clock
	plan  atomic.Pointer[drawing] // nil: no faults

	mu     sync.Mutex
	closed bool
	late   sync.WaitGroup // duplicates that are carried out behind their call
}

// drawing is a plan that is being drawn from.
type drawing struct {
	seed   uint64
	faults []*drawn
}

// drawn is one fault with what it did so far.
type drawn struct {
	Fault

	mu    sync.Mutex
	calls map[boundary.Call]uint64 // that it matched
	fired int
	held  []*heldCall
}

// heldCall is a call that waits to be overtaken.
type heldCall struct {
	end  context.CancelFunc
	busy func() // what keeps the time from moving on between its release and its going on
}

// New makes a set of the faults of a plan. The clock times delays and counts late duplicates as work.
func New(c *clock.Clock, p Plan) *Set {
	s := &Set{clock: c}
	s.Put(p)
	return s
}

// Put replaces the faults, and starts their counts again. A plan without faults ends them all. Calls that are held go on.
func (s *Set) Put(p Plan) {
	var next *drawing
	if len(p.Faults) > 0 {
		next = &drawing{seed: p.Seed}
		for _, f := range p.Faults {
			next.faults = append(next.faults, &drawn{Fault: f, calls: map[boundary.Call]uint64{}})
		}
	}
	if old := s.plan.Swap(next); old != nil {
		for _, f := range old.faults {
			f.release(s.clock)
		}
	}
}

// Active reports whether there are any faults.
func (s *Set) Active() bool { return s.plan.Load() != nil }

// Close keeps late duplicates from beginning, and returns when none is at work.
func (s *Set) Close() error {
	s.Put(Plan{})
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.late.Wait()
	return nil
}

// Count is a fault with what it did.
type Count struct {
	Fault
	Calls int // that it matched
	Fired int
}

// MarshalJSON writes the fault as Parse reads it, with its counts.
func (c Count) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		entry
		Calls int `json:"calls"`
		Fired int `json:"fired"`
	}{c.entry(), c.Calls, c.Fired})
}

// Report is what is set, and what came of it.
type Report struct {
	Seed   uint64  `json:"seed"`
	Faults []Count `json:"faults"`
}

// Report tells what is set, and what came of it.
func (s *Set) Report() Report {
	d := s.plan.Load()
	if d == nil {
		return Report{Faults: []Count{}}
	}
	r := Report{Seed: d.seed}
	for _, f := range d.faults {
		f.mu.Lock()
		c := Count{Fault: f.Fault, Fired: f.fired}
		for _, n := range f.calls {
			c.Calls += int(n) //nolint:gosec // nobody makes so many calls
		}
		f.mu.Unlock()
		r.Faults = append(r.Faults, c)
	}
	return r
}

// NoAnswer is the error of a call whose maker hears nothing. It has no code of AWS's, as a broken connection has none.
type NoAnswer struct {
	Call boundary.Call
	Kind Kind // Drop or AnswerLost
}

func (e *NoAnswer) Error() string {
	if e.Kind == Drop {
		return fmt.Sprintf("%s did not arrive: a fault dropped it", e.Call)
	}
	return fmt.Sprintf("the answer of %s did not arrive: a fault dropped it", e.Call)
}

// Sleeper waits on the clock: a *clock.Clock for whoever is in one Busy section of it, a clock.Invocation for code of a
// function, a clock.Visitor for everybody else.
type Sleeper interface {
	Sleep(ctx context.Context, d time.Duration) error
}

// Do carries out a call with what is drawn for it. The error is that of run, a *NoAnswer, a throttling *boundary.Error, or
// that of a context that ended while the call was held. run may be called twice, the second time when Do has returned.
func (s *Set) Do(ctx context.Context, c boundary.Call, sleeper Sleeper, run func(context.Context) error) error {
	plan := s.plan.Load()
	if plan == nil {
		return run(ctx)
	}
	f, passed := plan.draw(c)
	err := s.meet(ctx, c, f, sleeper, run)
	for _, p := range passed { // this call has overtaken those that are held
		p.release(s.clock)
	}
	return err
}

// Ask is Do for a call that has an answer. There is none with a *NoAnswer.
func Ask[T any](
	ctx context.Context, s *Set, c boundary.Call, sleeper Sleeper, run func(context.Context) (T, error),
) (answer T, err error) {
	var first sync.Once // a duplicate's answer is dropped, whenever it comes
	err = s.Do(ctx, c, sleeper, func(ctx context.Context) error {
		got, err := run(ctx)
		first.Do(func() { answer = got })
		return err
	})
	if _, lost := errors.AsType[*NoAnswer](err); lost {
		var none T
		return none, err
	}
	return answer, err
}

func (s *Set) meet(ctx context.Context, c boundary.Call, f *drawn, sleeper Sleeper, run func(context.Context) error) error {
	if f == nil {
		return run(ctx)
	}
	switch f.Kind {
	case Drop:
		return &NoAnswer{c, Drop}
	case Throttle:
		return boundary.Throttled(c)
	case AnswerLost:
		_ = run(ctx) // whatever it was, nobody hears of it
		return &NoAnswer{c, AnswerLost}
	case Delay:
		if err := sleeper.Sleep(ctx, f.By); err != nil {
			return err
		}
		return run(ctx)
	case Reorder:
		if err := f.hold(ctx, sleeper); err != nil {
			return err
		}
		return run(ctx)
	case Duplicate:
		err := run(ctx)
		s.again(ctx, f.By, run)
		return err
	}
	return fmt.Errorf("no fault is called %q", f.Kind)
}

// again carries out a call a second time: at once, before its maker has the answer, or later.
func (s *Set) again(ctx context.Context, by time.Duration, run func(context.Context) error) {
	if by == 0 {
		_ = run(ctx) // the answer of the first is given
		return
	}
	ctx = context.WithoutCancel(ctx)
	s.clock.AfterFunc(s.clock.Now().Add(by), func() {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return
		}
		s.late.Add(1)
		s.mu.Unlock()
		defer s.late.Done()
		_ = run(ctx) // nobody waits for it
	})
}

// draw gives the fault that happens to a call, nil for none, and the reordering faults that it only passes by.
func (d *drawing) draw(c boundary.Call) (hit *drawn, passed []*drawn) {
	for i, f := range d.faults {
		if !f.matches(c) {
			continue
		}
		if hit == nil && f.take(d.seed, i, c) {
			hit = f
			continue
		}
		if f.Kind == Reorder {
			passed = append(passed, f)
		}
	}
	return hit, passed
}

func (f *drawn) matches(c boundary.Call) bool {
	return (f.Service == "" || f.Service == c.Service) && (f.Operation == "" || f.Operation == c.Operation) &&
		(f.Function == "" || f.Function == c.Function)
}

// take counts a call, and draws whether the fault happens to it.
func (f *drawn) take(seed uint64, place int, c boundary.Call) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.calls[c]
	f.calls[c]++
	if f.Times > 0 && f.fired >= f.Times || chance(seed, place, c, n) >= f.Probability {
		return false
	}
	f.fired++
	return true
}

// chance is a number from 0 up to 1 that follows from its arguments alone.
func chance(seed uint64, place int, c boundary.Call, n uint64) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d %d %s %s %s %d", seed, place, c.Service, c.Operation, c.Function, n) // a hash takes everything
	x := h.Sum64()                                                                                 // FNV mixes its last bytes badly: what follows is the end of splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

// hold waits until another call goes by, or the time of the fault is over.
func (f *drawn) hold(ctx context.Context, sleeper Sleeper) error {
	waiting, end := context.WithCancel(ctx)
	defer end()
	h := &heldCall{end: end}
	f.mu.Lock()
	f.held = append(f.held, h)
	f.mu.Unlock()
	err := sleeper.Sleep(waiting, f.By)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, other := range f.held {
		if other == h {
			f.held = append(f.held[:i:i], f.held[i+1:]...)
			break
		}
	}
	if h.busy != nil {
		h.busy()
	}
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return nil // overtaken
	}
	return err
}

// release lets held calls go on. They are at work from this moment, so that the time does not move on before they are.
func (f *drawn) release(c *clock.Clock) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, h := range f.held {
		h.busy = c.Busy()
		h.end()
	}
	f.held = nil
}
