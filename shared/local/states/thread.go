package states

import (
	"fmt"
	"time"

	"opsflow/shared/local/states/value"
)

// phase is what a thread is doing.
type phase uint8

const (
	phaseRun    phase = iota // has a state to execute
	phaseWait                // in a Wait state until Wake
	phaseRetry               // will execute its state again at Wake
	phaseTask                // its task is with a function, a child execution, a worker or the holder of its token
	phaseJoin                // waits for the threads of its Parallel or Map state
	phaseDone                // has an output for its parent
	phaseHalted              // failed or was aborted, and nothing handled that: a redrive goes on from its state
)

// noParent is the Parent of the thread that an execution begins with.
const noParent = -1

// thread is one line of control of an execution: the execution itself, a branch of a Parallel state or an iteration of
// a Map state. It is the whole of what has to be known to go on, and is stored as it stands. Times are Unix
// milliseconds, 0 for none.
type thread struct {
	ID     int `json:"i"`
	Parent int `json:"p"`
	Index  int `json:"x,omitempty"` // branch or iteration

	State     string        `json:"s"`
	EnteredID int64         `json:"e,omitempty"` // event id
	EnteredAt int64         `json:"t,omitempty"`
	Prev      int64         `json:"v,omitempty"` // the last event of this thread
	Input     value.JSON    `json:"in"`
	Vars      *variables    `json:"vars,omitempty"`
	Item      *value.JSON   `json:"item,omitempty"` // $$.Map.Item.Value
	Phase     phase         `json:"ph,omitempty"`
	Wake      int64         `json:"w,omitempty"`
	Retries   map[int]int64 `json:"r,omitempty"` // by retrier
	Retried   int64         `json:"rc,omitempty"`

	Task   *task       `json:"task,omitempty"`
	Join   *join       `json:"join,omitempty"`
	Output *value.JSON `json:"out,omitempty"`

	graph *graph // resolved on loading
}

// task is a task that was scheduled.
type task struct {
	Attempt     int        `json:"a"` // unique in the execution
	Token       string     `json:"k,omitempty"`
	Parameters  value.JSON `json:"p"`
	Role        string     `json:"r,omitempty"` // ARN of the role that Credentials name
	Submitted   bool       `json:"s,omitempty"` // accepted; now it waits for its token, child or worker
	Child       string     `json:"c,omitempty"` // key of the child execution
	TimeoutAt   int64      `json:"to,omitempty"`
	HeartbeatAt int64      `json:"hb,omitempty"`
	Timeout     int64      `json:"ts,omitempty"` // seconds
	Heartbeat   int64      `json:"hs,omitempty"` // seconds
}

// join is a Parallel or Map state that has begun.
type join struct {
	Items  value.JSON `json:"i"`
	Total  int        `json:"n"`
	Limit  int        `json:"l"`           // threads at a time
	MapRun string     `json:"m,omitempty"` // key; a distributed Map has that instead of threads

	started, done int // counted again on loading
}

// variables are the variables of one scope.
type variables struct{ value.Object }

func (v *variables) UnmarshalJSON(text []byte) error {
	var j value.JSON
	if err := j.UnmarshalJSON(text); err != nil {
		return err
	}
	o, ok := j.V.(*value.Object)
	if !ok {
		return fmt.Errorf("variables are not an object: %.80s", text)
	}
	v.Object = *o
	return nil
}

func (v *variables) MarshalJSON() ([]byte, error) { return v.Object.MarshalJSON() }

// due is when the thread has to be looked at again; zero: only when something happens.
func (t *thread) due() time.Time {
	var earliest int64
	for _, at := range t.deadlines() {
		if at > 0 && (earliest == 0 || at < earliest) {
			earliest = at
		}
	}
	if earliest == 0 {
		return time.Time{}
	}
	return time.UnixMilli(earliest)
}

func (t *thread) deadlines() []int64 {
	switch t.Phase {
	case phaseWait, phaseRetry:
		return []int64{t.Wake}
	case phaseTask:
		return []int64{t.Task.TimeoutAt, t.Task.HeartbeatAt}
	default:
		return nil
	}
}

func (t *thread) state() *state { return t.graph.states[t.State] }
