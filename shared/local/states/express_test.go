package states_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/states"
)

func expressMachine(t *testing.T, r *rig, definition string) string {
	t.Helper()
	m, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{
		Name: "quick", Definition: definition, Type: states.TypeExpress,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m.ARN
}

const callF = `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true}}}`

func TestExpressExecutionsAreNotLookedAt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.stub("f", stubTask{Behaviour: "sleep_then_echo", Seconds: 60})
	machine := expressMachine(t, r, callF)
	in := states.StartExecutionInput{StateMachineARN: machine, Name: "same"}
	var arns []string
	for range 2 { // the name may repeat
		out, err := r.engine.StartExecution(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		arns = append(arns, out.ExecutionARN)
	}
	if arns[0] == arns[1] || !strings.HasPrefix(arns[0], "arn:aws:states:us-east-1:000000000000:express:quick:same:") {
		t.Errorf("got %v", arns)
	}
	const want = "Invalid Arn: 'Resource type not valid in this context: express'"
	for name, ask := range map[string]func() error{
		"DescribeExecution":   func() error { _, err := r.engine.DescribeExecution(t.Context(), arns[0]); return err },
		"StopExecution":       func() error { _, err := r.engine.StopExecution(t.Context(), arns[0], "", ""); return err },
		"GetExecutionHistory": func() error { _, err := r.engine.GetExecutionHistory(t.Context(), arns[0]); return err },
		"RedriveExecution":    func() error { _, err := r.engine.RedriveExecution(t.Context(), arns[0], ""); return err },
	} {
		err := ask()
		wantError(t, err, "InvalidArn")
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	_, _, err := r.engine.ListExecutions(t.Context(), states.ListExecutionsInput{StateMachineARN: machine})
	wantError(t, err, "StateMachineTypeNotSupported")
	r.advance(t, time.Second)
	r.restart(t)
	r.advance(t, 2*time.Minute)
	if n := r.called("f"); n != 4 {
		t.Errorf("two executions that were interrupted called the function %d times, want each once more", n)
	}
	if len(r.events) > 0 {
		t.Errorf("status changes were told: %v", r.events)
	}
}

func TestAnExpressExecutionHasFiveMinutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	machine := expressMachine(t, r, waitAnHour)
	result := make(chan *states.Execution)
	go func() {
		x, err := r.engine.StartSyncExecution(t.Context(), states.StartExecutionInput{StateMachineARN: machine, Name: "n"})
		if err != nil {
			t.Error(err)
		}
		result <- x
	}()
	for {
		r.advance(t, time.Minute)
		select {
		case x := <-result:
			if x.Status != states.StatusTimedOut || x.StopDate.Sub(x.StartDate) != 5*time.Minute || x.Error != nil {
				t.Errorf("got %+v", x)
			}
			return
		default:
		}
	}
}

func TestWhatAnExpressMachineCannotDo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for resource, want := range map[string]string{
		"arn:aws:states:::states:startExecution.sync:2":              "does not support '.sync' service integration at /States/T/Resource",
		"arn:aws:states:::sqs:sendMessage.waitForTaskToken":          "does not support '.waitForTaskToken' service integration at /States/T/Resource",
		"arn:aws:states:us-east-1:000000000000:activity:by-a-person": "does not support Activity ARN at /States/T/Resource",
	} {
		_, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{
			Name: "m", Type: states.TypeExpress, Definition: strings.Replace(callF, "arn:aws:lambda:us-east-1:000000000000:function:f", resource, 1),
		})
		wantError(t, err, "InvalidDefinition")
		if !strings.Contains(err.Error(), "Express state machine "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
