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
	ReasonUnless    = "unless" // of each action the `unless` held, so there was nothing to do
)

// WouldBe stands before the reason for which a rule in shadow mode would have been suppressed: "would_cap".
const WouldBe = "would_"

// Decision is what one rule made of one event, and why.
type Decision struct {
	Rule        string   `json:"rule"`
	RuleVersion int      `json:"rule_version"`
	Outcome     Outcome  `json:"outcome"`
	Reason      string   `json:"reason,omitempty"`
	Leaf        *Leaf    `json:"leaf,omitempty"`
	Effects     []Effect `json:"effects,omitempty"` // one per action, in order
	Delivery    string   `json:"delivery"`          // the arrival that it was made for: EventBridge's id of it, or a replay's
	// Recomputed says that the decision was not kept, for more rules than have room did not match: the rule was asked again, as it
	// was then, with the event and with the records that it looks into as they are now.
	Recomputed bool      `json:"recomputed,omitempty"`
	At         time.Time `json:"at"`
	// Replay says that the event was taken in again on purpose: the name of EventBridge's replay, or of who asked for it.
	Replay string `json:"replay,omitempty"`
}

// Effect is what an action of a rule brought about: the record that stands for it, or why there is none.
type Effect struct {
	Kind Kind   `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	// Action names what a rule in shadow mode would do: "start_workflow quality_assurance".
	Action string `json:"action,omitempty"`
	// Status tells of an action for which there is no record that it was dropped, with Reason, or failed, with Error.
	Status ActionStatus `json:"status,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Leaf   *Leaf        `json:"leaf,omitempty"` // that decided its `unless`
	Error  string       `json:"error,omitempty"`
	// Of an action that was put off, or that is done behind the event's transaction, the record is read with the event: then
	// Status and the fields beside it tell how it stands, and these when it is due and what came of it.
	DueAt  time.Time `json:"due_at,omitzero"`
	Effect *Effect   `json:"effect,omitempty"`
}

// EffectOf is the effect that a record stands for.
func EffectOf(r Ref) Effect { return Effect{Kind: r.Kind, ID: r.ID} }

// Ref names the record; the zero Ref when there is none.
func (e Effect) Ref() Ref { return Ref{e.Kind, e.ID} }
