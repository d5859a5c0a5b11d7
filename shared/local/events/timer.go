package events

import (
	"sync"
	"time"

	"opsflow/shared/local/clock"
)

// timerSet is what waits for a time, by name: retries by their place in the queue, schedules by their rule's ARN.
type timerSet struct {
	clock *clock.Clock

	mu     sync.Mutex
	set    map[string]*timer
	closed bool
}

type timer struct{ stop func() bool }

// at runs f, as Busy work, at a time; it takes the place of a timer of the same name.
func (s *timerSet) at(name string, t time.Time, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if old := s.set[name]; old != nil {
		old.stop()
	}
	mine := &timer{}
	s.set[name] = mine
	mine.stop = s.clock.AfterFunc(t, func() {
		s.mu.Lock()
		current := s.set[name] == mine
		if current {
			delete(s.set, name)
		}
		s.mu.Unlock()
		if current {
			f()
		}
	})
}

func (s *timerSet) stop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.set[name]; t != nil {
		t.stop()
		delete(s.set, name)
	}
}

// stopAll ends all timers for good.
func (s *timerSet) stopAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for name, t := range s.set {
		t.stop()
		delete(s.set, name)
	}
}
