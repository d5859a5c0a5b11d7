package local

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/local/action"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/faults"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/states"
	"opsflow/shared/ops"
)

// executions is ops.Executions and ops.StateMachines straight on the interpreter, as aws/sfn is on Step Functions.
type executions struct {
	engine      *states.Engine
	role        string // ARN of the role that state machines made at run time get
	permissions *permissions
	border      *border
}

// may asks for one permission.
func (x executions) may(ctx context.Context, do, resource string) error {
	return x.permissions.check(ctx, iam.Request{Action: do, Resource: resource})
}

func (x executions) Start(ctx context.Context, machineARN, name string, input []byte) error {
	if err := x.may(ctx, "states:StartExecution", machineARN); err != nil {
		return err
	}
	return translate(x.border.do(ctx, boundary.States, "StartExecution", func(ctx context.Context) error {
		_, err := x.engine.StartExecution(ctx, states.StartExecutionInput{StateMachineARN: machineARN, Name: name, Input: string(input)})
		return err
	}))
}

func (x executions) Stop(ctx context.Context, machineARN, name, cause string) error {
	arn := executionARN(machineARN, name)
	if err := x.may(ctx, "states:StopExecution", arn); err != nil {
		return err
	}
	return translate(x.border.do(ctx, boundary.States, "StopExecution", func(ctx context.Context) error {
		_, err := x.engine.StopExecution(ctx, arn, "opsflow.Stopped", cause)
		return err
	}))
}

func (x executions) Describe(ctx context.Context, machineARN, name string) (ops.Execution, error) {
	arn := executionARN(machineARN, name)
	if err := x.may(ctx, "states:DescribeExecution", arn); err != nil {
		return ops.Execution{}, err
	}
	e, err := ask(ctx, x.border, boundary.States, "DescribeExecution", func(ctx context.Context) (*states.Execution, error) {
		return x.engine.DescribeExecution(ctx, arn)
	})
	if err != nil {
		return ops.Execution{}, translate(err)
	}
	out := ops.Execution{Status: ops.ExecutionStatus(e.Status), StartedAt: e.StartDate, StoppedAt: e.StopDate}
	if e.Error != nil {
		out.Error = *e.Error
	}
	if e.Cause != nil {
		out.Cause = *e.Cause
	}
	return out, nil
}

func (x executions) SucceedTask(ctx context.Context, token string, output []byte) error {
	if err := x.may(ctx, "states:SendTaskSuccess", action.OfToken(token)); err != nil {
		return err
	}
	return translate(x.border.do(ctx, boundary.States, "SendTaskSuccess", func(ctx context.Context) error {
		return x.engine.SendTaskSuccess(ctx, token, string(output))
	}))
}

func (x executions) FailTask(ctx context.Context, token, code, cause string) error {
	if err := x.may(ctx, "states:SendTaskFailure", action.OfToken(token)); err != nil {
		return err
	}
	return translate(x.border.do(ctx, boundary.States, "SendTaskFailure", func(ctx context.Context) error {
		return x.engine.SendTaskFailure(ctx, token, code, cause)
	}))
}

func (x executions) Create(ctx context.Context, name string, definition []byte) (string, error) {
	create := iam.Request{Action: "states:CreateStateMachine", Resource: action.StateMachine(name)}
	if err := x.permissions.check(ctx, create, action.PassRole(x.role, "states")); err != nil {
		return "", err
	}
	m, err := ask(ctx, x.border, boundary.States, "CreateStateMachine", func(ctx context.Context) (*states.StateMachine, error) {
		return x.engine.CreateStateMachine(ctx, states.CreateStateMachineInput{
			Name: name, Definition: string(definition), RoleARN: x.role,
		})
	})
	if err != nil {
		return "", translate(err)
	}
	return m.ARN, nil
}

// executionARN is what Step Functions calls the execution of that name of a state machine.
func executionARN(machineARN, name string) string {
	return strings.Replace(machineARN, ":stateMachine:", ":execution:", 1) + ":" + name
}

// translate gives AWS's errors the names that the domain knows.
func translate(err error) error {
	if refused, ok := errors.AsType[*boundary.Error](err); ok {
		return ops.Errorf(ops.CodeThrottled, "%w", refused)
	}
	if lost, ok := errors.AsType[*faults.NoAnswer](err); ok {
		return ops.Errorf(ops.CodeUnavailable, "%w", lost)
	}
	api, ok := errors.AsType[*states.APIError](err)
	if !ok {
		return err
	}
	switch api.Code {
	case "ExecutionAlreadyExists":
		return fmt.Errorf("%w: %s", ops.ErrExecutionExists, api.Message)
	case "ExecutionDoesNotExist":
		return fmt.Errorf("%w: %s", ops.ErrNoExecution, api.Message)
	case "TaskTimedOut", "TaskDoesNotExist", "InvalidToken":
		return fmt.Errorf("%w: %s", ops.ErrTokenUsed, api.Code)
	case "InvalidDefinition":
		return ops.Errorf(ops.CodeInvalid, "%w", api)
	}
	return err
}

// errorCoder is an error with AWS's name for it.
type errorCoder interface {
	error
	ErrorCode() string
}
