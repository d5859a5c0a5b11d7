package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// ruleEdit is the view of a rule's text, to be written or changed.
type ruleEdit struct {
	ID      string // empty: a new one
	Text    string
	Version int // that the change is made to
	Error   string
	Faults  []ops.Fault
	Days    []option
	Tested  *tested
}

// tested is what a rule would have made of stored events.
type tested struct {
	*rule.Backtest
	Days    string
	Effects []option                 // what would have been done, and how often
	Reasons []option                 // what would have kept it from acting
	Events  []rule.BacktestEvent     // the first ones
	More    int                      // further ones
	Cost    string                   // in 30 days, USD
	Diff    *rule.BacktestDifference // to the version in force
}

// backtestView is the view of a backtest of a rule as it is.
type backtestView struct {
	*ops.Rule
	Days   []option
	Tested *tested
}

var (
	newRulePage  = page{path: "/rules/new", action: "rule.write", section: "Rules", file: "ruleedit", still: true}
	editRulePage = page{path: "/rules/{id}/edit", action: "rule.write", section: "Rules", file: "ruleedit", still: true}
)

// newRule is what the form for a new rule begins with.
const newRule = `{
  "name": "",
  "type": "trigger",
  "event": "service_completed",
  "mode": "shadow",
  "priority": 5,
  "condition": {"all": [{"path": "detail.service_value", "op": "gt", "value": 100}]},
  "actions": [
    {"type": "start_workflow", "template": "quality_assurance"}
  ],
  "max_executions_per_day": 100
}`

func (c *Console) ruleEditPages() {
	show(c, newRulePage, func(*request) (ruleEdit, error) { return ruleEdit{Text: newRule, Days: backtestDays()}, nil })
	show(c, editRulePage, c.editRule)
	show(c, page{path: "/rules/{id}/backtest", action: "rule.read", section: "Rules", file: "backtest", still: true}, c.backtestRule)
	do(c, "/rules/new", "rule.write", c.saveRule)
	do(c, "/rules/{id}/edit", "rule.write", c.saveRule)
}

// ruleText is a rule as people write it, with its members in the order of the documentation.
func ruleText(r *ops.Rule) string {
	plain := *r
	plain.Meta, plain.Version, plain.UpdatedBy, plain.Reason = ops.Meta{}, 0, "", ""
	raw, err := json.Marshal(&plain)
	if err != nil {
		return err.Error()
	}
	fields, err := members(raw)
	if err != nil {
		return err.Error()
	}
	text := []byte("{")
	for _, f := range fields {
		if slices.Contains([]string{"id", "version"}, f.Name) {
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = append(text, strconv.Quote(f.Name)+":"...)
		text = append(text, f.Value...)
	}
	return pretty(append(text, '}'))
}

func (c *Console) editRule(q *request) (ruleEdit, error) {
	r, err := c.Rules.Get(q.Context(), q.PathValue("id"))
	if err != nil {
		return ruleEdit{}, fmt.Errorf("read rule: %w", err)
	}
	return ruleEdit{ID: r.ID, Text: ruleText(r), Version: r.Version, Days: backtestDays()}, nil
}

// saveRule stores what was written or, when the other button was pressed, tries it on stored events.
func (c *Console) saveRule(q *request) (outcome, error) {
	v := ruleEdit{ID: q.PathValue("id"), Text: q.field("text"), Days: backtestDays()}
	v.Version, _ = strconv.Atoi(q.field("version"))
	p := newRulePage
	if v.ID != "" {
		p = editRulePage
	}
	again := func(err error) (outcome, error) {
		e, ok := errors.AsType[*ops.Error](err)
		if !ok || e.Code != ops.CodeInvalid && e.Code != ops.CodeConflict {
			return outcome{}, err
		}
		v.Error, v.Faults = sentence(e.Message), e.Faults
		return outcome{}, &invalidForm{page: p, view: v, err: err}
	}
	if q.field("do") == "test" {
		var err error
		if v.Tested, err = c.tryRule(q, json.RawMessage(v.Text)); err != nil {
			return again(err)
		}
		return outcome{}, &invalidForm{page: p, view: v, err: nil}
	}
	var r *ops.Rule
	var err error
	if v.ID == "" {
		r, err = c.Rules.Create(q.Context(), []byte(v.Text), q.Actor)
	} else {
		r, err = c.Rules.Update(q.Context(), v.ID, []byte(v.Text), v.Version, q.Actor)
	}
	if err != nil {
		return again(fmt.Errorf("save rule: %w", err))
	}
	return outcome{to: "/rules/" + r.ID, said: fmt.Sprintf("Version %d of %s is in force.", r.Version, r.Name)}, nil
}

// backtestDays are the periods that a rule can be tried on.
func backtestDays() []option {
	return []option{{"7", "the last 7 days"}, {"1", "the last day"}, {"30", "the last 30 days"}, {"90", "the last 90 days"}}
}

func (c *Console) backtestRule(q *request) (backtestView, error) {
	r, err := c.Rules.Get(q.Context(), q.PathValue("id"))
	if err != nil {
		return backtestView{}, fmt.Errorf("read rule: %w", err)
	}
	v := backtestView{Rule: r, Days: backtestDays()}
	id, err := json.Marshal(r.ID)
	if err != nil {
		return v, fmt.Errorf("name the rule: %w", err)
	}
	v.Tested, err = c.tryRule(q, id)
	return v, err
}

// testedShown is how many events of a backtest are shown one by one.
const testedShown = 50

// tryRule tells what a rule (its text, or the id of one) would have made of the events of the last days.
func (c *Console) tryRule(q *request, text json.RawMessage) (*tested, error) {
	days, err := strconv.Atoi(q.field("days"))
	if err != nil || days < 1 || days > 90 {
		days = 7
	}
	if !json.Valid(text) {
		return nil, ops.Invalid("rule", []ops.Fault{{Path: "$", Expected: "a JSON object"}})
	}
	now := c.Clock.Now()
	t := &tested{Days: strconv.Itoa(days)}
	t.Backtest, err = c.Rules.Backtest(q.Context(), rule.BacktestRequest{Rule: text, From: now.Add(-time.Duration(days) * 24 * time.Hour), To: now},
		func(e rule.BacktestEvent) error {
			if len(t.Events) < testedShown {
				t.Events = append(t.Events, e)
			} else {
				t.More++
			}
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("try the rule on stored events: %w", err)
	}
	t.Effects, t.Reasons = counted(t.Backtest.Effects), counted(t.Backtest.Reasons)
	t.Cost = strconv.FormatFloat(t.MonthlyCost, 'f', 4, 64)
	t.Diff = t.Active
	return t, nil
}

// counted lists counts by name.
func counted(counts map[string]int) []option {
	list := make([]option, 0, len(counts))
	for name, n := range counts {
		list = append(list, option{strconv.Itoa(n), words(name)})
	}
	slices.SortFunc(list, func(a, b option) int {
		if a.Text < b.Text {
			return -1
		}
		return 1
	})
	return list
}
