package rule

import (
	"context"
	"encoding/json"
	"fmt"
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

// BacktestRequest asks what a rule would have made of stored events.
type BacktestRequest struct {
	Rule json.RawMessage `json:"rule"` // a rule as for Create, stored or not, or the id of one
	From time.Time       `json:"from,omitzero"`
	To   time.Time       `json:"to,omitzero"`
}

// Backtest is what a rule would have made of the events that arrived in [From, To).
type Backtest struct {
	Rule       string         `json:"rule"`
	From       time.Time      `json:"from"`
	To         time.Time      `json:"to"`
	Events     int            `json:"events"`  // of the rule's type
	Matched    int            `json:"matched"` // on which it would have acted
	NotMatched int            `json:"not_matched"`
	Suppressed int            `json:"suppressed"`
	Reasons    map[string]int `json:"suppressed_by"`
	DaysAtCap  int            `json:"days_at_cap"`
	// Effects counts what would have been done: "start_workflow quality_assurance".
	Effects map[string]int `json:"effects"`
	// MonthlyCost is an estimate in USD for 30 days like these.
	MonthlyCost float64 `json:"estimated_monthly_cost_usd"`
	// Active compares with the version that is in force; absent for a rule that isn't stored.
	Active *BacktestDifference `json:"difference_to_active,omitempty"`
}

// BacktestDifference counts the events on which one version of a rule would have acted and the other not.
type BacktestDifference struct {
	Version    int `json:"version"`
	Both       int `json:"both"`
	OnlyDraft  int `json:"only_draft"`
	OnlyActive int `json:"only_active"`
}

// BacktestEvent is what the rule would have made of one event.
type BacktestEvent struct {
	EventID   string         `json:"event"`
	EventTime time.Time      `json:"event_time"`
	Subject   ops.SubjectRef `json:"subject,omitzero"`
	Outcome   ops.Outcome    `json:"outcome"`
	Reason    string         `json:"reason,omitempty"`
	Leaf      *ops.Leaf      `json:"leaf,omitempty"`
	Actions   []string       `json:"actions,omitempty"`
	Active    ops.Outcome    `json:"active_outcome,omitempty"` // what the version in force would have made of it
}

// backtestSpan is the period of a backtest that names none.
const backtestSpan = 30 * 24 * time.Hour

// Backtest tells what a rule would have made of the stored events of a period. It reads, and does nothing else: no workflow is
// planned, no record written. Limits are counted from the period's begin; subjects are known as they were when each event
// came. each, if not nil, gets every event of the rule's type as it is decided. CodeInvalid with every fault of the rule.
func (e *Engine) Backtest(ctx context.Context, req BacktestRequest, each func(BacktestEvent) error) (*Backtest, error) {
	draft, active, err := e.candidates(ctx, req.Rule)
	if err != nil {
		return nil, err
	}
	now := e.clock.Now()
	b := &backtest{each: each, draft: draft, active: active, subjects: map[ops.SubjectRef]*ops.Subject{}}
	b.sum = Backtest{
		Rule: draft.rule.ID, From: req.From.UTC(), To: req.To.UTC(), Reasons: map[string]int{}, Effects: map[string]int{},
	}
	if req.To.IsZero() {
		b.sum.To = now
	}
	if req.From.IsZero() {
		b.sum.From = b.sum.To.Add(-backtestSpan)
	}
	if !b.sum.From.Before(b.sum.To) {
		return nil, ops.Invalid("backtest", []ops.Fault{{Path: "$.from", Expected: "a time before to", Got: b.sum.From.Format(time.RFC3339)}})
	}
	if active != nil {
		b.sum.Active = &BacktestDifference{Version: active.rule.Version}
	}
	from := b.sum.From
	if b.learns = draft.seesSubject() || active != nil && active.seesSubject(); b.learns {
		from = now.Add(-ops.EventRetention) // what was known of subjects came before
	}
	if err := e.store.EachEvent(ctx, from, b.sum.To, b.take); err != nil {
		return nil, fmt.Errorf("backtest rule %s: %w", draft.rule.ID, err)
	}
	if limit := draft.rule.MaxExecutionsPerDay; limit > 0 {
		for _, n := range draft.acted {
			if n >= limit {
				b.sum.DaysAtCap++
			}
		}
	}
	b.sum.MonthlyCost *= float64(30*24*time.Hour) / float64(b.sum.To.Sub(b.sum.From))
	return &b.sum, nil
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

// backtest is one that runs.
type backtest struct {
	sum           Backtest
	draft, active *rehearsal
	each          func(BacktestEvent) error
	learns        bool
	subjects      map[ops.SubjectRef]*ops.Subject
}

func (b *backtest) take(event *ops.Event) error {
	if event.Status != ops.EventValid {
		return nil
	}
	subject := &ops.Subject{SubjectRef: event.Subject}
	if b.learns && !event.Subject.IsZero() {
		if known := b.subjects[event.Subject]; known != nil {
			subject = known
		}
		b.subjects[event.Subject] = subject
		subject.Learn(event)
	}
	if event.CreatedAt.Before(b.sum.From) || ops.EventType(event.Type) != b.draft.rule.Event {
		return nil
	}
	doc := eventDoc(event, subject)
	d, actions := b.draft.ask(event, doc)
	line := BacktestEvent{
		EventID: event.ID, EventTime: event.Time, Subject: event.Subject, Outcome: d.Outcome, Reason: d.Reason, Leaf: d.Leaf,
	}
	b.sum.Events++
	switch d.Outcome { //nolint:exhaustive // a rehearsal gives no others
	case ops.Matched:
		b.sum.Matched++
	case ops.NotMatched:
		b.sum.NotMatched++
	default:
		b.sum.Suppressed++
		b.sum.Reasons[d.Reason]++
	}
	for _, n := range actions {
		a := &b.draft.rule.Actions[n]
		name := actionName(a)
		line.Actions = append(line.Actions, name)
		b.sum.Effects[name]++
		b.sum.MonthlyCost += costOf(a)
	}
	if b.active != nil {
		line.Active = b.compare(event, doc, d.Outcome == ops.Matched)
	}
	if b.each == nil {
		return nil
	}
	return b.each(line)
}

// compare asks the version in force about an event of which the draft's answer is known.
func (b *backtest) compare(event *ops.Event, doc Doc, acts bool) ops.Outcome {
	outcome := ops.NotMatched
	if b.active.rule.Event == ops.EventType(event.Type) && b.active.rule.Mode == ops.RuleActive {
		d, _ := b.active.ask(event, doc)
		outcome = d.Outcome
	}
	switch diff := b.sum.Active; {
	case acts && outcome == ops.Matched:
		diff.Both++
	case acts:
		diff.OnlyDraft++
	case outcome == ops.Matched:
		diff.OnlyActive++
	}
	return outcome
}

func actionName(a *ops.Action) string {
	what := a.Template
	switch a.Type {
	case ops.RaiseAlert:
		what = string(a.Alert)
	case ops.Escalate:
		what = a.Ladder
	case ops.EmitEvent:
		what = string(a.DetailType)
	case ops.StartWorkflow, ops.Notify:
	}
	return string(a.Type) + " " + what
}

func costOf(a *ops.Action) float64 {
	cost := costOfRecord
	if a.Type == ops.StartWorkflow {
		cost = costOfWorkflow
	}
	if !a.Delay.IsZero() {
		cost += costOfDelay
	}
	return cost
}
