package console

import (
	"fmt"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

// ruleList is the view of the rules.
type ruleList struct {
	Filters []filter
	Items   []ruleRow
	Pause   pause
	Spans   []option
}

// ruleRow is a rule with what it did.
type ruleRow struct {
	*ops.Rule
	ops.RuleActivity
}

// pause is the kill switch.
type pause struct {
	*ops.RuleSet
	On bool
}

// ruleView is the view of one rule.
type ruleView struct {
	ruleRow
	Text      string // as people write it
	Says      string // its condition in words
	Does      []string
	Later     []laterAction
	Waiting   bool // there are waiting ones among Later
	More      bool // there are more than Later
	Outcomes  []filter
	Decisions []rule.EventDecision
	Pager     pager
	Versions  []ruleVersion
	Modes     []ops.RuleMode // that it could be switched to
	Pause     pause
	Days      []option
}

// ruleVersion is a version of a rule with what it changed.
type ruleVersion struct {
	rule.Version
	Changes []difference
}

func (c *Console) rulePages() {
	show(c, page{path: "/rules", action: "rule.read", section: "Rules", file: "rules"}, c.ruleList)
	show(c, page{path: "/rules/{id}", action: "rule.read", section: "Rules", file: "rule"}, c.rule)
	do(c, "/rules/{id}/mode", "rule.mode", c.ruleMode)
	do(c, "/rules/{id}/cancel", "rule.mode", c.cancelActions)
	do(c, "/rules/{id}/retry", "rule.mode", c.retryAction)
	do(c, "/rules/pause", "rule.pause_all", c.pauseRules)
	do(c, "/rules/resume", "rule.pause_all", c.resumeRules)
	c.ruleEditPages()
	c.backtestPages()
}

func ruleModes() []ops.RuleMode { return []ops.RuleMode{ops.RuleActive, ops.RuleShadow, ops.RuleOff} }

func (c *Console) ruleList(q *request) (ruleList, error) {
	mode, chosenMode := choose(q, "Mode", "mode", "Any mode", ruleModes())
	event, chosenEvent := choose(q, "Event", "event", "Any event", ops.EventTypes())
	kind, chosenType := choose(q, "Type", "type", "Any type", ops.RuleTypes())
	v := ruleList{Filters: []filter{mode, event, kind}, Spans: pauseSpans()}
	all, err := c.Rules.List(q.Context())
	if err != nil {
		return v, fmt.Errorf("list rules: %w", err)
	}
	did, err := c.Rules.Activity(q.Context())
	if err != nil {
		return v, fmt.Errorf("list rules: %w", err)
	}
	for _, r := range all {
		if (chosenMode == "" || r.Mode == chosenMode) && (chosenEvent == "" || r.Event == chosenEvent) &&
			(chosenType == "" || r.Type == chosenType) {
			v.Items = append(v.Items, ruleRow{r, did.Of(r.ID)})
		}
	}
	v.Pause, err = c.pause(q)
	return v, err
}

func (c *Console) pause(q *request) (pause, error) {
	set, err := c.Rules.Pause(q.Context())
	if err != nil {
		return pause{}, err
	}
	return pause{RuleSet: set, On: c.Clock.Now().Before(set.PausedUntil)}, nil
}

func (c *Console) rule(q *request) (ruleView, error) {
	id := q.PathValue("id")
	r, err := c.Rules.Get(q.Context(), id)
	if err != nil {
		return ruleView{}, fmt.Errorf("read rule: %w", err)
	}
	did, err := c.Rules.Activity(q.Context())
	if err != nil {
		return ruleView{}, fmt.Errorf("read rule: %w", err)
	}
	outcome, chosen := choose(q, "Outcome", "outcome", "Any outcome",
		[]ops.Outcome{ops.Matched, ops.NotMatched, ops.Suppressed, ops.Shadowed, ops.Errored})
	v := ruleView{ruleRow: ruleRow{r, did.Of(id)}, Text: ruleText(r), Outcomes: []filter{outcome}, Days: backtestDays()}
	if !r.Condition.IsZero() {
		v.Says = upperFirst(sayCondition(&r.Condition))
	}
	for i := range r.Actions {
		v.Does = append(v.Does, sayAction(&r.Actions[i]))
	}
	for _, m := range ruleModes() {
		if m != r.Mode {
			v.Modes = append(v.Modes, m)
		}
	}
	if err := c.later(q, &v); err != nil {
		return v, err
	}
	decisions, err := c.Rules.Decisions(q.Context(), id, chosen, pageRequest(q))
	if err != nil {
		return v, fmt.Errorf("list the decisions of rule %s: %w", id, err)
	}
	v.Decisions, v.Pager = decisions.Items, pages(q, decisions, "decisions")
	versions, err := c.Rules.Versions(q.Context(), id)
	if err != nil {
		return v, fmt.Errorf("list the versions of rule %s: %w", id, err)
	}
	for _, one := range versions {
		version := ruleVersion{Version: one}
		for _, d := range one.Diff {
			version.Changes = append(version.Changes, difference{Name: d.Path, Before: plain(d.Before), After: plain(d.After)})
		}
		v.Versions = append(v.Versions, version)
	}
	v.Pause, err = c.pause(q)
	return v, err
}

// sayAction says what an action does.
func sayAction(a *ops.Action) string {
	var what string
	switch a.Type {
	case ops.StartWorkflow:
		if what = "Starts " + words(a.Template); !a.Subject.IsZero() {
			what += " for the " + a.Subject.Type + " " + a.Subject.ID
		}
	case ops.RaiseAlert:
		what = "Raises a " + string(a.Severity) + " alert: " + a.Title
	case ops.Notify:
		what = "Sends the message " + a.Template
	case ops.Escalate:
		what = "Escalates by the ladder " + a.Ladder
	case ops.EmitEvent:
		what = "Sends the event " + string(a.DetailType)
	}
	if !a.Delay.IsZero() {
		what += ", " + a.Delay.String() + " later"
	}
	if a.Unless != nil {
		what += ", unless " + sayCondition(a.Unless)
	}
	if a.OnError == ops.StopOnError {
		what += "; if it fails, what follows is left out"
	}
	return what
}

// sayCondition says what a condition asks.
func sayCondition(c *ops.Condition) string {
	list, word := c.All, " and "
	if c.Any != nil {
		list, word = c.Any, " or "
	}
	switch {
	case c.Not != nil:
		return "not (" + sayCondition(c.Not) + ")"
	case list == nil:
		what := operators[c.Op]
		if what == "" {
			what = strings.ReplaceAll(string(c.Op), "_", " ")
		}
		return strings.TrimSpace(c.Path + " " + what + " " + plain(c.Value))
	}
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = sayCondition(&list[i])
		if len(list[i].All)+len(list[i].Any) > 1 {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

// operators are those of conditions, in words.
var operators = map[ops.Op]string{
	ops.OpExists: "is given", ops.OpAbsent: "is missing", ops.OpEq: "is", ops.OpNe: "is not", ops.OpGt: "is more than",
	ops.OpGte: "is at least", ops.OpLt: "is less than", ops.OpLte: "is at most",
}

func (c *Console) ruleMode(q *request) (outcome, error) {
	reason := strings.TrimSpace(q.field("reason"))
	if reason == "" {
		return outcome{}, ops.Errorf(ops.CodeInvalid, "say why the rule is switched")
	}
	r, err := c.Rules.SetMode(q.Context(), q.PathValue("id"), ops.RuleMode(q.field("mode")), reason, q.Actor)
	if err != nil {
		return outcome{}, fmt.Errorf("switch rule: %w", err)
	}
	said := r.Name + " acts."
	switch r.Mode {
	case ops.RuleShadow:
		said = r.Name + " only tells what it would do."
	case ops.RuleOff:
		said = r.Name + " is off."
	case ops.RuleActive:
	}
	return outcome{to: "/rules/" + r.ID, said: said}, nil
}

// pauseSpans are how long a pause can be.
func pauseSpans() []option {
	return []option{{"15m", "15 minutes"}, {"1h", "1 hour"}, {"4h", "4 hours"}, {"24h", "1 day"}, {"168h", "1 week"}}
}

func (c *Console) pauseRules(q *request) (outcome, error) {
	d, err := time.ParseDuration(q.field("for"))
	if err != nil {
		return outcome{}, ops.Errorf(ops.CodeInvalid, "choose how long the pause is")
	}
	reason := strings.TrimSpace(q.field("reason"))
	if reason == "" {
		return outcome{}, ops.Errorf(ops.CodeInvalid, "say why the rules are paused")
	}
	if _, err := c.Rules.PauseAll(q.Context(), c.Clock.Now().Add(d), reason, q.Actor); err != nil {
		return outcome{}, fmt.Errorf("pause all rules: %w", err)
	}
	return outcome{to: "/rules", said: "All rules are paused: they decide, and do nothing."}, nil
}

func (c *Console) resumeRules(q *request) (outcome, error) {
	if _, err := c.Rules.ResumeAll(q.Context(), strings.TrimSpace(q.field("reason")), q.Actor); err != nil {
		return outcome{}, fmt.Errorf("end the pause: %w", err)
	}
	return outcome{to: "/rules", said: "Rules act again; what the pause held back is done within minutes."}, nil
}
