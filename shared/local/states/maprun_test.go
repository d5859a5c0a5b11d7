package states_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/states"
)

// distributedMap is a Map state over its input whose items are worked on by one Task, or what else processor says.
func distributedMap(kind, more, processor string) string {
	return `{"StartAt": "Before", "States": {"Before": {"Type": "Pass", "Assign": {"outer": 1}, "Next": "M"},
		"M": {"Type": "Map", "Label": "each", ` + more + ` "End": true, "ItemProcessor": {
			"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "` + kind + `"}, "StartAt": "T", "States": {` + processor + `}}}}}`
}

const (
	taskF  = `"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true}`
	waitT  = `"T": {"Type": "Wait", "Seconds": 60, "End": true}`
	runOf  = "arn:aws:states:us-east-1:000000000000:mapRun:machine/each:"
	childs = "arn:aws:states:us-east-1:000000000000:execution:machine/each:"
)

// mapRun gives the only map run of an execution.
func (r *rig) mapRun(t *testing.T, arn string) *states.MapRun {
	t.Helper()
	list, _, err := r.engine.ListMapRuns(t.Context(), arn, states.Page{})
	if err != nil || len(list) != 1 {
		t.Fatalf("got map runs %v, %v", list, err)
	}
	run, err := r.engine.DescribeMapRun(t.Context(), list[0].ARN)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (r *rig) children(t *testing.T, in states.ListExecutionsInput) []states.Execution {
	t.Helper()
	list, _, err := r.engine.ListExecutions(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func wantCounts(t *testing.T, what string, got, want states.Counts) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestChildrenOfAMapRunAreExecutionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, distributedMap("STANDARD", `"ItemSelector": {"n.$": "$$.Map.Item.Value"},`, `"T": {"Type": "Pass", "Parameters": {
		"id.$": "$$.Execution.Id", "name.$": "$$.Execution.Name", "input.$": "$$.Execution.Input", "machine.$": "$$.StateMachine.Id"}, "End": true}`), `[1,2]`)
	r.idle(t)
	run := r.mapRun(t, arn)
	if run.Status != states.StatusSucceeded || !strings.HasPrefix(run.ARN, runOf) || run.ExecutionARN != arn ||
		run.StateMachineARN != "arn:aws:states:us-east-1:000000000000:stateMachine:machine/each" || run.StopDate.IsZero() {
		t.Errorf("got %+v", run)
	}
	wantCounts(t, "items", run.Items, states.Counts{Succeeded: 2, Total: 2, ResultsWritten: 2})
	wantCounts(t, "executions", run.Executions, states.Counts{Succeeded: 2, Total: 2, ResultsWritten: 2})
	var results []struct {
		ID, Name, Machine string
		Input             struct{ N int }
	}
	if err := json.Unmarshal([]byte(deref(r.describe(t, arn).Output)), &results); err != nil {
		t.Fatal(err)
	}
	list := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN})
	slices.Reverse(list) // the last that began is the first
	for i, c := range list {
		if got := results[i]; got.ID != c.ARN || c.ARN != childs+got.Name || got.Machine != run.StateMachineARN || got.Input.N != i+1 {
			t.Errorf("the context of child %s was %+v", c.ARN, got)
		}
		x := r.describe(t, c.ARN)
		if x.MapRunARN != run.ARN || x.Input != fmt.Sprintf(`{"n":%d}`, i+1) || x.StateMachineARN != run.StateMachineARN || x.Items != 1 {
			t.Errorf("got %+v", x)
		}
		wantHistory(t, r, c.ARN, "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded")
		from, err := r.engine.DescribeStateMachineForExecution(t.Context(), c.ARN)
		if err != nil || from.MapRunARN != run.ARN || from.Label != "each" || !strings.Contains(from.Definition, `"StartAt":"T"`) {
			t.Errorf("it began with %+v, %v", from, err)
		}
	}
	if own := r.children(t, states.ListExecutionsInput{StateMachineARN: r.describe(t, arn).StateMachineARN}); len(own) != 1 {
		t.Errorf("the state machine's own executions are %v", own)
	}
	wantHistory(t, r, arn, "ExecutionStarted", "PassStateEntered", "PassStateExited", "MapStateEntered", "MapStateStarted", "MapRunStarted",
		"MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded")
}

