package states

import (
	"context"
	"fmt"
	"sync"
	"time"

	"opsflow/shared/local/states/value"
)

// Statuses of an execution.
const (
	StatusRunning   = "RUNNING"
	StatusSucceeded = "SUCCEEDED"
	StatusFailed    = "FAILED"
	StatusTimedOut  = "TIMED_OUT"
	StatusAborted   = "ABORTED"
)

// maxEvents is how long a history may get before the execution fails.
const maxEvents = 25_000

// maxExpress is how long an express execution may take.
const maxExpress = 5 * time.Minute

// record is what is kept of an execution, for ever. Times are Unix milliseconds.
type record struct {
	Machine    string `json:"m"`
	Name       string `json:"n"`
	Definition string `json:"d"` // hash
	// What else it began with: see snapshot.
	Revision  string   `json:"rv,omitempty"`
	UpdatedAt int64    `json:"mu,omitempty"`
	Settings  Settings `json:"cf,omitzero"`
	Version   int      `json:"ve,omitempty"` // 0: none
	Alias     string   `json:"al,omitempty"`
	Express   bool     `json:"x,omitempty"`
	Run       string   `json:"id,omitempty"` // of an express execution: names may repeat
	Role      string   `json:"r,omitempty"`
	Input     string   `json:"i"`
	Status    string   `json:"s"`
	StartedAt int64    `json:"t"`
	StoppedAt int64    `json:"u,omitempty"`
	TimeoutAt int64    `json:"to,omitempty"`
	Output    *string  `json:"o,omitempty"`
	Error     *string  `json:"e,omitempty"`
	Cause     *string  `json:"c,omitempty"`
	Parent    *link    `json:"p,omitempty"`
	Trace     string   `json:"tr,omitempty"`
	// Of a child of a map run; Parent leads to the run's thread, with the child's index.
	MapRun     string `json:"mr,omitempty"` // key
	MapState   string `json:"ms,omitempty"` // whose processor it is
	MapAttempt int    `json:"ma,omitempty"` // redrives of the run when it began, or was redriven
	MapItems   int    `json:"mi,omitempty"`
	Redrives   int    `json:"rd,omitempty"`
	RedrivenAt int64  `json:"ra,omitempty"`
	// Halted is where the execution stood when it ended without success; its threads are kept too, so that it can be redriven.
	Halted *counters      `json:"h,omitempty"`
	Tokens []redriveToken `json:"rt,omitempty"` // the last ones that redrove it
}

// key is what an execution is stored under. Executions that Describe knows are <state machine>:<name>.
func (r *record) key() string {
	if r.Run != "" {
		return r.Machine + ":" + r.Name + ":" + r.Run
	}
	return r.Machine + ":" + r.Name
}

// kept says whether anything asks for an execution that is over: nothing does for an express one that nobody waits for.
func (r *record) kept() bool { return !r.Express || r.Parent != nil }

// link names the task that waits for the end of an execution.
type link struct {
	Key     string `json:"k"`
	Thread  int    `json:"t"`
	Attempt int    `json:"a"`
}

// counters are the part of a running execution that belongs to no thread.
type counters struct {
	Seq  int64 `json:"s"` // last event id
	Next int   `json:"n"` // next thread id
	// Tasks numbers the tasks that were scheduled, so that a late answer is never taken for that of a later task.
	Tasks int `json:"k,omitempty"`
}

// execution is a running execution in memory.
//
// Everything that happens to it is a burst: under mu, the threads are moved on until every one of them waits; then the
// new events and the changed threads are written in one transaction; only then what is to happen outside (invocations,
// events, timers) is set off. So at any instant the stored state is one from which all of that can be set off again.
type execution struct {
	e         *Engine
	key       string
	arn       string
	ephemeral bool   // a synchronous express execution: nothing of it is stored
	trial     *trial // of one state; nil: it is a whole execution
	graph     *graph
	done      chan struct{} // closed once it has ended and that is stored

	mu      sync.Mutex
	rec     record
	count   counters
	threads map[int]*thread
	input   any
	lost    bool // a write failed: this copy is not what is stored any more

	ready   []*thread
	events  []HistoryEvent
	changed map[int]bool
	more    []entry      // what else a burst writes
	saved   []*activeRun // of which it writes the map runs
	born    []birth
	runs    map[int]*activeRun // map runs, by thread; nil: it has had none
	entered int                // states, since the last burst
	effects []func()
	timers  map[int]func() bool
	cancel  map[int]context.CancelFunc

	inboxMu sync.Mutex
	inbox   []childEnd // children of map runs that are over, and not taken note of
}

func (e *Engine) newExecution(key string, rec record, g *graph, input any) *execution {
	return &execution{
		e: e, key: key, arn: e.executionARN(&rec), graph: g, rec: rec, input: input,
		done: make(chan struct{}), threads: map[int]*thread{}, changed: map[int]bool{},
		timers: map[int]func() bool{}, cancel: map[int]context.CancelFunc{},
	}
}

// begin puts the first thread at the start of the graph.
func (x *execution) begin() {
	x.setTimeout()
	x.event(nil, "ExecutionStarted", map[string]any{
		"input": x.rec.Input, "inputDetails": notTruncated, "roleArn": x.rec.Role,
	})
	t := x.newThread(noParent, 0, x.graph) // the event of its first state follows none, as on AWS
	x.enter(t, x.graph.startAt, x.input)
}

func (x *execution) newThread(parent, index int, g *graph) *thread {
	t := &thread{ID: x.count.Next, Parent: parent, Index: index, graph: g}
	x.count.Next++
	x.threads[t.ID] = t
	return t
}

