package ops

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a rule.
const (
	MaxRuleActions    = 10
	MaxRuleInput      = 50 // members of an action's input or detail
	MaxRuleExecutions = 1_000_000
	maxRuleDelay      = 365 * 24 * time.Hour
	maxRuleName       = 100
	maxAlertTitle     = 200
)

// notRuleIDs stand where a rule's id does in the addresses of the API.
var notRuleIDs = []string{"backtest", "pause-all", "resume-all"}

// DecodeRule reads a rule as people write it. What is not given: type trigger, mode active, priority 5, and an id made from the
// name. unread is what could not be read, as of Decode; read is false when that is all of it. Whether the rest makes sense is
// told by its Faults.
func DecodeRule(b []byte) (r *Rule, unread []Fault, read bool) {
	r = &Rule{Type: RuleTrigger, Mode: RuleActive, Priority: 5}
	unread, read = Decode(b, r)
	if r.ID == "" {
		r.ID = slug(r.Name)
	}
	return r, unread, read
}

// Faults tells everything that is wrong with a rule, apart from its conditions and the workflow templates it names, which
// package rule checks.
func (r *Rule) Faults() []Fault {
	c := &ruleCheck{}
	c.require(ValidID(r.ID), "$.id", idText, r.ID)
	c.require(!slices.Contains(notRuleIDs, r.ID), "$.id", "an id other than "+strings.Join(notRuleIDs, ", ")+", which mean something else in the API's addresses", r.ID)
	c.require(strings.TrimSpace(r.Name) != "" && len([]rune(r.Name)) <= maxRuleName, "$.name",
		fmt.Sprintf("1 to %d characters", maxRuleName), r.Name)
	types := []RuleType{RuleTrigger, RuleCondition, RuleAction, RuleEscalation}
	c.require(slices.Contains(types, r.Type), "$.type", oneOf(types), string(r.Type))
	c.require(slices.Contains(EventTypes(), r.Event), "$.event", oneOf(EventTypes()), string(r.Event))
	modes := []RuleMode{RuleActive, RuleShadow, RuleOff}
	c.require(slices.Contains(modes, r.Mode), "$.mode", oneOf(modes), string(r.Mode))
	c.require(r.Priority >= 1 && r.Priority <= 10, "$.priority", "1 to 10", strconv.Itoa(r.Priority))
	c.require(r.MaxExecutionsPerDay >= 0 && r.MaxExecutionsPerDay <= MaxRuleExecutions, "$.max_executions_per_day",
		fmt.Sprintf("0 (no limit) to %d", MaxRuleExecutions), strconv.Itoa(r.MaxExecutionsPerDay))
	c.require(!r.Cooldown.Business && r.Cooldown.D <= maxRuleDelay, "$.cooldown", "clock time of at most a year like 1h", r.Cooldown.String())
	_, err := time.LoadLocation(r.TimeZone)
	c.require(err == nil && r.TimeZone != "Local", "$.time_zone", "an IANA time zone like Asia/Dubai", r.TimeZone)
	c.require(len(r.Actions) > 0 && len(r.Actions) <= MaxRuleActions, "$.actions",
		fmt.Sprintf("a list of 1 to %d actions", MaxRuleActions), strconv.Itoa(len(r.Actions)))
	escalates := false
	for i := range r.Actions {
		c.action(&r.Actions[i], fmt.Sprintf("$.actions[%d]", i))
		escalates = escalates || r.Actions[i].Type == Escalate
	}
	c.require(r.Type != RuleEscalation || escalates, "$.actions", "a list with an escalate action, for the rule's type is escalation", "none")
	return c.faults
}

type ruleCheck struct{ checker }

// actionFields says which fields an action may have beside type, delay, unless, on_error and once_per.
var actionFields = map[ActionType][]string{
	StartWorkflow: {"template", "input", "subject"},
	RaiseAlert:    {"alert", "severity", "title"},
	Notify:        {"template", "to", "detail"},
	Escalate:      {"ladder", "alert", "severity", "title"},
	EmitEvent:     {"detail_type", "detail"},
}

