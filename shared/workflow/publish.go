package workflow

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Publish makes the version's state machine: from then on the version never changes, and workflows can be started from it
// that name it. With activate those that name none start from it too, unless a newer version is active: see Activate. Again,
// it does nothing. CodeNotFound.
func (e *Engine) Publish(ctx context.Context, name string, version int, actor ops.Actor, activate bool) (*ops.Template, error) {
	t, err := e.GetTemplate(ctx, name, version)
	if err != nil || t.Published {
		return t, err
	}
	definition, err := e.definition(t)
	if err != nil {
		return nil, err
	}
	prefix := e.MachinePrefix[strings.LastIndexByte(e.MachinePrefix, ':')+1:]
	arn, err := e.Machines.Create(ctx, prefix+machineName(name, version), definition)
	if err != nil {
		return nil, fmt.Errorf("make the state machine of %s: %w", ops.TemplateID(name, version), err)
	}
	return e.changeTemplate(ctx, name, version, actor, "template.publish", "", func(t *ops.Template) (bool, error) {
		if t.Published {
			return false, nil
		}
		t.Published, t.Active, t.StateMachine, t.PublishedAt = true, activate, arn, e.Clock.Now()
		return true, nil
	})
}

// Activate lets workflows that name no version start from a published one, if it is the newest that is active; its schedule
// begins then. Again, it does nothing. CodeNotFound, CodeIllegalMove for a draft.
func (e *Engine) Activate(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error) {
	return e.setActive(ctx, name, version, actor, reason, true)
}

// Deactivate withdraws a version: workflows that name no version start from the newest one that is still active, the built-in
// one at last, and its schedule ends. What runs goes on, and workflows that name the version can be started as before. Again,
// it does nothing. CodeNotFound, CodeIllegalMove for a draft and for a version that is built in.
func (e *Engine) Deactivate(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error) {
	return e.setActive(ctx, name, version, actor, reason, false)
}

func (e *Engine) setActive(ctx context.Context, name string, version int, actor ops.Actor, reason string, active bool) (*ops.Template, error) {
	action := "template.activate"
	if !active {
		action = "template.deactivate"
	}
	return e.changeTemplate(ctx, name, version, actor, action, reason, func(t *ops.Template) (bool, error) {
		id := ops.TemplateID(name, version)
		if !t.Published {
			return false, ops.Errorf(ops.CodeIllegalMove, "template %s is a draft: publish it", id)
		}
		if t.Active == active {
			return false, nil
		}
		if t.StateMachine == "" {
			return false, ops.Errorf(ops.CodeIllegalMove, "template %s is built in: it starts whenever no other version is active", id)
		}
		t.Active = active
		t.ClearTimer(ops.TimerSchedule)
		return true, nil
	})
}

// changeTemplate stores a change of a version together with which one starts from then on. The latter is written in any case,
// so that of two changes at once the later knows of the earlier.
func (e *Engine) changeTemplate(
	ctx context.Context, name string, version int, actor ops.Actor, action, reason string, change func(*ops.Template) (bool, error),
) (*ops.Template, error) {
	for {
		current, err := e.Store.CurrentTemplate(ctx, name)
		if err != nil {
			return nil, err
		}
		t, err := e.GetTemplate(ctx, name, version)
		if err != nil {
			return nil, err
		}
		before := *t
		if changed, err := change(t); err != nil || !changed {
			return t, err
		}
		now := e.Clock.Now()
		t.UpdatedAt, t.UpdatedBy = now, actor.ID
		entry, err := audit.Entry(ctx, e.Store, audit.Change{
			Actor: actor, Action: action, Target: t.Ref(), Before: before, After: t, Reason: reason,
		}, now)
		if err != nil {
			return nil, err
		}
		records := []ops.Record{t, entry, current}
		starts, err := e.toStartFrom(ctx, current, t)
		if err != nil {
			return nil, err
		}
		if starts != nil {
			if err := arm(starts, now); err != nil {
				return nil, err
			}
			if starts != t {
				records = append(records, starts)
			}
		}
		watches, err := e.watchFrom(ctx, current, t, starts)
		if err != nil {
			return nil, err
		}
		if watches != nil {
			records = append(records, watches)
		}
		err = e.Store.Save(ctx, records...)
		e.watching.forget()
		if ops.AsConflict(err) != nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("store template %s: %w", ops.TemplateID(name, version), err)
		}
		return t, nil
	}
}

// toStartFrom notes in current which version starts now that one has changed: the newest active one, or none that is stored.
// It gives the template that starts if it did not before.
func (e *Engine) toStartFrom(ctx context.Context, current *ops.CurrentTemplate, changed *ops.Template) (*ops.Template, error) {
	was := current.Version
	current.Version = 0
	for version := max(was, changed.Version); version > 0; version-- {
		t := changed
		if version != changed.Version {
			var err error
			t, err = e.Store.Template(ctx, changed.Name, version)
			if ops.ErrorCode(err) == ops.CodeNotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		if !t.Published || !t.Active {
			continue
		}
		current.Version = version
		if version == was {
			return nil, nil
		}
		return t, nil
	}
	return nil, nil
}

// definition is the template's state machine, which calls this engine's functions.
func (e *Engine) definition(t *ops.Template) ([]byte, error) {
	f := e.Functions
	for name, arn := range map[string]string{"run-steps": f.RunSteps, "open-task": f.OpenTask, "record-outcome": f.RecordOutcome} {
		if arn == "" {
			return nil, ops.Errorf(ops.CodeInternal, "publish template %s: the ARN of %s is not configured", t.Name, name)
		}
	}
	return compile(t, f)
}

func machineName(template string, version int) string { return template + "-v" + strconv.Itoa(version) }

// machineARN is the template version's state machine.
func (e *Engine) machineARN(t *ops.Template) string {
	if t.StateMachine != "" {
		return t.StateMachine
	}
	return e.MachinePrefix + machineName(t.Name, t.Version)
}
