package workflow_test

import (
	"context"
	"sync"

	"opsflow/shared/ops"
)

// bus remembers what was put on it.
type bus struct {
	mu     sync.Mutex
	events []ops.OutEvent
	err    error

	failing ops.EventType
	failure error

	before func(ops.OutEvent) // called before each event is put
}

func (b *bus) Put(_ context.Context, events ...ops.OutEvent) error {
	for _, e := range events {
		if b.before != nil {
			b.before(e)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range events {
		if e.Type == b.failing && b.failure != nil {
			return b.failure
		}
	}
	b.events = append(b.events, events...)
	return b.err
}

// failOn has the bus refuse the events of a type; a nil error ends that.
func (b *bus) failOn(t ops.EventType, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failing, b.failure = t, err
}

// ids gives the ids of the events of a type.
func (b *bus) ids(t ops.EventType) map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := map[string]int{}
	for _, e := range b.events {
		if e.Type == t {
			ids[e.ID]++
		}
	}
	return ids
}
