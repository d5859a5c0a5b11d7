package states_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/states"
)

const afterPass = `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Assign": {"n": 5}, "Next": "T"},
	"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Payload": {"n.$": "$n"}},
		"Retry": [{"ErrorEquals": ["Again"], "MaxAttempts": 1, "IntervalSeconds": 1}], "OutputPath": "$.Payload", "End": true}}}`

func redrive(t *testing.T, r *rig, arn string) {
	t.Helper()
	if _, err := r.engine.RedriveExecution(t.Context(), arn, ""); err != nil {
		t.Fatal(err)
	}
}

func TestARedriveGoesOnFromTheStateThatFailed(t *testing.T) {
	t.Parallel()
	for _, restarted := range []bool{false, true} {
		r := newRig(t)
		r.stub("f", stubTask{Behaviour: "raise", ErrorType: "Again"})
		arn := r.start(t, afterPass, `{"a":1}`)
		r.advance(t, time.Minute)
		if x := r.describe(t, arn); x.Status != states.StatusFailed || x.RedriveStatus != "REDRIVABLE" || x.RedriveReason != "" || x.RedriveCount != 0 {
			t.Fatalf("got %+v", x)
		}
		if restarted {
			r.restart(t)
		}
		redrive(t, r, arn) // fails once more, after the one retry that it has again
		r.advance(t, time.Minute)
		if x := r.describe(t, arn); x.Status != states.StatusFailed || x.RedriveCount != 1 || r.called("f") != 4 {
			t.Fatalf("got %+v after %d calls", x, r.called("f"))
		}
		r.stub("f", stubTask{Behaviour: "echo"})
		redrive(t, r, arn)
		r.idle(t)
		r.wantSucceeded(t, arn, `{"n":5}`)
		x := r.describe(t, arn)
		if x.RedriveCount != 2 || !x.RedriveDate.Equal(r.clock.Now()) || x.RedriveReason != "Execution is SUCCEEDED and cannot be redriven" {
			t.Fatalf("got %+v", x)
		}
		wantHistory(t, r, arn, "ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered",
			"TaskScheduled", "TaskStarted", "TaskFailed", "TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionFailed",
			"ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskFailed", "TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionFailed",
			"ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")
		history, err := r.engine.GetExecutionHistory(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range history {
			if h.ID != int64(i+1) {
				t.Fatalf("event %d has the id %d", i+1, h.ID)
			}
		}
		if first := history[12]; first.PreviousID != 4 || string(history[19].Details) != `{"redriveCount":2}` {
			t.Errorf("the task follows event %d, want that of entering its state; %s", first.PreviousID, history[19].Details)
		}
	}
}

func TestARedriveRunsOnlyWhatDidNotSucceed(t *testing.T) {
	t.Parallel()
	task := func(name, function string) string {
		return `"` + name + `": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:` + function + `", "End": true}`
	}
	branch := func(name, state string) string { return `{"StartAt": "` + name + `", "States": {` + state + `}}` }
	cases := map[string]struct {
		state, input, want string
		good, bad, slow    int // calls in all
	}{
		"branches of a Parallel state": {
			`"S": {"Type": "Parallel", "End": true, "Branches": [` + branch("G", task("G", "good")) + `,` +
				branch("B", `"B": {"Type": "Wait", "Seconds": 5, "Next": "B2"}, `+task("B2", "bad")) + `,` + branch("L", task("L", "slow")) + `]}`,
			`1`, `[1,1,1]`, 1, 2, 2,
		},
		"iterations of a Map state": {
			`"S": {"Type": "Map", "MaxConcurrency": 2, "End": true, "ItemProcessor": {"StartAt": "C", "States": {
				"C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "G"}, {"Variable": "$", "NumericEquals": 2, "Next": "B"}], "Default": "L"},
				` + task("G", "good") + `, "B": {"Type": "Wait", "Seconds": 5, "Next": "B2"}, ` + task("B2", "bad") + `,` + task("L", "slow") + `}}}`,
			`[1,2,3,1]`, `[1,2,3,1]`, 2, 2, 2,
		},
		"a Parallel state in a Map state": {
			`"S": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Parallel", "End": true, "Branches": [` +
				branch("G", task("G", "good")) + `,` + branch("B", `"B": {"Type": "Wait", "Seconds": 5, "Next": "B2"}, `+task("B2", "bad")) + `]}}}}`,
			`[1]`, `[[1,1]]`, 1, 2, 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.stub("good", stubTask{Behaviour: "echo"})
			r.stub("bad", stubTask{Behaviour: "raise", ErrorType: "Bad"})
			r.stub("slow", stubTask{Behaviour: "sleep_then_echo", Seconds: 60})
			arn := r.start(t, `{"StartAt": "S", "States": {`+c.state+`}}`, c.input)
			r.advance(t, 2*time.Minute)
			if x := r.describe(t, arn); x.Status != states.StatusFailed || deref(x.Error) != "Bad" {
				t.Fatalf("got %+v", x)
			}
			r.stub("bad", stubTask{Behaviour: "echo"})
			r.restart(t)
			redrive(t, r, arn)
			r.advance(t, 2*time.Minute)
			r.wantSucceeded(t, arn, c.want)
			if good, bad, slow := r.called("good"), r.called("bad"), r.called("slow"); good != c.good || bad != c.bad || slow != c.slow {
				t.Errorf("called good %d, bad %d, slow %d times; want %d, %d, %d", good, bad, slow, c.good, c.bad, c.slow)
			}
		})
	}
}

