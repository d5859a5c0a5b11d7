package states_test

import (
	"context"
	"testing"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/states"
	"opsflow/shared/table/embedded"
)

// BenchmarkOneTask is an execution of one Lambda task, from StartExecution to its end, on disk without fsync.
func BenchmarkOneTask(b *testing.B) {
	db, err := embedded.Open(b.TempDir(), embedded.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	c := clock.Real()
	e, err := states.New(states.Options{
		DB: db, Clock: c,
		Invoke: func(_ context.Context, _ string, p []byte) ([]byte, *states.FunctionError, error) { return p, nil, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	m, err := e.CreateStateMachine(b.Context(), states.CreateStateMachineInput{
		Name: "m",
		Definition: `{"StartAt": "T", "States": {"T": {"Type": "Task",
			"Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true}}}`,
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.StartExecution(b.Context(), states.StartExecutionInput{StateMachineARN: m.ARN, Input: `{"id":1}`}); err != nil {
			b.Fatal(err)
		}
		if err := c.WaitIdle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
