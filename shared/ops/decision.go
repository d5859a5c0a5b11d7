package ops

import "time"

// Outcome is what a rule made of an event.
type Outcome string

// The outcomes of a decision.
const (
	Matched    Outcome = "matched"
	NotMatched Outcome = "not_matched" // Leaf says why
	Suppressed Outcome = "suppressed"  // matched, but Reason kept it from acting
	Shadowed   Outcome = "shadow"      // matched, and would have acted if the rule were active
	Errored    Outcome = "error"       // Reason says what broke
)

// The reasons of suppression, in order of precedence.
const (
	ReasonDuplicate = "duplicate"
	ReasonPaused    = "paused"
	ReasonCooldown  = "cooldown"
	ReasonCap       = "cap"
	ReasonDepth     = "depth"
)

// Decision is what one rule made of one event, and why.
type Decision struct {
	Rule        string    `json:"rule"`
	RuleVersion int       `json:"rule_version"`
	Outcome     Outcome   `json:"outcome"`
	Reason      string    `json:"reason,omitempty"`
	Leaf        *Leaf     `json:"leaf,omitempty"`
	Effects     []Effect  `json:"effects,omitempty"` // one per action, in order
	Delivery    string    `json:"delivery"`          // EventBridge's id of the arrival it was made for
	At          time.Time `json:"at"`
}

// Effect is what an action of a rule brought about: the record that stands for it.
type Effect struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}
