package states_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/states"
	"opsflow/shared/table/embedded"
)

// stubTask is a canned Lambda function.
type stubTask struct {
	Behaviour    string          `json:"behaviour"`
	Payload      json.RawMessage `json:"payload"`
	ErrorType    string          `json:"errorType"`
	ErrorMessage string          `json:"errorMessage"`
	Bytes        int             `json:"bytes"`
	Seconds      int             `json:"seconds"`
}

// rig is an engine on a virtual clock with a database that can be made to fail and outlives the engine.
type rig struct {
	clock  *clock.Clock
	db     *flakyDB
	engine *states.Engine
	call   func(context.Context, states.Call) ([]byte, error) // nil: no services

	mu     sync.Mutex
	stubs  map[string]func(ctx context.Context, payload []byte) ([]byte, *states.FunctionError, error)
	calls  []string
	events []states.Event
	logs   map[string][]string // lines by group and stream
}

// flakyDB refuses every write once its allowance is used up.
type flakyDB struct {
	*embedded.DB
	mu      sync.Mutex
	allowed int // -1: any number
	writes  int
}

var errKilled = errors.New("the process was killed")

func (db *flakyDB) Update(ctx context.Context, fn func(*bbolt.Tx) error) error {
	db.mu.Lock()
	if db.allowed == 0 {
		db.mu.Unlock()
		return errKilled
	}
	db.allowed--
	db.writes++
	db.mu.Unlock()
	return db.DB.Update(ctx, fn)
}

func (db *flakyDB) allow(n int) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.allowed = n
}

func newRig(t *testing.T) *rig {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		clock: clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)),
		db:    &flakyDB{DB: db, allowed: -1},
		stubs: map[string]func(context.Context, []byte) ([]byte, *states.FunctionError, error){}, logs: map[string][]string{},
	}
	r.open(t)
	t.Cleanup(func() {
		r.engine.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) open(t *testing.T) {
	t.Helper()
	e, err := states.New(states.Options{
		DB: r.db, Clock: r.clock, Invoke: r.invoke, Call: r.call,
		Log: func(group, stream string, lines []string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.logs[group+" "+stream] = append(r.logs[group+" "+stream], lines...)
		},
		Emit: func(_ context.Context, event states.Event) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, event)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.engine = e
}

// restart is a kill -9 and a new start on the same database.
func (r *rig) restart(t *testing.T) {
	t.Helper()
	r.engine.Close()
	r.db.allow(-1)
	r.open(t)
	if err := r.engine.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := r.clock.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

type noFunctionError struct{ name string }

func (e noFunctionError) Error() string     { return "Function not found: " + e.name }
func (e noFunctionError) ErrorCode() string { return "ResourceNotFoundException" }

func (r *rig) invoke(ctx context.Context, function string, payload []byte) ([]byte, *states.FunctionError, error) {
	name := function[strings.LastIndexByte(function, ':')+1:]
	r.mu.Lock()
	r.calls = append(r.calls, name)
	f := r.stubs[name]
	r.mu.Unlock()
	if f == nil {
		return nil, nil, noFunctionError{name}
	}
	return f(ctx, payload)
}

func (r *rig) called(name string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c == name {
			n++
		}
	}
	return n
}

func (r *rig) function(name string, f func(ctx context.Context, payload []byte) ([]byte, *states.FunctionError, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stubs[name] = f
}

func (r *rig) stub(name string, s stubTask) {
	r.function(name, func(ctx context.Context, payload []byte) ([]byte, *states.FunctionError, error) {
		switch s.Behaviour {
		case "constant":
			return s.Payload, nil, nil
		case "raise":
			text, err := json.Marshal(map[string]string{"errorMessage": s.ErrorMessage, "errorType": s.ErrorType})
			return nil, &states.FunctionError{Payload: text}, err
		case "large_string":
			return []byte(`"` + strings.Repeat("a", s.Bytes) + `"`), nil, nil
		case "sleep_then_echo":
			if err := r.clock.Sleep(ctx, time.Duration(s.Seconds)*time.Second); err != nil {
				return nil, nil, err
			}
		}
		return payload, nil, nil
	})
}

// start makes a state machine of the definition and starts it.
func (r *rig) start(t *testing.T, definition, input string) (arn string) {
	t.Helper()
	m, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "machine", Definition: definition})
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.engine.StartExecution(t.Context(), states.StartExecutionInput{StateMachineARN: m.ARN, Name: "run", Input: input})
	if err != nil {
		t.Fatal(err)
	}
	return out.ExecutionARN
}

func (r *rig) describe(t *testing.T, arn string) *states.Execution {
	t.Helper()
	x, err := r.engine.DescribeExecution(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (r *rig) idle(t *testing.T) {
	t.Helper()
	if err := r.clock.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) wantSucceeded(t *testing.T, arn, output string) {
	t.Helper()
	x := r.describe(t, arn)
	if x.Status != states.StatusSucceeded || deref(x.Output) != output {
		t.Fatalf("got %s, output %s, error %s %s; want %s", x.Status, deref(x.Output), deref(x.Error), deref(x.Cause), output)
	}
}

func wantError(t *testing.T, err error, code string) {
	t.Helper()
	var api *states.APIError
	if !errors.As(err, &api) || api.Code != code {
		t.Fatalf("got error %v, want %s", err, code)
	}
}

func mustText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
