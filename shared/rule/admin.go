package rule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// List gives all rules, built-in and stored, the highest priority first.
func (e *Engine) List(ctx context.Context) ([]*ops.Rule, error) {
	return e.readRules(ctx, true)
}

// Get gives one rule. CodeNotFound.
func (e *Engine) Get(ctx context.Context, id string) (*ops.Rule, error) {
	stored, err := e.store.Rule(ctx, id)
	if err == nil {
		return stored, nil
	}
	if ops.ErrorCode(err) != ops.CodeNotFound {
		return nil, fmt.Errorf("read rule %s: %w", id, err)
	}
	r, err := e.builtinRule(id)
	if err != nil || r != nil {
		return r, err
	}
	return nil, ops.Errorf(ops.CodeNotFound, "no rule has the id %q", id)
}

// Create keeps a new rule, written as JSON. Its id is made from its name unless it has one. With the id of a built-in rule
// it takes that rule's place. CodeInvalid with every fault, and nothing is stored; CodeConflict when a stored rule has the
// id.
func (e *Engine) Create(ctx context.Context, body []byte, actor ops.Actor) (*ops.Rule, error) {
	r, err := e.decode(ctx, body)
	if err != nil {
		return nil, err
	}
	r.Meta, r.Version = ops.Meta{CreatedAt: e.clock.Now()}, 1
	if old, err := e.Get(ctx, r.ID); err == nil {
		if old.V > 0 {
			return nil, ops.Errorf(ops.CodeConflict, "a rule with the id %q exists; change that one", r.ID)
		}
		r.Version = old.Version + 1
	} else if ops.ErrorCode(err) != ops.CodeNotFound {
		return nil, err
	}
	return e.save(ctx, r, audit.Change{Actor: actor, Action: "rule.create", Reason: r.Reason})
}

// Update puts another text in a rule's place; id and history stay. version is the one that the change was made to (0: any):
// CodeConflict when the rule has another by now. CodeNotFound, CodeInvalid as for Create.
func (e *Engine) Update(ctx context.Context, id string, body []byte, version int, actor ops.Actor) (*ops.Rule, error) {
	old, err := e.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	r, err := e.decode(ctx, body)
	if err != nil {
		return nil, err
	}
	if version != 0 && version != old.Version {
		return nil, ops.Errorf(ops.CodeConflict, "rule %s has version %d by now, not %d", id, old.Version, version)
	}
	r.Meta, r.ID, r.Version = old.Meta, id, old.Version+1
	return e.save(ctx, r, audit.Change{Actor: actor, Action: "rule.update", Before: old, Reason: r.Reason})
}

// SetMode turns a rule on, off, or to only telling what it would do. reason says why, for people. CodeNotFound, CodeInvalid,
// CodeConflict.
func (e *Engine) SetMode(ctx context.Context, id string, mode ops.RuleMode, reason string, actor ops.Actor) (*ops.Rule, error) {
	r, err := e.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	old := *r
	r.Mode, r.Reason = mode, strings.TrimSpace(reason)
	if err := ops.Invalid("rule mode", r.Faults()); err != nil {
		return nil, err
	}
	r.Version++
	return e.save(ctx, r, audit.Change{Actor: actor, Action: "rule.mode", Before: old, Reason: r.Reason})
}

// Validate lists everything that is wrong with a rule: its form, its conditions and paths, and the ladders and templates
// that it names.
func (e *Engine) Validate(ctx context.Context, r *ops.Rule) ([]ops.Fault, error) {
	faults := append(r.Faults(), ValidateCondition(r.Condition, "$.condition", roots())...)
	for i := range r.Actions {
		a := &r.Actions[i]
		path := fmt.Sprintf("$.actions[%d]", i)
		if a.Unless != nil {
			if a.Unless.IsZero() {
				faults = append(faults, ops.Fault{Path: path + ".unless", Expected: "a condition", Got: "an empty object"})
			}
			faults = append(faults, ValidateCondition(*a.Unless, path+".unless", roots())...)
		}
		check := compiler{roots: roots()}
		eachRef(a, path, func(at, ref string) {
			if p := check.parsePath(ref, at); p.rest != nil {
				check.fault(at, "the path of one value, without [any] and [every]", quoted(ref))
			}
		})
		faults = append(faults, check.faults...)
		if a.Type == ops.Escalate && !slices.Contains(alert.Ladders(), a.Ladder) && !hasPath(faults, path+".ladder") {
			faults = append(faults, ops.Fault{
				Path: path + ".ladder", Expected: "one of " + strings.Join(alert.Ladders(), ", "), Got: quoted(a.Ladder),
			})
		}
		if a.Type != ops.StartWorkflow || a.Template == "" || e.templates == nil || hasPath(faults, path+".template") {
			continue
		}
		exists, err := e.templates.TemplateExists(ctx, a.Template)
		if err != nil {
			return nil, fmt.Errorf("look for template %s: %w", a.Template, err)
		}
		if !exists {
			faults = append(faults, ops.Fault{Path: path + ".template", Expected: "the name of a published workflow template", Got: quoted(a.Template)})
		}
	}
	return faults, nil
}

func hasPath(faults []ops.Fault, path string) bool {
	return slices.ContainsFunc(faults, func(f ops.Fault) bool { return f.Path == path })
}

func (e *Engine) decode(ctx context.Context, body []byte) (*ops.Rule, error) {
	r, unread, read := ops.DecodeRule(body)
	if !read {
		return nil, ops.Invalid("rule", unread)
	}
	faults, err := e.Validate(ctx, r)
	if err != nil {
		return nil, err
	}
	return r, ops.Invalid("rule", ops.JoinFaults(unread, faults))
}

// save writes a rule with its version and what is to be said of the change, and with the rule set, whose own version tells
// every function that rules changed.
func (e *Engine) save(ctx context.Context, r *ops.Rule, change audit.Change) (*ops.Rule, error) {
	r.UpdatedBy, r.UpdatedAt = change.Actor.ID, e.clock.Now()
	r.Timers, r.ExpiresAt = nil, time.Time{}
	change.Target, change.After = r.Ref(), r
	err := e.retry(ctx, "save rule "+r.ID, func() error {
		set, err := e.store.RuleSet(ctx)
		if err != nil {
			return fmt.Errorf("read whether rules changed: %w", err)
		}
		entry, err := audit.Entry(ctx, e.store, change, r.UpdatedAt)
		if err != nil {
			return err
		}
		version := &ops.RuleVersion{RuleID: r.ID, Number: r.Version, At: r.UpdatedAt, By: r.UpdatedBy, Reason: r.Reason, Rule: r}
		err = e.store.Save(ctx, r, set, version, entry)
		if c := ops.AsConflict(err); c != nil && (c.Has(r.Ref()) || c.Has(version.Ref())) {
			return ops.Errorf(ops.CodeConflict, "rule %s was changed by somebody else meanwhile", r.ID)
		}
		return err
	})
	e.forget()
	if err != nil {
		return nil, err
	}
	return r, nil
}

// forget has the rules read again by the next event.
func (e *Engine) forget() {
	e.rules.changed()
}
