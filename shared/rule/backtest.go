package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/ops"
)

// What an effect costs on AWS, in USD: on-demand prices of us-east-1, requests counted as in the benchmark of package
// workflow. They are for an order of magnitude, not for an invoice.
const (
	costOfWorkflow = 77e-6 // four automated steps: each wait and each person adds to it
	costOfDelay    = 6e-6  // kept, woken, marked as done
	costOfRecord   = 3e-6  // an alert, or a message on the bus with its record
)

// BacktestRequest asks what a rule, or each rule of a set, would have made of stored events.
type BacktestRequest struct {
	Rule  json.RawMessage   `json:"rule,omitempty"`  // a rule as for Create, stored or not, or the id of one
	Rules []json.RawMessage `json:"rules,omitempty"` // instead of it: up to MaxBacktestRules of them
	From  time.Time         `json:"from,omitzero"`
	To    time.Time         `json:"to,omitzero"`
}

// MaxBacktestRules is how many rules one backtest may have.
const MaxBacktestRules = 200

// Backtest is what a rule would have made of the events that arrived in [From, To).
type Backtest struct {
	Rule       string         `json:"rule,omitempty"` // empty: the sum over the rules of a set
	From       time.Time      `json:"from"`
	To         time.Time      `json:"to"`
	Events     int            `json:"events"`  // of the rule's type
	Matched    int            `json:"matched"` // on which it would have acted
	NotMatched int            `json:"not_matched"`
	Suppressed int            `json:"suppressed"`
	Reasons    map[string]int `json:"suppressed_by"`
	DaysAtCap  int            `json:"days_at_cap"`
	// Effects counts what would have been done: "start_workflow quality_assurance". Dropped counts the actions whose `unless`
	// held, at once or when they were due, and Waiting those that are due after the period.
	Effects map[string]int `json:"effects"`
	Dropped map[string]int `json:"dropped"`
	Waiting map[string]int `json:"still_waiting"`
	// MonthlyCost is an estimate in USD for 30 days like these.
	MonthlyCost float64 `json:"estimated_monthly_cost_usd"`
	// Active compares with the version that is in force; absent for a rule that isn't stored.
	Active *BacktestDifference `json:"difference_to_active,omitempty"`
	// Limits says what the backtest can't know.
	Limits []string `json:"limits,omitempty"`
	// Rules are the rules of a set, each by itself. In the sum an event counts once for each rule that it triggers.
	Rules []*Backtest `json:"rules,omitempty"`
}

// BacktestDifference counts the events on which one version of a rule would have acted and the other not.
type BacktestDifference struct {
	Version    int `json:"version,omitempty"` // absent in the sum over the rules of a set
	Both       int `json:"both"`
	OnlyDraft  int `json:"only_draft"`
	OnlyActive int `json:"only_active"`
}

