package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/task"
	"opsflow/shared/task/form"
	"opsflow/shared/workflow"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

const machinePrefix = "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-"

// bundle is an engine on a real store, with executions that walk the compiled machines.
type bundle struct {
	*workflow.Engine
	tasks   *task.Service
	store   *store.Store
	saver   *crashingStore
	clock   *clock.Clock
	bus     *bus
	machine *machines
}

func setup(t *testing.T, actions map[string]workflow.Action) *bundle {
	t.Helper()
	clk := clock.Virtual(start)
	t.Cleanup(clk.Busy()) // the test is at work all the time; Sleep gives that up
	random := rand.NewChaCha8([32]byte{1})
	s := storetest.InMemory(t, clk.Now)
	b := &bundle{store: s, saver: &crashingStore{Store: s}, clock: clk, bus: &bus{}}
	b.machine = &machines{t: t, b: b, definitions: map[string][]byte{}, executions: map[string]*execution{}, tokens: map[string]*execution{}}
	b.Engine = workflow.New(workflow.Config{
		Store: b.saver, Executions: b.machine, Machines: b.machine, Bus: b.bus, Forms: form.Checker{}, Clock: clock.Invocation{Clock: clk}, Random: random,
		Logger: slog.New(slog.DiscardHandler), MachinePrefix: machinePrefix, Actions: actions,
		Functions: workflow.Functions{RunSteps: "fn-run-steps", OpenTask: "fn-open-task", RecordOutcome: "fn-record-outcome"},
	})
	b.tasks = b.tasksOn(s)
	all, err := workflow.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range all {
		definition, err := workflow.Compile(template)
		if err != nil {
			t.Fatal(err)
		}
		b.machine.definitions[machinePrefix+template.Name+"-v1"] = definition
	}
	return b
}

// tasksOn makes the service of tasks on a store, which may be one that crashes.
func (b *bundle) tasksOn(s task.Store) *task.Service {
	return task.New(task.Config{Store: s, Executions: b.machine, Bus: b.bus, Forms: form.Checker{}, Clock: b.clock, Logger: slog.New(slog.DiscardHandler)})
}

