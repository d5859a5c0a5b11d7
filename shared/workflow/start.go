package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const (
	// MaxContext is the most that an instance can be started with, in bytes of JSON: what steps add must fit in the
	// record too.
	MaxContext = 200 << 10
	// startWithin is how long after its instance an execution should have begun.
	startWithin = time.Minute
)

// Plan implements ops.Workflows.
func (e *Engine) Plan(ctx context.Context, r ops.StartRequest) (*ops.Instance, error) {
	version := r.Version
	if version == 0 {
		var err error
		if version, err = e.newest(ctx, r.Template); err != nil {
			return nil, err
		}
	}
	p, err := e.plan(ctx, r.Template, version)
	if err != nil {
		return nil, err
	}
	t := p.template
	if !t.Published {
		return nil, ops.Errorf(ops.CodeInvalid, "template %s is not published", ops.TemplateID(t.Name, t.Version))
	}
	if err := keepable(r.Context); err != nil {
		return nil, err
	}
	id := r.ID
	if id == "" {
		if id, err = ops.RandomID("wf-", e.Random); err != nil {
			return nil, err
		}
	}
	minutes := t.EstimatedMinutes
	i := &ops.Instance{
		ID: id, Template: t.Name, TemplateVersion: t.Version, Type: t.Type, Name: r.Name, Team: t.Team, Priority: t.Priority,
		Status: ops.InstancePending, Attempt: 1, Context: r.Context, Secrets: t.SecretPaths(), Subject: r.Subject, AssignedTo: string(t.Team),
		TriggeredBy: r.TriggeredBy, StateMachine: e.machineARN(t),
	}
	for n := range t.Steps {
		s := &t.Steps[n]
		i.Steps = append(i.Steps, ops.StepRecord{ID: s.ID, Name: s.Name, Kind: s.Kind, Status: ops.StepPending})
		if t.EstimatedMinutes == 0 {
			minutes += s.Minutes()
		}
	}
	if i.Name == "" {
		i.Name = t.Name
		if !r.Subject.IsZero() {
			i.Name += " " + r.Subject.ID
		}
	}
	now := e.Clock.Now()
	i.CreatedAt, i.UpdatedAt = now, now
	i.DueAt = now.Add(time.Duration(minutes) * time.Minute)
	i.SetTimer(ops.TimerSLA, i.DueAt)
	toStart(i, t, now)
	e.expect(ctx, p, i)
	by := r.TriggeredBy.User
	if by == "" {
		by = ops.System().ID
	}
	i.Log(ops.HistoryEntry{At: now, What: "created", By: by})
	return i, nil
}

// toStart makes an instance wait for its start, or first for a slot.
func toStart(i *ops.Instance, t *ops.Template, now time.Time) {
	i.WaitFor(ops.WaitingFor{Kind: ops.WaitStart, Since: now})
	if t.MaxParallelInstances > 0 && !i.Slot {
		i.WaitingFor.Kind = ops.WaitSlot
	}
	i.SetTimer(ops.TimerStart, now.Add(startWithin))
}

// keepable refuses a context that the table could not keep.
func keepable(context map[string]json.RawMessage) error {
	text, err := json.Marshal(context)
	if err != nil {
		return ops.Errorf(ops.CodeInvalid, "the context is not JSON: %w", err)
	}
	if len(text) > MaxContext {
		return ops.Errorf(ops.CodeTooLarge, "the context has %d bytes; at most %d can be given", len(text), MaxContext)
	}
	return storable(text, "$.context")
}

// storable refuses JSON at path that the table can't keep.
func storable(text []byte, path string) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return ops.Errorf(ops.CodeInvalid, "this is not JSON: %w", err)
	}
	return ops.Invalid("value", rule.Unkeepable(doc, path))
}

// Launch implements ops.Workflows. It writes nothing, unless the instance needs a slot or a place in the queue: the first
// invocation of run-steps takes the instance over, and until then the start timer stands.
func (e *Engine) Launch(ctx context.Context, i *ops.Instance) error {
	if needsSlot(i) {
		if err := e.admit(ctx, i); err != nil {
			return fmt.Errorf("take a slot for workflow %s: %w", i.ID, err)
		}
	}
	if queued(i) {
		return nil
	}
	err := e.launch(ctx, i)
	if errors.Is(err, ops.ErrExecutionExists) {
		return nil
	}
	return err
}

// launch tells a name that is taken by ErrExecutionExists.
func (e *Engine) launch(ctx context.Context, i *ops.Instance) error {
	input, err := json.Marshal(Drive{InstanceID: i.ID, Attempt: i.Attempt})
	if err != nil {
		return fmt.Errorf("write the input of workflow %s: %w", i.ID, err)
	}
	if err := e.Executions.Start(ctx, i.StateMachine, i.ExecutionName(), input); err != nil {
		return fmt.Errorf("start workflow %s: %w", i.ID, err)
	}
	return nil
}

// Start begins a workflow for a person, whose name it is written down under. CodeNotFound for an unknown template,
// CodeInvalid, CodeTooLarge. Once the instance is stored it will begin: an execution that could not be started now is
// started by sweep-due.
func (e *Engine) Start(ctx context.Context, r ops.StartRequest, actor ops.Actor) (*ops.Instance, error) {
	r.TriggeredBy.Kind, r.TriggeredBy.User = "manual", actor.ID
	i, err := e.Plan(ctx, r)
	if err != nil {
		return nil, err
	}
	entry, err := audit.First(ctx, audit.Change{Actor: actor, Action: "workflow.start", Target: i.Ref(), After: startOf{
		Template: i.Template, Version: i.TemplateVersion, Name: i.Name, Subject: i.Subject, Context: i.Context,
	}}, e.Clock.Now())
	if err != nil {
		return nil, err
	}
	if err := e.admit(ctx, i, entry); err != nil {
		return nil, fmt.Errorf("store workflow %s: %w", i.ID, err)
	}
	if err := e.Launch(ctx, i); err != nil {
		e.Logger.WarnContext(ctx, "execution not started; sweep-due will", "instance", i.ID, "error", err)
	}
	return i, nil
}

// startOf is what the audit entry of a start tells.
type startOf struct {
	Template string                     `json:"template"`
	Version  int                        `json:"template_version"`
	Name     string                     `json:"name"`
	Subject  ops.SubjectRef             `json:"subject,omitzero"`
	Context  map[string]json.RawMessage `json:"context,omitempty"`
}
