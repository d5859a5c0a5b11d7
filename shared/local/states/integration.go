package states

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"opsflow/shared/local/states/value"
	"opsflow/shared/local/uuid"
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
	id, err := uuid.New(x.e.random)
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

// putEvents is events:putEvents: PutEvents, where an entry's detail may be an object, and what the event comes from is added to
// its resources. It fails as soon as one entry was refused; the others are on their buses then.
func (x *execution) putEvents(ctx context.Context, p any) (any, *failure, error) {
	if given, ok := member(p, "Entries").([]any); ok {
		entries := make([]any, len(given))
		for i, entry := range given {
			entries[i] = x.eventEntry(entry)
		}
		p = value.ObjectOf(value.Member{Key: "Entries", Value: entries})
	}
	out, err := x.e.call(ctx, Call{"eventbridge", "PutEvents", value.Text(p), x.role(ctx), x.rec.Name})
	if err != nil {
		return nil, nil, err
	}
	answer, err := value.Parse(out)
	if err != nil {
		return nil, nil, fmt.Errorf("answer of PutEvents: %w", err)
	}
	failed := member(answer, "FailedEntryCount")
	result := value.ObjectOf(
		value.Member{Key: "Entries", Value: member(answer, "Entries")}, value.Member{Key: "FailedEntryCount", Value: failed},
	)
	if failed != number(0) {
		return nil, &failure{Name: "EventBridge.FailedEntry", Cause: string(value.Text(result)), task: true}, nil
	}
	return result, nil, nil
}

func (x *execution) eventEntry(entry any) any {
	o, ok := entry.(*value.Object)
	if !ok {
		return entry // PutEvents says what is wrong with it
	}
	if detail, ok := o.Get("Detail"); ok {
		if _, isText := detail.(string); !isText {
			o = o.With("Detail", string(value.Text(detail)))
		}
	}
	own, _ := member(o, "Resources").([]any)
	return o.With("Resources", append(slices.Clone(own), x.e.machineARN(x.rec.Machine), x.arn))
}

// named gives the parameters of startExecution a Name if they have none, so that starting again after a restart
// starts nothing new.
func (x *execution) named(p any) any {
	o, ok := p.(*value.Object)
	if !ok || member(p, "Name") != nil {
		return p
	}
	name, err := uuid.New(x.e.random)
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
	if err := x.mayUse(ctx, "states:StartExecution", in.StateMachineARN); err != nil {
		return nil, nil, err
	}
	var out StartExecutionOutput
	var first sync.Once // the answer of a request that arrives twice is given once
	err := x.e.across(ctx, "StartExecution", func(ctx context.Context) error {
		got, err := x.e.StartExecution(ctx, in)
		first.Do(func() { out = got })
		return err
	})
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
	request, err := uuid.New(x.e.random)
	if err != nil {
		return nil, nil, err
	}
	return value.ObjectOf(
		value.Member{Key: "ExecutionArn", Value: out.ExecutionARN},
		value.Member{Key: "SdkHttpMetadata", Value: value.ObjectOf(value.Member{Key: "HttpStatusCode", Value: number(200)})},
		value.Member{Key: "SdkResponseMetadata", Value: value.ObjectOf(value.Member{Key: "RequestId", Value: request})},
		value.Member{Key: "StartDate", Value: number(out.StartDate.UnixMilli())},
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
		out := x.e.envelope(child, func(at time.Time) any { return number(at.UnixMilli()) })
		if child.Status != StatusSucceeded {
			x.taskFailed(t, &failure{Name: errTaskFailed, Cause: string(value.Text(out))})
			return nil
		}
		if strings.HasSuffix(t.state().resource, ".sync:2") { // .sync leaves them as the text that they are
			for name, text := range map[string]string{"Input": child.Input, "Output": *child.Output} {
				v, err := value.Parse([]byte(text))
				if err != nil {
					return fmt.Errorf("%s of %s: %w", name, arn, err)
				}
				out.Set(name, v)
			}
		}
		x.taskSucceeded(t, out)
		return nil
	}))
}