func (c *ruleCheck) action(a *Action, path string) {
	allowed, ok := actionFields[a.Type]
	if !ok {
		c.require(false, path+".type", oneOf([]ActionType{StartWorkflow, RaiseAlert, Notify, Escalate, EmitEvent}), string(a.Type))
		return
	}
	for _, f := range []struct {
		name  string
		given bool
	}{
		{"template", a.Template != ""},
		{"input", a.Input != nil},
		{"subject", !a.Subject.IsZero()},
		{"alert", a.Alert != ""},
		{"severity", a.Severity != ""},
		{"title", a.Title != ""},
		{"to", a.To != nil},
		{"ladder", a.Ladder != ""},
		{"detail_type", a.DetailType != ""},
		{"detail", a.Detail != nil},
	} {
		c.require(!f.given || slices.Contains(allowed, f.name), path+"."+f.name, "left out of a "+string(a.Type)+" action", "")
	}
	c.require(a.Delay.D <= maxRuleDelay, path+".delay", "at most a year", a.Delay.String())
	c.require(a.OnError == "" || a.OnError == ContinueOnError || a.OnError == StopOnError, path+".on_error",
		oneOf([]ErrorPolicy{ContinueOnError, StopOnError}), string(a.OnError))
	c.require(a.OncePer == "" || strings.HasPrefix(a.OncePer, "$."), path+".once_per", "a path like $.detail.payment_id", a.OncePer)
	c.members(a.Input, path+".input")
	c.members(a.Detail, path+".detail")
	switch a.Type {
	case StartWorkflow:
		c.require(isTemplateName(a.Template), path+".template", "the name of a workflow template", a.Template)
		c.actionSubject(a.Subject, path+".subject")
	case RaiseAlert:
		c.require(a.Title != "", path+".title", fmt.Sprintf("1 to %d characters", maxAlertTitle), a.Title)
		c.require(a.Severity != "", path+".severity", severityText, "nothing")
		c.require(a.Alert != "", path+".alert", oneOf(AlertTypes()), "nothing")
	case Notify:
		c.require(isPartName(a.Template), path+".template", "the name of a message template", a.Template)
		c.recipient(a.To, path+".to")
	case Escalate:
		c.require(isPartName(a.Ladder), path+".ladder", "the name of a ladder", a.Ladder)
	case EmitEvent:
		c.require(isEventName(string(a.DetailType)), path+".detail_type", "1 to 64 characters of a-z 0-9 _, a letter first", string(a.DetailType))
		c.require(!OutboundOnly(a.DetailType), path+".detail_type", "an event that opsflow doesn't send itself", string(a.DetailType))
	}
	c.require(a.Alert == "" || slices.Contains(AlertTypes(), a.Alert), path+".alert", oneOf(AlertTypes()), string(a.Alert))
	c.require(a.Severity == "" || a.Severity.Rank() > 0, path+".severity", severityText, string(a.Severity))
	c.require(len([]rune(a.Title)) <= maxAlertTitle, path+".title", fmt.Sprintf("at most %d characters", maxAlertTitle), a.Title)
}

// actionSubject checks what a workflow is to be about; its id may be a path.
func (c *ruleCheck) actionSubject(s SubjectRef, path string) {
	if s.IsZero() {
		return
	}
	types := []string{SubjectBooking, SubjectPayment, SubjectVendor, SubjectComplaint}
	c.require(slices.Contains(types, s.Type), path+".type", oneOf(types), s.Type)
	c.require(strings.HasPrefix(s.ID, "$.") || ValidID(s.ID), path+".id", "a path like $.detail.vendor_id, or "+idText, s.ID)
}

const severityText = "one of low, medium, high, critical"

func (c *ruleCheck) members(m map[string]json.RawMessage, path string) {
	c.require(len(m) <= MaxRuleInput, path, fmt.Sprintf("at most %d members", MaxRuleInput), strconv.Itoa(len(m)))
}

// OutboundOnly reports whether only opsflow itself sends events of this type.
func OutboundOnly(t EventType) bool {
	return slices.Contains([]EventType{WorkflowCompleted, WorkflowFailed, AlertRaised, NotificationRequested}, t)
}
