package ops

import (
	"context"
	"fmt"
)

// Waiter says that a step of a workflow waits for an event of a type that names key. It only leads there: whether the step
// goes on is decided on the workflow's own record.
type Waiter struct {
	Meta
	Event      EventType `json:"event"`
	Key        string    `json:"key"`
	InstanceID string    `json:"instance"`
	Step       string    `json:"step"`
	Loop       int       `json:"loop,omitempty"`
	Attempt    int       `json:"attempt"` // the one in which the wait began
}

// Ref names the record.
func (w *Waiter) Ref() Ref {
	return Ref{KindWaiter, HashID("", string(w.Event), w.Key, w.Place())}
}

// Place is where the waiter stands among those for the same event and key.
func (w *Waiter) Place() string {
	return fmt.Sprintf("%s:%s:%d:%d", w.InstanceID, w.Step, w.Loop, w.Attempt)
}

// WaiterStore keeps waiters.
type WaiterStore interface {
	// Waiters reads all that wait for an event of a type and key, consistently: whoever stored the event before it asks,
	// and whoever stored the waiter before it looks for the event, cannot both miss the other.
	Waiters(ctx context.Context, event EventType, key string) ([]*Waiter, error)
}