func TestWhatIsStoppedOrTimesOutCanBeRedriven(t *testing.T) {
	t.Parallel()
	const definition = `{"TimeoutSeconds": 100, "StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 60, "Next": "B"},
		"B": {"Type": "Wait", "Seconds": 60, "End": true}}}`
	r := newRig(t)
	arn := r.start(t, definition, `{"a":1}`)
	r.advance(t, 5*time.Minute)
	if x := r.describe(t, arn); x.Status != states.StatusTimedOut {
		t.Fatalf("got %+v", x)
	}
	redrive(t, r, arn) // the time begins anew: 60 of 100 seconds
	r.advance(t, 30*time.Second)
	if _, err := r.engine.StopExecution(t.Context(), arn, "", ""); err != nil {
		t.Fatal(err)
	}
	redrive(t, r, arn)
	r.advance(t, 61*time.Second)
	r.wantSucceeded(t, arn, `{"a":1}`)
	wantHistory(t, r, arn, "ExecutionStarted", "WaitStateEntered", "WaitStateExited", "WaitStateEntered", "ExecutionTimedOut",
		"ExecutionRedriven", "ExecutionAborted", "ExecutionRedriven", "WaitStateExited", "ExecutionSucceeded")
}

func TestAFailStateIsEnteredAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, `{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}`, `{}`)
	redrive(t, r, arn)
	wantHistory(t, r, arn, "ExecutionStarted", "FailStateEntered", "ExecutionFailed", "ExecutionRedriven", "FailStateEntered", "ExecutionFailed")
}

