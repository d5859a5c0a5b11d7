package events

import (
	"cmp"
	"context"
	"slices"

	"opsflow/shared/local/constraint"
)

type ruleOut struct {
	Name               string
	Arn                string
	EventPattern       string `json:",omitempty"`
	ScheduleExpression string `json:",omitempty"`
	State              string
	Description        string `json:",omitempty"`
	RoleArn            string `json:",omitempty"`
	EventBusName       string
}

func showRule(r Rule) ruleOut {
	state := "ENABLED"
	if r.Disabled {
		state = "DISABLED"
	}
	return ruleOut{r.Name, r.ARN, r.Pattern, r.Schedule, state, r.Description, r.RoleARN, r.Bus}
}

func apiPutRule(ctx context.Context, e *Engine, in struct {
	Name, EventBusName, EventPattern, ScheduleExpression, State, Description, RoleArn string
	Tags                                                                              []tag
},
) (any, error) {
	state := cmp.Or(in.State, "ENABLED")
	var f constraint.Faults
	if f.Enum("state", state, "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"); f != nil {
		return nil, broken(f)
	}
	arn, err := e.PutRule(ctx, Rule{
		Name: in.Name, Bus: in.EventBusName, Description: in.Description, RoleARN: in.RoleArn,
		Pattern: in.EventPattern, Schedule: in.ScheduleExpression, Disabled: state == "DISABLED",
	})
	if err != nil {
		return nil, err
	}
	if err := e.retag(ctx, arn, in.Tags, nil); err != nil {
		return nil, err
	}
	return map[string]string{"RuleArn": arn}, nil
}

// ruleName is what names a rule.
type ruleName struct{ Name, EventBusName string }

func apiDescribeRule(_ context.Context, e *Engine, in ruleName) (any, error) {
	r, err := e.Rule(in.EventBusName, in.Name)
	if err != nil {
		return nil, err
	}
	return showRule(r), nil
}

func apiListRules(_ context.Context, e *Engine, in struct {
	listing
	EventBusName string
},
) (any, error) {
	rules, err := e.Rules(in.EventBusName, in.NamePrefix)
	if err != nil {
		return nil, err
	}
	part, next, err := page(rules, func(r *Rule) string { return r.Name }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := struct {
		Rules     []ruleOut
		NextToken string `json:",omitempty"`
	}{make([]ruleOut, len(part)), next}
	for i, r := range part {
		out.Rules[i] = showRule(r)
	}
	return out, nil
}

func apiListRuleNames(_ context.Context, e *Engine, in struct {
	listing
	EventBusName, TargetArn string
},
) (any, error) {
	rules, err := e.Rules(in.EventBusName, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rules {
		if slices.ContainsFunc(r.Targets, func(t Target) bool { return t.ARN == in.TargetArn }) {
			names = append(names, r.Name)
		}
	}
	part, next, err := page(names, func(s *string) string { return *s }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		RuleNames []string
		NextToken string `json:",omitempty"`
	}{part, next}, nil
}

func apiDeleteRule(ctx context.Context, e *Engine, in ruleName) (any, error) {
	return nil, e.DeleteRule(ctx, in.EventBusName, in.Name)
}

func apiEnableRule(ctx context.Context, e *Engine, in ruleName) (any, error) {
	return nil, e.EnableRule(ctx, in.EventBusName, in.Name)
}

func apiDisableRule(ctx context.Context, e *Engine, in ruleName) (any, error) {
	return nil, e.DisableRule(ctx, in.EventBusName, in.Name)
}

// failures is what PutTargets and RemoveTargets answer.
type failures struct {
	FailedEntryCount int
	FailedEntries    []failure
}

type failure struct {
	TargetID     string `json:"TargetId"`
	ErrorCode    string
	ErrorMessage string
}

func apiPutTargets(ctx context.Context, e *Engine, in struct {
	Rule, EventBusName string
	Targets            []Target
},
) (any, error) {
	if err := e.PutTargets(ctx, in.EventBusName, in.Rule, in.Targets...); err != nil {
		return nil, err
	}
	return failures{FailedEntries: []failure{}}, nil
}

func apiRemoveTargets(ctx context.Context, e *Engine, in struct {
	Rule, EventBusName string
	Ids                []string
},
) (any, error) {
	missing, err := e.RemoveTargets(ctx, in.EventBusName, in.Rule, in.Ids...)
	if err != nil {
		return nil, err
	}
	out := failures{FailedEntryCount: len(missing), FailedEntries: []failure{}}
	for _, id := range missing {
		out.FailedEntries = append(out.FailedEntries, failure{
			id, "ResourceNotFoundException", "Rule " + in.Rule + " does not have target " + id + ".",
		})
	}
	return out, nil
}

func apiListTargets(_ context.Context, e *Engine, in struct {
	listing
	Rule, EventBusName string
},
) (any, error) {
	r, err := e.Rule(in.EventBusName, in.Rule)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(r.Targets, func(a, b Target) int { return cmp.Compare(a.ID, b.ID) })
	part, next, err := page(r.Targets, func(t *Target) string { return t.ID }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		Targets   []Target
		NextToken string `json:",omitempty"`
	}{part, next}, nil
}
