package events

import (
	"context"
	"sync"
)

// laneSet has a lane for every target, so that a slow or flooded one does not hold up the others. Within a lane
// deliveries begin in order of acceptance.
type laneSet struct {
	mu     sync.Mutex
	m      map[string]*lane // by target ARN; those without work are absent
	closed bool
	wg     sync.WaitGroup // workers
}

type lane struct {
	waiting []*delivery
	workers int
}

// add hands deliveries to their lanes, each as Busy work until it is done or has to wait.
func (s *laneSet) add(e *Engine, deliveries ...*delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, d := range deliveries {
		d.done = e.o.Clock.Busy()
		l := s.m[d.TargetARN]
		if l == nil {
			l = &lane{}
			s.m[d.TargetARN] = l
		}
		l.waiting = append(l.waiting, d)
		if l.workers < e.o.Concurrency {
			l.workers++
			s.wg.Go(func() { s.work(e, d.TargetARN, l) })
		}
	}
}

func (s *laneSet) work(e *Engine, arn string, l *lane) {
	for {
		s.mu.Lock()
		if s.closed || len(l.waiting) == 0 {
			l.workers--
			if l.workers == 0 {
				for _, d := range l.waiting { // closed: they stay in the queue
					d.done()
				}
				delete(s.m, arn)
			}
			s.mu.Unlock()
			return
		}
		d := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		s.mu.Unlock()
		e.deliver(d)
	}
}

// wait takes nothing more and returns when all workers have ended, or with the error of ctx.
func (s *laneSet) wait(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	return waitFor(ctx, &s.wg)
}

func waitFor(ctx context.Context, wg *sync.WaitGroup) error {
	ended := make(chan struct{})
	go func() {
		wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
