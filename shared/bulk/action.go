package bulk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// do does an action to one record. The note says what came of it, where that isn't plain: also when the store would not
// save it.
type do func(ctx context.Context, s Services, id string, by ops.Actor) (note string, err error)

// action says what a bulk action is done to, and how.
type action struct {
	kind ops.Kind
	with func(params json.RawMessage) (do, error)
}

// none is for actions that take no parameters.
type none struct{}

// control is why a workflow is paused, resumed or cancelled.
type control struct {
	Reason string `json:"reason"`
}

// retry is how failed workflows are tried again; see workflow.Retry.
type retry struct {
	FromStep string                     `json:"from_step"`
	Context  map[string]json.RawMessage `json:"context"`
	Skip     []string                   `json:"skip"`
	Version  int                        `json:"version"`
	Reason   string                     `json:"reason"`
}

// rejection is why tasks are rejected.
type rejection struct {
	Comment string `json:"comment"`
}

var actions = map[ops.BulkAction]action{
	ops.BulkAcknowledgeAlerts: {ops.KindAlert, with(func(ctx context.Context, s Services, id string, by ops.Actor, _ none) error {
		_, err := s.Alerts.Acknowledge(ctx, id, by)
		return err
	})},
	ops.BulkResolveAlerts: {ops.KindAlert, with(func(ctx context.Context, s Services, id string, by ops.Actor, r alert.Resolution) error {
		_, err := s.Alerts.Resolve(ctx, id, by, r)
		return err
	})},
	ops.BulkCloseAlerts: {ops.KindAlert, with(func(ctx context.Context, s Services, id string, by ops.Actor, _ none) error {
		_, err := s.Alerts.Close(ctx, id, by)
		return err
	})},
	ops.BulkClaimTasks: {ops.KindTask, with(func(ctx context.Context, s Services, id string, by ops.Actor, _ none) error {
		_, err := s.Tasks.Claim(ctx, id, by)
		return err
	})},
	ops.BulkCompleteTasks: {ops.KindTask, with(func(ctx context.Context, s Services, id string, by ops.Actor, d task.Decision) error {
		_, err := s.Tasks.Complete(ctx, id, by, d)
		return err
	})},
	ops.BulkRejectTasks: {ops.KindTask, with(func(ctx context.Context, s Services, id string, by ops.Actor, r rejection) error {
		_, err := s.Tasks.Reject(ctx, id, by, r.Comment)
		return err
	})},
	ops.BulkPauseWorkflows: {ops.KindInstance, with(func(ctx context.Context, s Services, id string, by ops.Actor, c control) error {
		_, err := s.Workflows.Pause(ctx, id, by, c.Reason)
		return err
	})},
	ops.BulkResumeWorkflows: {ops.KindInstance, with(func(ctx context.Context, s Services, id string, by ops.Actor, c control) error {
		_, err := s.Workflows.Resume(ctx, id, by, c.Reason)
		return err
	})},
	ops.BulkCancelWorkflows: {ops.KindInstance, with(func(ctx context.Context, s Services, id string, by ops.Actor, c control) error {
		_, err := s.Workflows.Cancel(ctx, id, by, c.Reason)
		return err
	})},
	ops.BulkRetryWorkflows: {ops.KindInstance, with(func(ctx context.Context, s Services, id string, by ops.Actor, r retry) error {
		_, err := s.Workflows.Retry(ctx, id, by, workflow.Retry(r))
		return err
	})},
	ops.BulkReplayEvents: {ops.KindEvent, noting(func(ctx context.Context, s Services, id string, by ops.Actor, _ none) (string, error) {
		return s.Events.ReplayOne(ctx, id, by)
	})},
}

// with is noting for an action of which there is nothing to note.
func with[P any](run func(context.Context, Services, string, ops.Actor, P) error) func(json.RawMessage) (do, error) {
	return noting(func(ctx context.Context, s Services, id string, by ops.Actor, p P) (string, error) {
		return "", run(ctx, s, id, by, p)
	})
}

// noting makes a do of an action that takes parameters of type P, which are read strictly.
func noting[P any](run func(context.Context, Services, string, ops.Actor, P) (string, error)) func(json.RawMessage) (do, error) {
	return func(params json.RawMessage) (do, error) {
		var p P
		if len(params) > 0 {
			if err := decodeStrict(params, &p); err != nil {
				return nil, err
			}
		}
		return func(ctx context.Context, s Services, id string, by ops.Actor) (string, error) {
			return run(ctx, s, id, by, p)
		}, nil
	}
}

// decodeStrict reads parameters. CodeInvalid names the member that is unknown or of a wrong type.
func decodeStrict(params json.RawMessage, into any) error {
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	fault := ops.Fault{Path: "$.params", Expected: "an object with the parameters of the action", Got: ops.Shown(params)}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field != "" {
			fault = ops.Fault{Path: "$.params." + e.Field, Expected: "of type " + e.Type.String()}
		}
		fault.Got = "a JSON " + e.Value
	} else if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		var all map[string]json.RawMessage
		_ = json.Unmarshal(params, &all) // it is JSON
		fault = ops.Fault{Path: "$.params." + name, Expected: "absent: the action has no such parameter", Got: ops.Shown(all[name])}
	}
	return ops.Invalid("request", []ops.Fault{fault})
}

// find gives an action and what it does with the parameters. CodeInvalid.
func find(name ops.BulkAction, params json.RawMessage) (ops.Kind, do, error) {
	a, ok := actions[name]
	if !ok {
		all := make([]string, 0, len(actions))
		for _, n := range ops.BulkActions() {
			all = append(all, string(n))
		}
		return "", nil, ops.Invalid("request", []ops.Fault{{
			Path: "$.action", Expected: "one of " + strings.Join(all, ", "), Got: string(name),
		}})
	}
	run, err := a.with(params)
	return a.kind, run, err
}
