package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"opsflow/shared/local/boundary"
	"opsflow/shared/local/events"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/logs"
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
	case coded.ErrorCode() == deniedCode:
		return &events.TargetError{Code: "NO_PERMISSIONS", Err: err}
	case strings.HasPrefix(coded.ErrorCode(), "Invalid") || coded.ErrorCode() == "ValidationException":
		return &events.TargetError{Code: "INVALID_PARAMETER", Err: err}
	}
	return err
}

// deliver gives an event to the target of a rule or schedule.
func (rt *Runtime) deliver(ctx context.Context, a events.Attempt) error {
	parts := strings.SplitN(a.Target, ":", 6) // arn:aws:service:region:account:resource
	switch parts[2] {
	case "states":
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
			_, err := rt.publish(publishing{TopicArn: a.Target, Message: string(a.Payload)})
			return err
		})
	case "scheduler":
		return targetError(rt.universal(ctx, parts[5], a))
	case "logs":
		return rt.logEvent(strings.TrimSuffix(strings.TrimPrefix(parts[5], "log-group:"), ":*"), a)
	}
	return events.NoResource(fmt.Errorf("there is no service %s here", parts[2]))
}

// universal carries out an operation of a service for a schedule: aws-sdk:sqs:sendMessage.
func (rt *Runtime) universal(ctx context.Context, target string, a events.Attempt) error {
	parts := strings.SplitN(target, ":", 3)
	input := a.Payload
	if parts[1] == "sfn" { // schedules write members in PascalCase whatever the API does
		var members map[string]json.RawMessage
		if err := json.Unmarshal(input, &members); err != nil {
			return &events.TargetError{Code: "INVALID_JSON", Err: err}
		}
		renamed := make(map[string]json.RawMessage, len(members))
		for name, v := range members {
			renamed[strings.ToLower(name[:1])+name[1:]] = v
		}
		var err error
		if input, err = json.Marshal(renamed); err != nil {
			return &events.TargetError{Code: "INVALID_JSON", Err: err}
		}
	}
	_, err := rt.callService(ctx, states.Call{
		Service: parts[1], Operation: strings.ToUpper(parts[2][:1]) + parts[2][1:], Input: input, Role: a.Role, Session: "scheduler",
	})
	return err
}

// across makes a request of EventBridge's to another service.
func (rt *Runtime) across(ctx context.Context, service, operation string, request func(context.Context) error) error {
	return targetError(rt.border.carry(ctx, service, operation, request))
}

// may holds what a target is to be asked for against the role that it is asked with. One that is not of the template may do
// everything.
func (rt *Runtime) may(role, action, resource string, keys map[string][]string) error {
	return rt.permissions.checkSession(session{rt.permissions.now().roles[role], "events"}, iam.Request{Action: action, Resource: resource, Context: keys})
}

// maySendAs asks the policies of a bus: those of the template, and the one that PutPermission gave it.
func (rt *Runtime) maySendAs(ctx context.Context, bus, source string) bool {
	var own []iam.Statement
	if b, err := rt.events.Bus(bus); err == nil && b.Policy != "" {
		if own, err = policyOf(b); err != nil {
			rt.o.Logger.WarnContext(ctx, "the policy of the bus can't be read, so that nobody may send to it", "bus", bus, "error", err)
			return false
		}
	}
	return rt.permissions.maySendAs(ctx, bus, source, own)
}

func policyOf(b events.Bus) ([]iam.Statement, error) {
	var document map[string]any
	if err := json.Unmarshal([]byte(b.Policy), &document); err != nil {
		return nil, err
	}
	return iam.ParsePolicy(document)
}

// logEvent writes an event to a log group, in a stream of its own name, as EventBridge does.
func (rt *Runtime) logEvent(group string, a events.Attempt) error {
	var line bytes.Buffer
	if err := json.Compact(&line, a.Payload); err != nil {
		return &events.TargetError{Code: "INVALID_JSON", Err: err}
	}
	rt.logGroup(group).Named(a.EventID).Print(line.String())
	return nil
}

// logGroup is the log of a group that is no function's.
func (rt *Runtime) logGroup(group string) *logs.Log {
	return rt.logs.Of(strings.ReplaceAll(strings.Trim(group, "/"), "/", "_"), group)
}

// logHistory writes what state machines log.
func (rt *Runtime) logHistory(group, stream string, lines []string) {
	rt.logGroup(group).Named(stream).Print(strings.Join(lines, "\n"))
}