// BacktestEvent is what the rule would have made of one event or, when Action is there, what became of an action that it had put
// off. Without either the event doesn't trigger the rule any more, and the version in force would have acted.
type BacktestEvent struct {
	Rule      string         `json:"rule"`
	EventID   string         `json:"event"`
	EventTime time.Time      `json:"event_time"`
	Subject   ops.SubjectRef `json:"subject,omitzero"`
	Outcome   ops.Outcome    `json:"outcome,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	Leaf      *ops.Leaf      `json:"leaf,omitempty"`           // of the condition, or of the action's `unless`
	Actions   []string       `json:"actions,omitempty"`        // done at once, or put off
	Active    ops.Outcome    `json:"active_outcome,omitempty"` // what the version in force would have made of it

	Action string           `json:"action,omitempty"`
	Status ops.ActionStatus `json:"status,omitempty"` // of the action: done, dropped, or still waiting
	DueAt  time.Time        `json:"due_at,omitzero"`
}

// Watch is told of a backtest as it goes on. Either may be nil; an error ends the backtest with it.
type Watch struct {
	// Event gets every event for every rule that it triggers, as it is decided.
	Event func(BacktestEvent) error
	// Progress gets how far it has come, after every thousand stored events.
	Progress func(BacktestProgress) error
}

// BacktestProgress is how far a backtest has come.
type BacktestProgress struct {
	From    time.Time // the arrival from which on events are read
	Through time.Time // up to which they were read
	Read    int       // how many
}

// progressEvery is how many events are read between two times that progress is told.
const progressEvery = 1000

// backtestSpan is the period of a backtest that names none.
const backtestSpan = 30 * 24 * time.Hour

// PlanBacktest checks a request, and gives it with its period written out. CodeInvalid with every fault of a rule.
func (e *Engine) PlanBacktest(ctx context.Context, req BacktestRequest) (BacktestRequest, error) {
	_, req, err := e.planBacktest(ctx, req, Watch{})
	return req, err
}

func (e *Engine) planBacktest(ctx context.Context, req BacktestRequest, w Watch) (*backtest, BacktestRequest, error) {
	now := e.clock.Now()
	req.From, req.To = req.From.UTC(), req.To.UTC()
	if req.To.IsZero() {
		req.To = now
	}
	if req.From.IsZero() {
		req.From = req.To.Add(-backtestSpan)
	}
	if !req.From.Before(req.To) {
		return nil, req, ops.Invalid("backtest", []ops.Fault{{Path: "$.from", Expected: "a time before to", Got: req.From.Format(time.RFC3339)}})
	}
	b := &backtest{watch: w, from: req.From, subjects: map[ops.SubjectRef]*ops.Subject{}}
	b.related = relations{wanted{}, b.known, e.vendors()}
	b.sum = newBacktest("", req)
	if err := e.enter(ctx, b, req); err != nil {
		return nil, req, err
	}
	b.progress.From = req.From
	if b.learns {
		b.progress.From = now.Add(-ops.EventRetention) // what was known of subjects came before
	}
	return b, req, nil
}

// Backtest tells what a rule, or each rule of a set, would have made of the stored events of a period. It reads, and does
// nothing else: no workflow is planned, no record written. Limits are counted from the period's begin; subjects are known as
// they were when each event came. CodeInvalid with every fault of a rule.
func (e *Engine) Backtest(ctx context.Context, req BacktestRequest, w Watch) (*Backtest, error) {
	b, req, err := e.planBacktest(ctx, req, w)
	if err != nil {
		return nil, err
	}
	take := func(event *ops.Event) error { return b.take(ctx, event) }
	if err := e.store.EachEvent(ctx, b.progress.From, req.To, take); err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	if err := b.finish(ctx, req.To); err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	for _, c := range b.rules {
		b.sum.add(c.sum)
	}
	if req.Rules == nil {
		return b.rules[0].sum, nil
	}
	return b.sum, nil
}

// enter takes the rules of a request into a backtest.
func (e *Engine) enter(ctx context.Context, b *backtest, req BacktestRequest) error {
	texts := req.Rules
	if texts == nil {
		texts = []json.RawMessage{req.Rule}
	}
	if len(texts) == 0 || len(texts) > MaxBacktestRules {
		return ops.Invalid("backtest", []ops.Fault{{
			Path: "$.rules", Expected: fmt.Sprintf("a list of 1 to %d rules", MaxBacktestRules), Got: strconv.Itoa(len(texts)),
		}})
	}
	for n, text := range texts {
		draft, active, err := e.candidates(ctx, text)
		if err != nil {
			return fmt.Errorf("rule %d: %w", n+1, err)
		}
		if slices.ContainsFunc(b.rules, func(c *candidate) bool { return c.draft.rule.ID == draft.rule.ID }) {
			return ops.Invalid("backtest", []ops.Fault{{
				Path: fmt.Sprintf("$.rules[%d]", n), Expected: "a rule that isn't in the set yet", Got: quoted(draft.rule.ID),
			}})
		}
		c := &candidate{draft: draft, active: active, sum: newBacktest(draft.rule.ID, req)}
		if active != nil {
			c.sum.Active = &BacktestDifference{Version: active.rule.Version}
		}
		b.related.want.rule(draft.rule.Rule)
		if active != nil {
			b.related.want.rule(active.rule.Rule)
		}
		if draft.seesSubject() || active != nil && active.seesSubject() || len(b.related.want) > 0 {
			b.learns, c.sum.Limits = true, []string{limitOfSubjects}
		}
		b.rules = append(b.rules, c)
	}
	return nil
}

// limitOfSubjects says what is not known of subjects.
const limitOfSubjects = "Subjects are known from stored events alone: what workflows and people changed, " +
	"like that a payment was confirmed, is not seen."

func newBacktest(rule string, req BacktestRequest) *Backtest {
	return &Backtest{
		Rule: rule, From: req.From, To: req.To, Reasons: map[string]int{}, Effects: map[string]int{}, Dropped: map[string]int{},
		Waiting: map[string]int{},
	}
}

// add counts a rule of a set.
func (b *Backtest) add(one *Backtest) {
	b.Rules = append(b.Rules, one)
	b.Events += one.Events
	b.Matched += one.Matched
	b.NotMatched += one.NotMatched
	b.Suppressed += one.Suppressed
	b.DaysAtCap += one.DaysAtCap
	b.MonthlyCost += one.MonthlyCost
	for _, counts := range [][2]map[string]int{
		{b.Reasons, one.Reasons}, {b.Effects, one.Effects}, {b.Dropped, one.Dropped}, {b.Waiting, one.Waiting},
	} {
		for name, n := range counts[1] {
			counts[0][name] += n
		}
	}
	for _, limit := range one.Limits {
		if !slices.Contains(b.Limits, limit) {
			b.Limits = append(b.Limits, limit)
		}
	}
	if one.Active == nil {
		return
	}
	if b.Active == nil {
		b.Active = &BacktestDifference{}
	}
	b.Active.Both += one.Active.Both
	b.Active.OnlyDraft += one.Active.OnlyDraft
	b.Active.OnlyActive += one.Active.OnlyActive
}

// candidates reads the rule of a request, and the version of it that is in force.
func (e *Engine) candidates(ctx context.Context, text json.RawMessage) (draft, active *rehearsal, err error) {
	var r *ops.Rule
	if kindOf(text) == textKind {
		id, _ := unquote(text)
		r, err = e.Get(ctx, id)
	} else {
		r, err = e.decode(ctx, text)
	}
	if err != nil {
		return nil, nil, err
	}
	if draft, err = e.rehearse(r); err != nil {
		return nil, nil, err
	}
	stored, err := e.Get(ctx, r.ID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return draft, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	active, err = e.rehearse(stored)
	return draft, active, err
}
