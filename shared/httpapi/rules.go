package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func (a *api) ruleRoutes() {
	handle(a, route{
		id: "list-rules", method: http.MethodGet, path: "/v1/rules", action: readRules,
		summary: "List the rules, built-in ones included",
	}, a.listRules)
	handle(a, route{
		id: "create-rule", method: http.MethodPost, path: "/v1/rules", action: writeRules,
		summary: "Add a rule", status: http.StatusCreated,
		text: ruleText,
	}, a.createRule)
	handle(a, route{
		id: "get-rule", method: http.MethodGet, path: "/v1/rules/{id}", action: readRules,
		summary: "Read a rule",
	}, a.getRule)
	handle(a, route{
		id: "update-rule", method: http.MethodPut, path: "/v1/rules/{id}", record: a.ruleVersion, action: writeRules,
		summary: "Replace a rule by its next version",
		text:    "The whole rule; every fault in it is told at once.",
	}, a.updateRule)
	handle(a, route{
		id: "set-rule-mode", method: http.MethodPost, path: "/v1/rules/{id}/mode", record: a.ruleVersion, action: switchRules,
		summary: "Switch a rule on, off, or to shadow",
	}, a.setRuleMode)
	handle(a, route{
		id: "list-rule-versions", method: http.MethodGet, path: "/v1/rules/{id}/versions", action: readRules,
		summary: "List what a rule was like, newest first: who changed what, and why",
	}, a.listRuleVersions)
	handle(a, route{
		id: "list-rule-decisions", method: http.MethodGet, path: "/v1/rules/{id}/decisions", action: readRules,
		summary: "List what a rule made of events, newest first; with an outcome a page can be short and still have a next one",
	}, a.listRuleDecisions)
	a.actionRoutes()
	a.pauseRoutes()
	a.backtestRoutes()
}

const ruleText = `A rule; every fault in it is told at once. Without max_executions_per_day it has no limit: 100 a day is a good one to
begin with.

Conditions look into detail, subject, event, and into the booking, payment and vendor that the event leads to; so do texts of actions
that begin with "$.". Times are compared by before and after, also with "now", "now-24h" and "now-8bh" of business time.

Actions are done in order: start_workflow {template, input?, subject?}, raise_alert {alert, severity, title}, notify {template, to,
detail?}, escalate {ladder, severity?, title?}, emit_event {detail_type, detail?}. Each can have a delay ("24h", "8bh") from the event's
time; unless, a condition that drops it, asked when it is to be done; once_per, a path to a value for which it is done once; and on_error:
continue, or stop, with which the actions behind it wait for its end and are dropped when it fails.`

// RuleBody is a rule with what it did, and what is odd about it.
type RuleBody struct {
	ops.Rule
	ops.RuleActivity
	Warnings []ops.Warning `json:"warnings,omitempty" doc:"What is odd about the rule, and no fault."`
}

// SavedRule is a rule as it was kept.
type SavedRule struct {
	ops.Rule
	Warnings []ops.Warning `json:"warnings,omitempty" doc:"What is odd about the rule, and no fault."`
}

type rulesQuery struct {
	PageQuery
	Type     string `query:"type" enum:"trigger,condition,action,escalation" doc:"Only those of this type."`
	Event    string `query:"event" maxLength:"128" doc:"The event that triggers them."`
	Mode     string `query:"mode" enum:"active,shadow,off" doc:"Only those in this mode."`
	Template string `query:"template" maxLength:"128" doc:"A workflow or message template that they use."`
}

// filter is the query without the page.
func (q *rulesQuery) filter() rulesQuery {
	f := *q
	f.PageQuery = PageQuery{}
	return f
}

func (q *rulesQuery) fits(r *ops.Rule) bool {
	uses := func(a ops.Action) bool { return a.Template == q.Template }
	return (q.Type == "" || string(r.Type) == q.Type) && (q.Event == "" || string(r.Event) == q.Event) && (q.Mode == "" || string(r.Mode) == q.Mode) &&
		(q.Template == "" || slices.ContainsFunc(r.Actions, uses))
}

func (a *api) listRules(ctx context.Context, q *rulesQuery) (*listOutput[RuleBody], error) {
	all, err := a.Rules.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	fitting := []*ops.Rule{}
	for _, r := range all {
		if q.fits(r) {
			fitting = append(fitting, r)
		}
	}
	place := func(r *ops.Rule) string { return fmt.Sprintf("%010d#%s", math.MaxInt32-r.Priority, r.ID) } // as List orders them
	page, err := ops.Cut(ctx, a.Store, ops.List{Name: "rules", Filter: q.filter()}, fitting, place, q.request())
	if err != nil {
		return nil, err
	}
	did, err := a.Rules.Activity(ctx)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	warnings := make(map[string][]ops.Warning, len(page.Items))
	for _, r := range page.Items {
		if warnings[r.ID], err = rule.Warnings(r, all); err != nil {
			return nil, fmt.Errorf("list rules: %w", err)
		}
	}
	return listOf(page, func(r *ops.Rule) RuleBody { return RuleBody{*r, did.Of(r.ID), warnings[r.ID]} }), nil
}

