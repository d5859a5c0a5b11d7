package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

type rulesBacktest struct {
	File   string    `arg:"" help:"The rule, or a list of rules: a JSON file, - for stdin, or the id of a rule that is stored or built in."`
	From   time.Time `help:"Begin of the period, like 2026-11-01T00:00:00Z; absent: 30 days before its end."`
	To     time.Time `help:"Its end; absent: now."`
	Events string    `placeholder:"FILE" help:"Write what the rule makes of each event here, as lines of JSON."`
}

// Run prints the sum, and writes the events if that is asked for.
func (c *rulesBacktest) Run(ctx context.Context, s *session) error {
	text, err := c.rule(s)
	if err != nil {
		return err
	}
	if !json.Valid(text) {
		return ops.Errorf(ops.CodeInvalid, "%s is no JSON", c.File)
	}
	req := rule.BacktestRequest{From: c.From, To: c.To}
	if json.Unmarshal(text, &req.Rules) != nil { // no list
		req.Rule, req.Rules = text, nil
	}
	fmt.Fprintln(s.err, "going through the stored events ...")
	answer, err := s.api.post(ctx, "/v1/rules/backtest", req, "")
	if err != nil {
		return err
	}
	if c.Events != "" {
		var sum rule.Backtest
		if err := decode(answer, &sum); err != nil {
			return err
		}
		req.From, req.To = sum.From, sum.To
		if err := c.writeEvents(ctx, s, req, sum.Events); err != nil {
			return err
		}
	}
	return one(s, answer, describeBacktest)
}

// rule is the text of the file, or the id as JSON when no such file is there.
func (c *rulesBacktest) rule(s *session) ([]byte, error) {
	if c.File != "-" {
		if _, err := os.Stat(c.File); err != nil && ops.ValidID(c.File) {
			return json.Marshal(c.File)
		}
	}
	return s.readFile(c.File)
}

func (c *rulesBacktest) writeEvents(ctx context.Context, s *session, req rule.BacktestRequest, want int) error {
	body, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	lines, err := s.api.postText(ctx, "/v1/rules/backtest/events", body)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Events, lines, 0o600); err != nil {
		return fmt.Errorf("write the events: %w", err)
	}
	if n := bytes.Count(lines, []byte("\n")); n < want {
		fmt.Fprintf(s.err, "%s has the first %d of %d lines: one answer holds no more; ask for a shorter period\n", c.Events, n, want)
	}
	return nil
}

func describeBacktest(w io.Writer, b rule.Backtest) {
	if b.Rules == nil {
		field(w, "rule", b.Rule)
	} else {
		field(w, "rules", strconv.Itoa(len(b.Rules)))
	}
	field(w, "period", when(b.From)+" to "+when(b.To))
	field(w, "events", strconv.Itoa(b.Events))
	field(w, "matched", strconv.Itoa(b.Matched))
	field(w, "not matched", strconv.Itoa(b.NotMatched))
	field(w, "suppressed", strconv.Itoa(b.Suppressed))
	for _, reason := range slices.Sorted(maps.Keys(b.Reasons)) {
		field(w, "  "+reason, strconv.Itoa(b.Reasons[reason]))
	}
	field(w, "days at cap", strconv.Itoa(b.DaysAtCap))
	for _, effect := range slices.Sorted(maps.Keys(b.Effects)) {
		field(w, "would "+effect, strconv.Itoa(b.Effects[effect]))
	}
	field(w, "a month of it", fmt.Sprintf("%.2f USD, roughly", b.MonthlyCost))
	if d := b.Active; d != nil {
		field(w, "version "+strconv.Itoa(d.Version), fmt.Sprintf("%d on both, %d only now, %d only before", d.Both, d.OnlyDraft, d.OnlyActive))
	}
	if b.Rules == nil {
		return
	}
	fmt.Fprintln(w)
	rows(w, b.Rules, []column[*rule.Backtest]{
		{"RULE", func(b *rule.Backtest) string { return b.Rule }},
		{"EVENTS", func(b *rule.Backtest) string { return strconv.Itoa(b.Events) }},
		{"MATCHED", func(b *rule.Backtest) string { return strconv.Itoa(b.Matched) }},
		{"SUPPRESSED", func(b *rule.Backtest) string { return strconv.Itoa(b.Suppressed) }},
		{"USD A MONTH", func(b *rule.Backtest) string { return fmt.Sprintf("%.2f", b.MonthlyCost) }},
	})
}
