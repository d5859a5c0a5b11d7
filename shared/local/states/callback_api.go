package states

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"opsflow/shared/local/states/value"
)

func errInvalidToken() error { return apiError("InvalidToken", "Invalid Token: 'Invalid token'") }

func errTaskGone() error {
	return apiError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}

// MachineOfToken is the name of the state machine whose execution a task token belongs to; empty for what is no token.
func MachineOfToken(token string) string {
	var tok taskToken
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &tok) != nil {
		return ""
	}
	machine, _, _ := strings.Cut(tok.Key, ":")
	return baseMachine(machine)
}

// withToken lets do act on the task that a token belongs to, and returns once that is durable.
func (e *Engine) withToken(ctx context.Context, token string, do func(*execution, *thread)) error {
	var tok taskToken
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &tok) != nil || tok.Key == "" {
		return errInvalidToken()
	}
	x := e.find(tok.Key)
	if x == nil {
		_, err := e.load(ctx, tok.Key)
		var api *APIError
		switch {
		case errors.As(err, &api):
			return apiError("TaskDoesNotExist", "Task Does Not Exist: 'Provided task does not exist'")
		case err != nil:
			return err
		}
		return errTaskGone()
	}
	err = x.burst(ctx, func() error {
		t := x.threads[tok.Thread]
		if t == nil || t.Phase != phaseTask || t.Task.Token != token {
			return errTaskGone()
		}
		x.touch(t)
		do(x, t)
		return nil
	})
	if errors.Is(err, errNotRunning) {
		return errTaskGone()
	}
	return err
}

// SendTaskSuccess completes a task with an output, which is JSON text. Errors: InvalidToken, InvalidOutput,
// TaskDoesNotExist, TaskTimedOut.
func (e *Engine) SendTaskSuccess(ctx context.Context, token, output string) error {
	v, err := value.Parse([]byte(output))
	if err != nil || len(output) > maxPayload {
		return apiError("InvalidOutput", "Invalid Output: 'Invalid JSON, or more than %d bytes'", maxPayload)
	}
	return e.withToken(ctx, token, func(x *execution, t *thread) { x.taskSucceeded(t, v) })
}

// SendTaskFailure fails a task. Errors: InvalidToken, TaskDoesNotExist, TaskTimedOut.
func (e *Engine) SendTaskFailure(ctx context.Context, token, errorName, cause string) error {
	f := &failure{Name: errorName, Cause: cause, noError: errorName == "", noCause: cause == ""}
	return e.withToken(ctx, token, func(x *execution, t *thread) { x.taskFailed(t, f) })
}

// SendTaskHeartbeat puts off the heartbeat timeout of a task. Errors: as SendTaskFailure.
func (e *Engine) SendTaskHeartbeat(ctx context.Context, token string) error {
	return e.withToken(ctx, token, func(x *execution, t *thread) {
		if t.Task.Heartbeat > 0 {
			t.Task.HeartbeatAt = x.e.now().Add(time.Duration(t.Task.Heartbeat) * time.Second).UnixMilli()
		}
	})
}
