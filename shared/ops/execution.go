package ops

import (
	"context"
	"errors"
	"time"
)

// ExecutionStatus is Step Functions' word for how an execution stands.
type ExecutionStatus string

// The statuses of an execution.
const (
	ExecutionRunning   ExecutionStatus = "RUNNING"
	ExecutionSucceeded ExecutionStatus = "SUCCEEDED"
	ExecutionFailed    ExecutionStatus = "FAILED"
	ExecutionTimedOut  ExecutionStatus = "TIMED_OUT"
	ExecutionAborted   ExecutionStatus = "ABORTED"
)

// Execution is what Step Functions knows of an execution.
type Execution struct {
	Status    ExecutionStatus
	Error     string
	Cause     string
	StartedAt time.Time
	StoppedAt time.Time // zero while it runs
}

// The answers of Executions that a caller must tell apart.
var (
	// ErrExecutionExists: an execution of this name was started before, whatever became of it.
	ErrExecutionExists = errors.New("execution already exists")
	// ErrNoExecution: there is no execution of this name.
	ErrNoExecution = errors.New("execution does not exist")
	// ErrTokenUsed: nobody waits on this task token any more (used, timed out, or its execution ended).
	ErrTokenUsed = errors.New("task token is not waited on")
)

// Executions drives state machines.
type Executions interface {
	// Start starts the execution called name of a state machine. ErrExecutionExists when the name is taken; the same
	// name with the same input while it runs may answer nil.
	Start(ctx context.Context, machineARN, name string, input []byte) error
	// Stop ends an execution. Stopping one that has ended is no error. ErrNoExecution.
	Stop(ctx context.Context, machineARN, name, cause string) error
	// Describe tells how an execution stands. ErrNoExecution. Only sweep-due may ask: it is slow and limited on AWS.
	Describe(ctx context.Context, machineARN, name string) (Execution, error)
	// SucceedTask lets the execution that waits on a task token go on. ErrTokenUsed.
	SucceedTask(ctx context.Context, token string, output []byte) error
	// FailTask lets the execution that waits on a task token fail in that state. ErrTokenUsed.
	FailTask(ctx context.Context, token, code, cause string) error
}

// StateMachines makes state machines.
type StateMachines interface {
	// Create makes a state machine with the definition and gives its ARN; again with the same name and definition gives
	// the same. CodeInvalid when Step Functions refuses the definition.
	Create(ctx context.Context, name string, definition []byte) (arn string, err error)
}
