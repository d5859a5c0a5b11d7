package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func (a *api) backtestRoutes() {
	handle(a, route{
		id: "backtest-rule", method: http.MethodPost, path: "/v1/rules/backtest", action: readRules,
		summary: "Tell what a rule would have made of stored events; nothing is started, sent or written",
	}, a.backtest)
	handle(a, route{
		id: "backtest-rule-events", method: http.MethodPost, path: "/v1/rules/backtest/events", action: readRules,
		summary: "The same event by event, as lines of JSON (application/x-ndjson)",
	}, a.backtestEvents)
}

type backtestInput struct {
	Body struct {
		Rule  any       `json:"rule,omitempty" doc:"A rule, stored or not, or the id of one."`
		Rules []any     `json:"rules,omitempty" maxItems:"200" doc:"Instead of rule: a set of rules."`
		From  time.Time `json:"from,omitzero" doc:"Begin of the period, by arrival; absent: 30 days before to."`
		To    time.Time `json:"to,omitzero" doc:"Its end; absent: now."`
	} `nameHint:"BacktestRule"`
	RawBody []byte
}

// request reads the rule from the body as it was sent: numbers keep their digits.
func (in *backtestInput) request() (rule.BacktestRequest, error) {
	var req rule.BacktestRequest
	if err := json.Unmarshal(in.RawBody, &req); err != nil {
		return req, fmt.Errorf("read the request: %w", err)
	}
	if (req.Rule == nil) == (req.Rules == nil) {
		return req, ops.Invalid("backtest", []ops.Fault{{Path: "$.rule", Expected: "either rule or rules", Got: "both or none"}})
	}
	return req, nil
}

type backtestOutput struct{ Body *rule.Backtest }

func (a *api) backtest(ctx context.Context, in *backtestInput) (*backtestOutput, error) {
	req, err := in.request()
	if err != nil {
		return nil, err
	}
	sum, err := a.Rules.Backtest(ctx, req, nil)
	if err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	return &backtestOutput{sum}, nil
}

// maxBacktestBytes is the most that the answer event by event holds: API Gateway takes 6 MB of a function.
const maxBacktestBytes = 5 << 20

type backtestEventsOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Truncated   bool   `header:"X-Truncated" doc:"Whether there were more events than the answer holds: ask for a shorter period."`
	Body        []byte
}

func (a *api) backtestEvents(ctx context.Context, in *backtestInput) (*backtestEventsOutput, error) {
	req, err := in.request()
	if err != nil {
		return nil, err
	}
	out := &backtestEventsOutput{ContentType: "application/x-ndjson", Disposition: `attachment; filename="backtest.ndjson"`}
	_, err = a.Rules.Backtest(ctx, req, func(e rule.BacktestEvent) error {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("write event %s: %w", e.EventID, err)
		}
		if out.Truncated = out.Truncated || len(out.Body)+len(line) >= maxBacktestBytes; !out.Truncated {
			out.Body = append(append(out.Body, line...), '\n')
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	return out, nil
}
