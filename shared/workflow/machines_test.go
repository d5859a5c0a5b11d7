package workflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

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
