package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func (a *api) backtestRoutes() {
	handle(a, route{
		id: "backtest-rule", method: http.MethodPost, path: "/v1/rules/backtest", action: readRules, reads: true,
		summary: "Tell at once what a rule would have made of stored events; one that takes longer than 20 s is refused: see POST /v1/backtests",
		refuses: []ops.Code{ops.CodeNotFound}, // the rule
	}, a.backtest)
	handle(a, route{
		id: "start-backtest", method: http.MethodPost, path: "/v1/backtests", action: readRules,
		summary: "Have a backtest run, however long it takes; of the rules nothing is started or sent", status: http.StatusAccepted,
		refuses: []ops.Code{ops.CodeNotFound}, // the rule
	}, a.startBacktest)
	handle(a, route{
		id: "list-backtests", method: http.MethodGet, path: "/v1/backtests", action: readRules,
		summary: "List backtests, newest first; kept 30 days",
	}, a.listBacktests)
	handle(a, route{
		id: "get-backtest", method: http.MethodGet, path: "/v1/backtests/{id}", action: readRules,
		summary: "Read how far a backtest is, and its result",
	}, a.getBacktest)
	handle(a, route{
		id: "list-backtest-events", method: http.MethodGet, path: "/v1/backtests/{id}/events", action: readRules,
		summary: "Read its result event by event, as lines of JSON (application/x-ndjson), page by page",
	}, a.backtestEvents)
}

// BacktestBody is what a backtest is asked for.
type BacktestBody struct {
	Rule  any       `json:"rule,omitempty" doc:"A rule, stored or not, or the id of one."`
	Rules []any     `json:"rules,omitempty" maxItems:"200" doc:"Instead of rule: a set of rules."`
	From  time.Time `json:"from,omitzero" doc:"Begin of the period, by arrival; absent: 30 days before to."`
	To    time.Time `json:"to,omitzero" doc:"Its end; absent: now."`
}

type backtestInput struct {
	Body    BacktestBody
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

// atOnce is how long a backtest may take whose result is waited for: API Gateway waits no longer than 29 s.
const atOnce = 20 * time.Second

func (a *api) backtest(ctx context.Context, in *backtestInput) (*backtestOutput, error) {
	req, err := in.request()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, atOnce)
	defer cancel()
	sum, err := a.Rules.Backtest(limited, req, rule.Watch{})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, ops.Invalid("backtest", []ops.Fault{{
			Path: "$.from", Expected: "a period that is gone through within " + atOnce.String() + "; POST /v1/backtests takes any", Got: "a longer one",
		}})
	}
	if err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	return &backtestOutput{sum}, nil
}

// backtestRun is a backtest as callers see it.
type backtestRun struct {
	ID        string          `json:"id"`
	Status    string          `json:"status" enum:"running,completed,failed"`
	Actor     *ops.Actor      `json:"actor,omitempty" doc:"Who asked for it."`
	From      time.Time       `json:"from"`
	To        time.Time       `json:"to"`
	Percent   int             `json:"percent" doc:"How much of the time is behind it."`
	Through   time.Time       `json:"through,omitzero" doc:"The arrival of the event that it is at; before from while it learns what was known of subjects."`
	Read      int             `json:"read" doc:"How many events it has read, of any type."`
	Lines     int             `json:"lines" doc:"How many lines its result has event by event."`
	Pages     int             `json:"pages" doc:"How many pages these lines are on."`
	Cut       bool            `json:"cut,omitempty" doc:"Whether there were more than the million lines that are kept."`
	Error     string          `json:"error,omitempty" doc:"Why it failed."`
	Asked     json.RawMessage `json:"asked,omitempty" doc:"The rules and the period."`
	Result    json.RawMessage `json:"result,omitempty" doc:"As POST /v1/rules/backtest answers it; once it is completed."`
	CreatedAt time.Time       `json:"created_at,omitzero"`
	EndedAt   time.Time       `json:"ended_at,omitzero"`
}

func viewBacktest(b *ops.Backtest) backtestRun {
	return backtestRun{
		ID: b.ID, Status: string(b.Status), Actor: &b.Actor, From: b.From, To: b.To, Percent: b.Percent(), Through: b.Through, Read: b.Read,
		Lines: b.Lines, Pages: b.Pages, Cut: b.Cut, Error: b.Error, Asked: b.Asked, Result: b.Result, CreatedAt: b.CreatedAt, EndedAt: b.EndedAt,
	}
}

func (a *api) startBacktest(ctx context.Context, in *backtestInput) (*madeOutput[backtestRun], error) {
	req, err := in.request()
	if err != nil {
		return nil, err
	}
	b, err := a.Backtests.Begin(ctx, req, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("begin backtest: %w", err)
	}
	return &madeOutput[backtestRun]{
		Status: http.StatusAccepted, ETag: etag(b), Location: "/v1/backtests/" + b.ID, Body: viewBacktest(b),
	}, nil
}

func (a *api) listBacktests(ctx context.Context, q *PageQuery) (*listOutput[backtestRun], error) {
	page, err := a.Store.Backtests(ctx, q.request())
	if err != nil {
		return nil, fmt.Errorf("list backtests: %w", err)
	}
	return listOf(page, viewBacktest), nil
}

func (a *api) getBacktest(ctx context.Context, in *IDPath) (*oneOutput[backtestRun], error) {
	b, err := a.Store.Backtest(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read backtest: %w", err)
	}
	return &oneOutput[backtestRun]{ETag: etag(b), Body: viewBacktest(b)}, nil
}

type backtestEventsInput struct {
	IDPath
	Page int `query:"page" minimum:"1" default:"1" doc:"From 1 to the backtest's pages."`
}

type backtestEventsOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *api) backtestEvents(ctx context.Context, in *backtestEventsInput) (*backtestEventsOutput, error) {
	b, err := a.Store.Backtest(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("read backtest: %w", err)
	}
	if in.Page > max(b.Pages, 1) {
		return nil, invalid(&ops.Fault{Path: "query.page", Expected: fmt.Sprintf("a number from 1 to %d", max(b.Pages, 1)), Got: strconv.Itoa(in.Page)})
	}
	out := &backtestEventsOutput{
		ContentType: "application/x-ndjson", Disposition: fmt.Sprintf(`attachment; filename="%s-%d.ndjson"`, b.ID, in.Page),
	}
	if b.Pages == 0 {
		return out, nil // no event, or not yet
	}
	if out.Body, err = a.Backtests.Page(ctx, b.ID, in.Page-1); err != nil {
		return nil, fmt.Errorf("read backtest: %w", err)
	}
	return out, nil
}
