package states_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/states"
)

const waitForApproval = `{"StartAt": "Ask", "States": {
	"Ask": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
		"Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}}, "End": true}}}`

// keepToken is a function that keeps the task token it is given.
func keepToken(r *rig) func() string {
	var mu sync.Mutex
	var token string
	r.function("ask", func(_ context.Context, payload []byte) ([]byte, *states.FunctionError, error) {
		var in struct{ Token string }
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		token = in.Token
		return []byte(`{}`), nil, nil
	})
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return token
	}
}

func TestTaskTokenStaysValidOverRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := keepToken(r)
	arn := r.start(t, waitForApproval, `{}`)
	r.idle(t)
	r.restart(t)
	r.advance(t, 30*24*time.Hour)
	if err := r.engine.SendTaskSuccess(t.Context(), token(), `{"approved":true}`); err != nil {
		t.Fatal(err)
	}
	r.wantSucceeded(t, arn, `{"approved":true}`)
	if n := r.called("ask"); n != 1 {
		t.Errorf("the function was called %d times", n)
	}
	wantError(t, r.engine.SendTaskSuccess(t.Context(), token(), `{}`), "TaskTimedOut")
	wantError(t, r.engine.SendTaskSuccess(t.Context(), "nonsense", `{}`), "InvalidToken")
	wantError(t, r.engine.SendTaskFailure(t.Context(), token(), "E", "c"), "TaskTimedOut")
	wantError(t, r.engine.SendTaskHeartbeat(t.Context(), token()), "TaskTimedOut")
}

func TestWaitKeepsItsTimeOverRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`, `{"a":1}`)
	r.advance(t, 40*time.Minute)
	r.restart(t)
	r.advance(t, 20*time.Minute-time.Second)
	if x := r.describe(t, arn); x.Status != states.StatusRunning {
		t.Fatalf("woke too early: %s", x.Status)
	}
	r.advance(t, 2*time.Second)
	r.wantSucceeded(t, arn, `{"a":1}`)
}

func TestFunctionInFlightIsCalledAgainAfterRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	block := make(chan struct{})
	r.function("f", func(ctx context.Context, payload []byte) ([]byte, *states.FunctionError, error) {
		close(block)
		<-ctx.Done()
		return nil, nil, ctx.Err()
	})
	arn := r.start(t, `{"StartAt": "T", "States": {"T": {"Type": "Task",
		"Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true}}}`, `{"a":1}`)
	<-block
	r.stub("f", stubTask{Behaviour: "echo"})
	r.restart(t)
	r.idle(t)
	r.wantSucceeded(t, arn, `{"a":1}`)
}

// everything uses each kind of state; its output does not depend on when it is interrupted.
const everything = `{"StartAt": "Fork", "States": {
	"Fork": {"Type": "Parallel", "Next": "Each", "ResultPath": "$.fork", "Branches": [
		{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:echo",
			"Assign": {"v": 1}, "Next": "AW"}, "AW": {"Type": "Wait", "Seconds": 5, "End": true}}},
		{"StartAt": "B", "States": {"B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
			"Parameters": {"FunctionName": "fail"}, "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
			"Catch": [{"ErrorEquals": ["Bad"], "Next": "B2"}]}, "B2": {"Type": "Pass", "Result": "caught", "End": true}}}]},
	"Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2, "ResultPath": "$.each", "Next": "Choose",
		"ItemProcessor": {"StartAt": "E", "States": {"E": {"Type": "Task",
			"Resource": "arn:aws:lambda:us-east-1:000000000000:function:echo", "End": true}}}},
	"Choose": {"Type": "Choice", "Choices": [{"Variable": "$.each[2]", "NumericEquals": 3, "Next": "Run"}], "Default": "No"},
	"No": {"Type": "Fail", "Error": "Wrong"},
	"Run": {"Type": "Map", "ItemsPath": "$.items", "ResultPath": "$.run", "End": true,
		"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "R",
			"States": {"R": {"Type": "Wait", "Seconds": 1, "End": true}}}}}}`

const everythingOutput = `{"items":[1,2,3],"fork":[{"items":[1,2,3]},"caught"],"each":[1,2,3],"run":[1,2,3]}`

func TestKilledAtAnyWriteNothingIsLost(t *testing.T) { //nolint:tparallel // each run says whether there is a next
	t.Parallel()
	for n := 1; ; n++ {
		finished := false
		t.Run(fmt.Sprint("write ", n), func(t *testing.T) { //nolint:paralleltest // the next depends on this one
			r := newRig(t)
			r.stub("echo", stubTask{Behaviour: "echo"})
			r.stub("fail", stubTask{Behaviour: "raise", ErrorType: "Bad"})
			arn := r.start(t, everything, `{"items":[1,2,3]}`)
			r.db.allow(n)
			r.advance(t, 500*time.Millisecond) // less than until a failed write is tried again
			for range 60 {
				if x := r.describe(t, arn); x.Status != states.StatusRunning {
					finished = true
					break
				}
				if r.killed() {
					break
				}
				r.advance(t, 500*time.Millisecond)
			}
			r.restart(t)
			r.advance(t, time.Minute)
			r.wantSucceeded(t, arn, everythingOutput)
		})
		if finished || t.Failed() {
			return
		}
	}
}

func (r *rig) killed() bool {
	r.db.mu.Lock()
	defer r.db.mu.Unlock()
	return r.db.allowed == 0
}

func TestFailedWriteIsMadeUpFor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := keepToken(r)
	arn := r.start(t, waitForApproval, `{}`)
	r.idle(t)
	r.db.allow(0)
	if err := r.engine.SendTaskSuccess(t.Context(), token(), `1`); err == nil {
		t.Fatal("a result that was not stored was acknowledged")
	}
	r.db.allow(-1)
	r.advance(t, 2*time.Second)
	if err := r.engine.SendTaskSuccess(t.Context(), token(), `2`); err != nil {
		t.Fatal(err)
	}
	r.wantSucceeded(t, arn, `2`)
}

func TestOneTaskCostsTwoWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.stub("f", stubTask{Behaviour: "echo"})
	const definition = `{"StartAt": "T", "States": {"T": {"Type": "Task",
		"Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true}}}`
	if _, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "machine", Definition: definition}); err != nil {
		t.Fatal(err)
	}
	before := r.db.writes
	arn := r.start(t, definition, `{}`)
	r.idle(t)
	r.wantSucceeded(t, arn, `{}`)
	// One of them is CreateStateMachine, which finds the machine there.
	if n := r.db.writes - before - 1; n != 2 {
		t.Errorf("%d writes, want 2: the start with the task scheduled, and the end", n)
	}
}
