package workflow

import (
	"context"
	"fmt"
	"slices"
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
	all, err := e.builtin()
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

// GetTemplate gives one version; version 0 is the newest active one. CodeNotFound. The answer is shared: nobody may change
// it.
func (e *Engine) GetTemplate(ctx context.Context, name string, version int) (*ops.Template, error) {
	if version == 0 {
		var err error
		if version, err = e.newest(ctx, name); err != nil {
			return nil, err
		}
	}
	// Nobody can store a version that is built in (see CreateTemplate), so that no read is needed to know.
	t, err := e.builtinNamed(name)
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
	t, err := e.builtinNamed(name)
	if err != nil {
		return 0, err
	}
	if t == nil {
		return 0, ops.Errorf(ops.CodeNotFound, "there is no active template %q", name)
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
	t.Version, t.Active, t.Published, t.StateMachine, t.UpdatedBy = version, false, false, "", actor.ID
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
