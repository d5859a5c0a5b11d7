package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"opsflow/shared/local/states/value"
)

func member(v any, name string) any {
	if o, ok := v.(*value.Object); ok {
		m, _ := o.Get(name)
		return m
	}
	return nil
}

func textMember(v any, name string) string {
	s, _ := member(v, name).(string)
	return s
}

// invokeByParameters is lambda:invoke. A Payload that is a string is the payload's own text; null is {}.
func (x *execution) invokeByParameters(ctx context.Context, p any) (any, *failure, error) {
	function := textMember(p, "FunctionName")
	if function == "" {
		return nil, nil, &APIError{Code: "ValidationException", Message: "FunctionName must be a string"}
	}
	payload := []byte("{}")
	switch v := member(p, "Payload").(type) {
	case nil:
	case string:
		payload = []byte(v)
	default:
		payload = value.Text(v)
	}
	result, f, err := x.invoke(ctx, function, payload)
	if f != nil || err != nil {
		return nil, f, err
	}
	id, err := newUUID(x.e.random)
	if err != nil {
		return nil, nil, err
	}
	out := value.ObjectOf(value.Member{Key: "ExecutedVersion", Value: "$LATEST"})
	if member(p, "LogType") == "Tail" {
		out.Set("LogResult", "")
	}
	out.Set("Payload", result)
	out.Set("SdkHttpMetadata", value.ObjectOf(value.Member{Key: "HttpStatusCode", Value: number(200)}))
	out.Set("SdkResponseMetadata", value.ObjectOf(value.Member{Key: "RequestId", Value: id}))
	out.Set("StatusCode", number(200))
	return out, nil, nil
}

// putEvents is events:putEvents.
func (x *execution) putEvents(ctx context.Context, p any) (any, *failure, error) {
	entries, ok := member(p, "Entries").([]any)
	if !ok || len(entries) == 0 {
		return nil, nil, &APIError{Code: "ValidationException", Message: "Entries must be a list with at least one entry"}
	}
	var events []Event
	var ids []any
	for _, entry := range entries {
		id, err := newUUID(x.e.random)
		if err != nil {
			return nil, nil, err
		}
		ev := Event{
			ID: id, Time: x.e.now(), Source: textMember(entry, "Source"), DetailType: textMember(entry, "DetailType"),
			Bus: textMember(entry, "EventBusName"), Resources: []string{x.arn, x.e.machineARN(x.rec.Machine)},
		}
		if ev.Bus == "" {
			ev.Bus = "default"
		}
		if err := x.mayUse("events:PutEvents", x.e.busARN(ev.Bus)); err != nil {
			return nil, nil, err
		}
		switch d := member(entry, "Detail").(type) {
		case string:
			ev.Detail = json.RawMessage(d)
		default:
			ev.Detail = value.Text(d)
		}
		more, _ := member(entry, "Resources").([]any)
		for _, r := range more {
			if s, ok := r.(string); ok {
				ev.Resources = append(ev.Resources, s)
			}
		}
		events = append(events, ev)
		ids = append(ids, value.ObjectOf(value.Member{Key: "EventId", Value: id}))
	}
	if err := x.e.emit(ctx, events); err != nil {
		return nil, nil, err
	}
	return value.ObjectOf(
		value.Member{Key: "Entries", Value: ids},
		value.Member{Key: "FailedEntryCount", Value: number(0)},
	), nil, nil
}

// named gives the parameters of startExecution a Name if they have none, so that starting again after a restart
// starts nothing new.
func (x *execution) named(p any) any {
	o, ok := p.(*value.Object)
	if !ok || member(p, "Name") != nil {
		return p
	}
	name, err := newUUID(x.e.random)
	if err != nil {
		return p
	}
	return o.With("Name", name)
}

func (x *execution) linkTo(t *thread) link { return link{x.key, t.ID, t.Task.Attempt} }

// startChild is states:startExecution.
func (x *execution) startChild(ctx context.Context, r resource, id int, job *task) (any, *failure, error) {
	p := job.Parameters.V
	in := StartExecutionInput{StateMachineARN: textMember(p, "StateMachineArn"), Name: textMember(p, "Name"), Input: "{}"}
	switch v := member(p, "Input").(type) {
	case nil:
	case string:
		in.Input = v
	default:
		in.Input = string(value.Text(v))
	}
	if strings.HasPrefix(r.pattern, "sync") {
		in.parent = &link{x.key, id, job.Attempt}
	}
	if err := x.mayUse("states:StartExecution", in.StateMachineARN); err != nil {
		return nil, nil, err
	}
	out, err := x.e.StartExecution(ctx, in)
	var api *APIError
	if errors.As(err, &api) && api.Code == "ExecutionAlreadyExists" && in.parent != nil && job.Attempt > 0 {
		// Started before a restart and over by now, if it is ours.
		if rec, e := x.e.load(ctx, executionKey(in.arn(x.e))); e == nil && rec.Parent != nil && *rec.Parent == *in.parent {
			out, err = StartExecutionOutput{ExecutionARN: in.arn(x.e), StartDate: time.UnixMilli(rec.StartedAt)}, nil
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return value.ObjectOf(
		value.Member{Key: "ExecutionArn", Value: out.ExecutionARN},
		value.Member{Key: "StartDate", Value: out.StartDate.UTC().Format(isoMillis)},
	), nil, nil
}

// childEnded gives the outcome of a child execution to the task that waits for it.
func (x *execution) childEnded(l link, child *record, arn string) {
	x.e.report(x.burst(x.e.ctx, func() error {
		t := x.threads[l.Thread]
		if t == nil || t.Phase != phaseTask || t.Task.Attempt != l.Attempt || !t.Task.Submitted {
			return nil
		}
		x.touch(t)
		d := x.e.describe(child, arn)
		out := value.ObjectOf(
			value.Member{Key: "ExecutionArn", Value: arn},
			value.Member{Key: "Input", Value: child.Input},
			value.Member{Key: "Name", Value: child.Name},
			value.Member{Key: "StartDate", Value: d.StartDate.UTC().Format(isoMillis)},
			value.Member{Key: "StateMachineArn", Value: d.StateMachineARN},
			value.Member{Key: "Status", Value: child.Status},
			value.Member{Key: "StopDate", Value: d.StopDate.UTC().Format(isoMillis)},
		)
		if child.Error != nil {
			out.Set("Error", *child.Error)
		}
		if child.Cause != nil {
			out.Set("Cause", *child.Cause)
		}
		if child.Status != StatusSucceeded {
			x.taskFailed(t, &failure{Name: errTaskFailed, Cause: string(value.Text(out))})
			return nil
		}
		output := any(*child.Output)
		if strings.HasSuffix(t.state().resource, ".sync:2") {
			v, err := value.Parse([]byte(*child.Output))
			if err != nil {
				return fmt.Errorf("output of %s: %w", arn, err)
			}
			output = v
		}
		out.Set("Output", output)
		x.taskSucceeded(t, out)
		return nil
	}))
}
