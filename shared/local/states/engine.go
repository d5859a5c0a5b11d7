// Package states is Step Functions on this machine: the Amazon States Language in its JSONPath dialect, durable
// executions, task tokens, activities, and the JSON protocol of the service (see Handler).
package states

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
)

// DB is where everything is kept; *embedded.DB is one. An fn that returns an error must not have written.
type DB interface {
	Update(ctx context.Context, fn func(*bbolt.Tx) error) error
	View(ctx context.Context, fn func(*bbolt.Tx) error) error
}

// Event is one event of Step Functions' own, for the default bus of EventBridge.
type Event struct {
	ID         string
	Time       time.Time
	Source     string
	DetailType string
	Detail     json.RawMessage
	Resources  []string
}

// FunctionError is a function's own failure: its answer when X-Amz-Function-Error was set.
type FunctionError struct {
	Payload []byte // {"errorType": ..., "errorMessage": ...}
}

// Options are what an Engine works with. DB, Clock and Invoke are required.
type Options struct {
	DB    DB
	Clock *clock.Clock
	// Invoke calls a Lambda function, by name or ARN, and waits for its answer. An error of Lambda itself has a method
	// ErrorCode() string that gives its AWS name, such as ResourceNotFoundException.
	Invoke func(ctx context.Context, function string, payload []byte) (result []byte, fnErr *FunctionError, err error)
	// Call calls an operation of another service; nil knows none. An error of the service has ErrorCode() string, and
	// ErrorMessage() string with its words alone.
	Call func(ctx context.Context, c Call) (output []byte, err error)
	// Emit puts an event on the default bus; nil drops it.
	Emit func(ctx context.Context, event Event) error
	// Across carries out a request to Step Functions itself that a Task state makes; nil: nothing is in its way. It may make the
	// request twice, the second time later.
	Across func(ctx context.Context, operation string, request func(context.Context) error) error
	// Roles are what state machines run as. nil: every role may do everything.
	Roles Roles
	// Log writes lines into a stream of a log group: the histories of state machines that ask for that. nil drops them.
	Log func(group, stream string, lines []string)
	// Count is told of what AWS asks money for: executions that were started, and states that were entered, also by a retrier.
	// nil: nobody is told.
	Count   func(machineARN string, executions, transitions int)
	Account string // 12 digits; 000000000000 when empty
	Region  string // us-east-1 when empty
	Rand    io.Reader
	Logger  *slog.Logger
}

// Engine runs state machines. All methods are safe for concurrent use.
type Engine struct {
	db              DB
	clock           *clock.Clock
	invoke          func(context.Context, string, []byte) ([]byte, *FunctionError, error)
	call            func(context.Context, Call) ([]byte, error)
	emit            func(context.Context, Event) error
	across          func(ctx context.Context, operation string, request func(context.Context) error) error
	roles           Roles
	count           func(machineARN string, executions, transitions int)
	account, region string
	random          io.Reader
	log             *slog.Logger
	keepLog         func(group, stream string, lines []string)
	pageKey         []byte // signs what leads to the next page

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	redriving sync.Mutex // one redrive at a time

	mu          sync.Mutex
	running     map[string]*execution
	definitions map[string]*graph // compiled, by hash
	activities  map[string]bool
	offered     map[string][]activityTask
	arrival     chan struct{} // closed and replaced when an activity task is offered
}

// New opens an engine on its database. Executions that were running go on once Resume is called.
func New(o Options) (*Engine, error) {
	if o.DB == nil || o.Clock == nil || o.Invoke == nil {
		return nil, errors.New("states: DB, Clock and Invoke are required")
	}
	e := &Engine{
		db: o.DB, clock: o.Clock, invoke: o.Invoke, call: o.Call, emit: o.Emit, across: o.Across, roles: o.Roles, count: o.Count,
		account: o.Account, region: o.Region, random: &lockedReader{r: o.Rand}, log: o.Logger, keepLog: o.Log,
		running: map[string]*execution{}, definitions: map[string]*graph{}, activities: map[string]bool{},
		offered: map[string][]activityTask{}, arrival: make(chan struct{}),
	}
	if e.call == nil {
		e.call = noServices
	}
	if e.emit == nil {
		e.emit = func(context.Context, Event) error { return nil }
	}
	if e.across == nil {
		e.across = func(ctx context.Context, _ string, request func(context.Context) error) error { return request(ctx) }
	}
	if e.roles == nil {
		e.roles = allMighty{}
	}
	if e.count == nil {
		e.count = func(string, int, int) {}
	}
	if e.account == "" {
		e.account = "000000000000"
	}
	if e.region == "" {
		e.region = "us-east-1"
	}
	if o.Rand == nil {
		e.random = rand.Reader
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if err := e.open(e.ctx); err != nil {
		e.cancel()
		return nil, fmt.Errorf("open the state machines' database: %w", err)
	}
	return e, nil
}

// Close stops all work at once. What is stored can be taken up again by another Engine.
func (e *Engine) Close() {
	e.cancel()
	e.mu.Lock()
	all := make([]*execution, 0, len(e.running))
	for _, x := range e.running {
		all = append(all, x)
	}
	e.mu.Unlock()
	for _, x := range all {
		x.mu.Lock()
		x.lost = true
		x.stopAll()
		x.mu.Unlock()
	}
	e.work.Wait()
}

func (e *Engine) now() time.Time { return e.clock.Now() }

// goBusy runs f in a goroutine of the engine, as work that the clock waits for.
func (e *Engine) goBusy(f func()) {
	done := e.clock.Busy()
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		defer done()
		f()
	}()
}

// errNotRunning is the answer of a burst on an execution that is over.
var errNotRunning = errors.New("the execution is not running")

// report logs an error of work that nobody waits for.
func (e *Engine) report(err error) {
	if err != nil && !errors.Is(err, errNotRunning) && e.ctx.Err() == nil {
		e.log.Error("step functions", "error", err)
	}
}

// Running is how many executions run.
func (e *Engine) Running() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.running)
}

func (e *Engine) find(key string) *execution {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running[key]
}

func (e *Engine) forget(x *execution) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[x.key] == x {
		delete(e.running, x.key)
	}
}

// lockedReader lets executions share one source of randomness.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}
