package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

// ruleEdit is the view of a rule's text, to be written or changed.
type ruleEdit struct {
	ID      string // empty: a new one
	Text    string
	Reason  string // for the change, when the form is shown again
	Version int    // that the change is made to
	Error   string
	Faults  []ops.Fault
	Days    []option
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
	show(c, newRulePage, c.newRule)
	show(c, editRulePage, c.editRule)
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

func (c *Console) newRule(q *request) (ruleEdit, error) {
	v := ruleEdit{Text: newRule, Days: backtestDays()}
	return v, c.takeDraft(q, &v)
}

func (c *Console) editRule(q *request) (ruleEdit, error) {
	r, err := c.Rules.Get(q.Context(), q.PathValue("id"))
	if err != nil {
		return ruleEdit{}, fmt.Errorf("read rule: %w", err)
	}
	v := ruleEdit{ID: r.ID, Text: ruleText(r), Version: r.Version, Days: backtestDays()}
	return v, c.takeDraft(q, &v)
}

// takeDraft puts the draft that a backtest tried, if the address names one, into the form.
func (c *Console) takeDraft(q *request, v *ruleEdit) error {
	id := q.field("backtest")
	if id == "" {
		return nil
	}
	b, err := c.Store.Backtest(q.Context(), id)
	if err != nil {
		return fmt.Errorf("read backtest: %w", err)
	}
	if draft := draftOf(b); draft != nil {
		v.Text = pretty(draft)
	}
	return nil
}

// saveRule stores what was written or, when the other button was pressed, tries it on stored events.
func (c *Console) saveRule(q *request) (outcome, error) {
	v := ruleEdit{ID: q.PathValue("id"), Text: q.field("text"), Reason: strings.TrimSpace(q.field("reason")), Days: backtestDays()}
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
		text := json.RawMessage(v.Text)
		var err error
		if v.ID != "" { // so that it is compared with what is in force
			if text, err = withMember(text, "id", v.ID); err != nil {
				return again(err)
			}
		}
		if !json.Valid(text) {
			return again(ops.Invalid("rule", []ops.Fault{{Path: "$", Expected: "a JSON object"}}))
		}
		out, err := c.beginBacktest(q, text)
		if err != nil {
			return again(err)
		}
		return out, nil
	}
	text := json.RawMessage(v.Text)
	var err error
	if v.Reason == "" && v.ID != "" {
		return again(ops.Invalid("rule", []ops.Fault{{Path: "$.reason", Expected: "a text that says why the rule is changed", Got: "nothing"}}))
	}
	if v.Reason != "" {
		if text, err = withMember(text, "reason", v.Reason); err != nil {
			return again(err)
		}
	}
	var r *ops.Rule
	if v.ID == "" {
		r, err = c.Rules.Create(q.Context(), text, q.Actor)
	} else {
		r, err = c.Rules.Update(q.Context(), v.ID, text, v.Version, q.Actor)
	}
	if err != nil {
		return again(fmt.Errorf("save rule: %w", err))
	}
	return outcome{to: "/rules/" + r.ID, said: fmt.Sprintf("Version %d of %s is in force.", r.Version, r.Name)}, nil
}
