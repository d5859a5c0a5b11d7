package ops

import (
	"context"
	"encoding/json"
	"time"
)

// RuleType is a label for people; only escalation rules must have an escalate action.
type RuleType string

// The rule types.
const (
	RuleTrigger    RuleType = "trigger"
	RuleCondition  RuleType = "condition"
	RuleAction     RuleType = "action"
	RuleEscalation RuleType = "escalation"
)

// RuleMode tells what a rule does with a match.
type RuleMode string

// The rule modes.
const (
	RuleActive RuleMode = "active"
	RuleShadow RuleMode = "shadow" // decides, does nothing
	RuleOff    RuleMode = "off"    // is not evaluated
)

// Rule says what to do about an event. Built-in rules are part of the program (version 1); a stored rule with the same id
// replaces the built-in one.
type Rule struct {
	Meta
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Type      RuleType  `json:"type"`
	Event     EventType `json:"event"`
	AppliesTo string    `json:"applies_to,omitempty"` // for people: which part of the business
	Condition Condition `json:"condition,omitzero"`
	Actions   []Action  `json:"actions"`
	Priority  int       `json:"priority"` // 1 to 10; higher is evaluated and listed first
	// MaxExecutionsPerDay caps the matches that act, per day of the event's time in TimeZone. 0: no cap, no counter.
	MaxExecutionsPerDay int      `json:"max_executions_per_day,omitempty"`
	Cooldown            Duration `json:"cooldown,omitzero"` // per subject
	TimeZone            string   `json:"time_zone,omitempty"`
	Mode                RuleMode `json:"mode"`
	Version             int      `json:"version"` // of the rule's text; every change makes the next
	UpdatedBy           string   `json:"updated_by,omitempty"`
	Reason              string   `json:"reason,omitempty"` // why it was last changed
}

// Starts reports whether one of the rule's actions starts workflows of a template.
func (r *Rule) Starts(template string) bool {
	for i := range r.Actions {
		if a := &r.Actions[i]; a.Type == StartWorkflow && a.Template == template {
			return true
		}
	}
	return false
}

// Ref names the record.
func (r *Rule) Ref() Ref { return Ref{KindRule, r.ID} }

// RuleTypes lists them.
func RuleTypes() []RuleType {
	return []RuleType{RuleTrigger, RuleCondition, RuleAction, RuleEscalation}
}

// ActionType names what an action does.
type ActionType string

// The action types.
const (
	StartWorkflow ActionType = "start_workflow"
	RaiseAlert    ActionType = "raise_alert"
	Notify        ActionType = "notify"
	Escalate      ActionType = "escalate"
	EmitEvent     ActionType = "emit_event"
)

// ErrorPolicy tells what happens to the actions behind one that failed.
type ErrorPolicy string

// What an action's on_error may be.
const (
	ContinueOnError ErrorPolicy = "continue"
	StopOnError     ErrorPolicy = "stop"
)

// Action is one thing that a rule does. A text value that begins with "$." is a path into {detail, subject, event, booking,
// payment, vendor}; "$$." is a literal "$.".
type Action struct {
	Type ActionType `json:"type"`
	// Delay puts the action off; it is then done at the event's time plus Delay.
	Delay Duration `json:"delay,omitzero"`
	// Unless is asked on fresh data when the action is due; true drops it.
	Unless *Condition `json:"unless,omitempty"`
	// OnError is what happens to the rule's actions behind this one when it fails: continue, which is also what no value
	// means, does them all the same; stop drops them, and they wait until this one has ended.
	OnError ErrorPolicy `json:"on_error,omitempty"`
	// OncePer is a path whose value, instead of the event, makes the effect unique: "$.detail.payment_id" acts once per
	// payment however many events name it.
	OncePer string `json:"once_per,omitempty"`

	Template string                     `json:"template,omitempty"` // start_workflow: a workflow template; notify: a message template
	Input    map[string]json.RawMessage `json:"input,omitempty"`    // start_workflow: context; absent: the event's detail
	// Subject is what a workflow is about; its id may be a path. Absent: what the event is about.
	Subject SubjectRef `json:"subject,omitzero"`

	Alert    AlertType `json:"alert,omitempty"`
	Severity Severity  `json:"severity,omitempty"`
	Title    string    `json:"title,omitempty"`

	To *Recipient `json:"to,omitempty"`

	Ladder string `json:"ladder,omitempty"`

	DetailType EventType                  `json:"detail_type,omitempty"`
	Detail     map[string]json.RawMessage `json:"detail,omitempty"`
}

// RuleStore keeps the stored rules; the built-in ones are package rule's.
type RuleStore interface {
	// Rule reads one stored rule. CodeNotFound.
	Rule(ctx context.Context, id string) (*Rule, error)
	// Rules reads all stored rules, ordered by id.
	Rules(ctx context.Context) ([]*Rule, error)
	// RuleSet reads the record whose V changes with every change of a rule (V 0 when no rule was ever stored): one small
	// read tells whether rules must be read again. Whoever saves a Rule saves the RuleSet with it.
	RuleSet(ctx context.Context) (*RuleSet, error)
}

// RuleSet tells that rules changed, and holds the kill switch.
type RuleSet struct {
	Meta
	PausedUntil  time.Time `json:"paused_until,omitzero"` // all rules only write decisions until then
	PausedReason string    `json:"paused_reason,omitempty"`
	PausedBy     string    `json:"paused_by,omitempty"`
}

// Ref names the record; there is one.
func (r *RuleSet) Ref() Ref { return Ref{KindRuleSet, "rules"} }
