package rule

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// recompute adds the decisions of an event that were not kept: those of rules that didn't match, beyond MaxNotMatched.
func (e *Engine) recompute(ctx context.Context, event *ops.Event) error {
	rules, err := e.unheard(ctx, event)
	if err != nil {
		return err
	}
	want := wanted{}
	for _, r := range rules {
		want.condition(&r.Condition)
	}
	subject := &ops.Subject{}
	if !event.Subject.IsZero() {
		if subject, err = e.store.Subject(ctx, event.Subject); err != nil {
			return fmt.Errorf("read %s: %w", event.Subject, err)
		}
		subject.SubjectRef = event.Subject
	}
	doc := eventDoc(event, subject)
	if err := (relations{want, e.store.Subject, e.store.Vendor}).add(ctx, doc, event, subject); err != nil {
		return err
	}
	for _, r := range rules {
		d := ops.Decision{
			Rule: r.ID, RuleVersion: r.Version, Outcome: ops.NotMatched, At: event.CreatedAt, Delivery: event.Envelopes[0].ID, Recomputed: true,
		}
		made := e.prepare(r)
		if made.broken != nil {
			continue
		}
		if holds, leaf := made.condition.Eval(doc, event.CreatedAt); !holds { // else what it looks into has changed since
			d.Leaf = leaf
		}
		event.Decisions = append(event.Decisions, d)
	}
	return nil
}

// unheard lists the rules that were asked about an event and whose decisions were not kept, each as it was then.
func (e *Engine) unheard(ctx context.Context, event *ops.Event) ([]*ops.Rule, error) {
	all, err := e.readRules(ctx, true)
	if err != nil {
		return nil, err
	}
	kept := make(map[string]bool, len(event.Decisions))
	for _, d := range event.Decisions {
		kept[d.Rule] = true
	}
	var rules []*ops.Rule
	for _, r := range all {
		if kept[r.ID] {
			continue
		}
		then, err := e.versionAt(ctx, r, event.CreatedAt)
		if err != nil {
			return nil, err
		}
		if then != nil && then.Mode != ops.RuleOff && string(then.Event) == event.Type {
			rules = append(rules, then)
		}
	}
	return rules, nil
}

// versionAt gives a rule as it was at a time; nil when there was none.
func (e *Engine) versionAt(ctx context.Context, r *ops.Rule, at time.Time) (*ops.Rule, error) {
	if !r.UpdatedAt.After(at) {
		return r, nil
	}
	versions, err := e.Versions(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	for _, v := range versions { // the newest first
		if !v.At.After(at) {
			return v.Rule, nil
		}
	}
	return nil, nil //nolint:nilnil // there was none
}
