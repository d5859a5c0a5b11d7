package httpapi_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// fakeRules is the rule engine of fakes.
type fakeRules fakes

func (f *fakeRules) List(context.Context) ([]*ops.Rule, error) { return f.rules, f.fail }

func (f *fakeRules) Get(_ context.Context, id string) (*ops.Rule, error) {
	n := slices.IndexFunc(f.rules, func(r *ops.Rule) bool { return r.ID == id })
	if n < 0 {
		return nil, ops.Errorf(ops.CodeNotFound, "no rule has the id %q", id)
	}
	return f.rules[n], f.fail
}

func (f *fakeRules) Create(_ context.Context, text []byte, actor ops.Actor) (*ops.Rule, error) {
	f.text, f.actor = string(text), actor
	if f.fail != nil {
		return nil, f.fail
	}
	return &ops.Rule{ID: "new-rule", Version: 1}, nil
}

func (f *fakeRules) Update(ctx context.Context, id string, text []byte, version int, actor ops.Actor) (*ops.Rule, error) {
	f.text, f.actor = string(text), actor
	r, err := f.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if version != 0 && version != r.Version {
		return nil, ops.Errorf(ops.CodeConflict, "rule %s has version %d", id, r.Version)
	}
	r.Version++
	return r, nil
}

func (f *fakeRules) SetMode(ctx context.Context, id string, mode ops.RuleMode, reason string, actor ops.Actor) (*ops.Rule, error) {
	f.reason, f.actor = reason, actor
	r, err := f.Get(ctx, id)
	if err == nil {
		r.Mode = mode
	}
	return r, err
}

func (f *fakeRules) Activity(context.Context) (rule.Activity, error) {
	return rule.Activity{Rules: map[string]ops.RuleActivity{"assign-vendor": {Executions: 3}}}, f.fail
}

func (f *fakeRules) Versions(ctx context.Context, id string) ([]rule.Version, error) {
	r, err := f.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return []rule.Version{{RuleVersion: &ops.RuleVersion{RuleID: id, Number: r.Version, Rule: r}, Diff: []rule.FieldChange{}}}, nil
}

func (f *fakeRules) Decisions(ctx context.Context, id string, outcome ops.Outcome, p ops.PageRequest) (ops.Page[rule.EventDecision], error) {
	f.pageRequest = p
	if _, err := f.Get(ctx, id); err != nil {
		return ops.Page[rule.EventDecision]{}, err
	}
	return ops.Page[rule.EventDecision]{
		Items: []rule.EventDecision{{Decision: ops.Decision{Rule: id, Outcome: outcome}, EventID: "evt-1"}}, NextCursor: f.next,
	}, nil
}

func (f *fakeRules) Event(ctx context.Context, id string) (*ops.Event, error) {
	return (*fakes)(f).Event(ctx, id)
}

func (f *fakeRules) Action(_ context.Context, id string) (*ops.PendingAction, error) {
	return one((*fakes)(f), f.actions, id)
}

func (f *fakeRules) Actions(ctx context.Context, q ops.ActionFilter) (ops.Page[*ops.PendingAction], error) {
	f.actionFilter = q
	if _, err := f.Get(ctx, q.RuleID); err != nil {
		return ops.Page[*ops.PendingAction]{}, err
	}
	return all((*fakes)(f), f.actions)
}

func (f *fakeRules) CancelAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error) {
	f.reason, f.actor = reason, actor
	return f.Action(ctx, id)
}

func (f *fakeRules) RetryAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error) {
	return f.CancelAction(ctx, id, reason, actor)
}

func (f *fakeRules) CancelActions(ctx context.Context, ruleID, reason string, actor ops.Actor) (rule.Cancelled, error) {
	f.reason, f.actor = reason, actor
	_, err := f.Get(ctx, ruleID)
	return rule.Cancelled{Cancelled: len(f.actions)}, err
}

func (f *fakeRules) Read(env ops.Envelope) (*ops.Event, error) {
	e := &ops.Event{Status: ops.EventValid}
	e.Identity, e.Subject = ops.IdentifyEvent(env)
	e.ID = ops.EventID(e.Identity)
	return e, f.fail
}

func (f *fakeRules) Replay(_ context.Context, id string, c rule.Correction, actor ops.Actor) (*ops.Event, error) {
	f.text, f.actor = c.Type+string(c.Detail), actor
	return one((*fakes)(f), f.events, id)
}

func (f *fakeRules) Backtest(_ context.Context, req rule.BacktestRequest, _ rule.Watch) (*rule.Backtest, error) {
	f.text = string(req.Rule)
	if f.fail != nil {
		return nil, f.fail
	}
	return &rule.Backtest{Rule: "draft", From: req.From, Events: 2, Matched: 2}, nil
}

// fakeBacktests is the backtest service of fakes.
type fakeBacktests fakes

func (f *fakeBacktests) Begin(_ context.Context, req rule.BacktestRequest, by ops.Actor) (*ops.Backtest, error) {
	f.text, f.actor = string(req.Rule), by
	b := &ops.Backtest{ID: "bkt-new", Status: ops.BacktestRunning, From: req.From, Actor: by, Meta: ops.Meta{V: 1}}
	return b, f.fail
}

func (f *fakeBacktests) Page(_ context.Context, id string, number int) ([]byte, error) {
	return fmt.Appendf(nil, "{\"event\":\"%s-%d\"}\n", id, number), f.fail
}

func (f *fakeRules) Pause(context.Context) (*ops.RuleSet, error) { return &f.pause, f.fail }

func (f *fakeRules) PauseAll(_ context.Context, until time.Time, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	f.pause = ops.RuleSet{PausedUntil: until, PausedReason: reason, PausedBy: actor.ID}
	return &f.pause, f.fail
}

func (f *fakeRules) ResumeAll(ctx context.Context, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	return f.PauseAll(ctx, time.Time{}, reason, actor)
}
