// Package sfn drives state machines on AWS Step Functions.
package sfn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"opsflow/shared/ops"
)

// Step Functions refuses longer texts.
const (
	maxError = 256
	maxCause = 32768
)

// Client is Step Functions as ops.Executions and ops.StateMachines. It is safe for concurrent use.
type Client struct {
	api  *sfn.Client
	role string
}

// New makes a client. Role is the ARN of the role that state machines made by Create get; empty when Create is not used.
func New(c aws.Config, role string) *Client {
	return &Client{api: sfn.NewFromConfig(c), role: role}
}

// Start starts an execution. See ops.Executions.
func (c *Client) Start(ctx context.Context, machineARN, name string, input []byte) error {
	_, err := c.api.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(machineARN), Name: aws.String(name), Input: aws.String(string(input)),
	})
	return translate("start execution "+name, err)
}

// Stop ends an execution. See ops.Executions.
func (c *Client) Stop(ctx context.Context, machineARN, name, cause string) error {
	_, err := c.api.StopExecution(ctx, &sfn.StopExecutionInput{
		ExecutionArn: aws.String(executionARN(machineARN, name)), Error: aws.String("opsflow.Stopped"), Cause: cut(cause, maxCause),
	})
	return translate("stop execution "+name, err)
}

// Describe tells how an execution stands. See ops.Executions.
func (c *Client) Describe(ctx context.Context, machineARN, name string) (ops.Execution, error) {
	out, err := c.api.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(executionARN(machineARN, name))})
	if err != nil {
		return ops.Execution{}, translate("describe execution "+name, err)
	}
	status := ops.ExecutionStatus(out.Status)
	if out.Status == types.ExecutionStatusPendingRedrive {
		status = ops.ExecutionRunning // it goes on once it is redriven
	}
	return ops.Execution{
		Status: status, Error: aws.ToString(out.Error), Cause: aws.ToString(out.Cause),
		StartedAt: aws.ToTime(out.StartDate), StoppedAt: aws.ToTime(out.StopDate),
	}, nil
}

// SucceedTask answers a task token. See ops.Executions.
func (c *Client) SucceedTask(ctx context.Context, token string, output []byte) error {
	_, err := c.api.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: aws.String(token), Output: aws.String(string(output))})
	return translate("send task success", err)
}

// FailTask answers a task token with a failure. See ops.Executions.
func (c *Client) FailTask(ctx context.Context, token, code, cause string) error {
	_, err := c.api.SendTaskFailure(ctx, &sfn.SendTaskFailureInput{
		TaskToken: aws.String(token), Error: cut(code, maxError), Cause: cut(cause, maxCause),
	})
	return translate("send task failure", err)
}

// Create makes a state machine. See ops.StateMachines.
func (c *Client) Create(ctx context.Context, name string, definition []byte) (string, error) {
	out, err := c.api.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String(name), Definition: aws.String(string(definition)), RoleArn: aws.String(c.role),
		Type: types.StateMachineTypeStandard,
	})
	if err != nil {
		return "", translate("create state machine "+name, err)
	}
	return aws.ToString(out.StateMachineArn), nil
}

// executionARN follows from the names: ...:stateMachine:<machine> and <name> give ...:execution:<machine>:<name>.
func executionARN(machineARN, name string) string {
	return strings.Replace(machineARN, ":stateMachine:", ":execution:", 1) + ":" + name
}

// translate turns Step Functions' errors into those of package ops.
func translate(doing string, err error) error {
	if err == nil {
		return nil
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ops.Errorf(ops.CodeUnavailable, "%s: %w", doing, err)
	}
	switch code := api.ErrorCode(); code {
	case "ExecutionAlreadyExists":
		return fmt.Errorf("%s: %w", doing, ops.ErrExecutionExists)
	case "ExecutionDoesNotExist":
		return fmt.Errorf("%s: %w", doing, ops.ErrNoExecution)
	case "TaskTimedOut", "InvalidToken", "TaskDoesNotExist":
		return fmt.Errorf("%s: %w", doing, ops.ErrTokenUsed)
	case "InvalidDefinition", "InvalidName", "InvalidExecutionInput", "InvalidOutput":
		return ops.Errorf(ops.CodeInvalid, "%s: %w", doing, err)
	case "StateMachineDoesNotExist":
		return ops.Errorf(ops.CodeNotFound, "%s: %w", doing, err)
	case "StateMachineAlreadyExists":
		return ops.Errorf(ops.CodeConflict, "%s: %w", doing, err)
	case "ExecutionLimitExceeded", "ServiceQuotaExceededException":
		return ops.Errorf(ops.CodeThrottled, "%s: %w", doing, err)
	default:
		if _, throttle := retry.DefaultThrottleErrorCodes[code]; throttle {
			return ops.Errorf(ops.CodeThrottled, "%s: %w", doing, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func cut(s string, limit int) *string {
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return &s
}
