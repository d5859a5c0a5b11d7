package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

func (a *api) ruleRoutes() {
	handle(a, route{
		id: "list-rules", method: http.MethodGet, path: "/v1/rules", action: readRules,
		summary: "List the rules, built-in ones included",
	}, a.listRules)
	handle(a, route{
		id: "create-rule", method: http.MethodPost, path: "/v1/rules", action: writeRules,
		summary: "Add a rule", status: http.StatusCreated,
		text: "A rule; every fault in it is told at once.",
	}, a.createRule)
	handle(a, route{
		id: "get-rule", method: http.MethodGet, path: "/v1/rules/{id}", action: readRules,
		summary: "Read a rule",
	}, a.getRule)
	handle(a, route{
		id: "update-rule", method: http.MethodPut, path: "/v1/rules/{id}", action: writeRules,
		summary: "Replace a rule by its next version",
		text:    "The whole rule; every fault in it is told at once.",
	}, a.updateRule)
	handle(a, route{
		id: "set-rule-mode", method: http.MethodPost, path: "/v1/rules/{id}/mode", action: switchRules,
		summary: "Switch a rule on, off, or to shadow",
	}, a.setRuleMode)
}

func (a *api) listRules(ctx context.Context, q *PageQuery) (*listOutput[*ops.Rule], error) {
	all, err := a.Rules.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("list rules: %w", err)
	}
	page, err := pageOf(all, q.request())
	if err != nil {
		return nil, err
	}
	return listOf(page, same[*ops.Rule]), nil
}

func (a *api) createRule(ctx context.Context, in *TextInput) (*madeOutput[*ops.Rule], error) {
	// huma uses the body's buffer again once we have answered.
	r, err := a.Rules.Create(ctx, bytes.Clone(in.RawBody), actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("create rule: %w", err)
	}
	return &madeOutput[*ops.Rule]{Status: http.StatusCreated, ETag: ruleTag(r), Location: "/v1/rules/" + r.ID, Body: r}, nil
}

func (a *api) getRule(ctx context.Context, in *IDPath) (*oneOutput[*ops.Rule], error) {
	return oneRule("read", func() (*ops.Rule, error) { return a.Rules.Get(ctx, in.ID) })
}

type updateRuleInput struct {
	IDPath
	TextInput
	IfMatch string `header:"If-Match" doc:"The ETag that the change is made to; absent: whatever is there."`
}

func (a *api) updateRule(ctx context.Context, in *updateRuleInput) (*oneOutput[*ops.Rule], error) {
	version := 0
	if in.IfMatch != "" {
		r, err := a.Rules.Get(ctx, in.ID)
		if err != nil {
			return nil, fmt.Errorf("read rule: %w", err)
		}
		if now := ruleTag(r); !matches(in.IfMatch, now) {
			return nil, ops.Errorf(codePreconditionFailed, "the rule was changed meanwhile: it is now %s", now)
		}
		version = r.Version
	}
	return oneRule("update", func() (*ops.Rule, error) {
		return a.Rules.Update(ctx, in.ID, bytes.Clone(in.RawBody), version, actorOf(ctx))
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

func (a *api) setRuleMode(ctx context.Context, in *ruleModeInput) (*oneOutput[*ops.Rule], error) {
	return oneRule("switch", func() (*ops.Rule, error) {
		return a.Rules.SetMode(ctx, in.ID, ops.RuleMode(in.Body.Mode), in.Body.Reason, actorOf(ctx))
	})
}

// ruleTag is the version of a rule's text: a built-in rule has one too, though it is not stored.
func ruleTag(r *ops.Rule) string { return tag(int64(r.Version)) }

func oneRule(what string, do func() (*ops.Rule, error)) (*oneOutput[*ops.Rule], error) {
	r, err := do()
	if err != nil {
		return nil, fmt.Errorf("%s rule: %w", what, err)
	}
	return &oneOutput[*ops.Rule]{ETag: ruleTag(r), Body: r}, nil
}
