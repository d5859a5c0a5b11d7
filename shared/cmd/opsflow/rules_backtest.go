package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
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
	answer, err := s.api.post(ctx, "/v1/backtests", req, "")
	if err != nil {
		return err
	}
	run, err := c.wait(ctx, s, answer)
	if err != nil {
		return err
	}
	if c.Events != "" {
		if err := c.writeEvents(ctx, s, run); err != nil {
			return err
		}
	}
	return one(s, run.Result, describeBacktest)
}

// backtestRun is a backtest as the API shows it.
type backtestRun struct {
	ID      string          `json:"id"`
	Status  string          `json:"status"`
	Percent int             `json:"percent"`
	Read    int             `json:"read"`
	Pages   int             `json:"pages"`
	Cut     bool            `json:"cut"`
	Error   string          `json:"error"`
	Result  json.RawMessage `json:"result"`
}

const (
	// backtestPause is how long it waits before it looks for the first time; later ever longer, up to backtestPauses.
	backtestPause  = 100 * time.Millisecond
	backtestPauses = 2 * time.Second
)

// wait looks at a backtest until it is over, and tells how far it is.
func (c *rulesBacktest) wait(ctx context.Context, s *session, answer json.RawMessage) (backtestRun, error) {
	told, pause := -1, backtestPause
	for clock := (ops.SystemClock{}); ; pause = min(2*pause, backtestPauses) {
		var run backtestRun
		if err := decode(answer, &run); err != nil {
			return run, err
		}
		switch run.Status {
		case string(ops.BacktestCompleted):
			return run, nil
		case string(ops.BacktestFailed):
			return run, ops.Errorf(ops.CodeUnavailable, "backtest %s failed: %s", run.ID, run.Error)
		}
		if run.Read != told {
			told = run.Read
			fmt.Fprintf(s.err, "%s: %d events read, %d%%\n", run.ID, run.Read, run.Percent)
		}
		if err := clock.Sleep(ctx, pause); err != nil {
			return run, err
		}
		var err error
		if answer, err = s.api.get(ctx, backtestPath(run.ID), nil); err != nil {
			return run, err
		}
	}
}

func backtestPath(id string) string { return "/v1/backtests/" + url.PathEscape(id) }

// rule is the text of the file, or the id as JSON when no such file is there.
func (c *rulesBacktest) rule(s *session) ([]byte, error) {
	if c.File != "-" {
		if _, err := os.Stat(c.File); err != nil && ops.ValidID(c.File) {
			return json.Marshal(c.File)
		}
	}
	return s.readFile(c.File)
}

// writeEvents writes the result event by event, page by page.
func (c *rulesBacktest) writeEvents(ctx context.Context, s *session, run backtestRun) (err error) {
	f, err := os.OpenFile(c.Events, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the events: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for page := range run.Pages {
		lines, err := s.api.get(ctx, backtestPath(run.ID)+"/events", query("page", strconv.Itoa(page+1)))
		if err != nil {
			return err
		}
		if _, err := f.Write(lines); err != nil {
			return fmt.Errorf("write the events: %w", err)
		}
	}
	if run.Cut {
		fmt.Fprintf(s.err, "%s has the first million lines: no more are kept\n", c.Events)
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
	for _, effect := range slices.Sorted(maps.Keys(b.Dropped)) {
		field(w, "would drop "+effect, strconv.Itoa(b.Dropped[effect])+", its unless held")
	}
	for _, effect := range slices.Sorted(maps.Keys(b.Waiting)) {
		field(w, "still waiting "+effect, strconv.Itoa(b.Waiting[effect]))
	}
	field(w, "a month of it", fmt.Sprintf("%.2f USD, roughly", b.MonthlyCost))
	if d := b.Active; d != nil {
		name := "in force"
		if d.Version > 0 {
			name = "version " + strconv.Itoa(d.Version)
		}
		field(w, name, fmt.Sprintf("%d on both, %d only now, %d only before", d.Both, d.OnlyDraft, d.OnlyActive))
	}
	for _, limit := range b.Limits {
		field(w, "note", limit)
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
