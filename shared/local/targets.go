package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/local/action"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/events"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/sqs"
	"opsflow/shared/local/states"
)

// invokeTarget runs a function for a rule.
func (rt *Runtime) invokeTarget(ctx context.Context, function string, payload []byte) error {
	_, failure, err := rt.invoke(ctx, rt.o.Clock, function, payload)
	if failure != nil {
		return &events.FunctionFailed{Type: failure.Type, Message: failure.Message, Payload: failure.Payload}
	}
	return targetError(err)
}

// noResource are the errors by which services say that something does not exist.
var noResource = map[string]bool{"ResourceNotFoundException": true, "StateMachineDoesNotExist": true, "QueueDoesNotExist": true}

// targetError tells EventBridge what to make of an error of a service.
func targetError(err error) error {
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		return &events.TargetError{Code: "NO_PERMISSIONS", Err: denied}
	}
	coded, ok := errors.AsType[errorCoder](err)
	switch {
	case !ok:
		return err
	case noResource[coded.ErrorCode()]:
		return events.NoResource(err)
	case coded.ErrorCode() == lambda.TooManyRequests:
		return fmt.Errorf("%w: %w", events.ErrThrottled, err)
	case strings.HasPrefix(coded.ErrorCode(), "Invalid"):
		return &events.TargetError{Code: "INVALID_PARAMETER", Err: err}
	}
	return err
}

// deliver gives an event to the target of a rule, with the permissions of the role that the rule gives the target.
func (rt *Runtime) deliver(ctx context.Context, a events.Attempt) error {
	parts := strings.SplitN(a.Target, ":", 6) // arn:aws:service:region:account:resource
	switch parts[2] {
	case "states":
		if err := rt.mayDeliver(a.Role, "states:StartExecution", a.Target); err != nil {
			return err
		}
		return rt.across(ctx, boundary.States, "StartExecution", func(ctx context.Context) error {
			_, err := rt.states.StartExecution(ctx, states.StartExecutionInput{StateMachineARN: a.Target, Input: string(a.Payload)})
			return err
		})
	case "sqs":
		return rt.across(ctx, boundary.SQS, "SendMessage", func(ctx context.Context) error {
			_, _, err := rt.queues.Send(ctx, a.Target, sqs.Message{Body: string(a.Payload), Group: a.Group})
			return err
		})
	case "sns":
		return rt.across(ctx, boundary.SNS, "Publish", func(context.Context) error {
			rt.outbox.add(Message{At: rt.o.Clock.Now(), ID: a.EventID, Channel: "topic", To: a.Target, Text: string(a.Payload)})
			return nil
		})
	case "logs":
		return rt.logEvent(strings.TrimSuffix(strings.TrimPrefix(parts[5], "log-group:"), ":*"), a)
	}
	return events.NoResource(fmt.Errorf("there is no service %s here", parts[2]))
}

// across makes a request of EventBridge's to another service.
func (rt *Runtime) across(ctx context.Context, service, operation string, request func(context.Context) error) error {
	_, err := send(ctx, rt.border, boundary.Call{Service: service, Operation: operation}, rt.o.Clock,
		func(ctx context.Context) (struct{}, error) { return struct{}{}, request(ctx) })
	return targetError(err)
}

func (rt *Runtime) mayDeliver(role, operation, resource string) error {
	return targetError(rt.mayAs(role, iam.Request{Action: operation, Resource: resource}))
}

// mayForward asks whether a rule's role may put events on another bus.
func (rt *Runtime) mayForward(role, bus, source string) error {
	return rt.mayAs(role, action.Put(bus, source))
}

// mayCall asks whether a rule's role may call an API destination.
func (rt *Runtime) mayCall(role, destination string) error {
	return rt.mayAs(role, iam.Request{Action: "events:InvokeApiDestination", Resource: destination})
}

// mayAs holds a request against the role that a service was given. One that is not of the template may do everything.
func (rt *Runtime) mayAs(role string, r iam.Request) error {
	return rt.permissions.checkSession(session{rt.permissions.roles[role], "events"}, r)
}

// logEvent writes an event to a log group, in a stream of its own name, as EventBridge does.
func (rt *Runtime) logEvent(group string, a events.Attempt) error {
	var line bytes.Buffer
	if err := json.Compact(&line, a.Payload); err != nil {
		return &events.TargetError{Code: "INVALID_JSON", Err: err}
	}
	name := strings.ReplaceAll(strings.Trim(group, "/"), "/", "_")
	rt.logs.Of(name, group).Named(a.EventID).Print(line.String())
	return nil
}
