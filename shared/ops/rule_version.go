package ops

import (
	"context"
	"fmt"
	"time"
)

// RuleVersion is a rule as it was from one change to the next. It is written with the rule and never changes.
type RuleVersion struct {
	Meta
	RuleID string    `json:"rule_id"`
	Number int       `json:"number"`
	At     time.Time `json:"at,omitzero"` // zero for a rule as it came with the program
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Rule   *Rule     `json:"rule"`
}

// Ref names the record.
func (v *RuleVersion) Ref() Ref {
	return Ref{KindRuleVersion, fmt.Sprintf("%s@%d", v.RuleID, v.Number)}
}

// RuleVersionStore keeps all versions of the stored rules.
type RuleVersionStore interface {
	// RuleVersions reads all stored versions of a rule, oldest first.
	RuleVersions(ctx context.Context, ruleID string) ([]*RuleVersion, error)
}

// RuleActivity tells how often a rule acted, and when last.
type RuleActivity struct {
	Executions   int64     `json:"execution_count"`
	LastExecuted time.Time `json:"last_executed,omitzero"`
	// CountedThrough is the arrival up to which events are counted, while there are later ones that are not yet; else zero.
	CountedThrough time.Time `json:"counted_through,omitzero"`
}

// Add takes in that the rule acted at a time.
func (a RuleActivity) Add(at time.Time) RuleActivity {
	a.Executions++
	if at.After(a.LastExecuted) {
		a.LastExecuted = at
	}
	return a
}

// RuleTally is how often each rule acted, summed over all events that arrived before Through. The decisions themselves are
// what is counted, so that no event pays for a counter; this record only spares whoever asks from counting them again.
type RuleTally struct {
	Meta
	Through time.Time               `json:"through,omitzero"`
	Rules   map[string]RuleActivity `json:"rules,omitempty"`
}

// Ref names the record; there is one.
func (t *RuleTally) Ref() Ref { return Ref{KindRuleTally, "rules"} }

// RuleTallyStore keeps the tally.
type RuleTallyStore interface {
	// RuleTally reads it; an empty one with V 0 when nothing was summed yet.
	RuleTally(ctx context.Context) (*RuleTally, error)
}