func TestWhatCannotBeRedrivenSaysWhy(t *testing.T) {
	t.Parallel()
	const express = "arn:aws:states:us-east-1:000000000000:express:m:n:0b5fc0a3-3f0d-4b1e-8df1-2f7a5b7ad1c1"
	cases := map[string]struct {
		arn    func(t *testing.T, r *rig) string
		code   string
		reason string
	}{
		"running": {
			func(t *testing.T, r *rig) string { return r.start(t, waitAnHour, `{}`) },
			"ExecutionNotRedrivable", "Execution is RUNNING and cannot be redriven",
		},
		"succeeded": {
			func(t *testing.T, r *rig) string { return r.start(t, onePass, `{}`) },
			"ExecutionNotRedrivable", "Execution is SUCCEEDED and cannot be redriven",
		},
		"14 days ago": {func(t *testing.T, r *rig) string {
			arn := r.start(t, `{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}`, `{}`)
			r.advance(t, 14*24*time.Hour+time.Second)
			return arn
		}, "ExecutionNotRedrivable", "Execution redrivable period exceeded"},
		"a year ago": {func(t *testing.T, r *rig) string {
			arn := r.start(t, `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 31536001, "Next": "F"}, "F": {"Type": "Fail"}}}`, `{}`)
			r.advance(t, 366*24*time.Hour)
			return arn
		}, "ExecutionNotRedrivable", "Execution has exceeded the max execution time"},
		"too long a history": {func(t *testing.T, r *rig) string {
			return r.start(t, `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "Q"}, "Q": {"Type": "Choice", "Choices": [
				{"Variable": "$.never", "IsPresent": true, "Next": "R"}], "Default": "P"}, "R": {"Type": "Succeed"}}}`, `{}`)
		}, "ExecutionNotRedrivable", "Execution history event limit exceeded"},
		"of a state machine that is gone": {func(t *testing.T, r *rig) string {
			arn := r.start(t, `{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}`, `{}`)
			if err := r.engine.DeleteStateMachine(t.Context(), r.describe(t, arn).StateMachineARN); err != nil {
				t.Fatal(err)
			}
			return arn
		}, "ExecutionNotRedrivable", "State machine is in DELETING status"},
		"express": {func(*testing.T, *rig) string { return express }, "InvalidArn", "Resource type not valid in this context: express"},
		"unknown": {
			func(*testing.T, *rig) string { return "arn:aws:states:us-east-1:000000000000:execution:m:n" },
			"ExecutionDoesNotExist", "execution:m:n",
		},
		"no ARN": {func(*testing.T, *rig) string { return "m" }, "InvalidArn", "'m'"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			_, err := r.engine.RedriveExecution(t.Context(), c.arn(t, r), "")
			wantError(t, err, c.code)
			if !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want %s", err, c.reason)
			}
		})
	}
}

func TestAClientTokenRedrivesOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, `{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}`, `{}`)
	redriven := func(token string) time.Time {
		at, err := r.engine.RedriveExecution(t.Context(), arn, token)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := redriven("one")
	r.advance(t, time.Minute)
	if again := redriven("one"); !again.Equal(first) || r.describe(t, arn).RedriveCount != 1 {
		t.Errorf("the same token redrove it again, at %v", again)
	}
	redriven("two")
	r.advance(t, 15*time.Minute)
	redriven("one") // forgotten by now
	if n := r.describe(t, arn).RedriveCount; n != 3 {
		t.Errorf("redriven %d times, want 3", n)
	}
}

func TestARedriveIsToldOnTheBus(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, `{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}`, `{}`)
	r.idle(t)
	r.mu.Lock()
	r.events = nil
	r.mu.Unlock()
	redrive(t, r, arn)
	r.idle(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[string]string{}
	for _, ev := range r.events {
		var d struct {
			Status, RedriveStatus, RedriveStatusReason string
			RedriveCount                               int
			RedriveDate                                int64
		}
		if err := json.Unmarshal(ev.Detail, &d); err != nil {
			t.Fatal(err)
		}
		if d.RedriveCount != 1 || d.RedriveDate != r.clock.Now().UnixMilli() {
			t.Errorf("got %s", ev.Detail)
		}
		seen[d.Status] = d.RedriveStatus
	}
	if len(seen) != 2 || seen["RUNNING"] != "NOT_REDRIVABLE" || seen["FAILED"] != "REDRIVABLE" {
		t.Errorf("got %v", seen)
	}
}

func TestRedrivenExecutionsSurviveAKill(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	block := make(chan struct{}, 1)
	r.stub("f", stubTask{Behaviour: "raise", ErrorType: "Bad"})
	arn := r.start(t, afterPass, `{}`)
	r.idle(t)
	r.function("f", func(ctx context.Context, _ []byte) ([]byte, *states.FunctionError, error) {
		block <- struct{}{}
		<-ctx.Done()
		return nil, nil, ctx.Err()
	})
	redrive(t, r, arn)
	<-block
	r.stub("f", stubTask{Behaviour: "echo"})
	r.restart(t)
	r.idle(t)
	r.wantSucceeded(t, arn, `{"n":5}`)
	if x := r.describe(t, arn); x.RedriveCount != 1 {
		t.Errorf("got %+v", x)
	}
}
