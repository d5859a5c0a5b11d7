package states_test

import (
	"context"
	"strings"
	"testing"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/states"
	"opsflow/shared/table/embedded"
)

// BenchmarkOneTask is an execution of one Lambda task, from StartExecution to its end, on disk without fsync.
func BenchmarkOneTask(b *testing.B) {
	benchmark(b, `{"StartAt": "T", "States": {"T": {"Type": "Task",
		"Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": true}}}`, `{"id":1}`)
}

// BenchmarkMapRun is a distributed Map over 1,000 items, each with an execution of its own, on disk without fsync.
func BenchmarkMapRun(b *testing.B) {
	benchmark(b, distributedMap("STANDARD", ``, `"T": {"Type": "Pass", "End": true}`), "["+strings.Repeat("1,", 999)+"1]")
}

func benchmark(b *testing.B, definition, input string) {
	b.Helper()
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
	m, err := e.CreateStateMachine(b.Context(), states.CreateStateMachineInput{Name: "m", Definition: definition})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.StartExecution(b.Context(), states.StartExecutionInput{StateMachineARN: m.ARN, Input: input}); err != nil {
			b.Fatal(err)
		}
		if err := c.WaitIdle(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