// burst is described at execution. do reports an error only before it has changed anything.
func (x *execution) burst(ctx context.Context, do func() error) error {
	defer x.e.clock.Busy()()
	x.mu.Lock()
	if x.lost || x.rec.Status != StatusRunning {
		x.mu.Unlock()
		return errNotRunning
	}
	if err := do(); err != nil {
		x.mu.Unlock()
		return err
	}
	x.drain() //nolint:contextcheck // a task outlives the call that set it off
	if err := x.commit(ctx); err != nil {
		x.lost = true
		x.stopAll()
		x.mu.Unlock()
		x.e.reload(x.key)
		return fmt.Errorf("store execution %s: %w", x.arn, err)
	}
	effects := x.settle()
	x.mu.Unlock()
	for _, effect := range effects {
		effect()
	}
	return nil
}

// drain runs threads until none is ready.
func (x *execution) drain() {
	for len(x.ready) > 0 && x.rec.Status == StatusRunning {
		t := x.ready[0]
		x.ready = x.ready[1:]
		for t.Phase == phaseRun && x.threads[t.ID] == t && x.rec.Status == StatusRunning {
			if x.count.Seq >= maxEvents-1 {
				x.end(StatusFailed, nil, runtimeFailure(
					"The execution reached the maximum number of history events (%d).", maxEvents))
				break
			}
			x.execute(t)
		}
	}
	x.ready = nil
}

// settle ends a burst that is stored: timers follow the threads, and the effects are handed over.
func (x *execution) settle() []func() {
	for id := range x.changed {
		x.setTimer(id)
	}
	clear(x.changed)
	x.bill()
	x.logEvents()
	x.events, x.more, x.saved = nil, nil, nil
	effects := append(x.deliver(), x.effects...)
	x.effects = nil
	if x.rec.Status != StatusRunning {
		x.stopAll()
		x.e.forget(x)
		effects = append(effects, func() { close(x.done) })
	}
	return effects
}

// bill tells what the burst costs. Express executions are billed by their duration.
func (x *execution) bill() {
	started := 0
	if len(x.events) > 0 && x.events[0].Type == "ExecutionStarted" {
		started = 1
	}
	if !x.rec.Express && started+x.entered > 0 {
		x.e.count(x.e.machineARN(baseMachine(x.rec.Machine)), started, x.entered)
	}
	x.entered = 0
}

// executionTimer is the timer of TimeoutSeconds of the whole execution.
const executionTimer = -1

func (x *execution) setTimer(id int) {
	if stop := x.timers[id]; stop != nil {
		stop()
		delete(x.timers, id)
	}
	var at time.Time
	if id == executionTimer {
		if x.rec.TimeoutAt > 0 {
			at = time.UnixMilli(x.rec.TimeoutAt)
		}
	} else if t := x.threads[id]; t != nil {
		at = t.due()
	}
	if at.IsZero() || x.rec.Status != StatusRunning {
		return
	}
	x.timers[id] = x.e.clock.AfterFunc(at, func() { x.timerFired(id) })
}

func (x *execution) stopAll() {
	for _, stop := range x.timers {
		stop()
	}
	clear(x.timers)
	for _, cancel := range x.cancel {
		cancel()
	}
	clear(x.cancel)
}

func (x *execution) timerFired(id int) {
	if x.e.ctx.Err() != nil {
		return
	}
	err := x.burst(x.e.ctx, func() error {
		now := x.e.now()
		if id == executionTimer {
			x.end(StatusTimedOut, nil, nil)
			return nil
		}
		t := x.threads[id]
		if t == nil || t.due().IsZero() || now.Before(t.due()) {
			return nil
		}
		x.touch(t)
		switch t.Phase {
		case phaseWait:
			t.Phase, t.Wake = phaseRun, 0
			x.endWait(t)
			x.ready = append(x.ready, t)
		case phaseRetry:
			t.Phase, t.Wake = phaseRun, 0
			x.ready = append(x.ready, t)
		case phaseRun, phaseJoin, phaseDone, phaseHalted: // wait for nothing
		case phaseTask:
			name := errTimeout
			if at := t.Task.TimeoutAt; at == 0 || now.Before(time.UnixMilli(at)) {
				name = errHeartbeatTimeout
			}
			x.taskTimedOut(t, name)
		}
		return nil
	})
	x.e.report(err)
}

func (x *execution) touch(t *thread) { x.changed[t.ID] = true }

// end closes the execution. f is why it failed, nil when it did not.
func (x *execution) end(status string, output any, f *failure) {
	details := map[string]any{}
	switch status {
	case StatusSucceeded:
		text := string(value.Text(output))
		x.rec.Output = &text
		details["output"], details["outputDetails"] = text, notTruncated
	default:
		if f != nil {
			details = f.details()
			if !f.noError {
				x.rec.Error = &f.Name
			}
			if !f.noCause {
				x.rec.Cause = &f.Cause
			}
		}
	}
	x.event(x.threads[0], eventOfStatus[status], details)
	x.rec.Status, x.rec.StoppedAt = status, x.e.now().UnixMilli()
	for _, t := range x.threads {
		x.halt(t)
	}
	if status == StatusSucceeded || x.rec.Express {
		clear(x.threads)
	} else {
		count := x.count
		x.rec.Halted = &count
	}
	rec := x.rec
	x.effects = append(x.effects, func() { x.e.ended(x, &rec) })
}

var eventOfStatus = map[string]string{
	StatusSucceeded: "ExecutionSucceeded", StatusFailed: "ExecutionFailed",
	StatusTimedOut: "ExecutionTimedOut", StatusAborted: "ExecutionAborted",
}