func (a *api) createRule(ctx context.Context, in *TextInput) (*madeOutput[SavedRule], error) {
	// huma uses the body's buffer again once we have answered.
	r, err := a.Rules.Create(ctx, bytes.Clone(in.RawBody), actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("create rule: %w", err)
	}
	warnings, err := a.warnings(ctx, r)
	if err != nil {
		return nil, err
	}
	return &madeOutput[SavedRule]{
		Status: http.StatusCreated, ETag: ruleTag(r), Location: "/v1/rules/" + r.ID, Body: SavedRule{*r, warnings},
	}, nil
}

func (a *api) getRule(ctx context.Context, in *IDPath) (*oneOutput[RuleBody], error) {
	r, err := a.Rules.Get(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	did, err := a.Rules.Activity(ctx)
	if err != nil {
		return nil, fmt.Errorf("read rule: %w", err)
	}
	warnings, err := a.warnings(ctx, r)
	if err != nil {
		return nil, err
	}
	return &oneOutput[RuleBody]{ETag: ruleTag(r), Body: RuleBody{*r, did.Of(r.ID), warnings}}, nil
}

// warnings tells what is odd about a rule beside all others.
func (a *api) warnings(ctx context.Context, r *ops.Rule) ([]ops.Warning, error) {
	all, err := a.Rules.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for what is odd about rule %s: %w", r.ID, err)
	}
	return rule.Warnings(r, all)
}

type updateRuleInput struct {
	IDPath
	TextInput
}

func (a *api) updateRule(ctx context.Context, in *updateRuleInput) (*oneOutput[SavedRule], error) {
	return a.savedRule(ctx, "update", func() (*ops.Rule, error) {
		return a.Rules.Update(ctx, in.ID, bytes.Clone(in.RawBody), 0, actorOf(ctx))
	})
}

type ruleMode string

// Schema names the values.
func (ruleMode) Schema(huma.Registry) *huma.Schema {
	return oneOf(ops.RuleActive, ops.RuleShadow, ops.RuleOff)
}

type ruleModeInput struct {
	IDPath
	Body struct {
		Mode   ruleMode `json:"mode"`
		Reason string   `json:"reason" minLength:"1" maxLength:"1000" doc:"Why; it is kept."`
	} `nameHint:"SetRuleMode"`
}

func (a *api) setRuleMode(ctx context.Context, in *ruleModeInput) (*oneOutput[SavedRule], error) {
	return a.savedRule(ctx, "switch", func() (*ops.Rule, error) {
		return a.Rules.SetMode(ctx, in.ID, ops.RuleMode(in.Body.Mode), in.Body.Reason, actorOf(ctx))
	})
}

type ruleVersionsInput struct {
	IDPath
	PageQuery
}

func (a *api) listRuleVersions(ctx context.Context, in *ruleVersionsInput) (*listOutput[rule.Version], error) {
	all, err := a.Rules.Versions(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("list the versions of a rule: %w", err)
	}
	place := func(v rule.Version) string { return fmt.Sprintf("%09d", v.Number) }
	page, err := ops.Cut(ctx, a.Store, ops.List{Name: "rule versions", Filter: in.ID, Descending: true}, all, place, in.request())
	if err != nil {
		return nil, err
	}
	return listOf(page, same[rule.Version]), nil
}

type ruleDecisionsInput struct {
	IDPath
	PageQuery
	Outcome string `query:"outcome" enum:"matched,not_matched,suppressed,shadow,error" doc:"Only decisions with this outcome."`
}

func (a *api) listRuleDecisions(ctx context.Context, in *ruleDecisionsInput) (*listOutput[rule.EventDecision], error) {
	page, err := a.Rules.Decisions(ctx, in.ID, ops.Outcome(in.Outcome), in.request())
	if err != nil {
		return nil, fmt.Errorf("list the decisions of a rule: %w", err)
	}
	return listOf(page, same[rule.EventDecision]), nil
}

// ruleTag is the version of a rule's text: a built-in rule has one too, though it is not stored.
func ruleTag(r *ops.Rule) string { return tag(int64(r.Version)) }

func (a *api) savedRule(ctx context.Context, what string, do func() (*ops.Rule, error)) (*oneOutput[SavedRule], error) {
	r, err := do()
	if err != nil {
		return nil, fmt.Errorf("%s rule: %w", what, err)
	}
	warnings, err := a.warnings(ctx, r)
	if err != nil {
		return nil, err
	}
	return &oneOutput[SavedRule]{ETag: ruleTag(r), Body: SavedRule{*r, warnings}}, nil
}
