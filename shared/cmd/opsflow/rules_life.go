package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"opsflow/shared/httpapi"
	"opsflow/shared/rule"
)

func rulePath(id, part string) string { return "/v1/rules/" + url.PathEscape(id) + part }

type rulesDecisions struct {
	pageFlags
	ID      string `arg:"" help:"Id of the rule."`
	Outcome string `enum:",matched,not_matched,suppressed,shadow,error" default:"" help:"Only these: matched, not_matched, suppressed, shadow or error."`
}

// Run prints a page of the list.
func (c *rulesDecisions) Run(ctx context.Context, s *session) error {
	return list(ctx, s, rulePath(c.ID, "/decisions"), query("outcome", c.Outcome), c.pageFlags, []column[rule.EventDecision]{
		{"AT", func(d rule.EventDecision) string { return when(d.At) }},
		{"EVENT", func(d rule.EventDecision) string { return d.EventID }},
		{"SUBJECT", func(d rule.EventDecision) string { return d.Subject.String() }},
		{"OUTCOME", func(d rule.EventDecision) string { return string(d.Outcome) }},
		{"WHY", func(d rule.EventDecision) string { return why(d.Decision) }},
		{"EFFECTS", func(d rule.EventDecision) string { return effects(d.Decision) }},
	})
}

type rulesVersions struct {
	pageFlags
	ID string `arg:"" help:"Id of the rule."`
}

// Run prints the versions, a line for each place that changed.
func (c *rulesVersions) Run(ctx context.Context, s *session) error {
	return list(ctx, s, rulePath(c.ID, "/versions"), query(), c.pageFlags, []column[rule.Version]{
		{"VERSION", func(v rule.Version) string { return strconv.Itoa(v.Number) }},
		{"AT", func(v rule.Version) string { return when(v.At) }},
		{"BY", func(v rule.Version) string { return v.By }},
		{"REASON", func(v rule.Version) string { return v.Reason }},
		{"CHANGED", changed},
	})
}

func changed(v rule.Version) string {
	text := ""
	for _, d := range v.Diff {
		text += fmt.Sprintf("%s: %s -> %s; ", d.Path, orNothing(d.Before), orNothing(d.After))
	}
	return text
}

func orNothing(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	return string(raw)
}

type rulesMode struct {
	ID     string `arg:"" help:"Id of the rule."`
	Mode   string `arg:"" enum:"active,shadow,off" help:"active, shadow or off."`
	Reason string `required:"" help:"Why; it is kept."`
}

// Run switches the rule.
func (c *rulesMode) Run(ctx context.Context, s *session) error {
	answer, err := s.api.post(ctx, rulePath(c.ID, "/mode"), map[string]string{"mode": c.Mode, "reason": c.Reason}, "")
	if err != nil {
		return err
	}
	return one(s, answer, describeRule)
}

type rulesPause struct {
	For    time.Duration `default:"1h" help:"How long; rules act again by themselves then."`
	Reason string        `required:"" help:"Why; it is kept."`
}

// Run turns the kill switch on.
func (c *rulesPause) Run(ctx context.Context, s *session) error {
	answer, err := s.api.post(ctx, "/v1/rules/pause-all", map[string]string{
		"for": c.For.String(), "reason": c.Reason, // by the clock of the API: this one may go wrong, or the other be virtual
	}, "")
	if err != nil {
		return err
	}
	return one(s, answer, describePause)
}

type rulesResume struct {
	Reason string `required:"" help:"Why; it is kept."`
}

// Run turns the kill switch off.
func (c *rulesResume) Run(ctx context.Context, s *session) error {
	answer, err := s.api.post(ctx, "/v1/rules/resume-all", map[string]string{"reason": c.Reason}, "")
	if err != nil {
		return err
	}
	return one(s, answer, describePause)
}

func describePause(w io.Writer, p httpapi.PauseBody) {
	field(w, "paused", strconv.FormatBool(p.Paused))
	field(w, "until", when(p.Until))
	field(w, "reason", p.Reason)
	field(w, "by", p.By)
}
