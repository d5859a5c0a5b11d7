package main

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

type ruleCommands struct {
	List      rulesList      `cmd:"" help:"List the rules, built-in ones included, in the order of their evaluation."`
	Create    rulesCreate    `cmd:"" help:"Add a rule from a JSON file."`
	Backtest  rulesBacktest  `cmd:"" help:"Tell what a rule would have made of stored events; nothing is started."`
	Decisions rulesDecisions `cmd:"" help:"List what a rule made of events, newest first."`
	Actions   rulesActions   `cmd:"" help:"List what a rule has put off, or what of it failed."`
	Cancel    rulesCancel    `cmd:"" help:"Drop all that a rule has put off, or one action."`
	Versions  rulesVersions  `cmd:"" help:"List who changed what of a rule, and why."`
	Mode      rulesMode      `cmd:"" help:"Switch a rule on, off, or to shadow: it decides then and does nothing."`
	Pause     rulesPause     `cmd:"" help:"Turn the kill switch: no rule acts until a time."`
	Resume    rulesResume    `cmd:"" help:"End a pause of all rules before its time."`
}

type rulesList struct {
	pageFlags

	Type  string `help:"Only those of this type."`
	Event string `help:"Only those that this event triggers."`
	Mode  string `help:"Only those in this mode."`
}

// Run prints a page of the list.
func (c *rulesList) Run(ctx context.Context, s *session) error {
	return list(ctx, s, "/v1/rules", query("type", c.Type, "event", c.Event, "mode", c.Mode), c.pageFlags, []column[httpapi.RuleBody]{
		{"ID", func(r httpapi.RuleBody) string { return r.ID }},
		{"EVENT", func(r httpapi.RuleBody) string { return string(r.Event) }},
		{"MODE", func(r httpapi.RuleBody) string { return string(r.Mode) }},
		{"PRIORITY", func(r httpapi.RuleBody) string { return strconv.Itoa(r.Priority) }},
		{"VERSION", func(r httpapi.RuleBody) string { return strconv.Itoa(r.Version) }},
		{"ACTED", func(r httpapi.RuleBody) string { return strconv.FormatInt(r.Executions, 10) }},
		{"LAST", func(r httpapi.RuleBody) string { return when(r.LastExecuted) }},
		{"ACTIONS", func(r httpapi.RuleBody) string { return ruleActions(&r.Rule) }},
		{"NAME", func(r httpapi.RuleBody) string { return r.Name }},
	})
}

func ruleActions(r *ops.Rule) string {
	names := make([]string, len(r.Actions))
	for i, a := range r.Actions {
		names[i] = string(a.Type)
	}
	return strings.Join(names, ",")
}

type rulesCreate struct {
	File string `arg:"" help:"JSON file; - reads stdin."`
}

// Run adds the rule.
func (c *rulesCreate) Run(ctx context.Context, s *session) error {
	text, err := s.readFile(c.File)
	if err != nil {
		return err
	}
	answer, err := s.api.postText(ctx, "/v1/rules", text)
	if err != nil {
		return err
	}
	return one(s, answer, describeRule)
}

func describeRule(w io.Writer, r *httpapi.SavedRule) {
	field(w, "id", r.ID)
	field(w, "name", r.Name)
	field(w, "type", string(r.Type))
	field(w, "event", string(r.Event))
	field(w, "mode", string(r.Mode))
	field(w, "version", strconv.Itoa(r.Version))
	field(w, "priority", strconv.Itoa(r.Priority))
	field(w, "applies to", r.AppliesTo)
	if condition, err := json.Marshal(r.Condition); err == nil && string(condition) != "{}" {
		field(w, "condition", string(condition))
	}
	field(w, "actions", ruleActions(&r.Rule))
	for _, odd := range r.Warnings {
		field(w, "warning", odd.Path+": "+odd.Message)
	}
}