func TestExpressChildrenAreListedButHaveNoHistory(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, distributedMap("EXPRESS", `"ItemBatcher": {"MaxItemsPerBatch": 2},`, waitT), `[1,2,3]`)
	run := r.mapRun(t, arn)
	wantCounts(t, "items", run.Items, states.Counts{Running: 3, Total: 3})
	wantCounts(t, "executions", run.Executions, states.Counts{Running: 2, Total: 2})
	r.restart(t)
	r.advance(t, time.Minute)
	r.wantSucceeded(t, arn, `[{"Items":[1,2]},{"Items":[3]}]`)
	list := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN, Status: states.StatusSucceeded})
	if len(list) != 2 || list[0].Items != 1 || list[1].Items != 2 {
		t.Fatalf("got %+v", list)
	}
	if x := r.describe(t, list[0].ARN); x.Status != states.StatusSucceeded || x.MapRunARN != run.ARN || !strings.Contains(x.ARN, ":express:machine/each:") {
		t.Errorf("got %+v", x)
	}
	_, err := r.engine.GetExecutionHistory(t.Context(), list[0].ARN)
	wantError(t, err, "InvalidArn")
}

func TestAMapRunsLimitsCanBeChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, distributedMap("STANDARD", `"MaxConcurrency": 1,`, waitT), `[1,2,3]`)
	run := r.mapRun(t, arn)
	wantCounts(t, "executions", run.Executions, states.Counts{Running: 1, Pending: 2, Total: 3})
	if err := r.engine.UpdateMapRun(t.Context(), run.ARN, new(int64(3)), new(int64(2)), new(50.0)); err != nil {
		t.Fatal(err)
	}
	r.restart(t)
	run = r.mapRun(t, arn)
	wantCounts(t, "executions", run.Executions, states.Counts{Running: 3, Total: 3})
	if run.MaxConcurrency != 3 || run.Count != 2 || run.Percentage != 50 {
		t.Errorf("got %+v", run)
	}
	r.advance(t, time.Minute)
	r.wantSucceeded(t, arn, `[1,2,3]`)
	for name, c := range map[string]struct {
		arn         string
		concurrency *int64
		percentage  *float64
		code        string
	}{
		"over":        {run.ARN, new(int64(1)), nil, "ValidationException"},
		"nothing":     {run.ARN, nil, nil, "ValidationException"},
		"negative":    {run.ARN, new(int64(-1)), nil, "ValidationException"},
		"more than 1": {run.ARN, nil, new(100.5), "ValidationException"},
		"unknown":     {run.ARN + "0", new(int64(1)), nil, "ResourceNotFound"},
		"no ARN":      {arn, new(int64(1)), nil, "InvalidArn"},
	} {
		t.Log(name)
		wantError(t, r.engine.UpdateMapRun(t.Context(), c.arn, c.concurrency, nil, c.percentage), c.code)
	}
}

// failing is a function that fails for the items that are named until they are not.
type failing struct {
	mu    sync.Mutex
	items map[string]bool
	calls map[string]int
}

func (f *failing) answer(_ context.Context, payload []byte) ([]byte, *states.FunctionError, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[string(payload)]++
	if f.items[string(payload)] {
		return nil, &states.FunctionError{Payload: []byte(`{"errorType":"Bad"}`)}, nil
	}
	return payload, nil, nil
}

func (f *failing) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items = nil
}