// decided has somebody decide a task, and lets what follows happen. Who meets a crash tries again; a decision that was stored
// and not delivered is sweep-due's.
func (b *bundle) decided(t *testing.T, id string, decide func() error) {
	t.Helper()
	err := decide()
	crashed := errors.Is(err, errCrash)
	if crashed {
		b.saver.repair()
		err = decide()
	}
	if err != nil && (!crashed || ops.ErrorCode(err) != ops.CodeAlreadyDecided) {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	if !crashed {
		return
	}
	b.machine.advance(t.Context(), 5*time.Minute)
	if err := b.tasks.HandleDue(t.Context(), ops.Ref{Kind: ops.KindTask, ID: id}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
}

// publish stores and publishes a template.
func (b *bundle) publish(t *testing.T, body string) *ops.Template {
	t.Helper()
	tpl, err := b.CreateTemplate(t.Context(), []byte(body), admin)
	if err != nil {
		t.Fatal(err)
	}
	if tpl, err = b.Publish(t.Context(), tpl.Name, tpl.Version, admin, true); err != nil {
		t.Fatal(err)
	}
	return tpl
}

func (b *bundle) start(t *testing.T, template string, subject ops.SubjectRef, context string) *ops.Instance {
	t.Helper()
	r := ops.StartRequest{Template: template, Subject: subject}
	if err := json.Unmarshal([]byte(context), &r.Context); err != nil {
		t.Fatal(err)
	}
	i, err := b.Start(t.Context(), r, ops.Actor{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	return b.instance(t, i.ID)
}

func (b *bundle) instance(t *testing.T, id string) *ops.Instance {
	t.Helper()
	i, err := b.store.Instance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// openTask gives the one task that is open.
func (b *bundle) openTask(t *testing.T, instance string) *ops.Task {
	t.Helper()
	i := b.instance(t, instance)
	for _, s := range i.Steps {
		if s.TaskID != "" && s.Status == ops.StepInProgress {
			task, err := b.store.Task(t.Context(), s.TaskID)
			if err != nil {
				t.Fatal(err)
			}
			return task
		}
	}
	t.Fatalf("no task is open: %+v", i.Steps)
	return nil
}

func (b *bundle) complete(t *testing.T, instance, outcome, form string) {
	t.Helper()
	tsk := b.openTask(t, instance)
	b.decided(t, tsk.ID, func() error {
		_, err := b.tasks.Complete(t.Context(), tsk.ID, member(tsk.Team), task.Decision{Outcome: outcome, Form: json.RawMessage(form)})
		return err
	})
}

var admin = ops.Actor{ID: "root", Teams: []ops.Team{ops.Admin}}

func member(team ops.Team) ops.Actor {
	return ops.Actor{ID: "m-" + string(team), Teams: []ops.Team{team}}
}

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

var errCrash = errors.New("crash")

// crashingStore fails the write that its countdown comes to, and every one after it, until it is repaired: before it is
// applied, or after.
type crashingStore struct {
	*store.Store
	mu      sync.Mutex
	armed   bool
	left    int
	applied bool
	dead    bool
	between func() // called before the write that the countdown comes to, once
}

// before has f called before the nth write from now.
func (c *crashingStore) before(n int, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.between = n, f
}

// happened reports whether what was to happen before a write did.
func (c *crashingStore) happened() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.between == nil
}

func (c *crashingStore) arm(left int, applied bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left, c.applied, c.dead = true, left, applied, false
}

// waiting reports whether there have been fewer writes than the countdown has.
func (c *crashingStore) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.armed && !c.dead
}

func (c *crashingStore) repair() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.dead = false, false
}

func (c *crashingStore) Save(ctx context.Context, records ...ops.Record) error {
	c.mu.Lock()
	if f := c.between; f != nil {
		if c.left--; c.left < 0 {
			c.between = nil
			c.mu.Unlock()
			f()
			c.mu.Lock()
		}
	}
	crash := c.dead
	last := false
	if c.armed && !c.dead {
		if c.left--; c.left < 0 {
			crash, c.dead, last = true, true, c.applied
		}
	}
	c.mu.Unlock()
	if !crash {
		return c.Store.Save(ctx, records...)
	}
	if last {
		if err := c.Store.Save(ctx, records...); err != nil {
			return err
		}
	}
	return errCrash
}

// machines walks compiled state machines: only what Compile writes.
type machines struct {
	t           *testing.T
	b           *bundle
	mu          sync.Mutex
	definitions map[string][]byte
	executions  map[string]*execution
	tokens      map[string]*execution
	count       int
	retried     int
}

type execution struct {
	arn, name string
	data      map[string]any
	at        string // the state that it is in
	token     string // that it waits on
	succeeded bool   // the token was given back
	failed    string // with this error
	status    ops.ExecutionStatus
	err       string
}

type aslState struct {
	Type          string
	Resource      string
	TimestampPath string
	Parameters    struct {
		FunctionName string
		Payload      map[string]any
	}
	Catch []struct {
		ErrorEquals []string
		Next        string
	}
	Next string
	End  bool
}

type asl struct {
	StartAt string
	States  map[string]aslState
}

func (m *machines) Create(_ context.Context, name string, definition []byte) (string, error) {
	arn := "arn:aws:states:us-east-1:000000000000:stateMachine:" + name
	m.mu.Lock()
	defer m.mu.Unlock()
	m.definitions[arn] = definition
	return arn, nil
}

func (m *machines) Start(_ context.Context, arn, name string, input []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.executions[name] != nil {
		return ops.ErrExecutionExists
	}
	x := &execution{arn: arn, name: name, status: ops.ExecutionRunning, at: m.machine(arn).StartAt}
	if err := json.Unmarshal(input, &x.data); err != nil {
		return err
	}
	m.executions[name] = x
	return nil
}

func (m *machines) machine(arn string) asl {
	var a asl
	if err := json.Unmarshal(m.definitions[arn], &a); err != nil {
		m.t.Fatalf("machine %s: %v", arn, err)
	}
	return a
}

func (m *machines) Stop(_ context.Context, _, name, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.executions[name]
	if x == nil {
		return ops.ErrNoExecution
	}
	if x.status == ops.ExecutionRunning {
		x.status = ops.ExecutionAborted
	}
	return nil
}

func (m *machines) Describe(_ context.Context, _, name string) (ops.Execution, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.executions[name]
	if x == nil {
		return ops.Execution{}, ops.ErrNoExecution
	}
	return ops.Execution{Status: x.status, Error: x.err}, nil
}

func (m *machines) SucceedTask(_ context.Context, token string, _ []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.tokens[token]
	if x == nil || x.token != token || x.succeeded || x.status != ops.ExecutionRunning {
		return ops.ErrTokenUsed
	}
	x.succeeded = true
	return nil
}

func (m *machines) FailTask(_ context.Context, token, code, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.tokens[token]
	if x == nil || x.token != token || x.succeeded || x.status != ops.ExecutionRunning {
		return ops.ErrTokenUsed
	}
	x.succeeded, x.failed = true, code
	return nil
}

// run walks every execution as far as it goes.
func (m *machines) run(ctx context.Context) {
	for {
		moved := false
		m.mu.Lock()
		var all []*execution
		for _, x := range m.executions {
			all = append(all, x)
		}
		m.mu.Unlock()
		for _, x := range all {
			for x.status == ops.ExecutionRunning && m.step(ctx, x) {
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

// step takes an execution through one state; false when it waits.
func (m *machines) step(ctx context.Context, x *execution) bool {
	s := m.machine(x.arn).States[x.at]
	switch s.Type {
	case "Succeed":
		x.status = ops.ExecutionSucceeded
		return true
	case "Fail":
		x.status = ops.ExecutionFailed
		return true
	case "Wait":
		at, err := time.Parse(time.RFC3339, x.data["wait_until"].(string))
		if err != nil {
			m.t.Errorf("%s: %v", s.TimestampPath, err)
		}
		if m.b.clock.Now().Before(at) {
			return false
		}
		x.at = s.Next
		return true
	}
	waits := strings.HasSuffix(s.Resource, "waitForTaskToken")
	if waits && x.token != "" {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !x.succeeded {
			return false
		}
		x.token, x.succeeded = "", false
		if x.failed != "" {
			x.err, x.failed = x.failed, ""
			m.caught(x, s)
			return true
		}
		m.next(x, s)
		return true
	}
	d := workflow.Drive{InstanceID: x.data["instance_id"].(string), Attempt: int(x.data["attempt"].(float64))}
	d.Step, _ = s.Parameters.Payload["step"].(string)
	d.Retry, _ = s.Parameters.Payload["retry"].(bool)
	var err error
	for range 10 { // the states' Retry
		m.mu.Lock()
		m.count++
		d.RequestID = fmt.Sprintf("req-%d", m.count)
		if waits {
			d.Token = fmt.Sprintf("token-%d", m.count)
			x.token, x.succeeded = d.Token, false
			m.tokens[d.Token] = x
		}
		m.mu.Unlock()
		var p workflow.Progress
		switch function := s.Parameters.FunctionName; {
		case strings.Contains(function, "un-steps"), strings.Contains(function, "RunSteps"):
			p, err = m.b.RunSteps(ctx, d)
			x.data["wait_until"] = p.WaitUntil
		case strings.Contains(function, "pen-task"), strings.Contains(function, "OpenTask"):
			_, err = m.b.OpenTask(ctx, d)
		default:
			payload := fmt.Sprintf(`{"instance_id": %q, "attempt": %d, "error": {"Error": %q, "Cause": "broken"}}`, d.InstanceID, d.Attempt, x.err)
			err = m.b.RecordOutcome(ctx, json.RawMessage(payload))
		}
		if name := typeName(err); name != "Unavailable" && name != "LeaseHeld" {
			break
		}
		m.retried++
		m.b.saver.repair()
		// The retrier's backoff; long enough for the lease of who died.
		if err := m.b.clock.Sleep(ctx, 0); err != nil {
			return false
		}
		m.advance(ctx, 61*time.Second)
	}
	if err == nil {
		if !waits {
			m.next(x, s)
		}
		return true
	}
	x.err, x.token = typeName(err), ""
	m.caught(x, s)
	return true
}

// caught leads an execution to where its state catches its error.
func (m *machines) caught(x *execution, s aslState) {
	for _, c := range s.Catch {
		if c.ErrorEquals[0] == x.err || c.ErrorEquals[0] == "States.ALL" {
			x.at = c.Next
			return
		}
	}
	x.status = ops.ExecutionFailed
}

func (m *machines) next(x *execution, s aslState) {
	if s.End {
		x.status = ops.ExecutionSucceeded
		return
	}
	x.at = s.Next
}

// advance moves the time on; the test's own work stands still meanwhile.
func (m *machines) advance(ctx context.Context, d time.Duration) {
	done := make(chan error, 1)
	go func() { done <- m.b.clock.Advance(ctx, d) }()
	if err := m.b.clock.Sleep(ctx, d); err != nil {
		m.t.Error(err)
	}
}

// typeName is how Lambda names an error.
func typeName(err error) string {
	if err == nil {
		return ""
	}
	name := fmt.Sprintf("%T", err)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func taskDecision(outcome string) task.Decision { return task.Decision{Outcome: outcome} }
