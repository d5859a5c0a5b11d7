package ops

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Otherwise says how it goes on after a step that did not end well: as one of a few words says, or, as from a decision, with another
// step. The step is skipped then, and so are the steps that need nothing else. In JSON a text, or {"next": "step"}.
type Otherwise[T ~string] struct {
	Do   T
	Next string // the step's id
}

type (
	// ErrorWay is how it goes on after a failure, a refusal or a timeout.
	ErrorWay = Otherwise[OnError]
	// ExpireWay is how it goes on when nobody decided in time.
	ExpireWay = Otherwise[OnExpire]
)

// IsZero reports whether nothing is said.
func (w Otherwise[T]) IsZero() bool { return w == Otherwise[T]{} }

// nextStep is the other form of a way.
type nextStep struct {
	Next string `json:"next"`
}

// MarshalJSON writes a text or an object.
func (w Otherwise[T]) MarshalJSON() ([]byte, error) {
	if w.Next != "" {
		return json.Marshal(nextStep{w.Next})
	}
	return json.Marshal(string(w.Do))
}

// UnmarshalJSON reads a text or an object.
func (w *Otherwise[T]) UnmarshalJSON(b []byte) error {
	*w = Otherwise[T]{}
	if len(b) > 0 && b[0] != '{' {
		return json.Unmarshal(b, &w.Do)
	}
	var to nextStep
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&to); err != nil {
		return err
	}
	if to.Next == "" {
		return errors.New("next names no step")
	}
	w.Next = to.Next
	return nil
}

// expected says what a way can be, for faults.
func (Otherwise[T]) expected() string { return `a text, or {"next": "the id of a step"}` }

// checkWay checks a way of a step.
func checkWay[T ~string](c *templateCheck, s *Step, path string, w Otherwise[T], words []T) {
	if w.Next != "" {
		c.next(s, path+".next", w.Next)
		return
	}
	known := w.Do == ""
	for _, word := range words {
		known = known || w.Do == word
	}
	c.require(known, path, oneOf(words)+`, or {"next": "the id of a step"}`, string(w.Do))
}
