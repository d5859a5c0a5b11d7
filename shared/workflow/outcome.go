package workflow

import (
	"context"
	"encoding/json"
	"fmt"

	"opsflow/shared/ops"
)

// RecordOutcome records how an execution ended when run-steps could not: it takes the payload of a machine's Catch and
// Step Functions' "Execution Status Change" event. What an execution does that is not the current attempt's, or whose
// workflow has ended or is paused, is ignored: we stopped it ourselves. CodeInvalid for any other payload.
func (e *Engine) RecordOutcome(ctx context.Context, payload json.RawMessage) error {
	var p struct {
		InstanceID string `json:"instance_id"`
		Attempt    int    `json:"attempt"`
		Error      struct {
			Error string
			Cause string
		} `json:"error"`
		Detail *struct {
			Name   string              `json:"name"`
			Status ops.ExecutionStatus `json:"status"`
			Error  string              `json:"error"`
			Cause  string              `json:"cause"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return ops.Errorf(ops.CodeInvalid, "read the outcome of an execution: %w", err)
	}
	if p.Detail == nil {
		if p.InstanceID == "" || p.Attempt < 1 {
			return ops.Errorf(ops.CodeInvalid, "the outcome of an execution must name instance_id and attempt")
		}
		return e.recordOutcome(ctx, p.InstanceID, p.Attempt, ops.Execution{
			Status: ops.ExecutionFailed, Error: p.Error.Error, Cause: p.Error.Cause,
		})
	}
	id, attempt, ok := ops.ParseExecutionName(p.Detail.Name)
	if !ok {
		return nil // a machine of our prefix that runs no workflow
	}
	return e.recordOutcome(ctx, id, attempt, ops.Execution{Status: p.Detail.Status, Error: p.Detail.Error, Cause: p.Detail.Cause})
}

// recordOutcome fails the instance of an execution that is over.
func (e *Engine) recordOutcome(ctx context.Context, id string, attempt int, x ops.Execution) error {
	if x.Status == ops.ExecutionRunning {
		return nil
	}
	return e.failStored(ctx, id, attempt, func(i *ops.Instance) ops.StepError { return executionFailure(i, x) })
}

// failStored fails an instance as it is stored, if this is its attempt: its execution is over, or ends with what its function
// answers. One that was asked to pause or to end does that.
func (e *Engine) failStored(ctx context.Context, id string, attempt int, why func(*ops.Instance) ops.StepError) error {
	return retryable(e.retrier.Do(ctx, "record the outcome of workflow "+id, func() error {
		i, err := e.Store.Instance(ctx, id)
		if err != nil {
			return fmt.Errorf("read workflow %s: %w", id, err)
		}
		switch {
		case i.Attempt == attempt && i.Status == ops.InstanceCompleted:
			return e.tellEnd(ctx, i) // whoever completed it did not answer: it may not have told anybody
		case i.Attempt != attempt || i.Status.Ended() || i.Status == ops.InstancePaused:
			return nil
		case i.Asked != nil:
			return e.obey(ctx, i, false)
		}
		records, err := e.end(ctx, i, why(i), e.Store.Task)
		if err != nil {
			return err
		}
		if err := e.save(ctx, i, records...); err != nil {
			return err
		}
		e.announce(ctx, records)
		return e.ended(ctx, i)
	}))
}

func executionFailure(i *ops.Instance, x ops.Execution) ops.StepError {
	f := ops.StepError{Step: i.CurrentStep, Message: x.Cause}
	switch x.Status {
	case ops.ExecutionTimedOut:
		f.Code = "execution_timed_out"
	case ops.ExecutionAborted:
		f.Code = "execution_aborted"
	default:
		f.Code = "execution_failed"
	}
	var lambda struct{ ErrorMessage string } // a function's error arrives as JSON
	if json.Unmarshal([]byte(x.Cause), &lambda) == nil && lambda.ErrorMessage != "" {
		f.Message = lambda.ErrorMessage
	}
	switch {
	case f.Message == "" && x.Error == "":
		f.Message = "the execution ended (" + string(x.Status) + ") before the workflow did"
	case x.Error != "":
		f.Message = x.Error + ": " + f.Message
	}
	return f
}
