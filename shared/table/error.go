package table

import "fmt"

// ConditionError says that a Write changed nothing because conditions failed. Failed holds the keys of the operations
// that failed, in the order puts, deletes, counters.
type ConditionError struct {
	Failed []Key
}

func (e *ConditionError) Error() string {
	return fmt.Sprintf("table: condition failed on %v", e.Failed)
}

// LimitError says that a request is over one of the limits above, or malformed; nothing was sent.
type LimitError struct {
	What string // "item event#1/meta is 410624 bytes; the most is 409600"
}

func (e *LimitError) Error() string { return "table: " + e.What }

// ThrottleError says that the table refused for load or contention, also after retries. The same request may succeed
// later.
type ThrottleError struct {
	Err error
}

func (e *ThrottleError) Error() string { return "table: throttled: " + e.Err.Error() }

// Unwrap gives the last answer.
func (e *ThrottleError) Unwrap() error { return e.Err }
