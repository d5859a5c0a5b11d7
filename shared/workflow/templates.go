package workflow

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// ListTemplates gives all versions of all templates, built-in ones included: by name, newest version first.
func (e *Engine) ListTemplates(ctx context.Context) ([]*ops.Template, error) {
	stored, err := e.Store.Templates(ctx)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	all, err := Builtin()
	if err != nil {
		return nil, err
	}
	all = append(slices.Clone(all), stored...)
	slices.SortStableFunc(all, func(a, b *ops.Template) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return b.Version - a.Version
	})
	return all, nil
}

// GetTemplate gives one version; version 0 is the newest published one. CodeNotFound. The answer is shared: nobody may change
// it.
func (e *Engine) GetTemplate(ctx context.Context, name string, version int) (*ops.Template, error) {
	if version == 0 {
		var err error
		if version, err = e.newest(ctx, name); err != nil {
			return nil, err
		}
	}
	// Nobody can store a version that is built in (see CreateTemplate), so that no read is needed to know.
	t, err := builtinNamed(name)
	if err != nil || t != nil && t.Version == version {
		return t, err
	}
	return e.Store.Template(ctx, name, version)
}

// newest is the version of a template that starts when none is named. CodeNotFound.
func (e *Engine) newest(ctx context.Context, name string) (int, error) {
	current, err := e.Store.CurrentTemplate(ctx, name)
	if err != nil || current.Version > 0 {
		return current.Version, err
	}
	t, err := builtinNamed(name)
	if err != nil {
		return 0, err
	}
	if t == nil {
		return 0, ops.Errorf(ops.CodeNotFound, "there is no published template %q", name)
	}
	return t.Version, nil
}

// CreateTemplate stores a template's next version, unpublished. CodeInvalid with every fault; CodeConflict when somebody
// else made that version at the same moment.
func (e *Engine) CreateTemplate(ctx context.Context, body []byte, actor ops.Actor) (*ops.Template, error) {
	t, err := Read(body, e.Actions, e.Forms)
	if err != nil {
		return nil, err
	}
	all, err := e.ListTemplates(ctx)
	if err != nil {
		return nil, err
	}
	version := 1
	for _, other := range all {
		if other.Name == t.Name {
			version = max(version, other.Version+1)
		}
	}
	now := e.Clock.Now()
	t.Meta = ops.Meta{CreatedAt: now, UpdatedAt: now}
	t.Version, t.Active, t.Published, t.StateMachine, t.UpdatedBy = version, true, false, "", actor.ID
	change := audit.Change{Actor: actor, Action: "template.create", Target: t.Ref(), After: t}
	entry, err := audit.Entry(ctx, e.Store, change, now)
	if err != nil {
		return nil, err
	}
	if err := e.Store.Save(ctx, t, entry); err != nil {
		return nil, fmt.Errorf("store template %s: %w", t.Name, err)
	}
	return t, nil
}

// ValidateTemplate says what CreateTemplate would make of a template, and stores nothing.
func (e *Engine) ValidateTemplate(ctx context.Context, body []byte) (Verdict, error) {
	t, err := Read(body, e.Actions, e.Forms)
	if err != nil {
		return VerdictOn(Advice{}, err)
	}
	return VerdictOn(e.Advise(ctx, t))
}

// Publish makes the version's state machine and lets workflows start from it; again, it does nothing. CodeNotFound.
func (e *Engine) Publish(ctx context.Context, name string, version int, actor ops.Actor) (*ops.Template, error) {
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
	now, before := e.Clock.Now(), *t
	t.Published, t.StateMachine, t.PublishedAt, t.UpdatedAt, t.UpdatedBy = true, arn, now, now, actor.ID
	if err := arm(t, now); err != nil {
		return nil, err
	}
	change := audit.Change{Actor: actor, Action: "template.publish", Target: t.Ref(), Before: before, After: t}
	entry, err := audit.Entry(ctx, e.Store, change, now)
	if err != nil {
		return nil, err
	}
	if err := e.savePublished(ctx, t, entry); err != nil {
		return nil, fmt.Errorf("publish template %s: %w", t.Name, err)
	}
	return t, nil
}

// savePublished stores a version that is published now; from then on it starts, unless a newer one does.
func (e *Engine) savePublished(ctx context.Context, t *ops.Template, entry *ops.AuditEntry) error {
	for {
		current, err := e.Store.CurrentTemplate(ctx, t.Name)
		if err != nil {
			return err
		}
		records := []ops.Record{t, entry}
		if current.Version < t.Version {
			current.Version = t.Version
			records = append(records, current)
		}
		err = e.Store.Save(ctx, records...)
		if lost := ops.AsConflict(err); lost == nil || lost.Has(t.Ref()) || lost.Has(entry.Ref()) {
			return err
		}
	}
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