func TestARedriveRedrivesAMapRunsFailures(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"STANDARD", "EXPRESS"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			f := &failing{items: map[string]bool{"2": true}, calls: map[string]int{}}
			r.function("f", f.answer)
			arn := r.start(t, distributedMap(kind, `"MaxConcurrency": 1,`, `"T": {"Type": "Pass", "Next": "F"}, `+strings.Replace(taskF, `"T"`, `"F"`, 1)), `[1,2,3]`)
			r.idle(t)
			run := r.mapRun(t, arn)
			if x := r.describe(t, arn); x.Status != states.StatusFailed || deref(x.Error) != "States.ExceedToleratedFailureThreshold" || run.Status != states.StatusFailed {
				t.Fatalf("got %+v, %+v", x, run)
			}
			wantCounts(t, "executions", run.Executions, states.Counts{Succeeded: 1, Failed: 1, Pending: 1, Total: 3, ResultsWritten: 2})
			failed := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN, Status: states.StatusFailed})[0]
			if failed.RedriveStatus != "REDRIVABLE_BY_MAP_RUN" {
				t.Errorf("got %+v", failed)
			}
			f.mend()
			r.restart(t)
			redrive(t, r, arn)
			r.idle(t)
			r.wantSucceeded(t, arn, `[1,2,3]`)
			again := r.mapRun(t, arn)
			if again.ARN != run.ARN || again.RedriveCount != 1 || again.Status != states.StatusSucceeded {
				t.Errorf("got %+v", again)
			}
			wantCounts(t, "executions", again.Executions, states.Counts{Succeeded: 3, Total: 3, ResultsWritten: 3})
			if want := map[string]int{"1": 1, "2": 2, "3": 1}; fmt.Sprint(f.calls) != fmt.Sprint(want) {
				t.Errorf("called for %v, want %v", f.calls, want)
			}
			redriven := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN, Redrive: "REDRIVEN"})
			if kind == "EXPRESS" && len(redriven) != 0 || kind == "STANDARD" && (len(redriven) != 1 || redriven[0].ARN != failed.ARN) {
				t.Errorf("redriven are %+v", redriven)
			}
			if kind == "STANDARD" {
				wantHistory(t, r, failed.ARN, "ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered",
					"LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed", "ExecutionFailed",
					"ExecutionRedriven", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded")
			}
			wantHistory(t, r, arn, "ExecutionStarted", "PassStateEntered", "PassStateExited", "MapStateEntered", "MapStateStarted", "MapRunStarted",
				"MapRunFailed", "MapStateFailed", "ExecutionFailed", "ExecutionRedriven", "MapRunRedriven",
				"MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded")
		})
	}
}

func TestChildrenWaitForTheirRedrive(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, distributedMap("STANDARD", ``, waitT), `[1,2]`)
	if _, err := r.engine.StopExecution(t.Context(), arn, "", ""); err != nil {
		t.Fatal(err)
	}
	r.idle(t)
	run := r.mapRun(t, arn)
	wantCounts(t, "executions", run.Executions, states.Counts{Aborted: 2, Total: 2, ResultsWritten: 2})
	if run.Status != states.StatusAborted {
		t.Errorf("got %+v", run)
	}
	child := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN})[0]
	_, err := r.engine.RedriveExecution(t.Context(), child.ARN, "")
	wantError(t, err, "ExecutionNotRedrivable")
	redrive(t, r, arn)
	if err := r.engine.UpdateMapRun(t.Context(), run.ARN, new(int64(1)), nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine.StopExecution(t.Context(), arn, "", ""); err != nil {
		t.Fatal(err)
	}
	r.idle(t)
	redrive(t, r, arn)
	if list := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN, Status: "PENDING_REDRIVE"}); len(list) != 1 {
		t.Errorf("waiting are %+v", list)
	}
	r.restart(t)
	wantCounts(t, "executions", r.mapRun(t, arn).Executions, states.Counts{Running: 1, Aborted: 1, PendingRedrive: 1, Total: 2, ResultsWritten: 1})
	r.advance(t, 2*time.Minute)
	r.wantSucceeded(t, arn, `[1,2]`)
}

