package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"opsflow/shared/local/action"
	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/s3"
	"opsflow/shared/local/states"
)

// targets are the services that state machines reach through the endpoint, with what X-Amz-Target begins with.
var targets = map[string]string{
	"dynamodb": awsjson.DynamoDB, "sqs": awsjson.SQS, "sfn": awsjson.StepFunctions, "eventbridge": awsjson.EventBridge,
}

// serviceError is an error of an AWS service, by AWS's name.
type serviceError struct{ code, message string }

func (e *serviceError) Error() string        { return e.code + ": " + e.message }
func (e *serviceError) ErrorCode() string    { return e.code }
func (e *serviceError) ErrorMessage() string { return e.message }

// callService carries out an operation for a Task state: by the endpoint's own handlers, so that a state machine meets what
// any client meets.
func (rt *Runtime) callService(ctx context.Context, c states.Call) ([]byte, error) {
	ctx = withSession(ctx, session{rt.permissions.now().roles[c.Role], c.Session})
	switch {
	case c.Service == "sns" && c.Operation == "Publish":
		return rt.publishByTask(ctx, c.Input)
	case c.Service == "lambda" && c.Operation == "Invoke":
		return rt.invokeBySDK(ctx, c.Input)
	}
	r, body, err := rt.serviceRequest(ctx, c)
	if err != nil {
		return nil, err
	}
	w, err := send(ctx, rt.border, boundary.FromRequest(r), rt.o.Clock, func(ctx context.Context) (*boundary.Answer, error) {
		a, again := boundary.NewAnswer(), r.Clone(ctx)
		again.Body = io.NopCloser(bytes.NewReader(body))
		rt.awsHandler.ServeHTTP(a, again)
		return a, nil
	})
	if err != nil {
		return nil, err
	}
	if c.Service == "s3" {
		out, err := s3.Answer(c.Operation, w.Status, w.Header(), w.Body.Bytes())
		if refused, ok := errors.AsType[*s3.Error](err); ok {
			return nil, &serviceError{refused.Code, refused.Message}
		}
		return out, err
	}
	if w.Status == http.StatusOK {
		return w.Body.Bytes(), nil
	}
	var said struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil {
		return nil, fmt.Errorf("call %s %s: status %d", c.Service, c.Operation, w.Status)
	}
	return nil, &serviceError{said.Type[strings.LastIndexByte(said.Type, '#')+1:], said.Message}
}

// serviceRequest writes an operation as the service's clients do.
func (rt *Runtime) serviceRequest(ctx context.Context, c states.Call) (r *http.Request, body []byte, err error) {
	if c.Service == "s3" {
		r, err = s3.Request(rt.awsURL, c.Operation, c.Input)
		if refused, ok := errors.AsType[*s3.Error](err); ok {
			return nil, nil, &serviceError{refused.Code, refused.Message}
		}
		if err == nil {
			body, err = io.ReadAll(r.Body)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("call s3 %s: %w", c.Operation, err)
		}
		return r.WithContext(ctx), body, nil
	}
	target, ok := targets[c.Service]
	if !ok {
		return nil, nil, &serviceError{"UnsupportedOperation", c.Service + " " + c.Operation + " is not available in the local runtime"}
	}
	r, err = http.NewRequestWithContext(ctx, http.MethodPost, rt.awsURL, bytes.NewReader(c.Input))
	if err != nil {
		return nil, nil, fmt.Errorf("call %s %s: %w", c.Service, c.Operation, err)
	}
	awsjson.Ask(r, target, c.Operation)
	return r, c.Input, nil
}

// invokeBySDK is Lambda Invoke as aws-sdk shows it: the payload as text, a function's own error as a successful call.
func (rt *Runtime) invokeBySDK(ctx context.Context, input []byte) ([]byte, error) {
	var in struct{ FunctionName, Payload string }
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, &serviceError{"InvalidRequestContentException", err.Error()}
	}
	if err := rt.permissions.check(ctx, action.Invoke(in.FunctionName)); err != nil {
		return nil, err
	}
	out, failure, err := rt.invokeTask(ctx, in.FunctionName, []byte(in.Payload))
	if coded, ok := errors.AsType[errorCoder](err); ok {
		return nil, &serviceError{coded.ErrorCode(), err.Error()}
	}
	if err != nil {
		return nil, err
	}
	said := map[string]any{"ExecutedVersion": "$LATEST", "StatusCode": http.StatusOK, "Payload": string(out)}
	if failure != nil {
		said["FunctionError"], said["Payload"] = "Unhandled", string(failure.Payload)
	}
	return json.Marshal(said)
}
