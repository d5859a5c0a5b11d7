package ops

import (
	"context"
	"encoding/json"
	"time"
)

// ActionStatus tells how a put-off action stands.
type ActionStatus string

// The statuses of a put-off action.
const (
	ActionWaiting ActionStatus = "waiting"
	ActionDone    ActionStatus = "done"
	ActionDropped ActionStatus = "dropped" // Reason says why
	ActionFailed  ActionStatus = "failed"
	ActionShadow  ActionStatus = "shadow" // it would be done if its rule weren't in shadow mode; never stored on an action
)

// The reasons for which an action is dropped.
const (
	DroppedUnless    = ReasonUnless // its `unless` held
	DroppedStopped   = "stopped"    // an action before it failed, whose on_error is stop
	DroppedRuleOff   = "rule_off"   // its rule was off when it was due
	DroppedShadow    = "shadow"     // its rule was in shadow mode when it was due
	DroppedCancelled = "cancelled"  // somebody cancelled it
)

// PendingAction is a rule's action that waits for its time, or that was begun and must be carried out: it stands for the
// effect from the moment the event was decided, so that a crash loses nothing. Its timer is TimerDue.
type PendingAction struct {
	Meta
	ID      string          `json:"id"` // "act-" and a hash of the effect key
	RuleID  string          `json:"rule"`
	Index   int             `json:"index"` // which of the rule's actions
	Action  Action          `json:"action"`
	EventID string          `json:"event_id"`
	Event   EventType       `json:"event"`
	Source  string          `json:"source"`
	At      time.Time       `json:"at"` // the event's time
	Detail  json.RawMessage `json:"detail"`
	Subject SubjectRef      `json:"subject,omitzero"`
	DueAt   time.Time       `json:"due_at"`
	// After is the action of the same rule and event that has to end before this one is begun; Next are those that wait so
	// for this one.
	After  string       `json:"after,omitempty"`
	Next   []string     `json:"next,omitempty"`
	Status ActionStatus `json:"status"`
	Reason string       `json:"reason,omitempty"` // why it was dropped
	Leaf   *Leaf        `json:"leaf,omitempty"`   // that decided its `unless`
	Effect *Effect      `json:"effect,omitempty"` // what came of it
	Error  string       `json:"error,omitempty"`
	Tries  int          `json:"tries,omitempty"`
	Cause  Cause        `json:"cause,omitzero"`
}

// PutOff reports whether the action isn't begun as soon as its event is decided.
func (a *PendingAction) PutOff() bool { return !a.Action.Delay.IsZero() || a.After != "" }

// TimerDue is the timer of what must be done at a time.
const TimerDue = "due"

// Ref names the record.
func (a *PendingAction) Ref() Ref { return Ref{KindAction, a.ID} }

// ActionFilter narrows the list of a rule's actions to those of one status, which is ActionWaiting or ActionFailed: of the
// others there is no list. Of the waiting ones it has those that were put off.
type ActionFilter struct {
	RuleID string
	Status ActionStatus
	PageRequest
}

// ActionStore keeps put-off actions.
type ActionStore interface {
	// PendingAction reads one. CodeNotFound.
	PendingAction(ctx context.Context, id string) (*PendingAction, error)
	// PendingActions reads those of the ids that there are, in no order.
	PendingActions(ctx context.Context, ids []string) ([]*PendingAction, error)
	// Actions lists a rule's actions, the oldest first.
	Actions(ctx context.Context, f ActionFilter) (Page[*PendingAction], error)
}
