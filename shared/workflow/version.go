package workflow

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"opsflow/shared/ops"
)

// goOnFrom puts an instance that has ended on a version of its template, its own (0) or a newer one, and gives that version's
// plan. What is recorded of a step stays that of the step with its id; a step that the version does not have, or has as
// another kind, may not have begun: its work would be lost. CodeInvalid with every such step.
func (e *Engine) goOnFrom(ctx context.Context, i *ops.Instance, version int) (*plan, error) {
	if version == 0 || version == i.TemplateVersion {
		return e.plan(ctx, i.Template, i.TemplateVersion)
	}
	wrong := func(expected string) error {
		return ops.Invalid("retry", []ops.Fault{{Path: "$.version", Expected: expected, Got: strconv.Itoa(version)}})
	}
	if version < i.TemplateVersion {
		return nil, wrong(fmt.Sprintf("%d, on which it ran, or newer", i.TemplateVersion))
	}
	p, err := e.plan(ctx, i.Template, version)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil, wrong("a version that there is")
	}
	if err != nil {
		return nil, err
	}
	if !p.template.Published {
		return nil, wrong("a version that is published")
	}
	steps, faults := carryOver(i.Steps, p.template)
	if err := ops.Invalid("retry", faults); err != nil {
		return nil, err
	}
	i.Secrets = slices.Concat(i.Secrets, p.template.SecretPaths())
	slices.Sort(i.Secrets)
	i.Secrets = slices.Compact(i.Secrets)
	i.Steps, i.TemplateVersion, i.StateMachine = steps, version, e.machineARN(p.template)
	return p, nil
}

// carryOver makes the records of a template's steps of those that another version left.
func carryOver(old []ops.StepRecord, t *ops.Template) ([]ops.StepRecord, []ops.Fault) {
	begun := map[string]*ops.StepRecord{}
	for n := range old {
		if old[n].Status != ops.StepPending || old[n].Loop > 0 {
			begun[old[n].ID] = &old[n]
		}
	}
	steps := make([]ops.StepRecord, 0, len(t.Steps))
	var faults []ops.Fault
	for n := range t.Steps {
		s := &t.Steps[n]
		rec := ops.StepRecord{ID: s.ID, Name: s.Name, Kind: s.Kind, Status: ops.StepPending}
		if was := begun[s.ID]; was != nil && was.Kind == s.Kind {
			rec = *was
			rec.Name = s.Name
		} else if was != nil {
			faults = append(faults, ops.Fault{
				Path: "$.version", Expected: fmt.Sprintf("a version in which step %s is of kind %s: it has begun as such", s.ID, was.Kind), Got: string(s.Kind),
			})
		}
		steps = append(steps, rec)
	}
	for n := range old {
		if begun[old[n].ID] != nil && t.Step(old[n].ID) == nil {
			faults = append(faults, ops.Fault{
				Path: "$.version", Expected: fmt.Sprintf("a version that has step %s: it is %s", old[n].ID, old[n].Status),
			})
		}
	}
	return steps, faults
}