func TestAMapRunKilledAtAnyWriteLosesNothing(t *testing.T) { //nolint:tparallel // each run says whether there is a next
	t.Parallel()
	for n := 1; ; n++ {
		finished := false
		t.Run(fmt.Sprint("write ", n), func(t *testing.T) { //nolint:paralleltest // the next depends on this one
			r := newRig(t)
			f := &failing{items: map[string]bool{"3": true}, calls: map[string]int{}}
			r.function("f", f.answer)
			arn := r.start(t, distributedMap("STANDARD", `"MaxConcurrency": 2, "ToleratedFailureCount": 1,`,
				`"T": {"Type": "Wait", "Seconds": 1, "Next": "F"}, `+strings.Replace(taskF, `"T"`, `"F"`, 1)), `[1,2,3,4,5]`)
			r.db.allow(n)
			for range 20 {
				if r.describe(t, arn).Status != states.StatusRunning {
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
			r.wantSucceeded(t, arn, `[1,2,{"Error":"Bad","Cause":"{\"errorType\":\"Bad\"}"},4,5]`)
			run := r.mapRun(t, arn)
			wantCounts(t, "executions", run.Executions, states.Counts{Succeeded: 4, Failed: 1, Total: 5, ResultsWritten: 5})
			if list := r.children(t, states.ListExecutionsInput{MapRunARN: run.ARN}); len(list) != 5 {
				t.Errorf("children are %+v", list)
			}
		})
		if finished || t.Failed() {
			return
		}
	}
}

func TestAMapRunThatFailsLeavesNoChildRunning(t *testing.T) { //nolint:tparallel // each run says whether there is a next
	t.Parallel()
	for n := 1; ; n++ {
		finished := false
		t.Run(fmt.Sprint("write ", n), func(t *testing.T) { //nolint:paralleltest // the next depends on this one
			r := newRig(t)
			arn := r.start(t, distributedMap("STANDARD", ``, `"T": {"Type": "Wait", "SecondsPath": "$", "Next": "F"}, "F": {"Type": "Fail"}`), `[1,3600,3600]`)
			r.db.allow(n)
			r.advance(t, time.Second+500*time.Millisecond) // less than until a failed write is tried again
			finished = !r.killed()
			r.restart(t)
			r.advance(t, 5*time.Second)
			if x := r.describe(t, arn); x.Status != states.StatusFailed {
				t.Fatalf("got %+v", x)
			}
			wantCounts(t, "executions", r.mapRun(t, arn).Executions, states.Counts{Failed: 1, Aborted: 2, Total: 3, ResultsWritten: 3})
		})
		if finished || t.Failed() {
			return
		}
	}
}

func TestWhatIsAskedOfMapRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, onePass, `{}`)
	if list, _, err := r.engine.ListMapRuns(t.Context(), arn, states.Page{}); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
	_, _, err := r.engine.ListMapRuns(t.Context(), arn+"x", states.Page{})
	wantError(t, err, "ExecutionDoesNotExist")
	_, err = r.engine.DescribeMapRun(t.Context(), runOf+"none")
	wantError(t, err, "ResourceNotFound")
	_, err = r.engine.DescribeMapRun(t.Context(), arn)
	wantError(t, err, "InvalidArn")
	_, _, err = r.engine.ListExecutions(t.Context(), states.ListExecutionsInput{MapRunARN: runOf + "none"})
	wantError(t, err, "ResourceNotFound")
	_, _, err = r.engine.ListExecutions(t.Context(), states.ListExecutionsInput{MapRunARN: runOf + "none", StateMachineARN: "x"})
	wantError(t, err, "ValidationException")
	for label, want := range map[string]bool{"good": true, "not good": false, strings.Repeat("x", 41): false} {
		problems := r.engine.ValidateStateMachineDefinition(strings.Replace(distributedMap("STANDARD", "", taskF), "each", label, 1), states.TypeStandard)
		if want != (len(problems) == 0) {
			t.Errorf("label %q: got %v", label, problems)
		}
	}
	if problems := r.engine.ValidateStateMachineDefinition(distributedMap("EXPRESS", "",
		`"T": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": "b"}, "End": true}`),
		states.TypeStandard); len(problems) == 0 {
		t.Error("express children may wait for a token")
	}
}
