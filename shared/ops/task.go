package ops

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// TaskStatus tells how a task stands.
type TaskStatus string

// The statuses of a task.
const (
	TaskOpen      TaskStatus = "open"
	TaskClaimed   TaskStatus = "claimed"
	TaskCompleted TaskStatus = "completed"
	TaskRejected  TaskStatus = "rejected"
	TaskExpired   TaskStatus = "expired"
	TaskCancelled TaskStatus = "cancelled"
)

// MaxAnswers is the most that a task's decision may have, in bytes of JSON: the forms and comments of all who take part in
// it. They become the output of the task's step.
const MaxAnswers = 128 << 10

// OutcomeRejected is the outcome of a task that was refused.
const OutcomeRejected = "rejected"

// Decided reports whether the task is over.
func (s TaskStatus) Decided() bool { return s != TaskOpen && s != TaskClaimed }

// Task is one person's part in a workflow. Its id follows from instance, step and loop, not from the attempt: a resumed
// workflow finds the task that its earlier attempt opened.
type Task struct {
	Meta
	ID         string          `json:"id"` // "tsk-" and a hash
	InstanceID string          `json:"instance"`
	Step       string          `json:"step"`
	Loop       int             `json:"loop,omitempty"`
	Kind       StepKind        `json:"kind"`
	Title      string          `json:"title"`
	Form       json.RawMessage `json:"form,omitempty"` // JSON Schema
	Outcomes   []string        `json:"outcomes"`       // what complete accepts
	Team       Team            `json:"team"`
	// Assignee is whose task it is: of an open one, who is expected to claim it (any other member of the team still may);
	// of a claimed one, who did.
	Assignee   string   `json:"assignee,omitempty"`
	Candidates []string `json:"candidates,omitempty"`
	// Quorum is how many people must decide alike for the task to be decided (0: 1), RejectQuorum how many must refuse for
	// it to be refused (0: 1).
	Quorum       int             `json:"quorum,omitempty"`
	RejectQuorum int             `json:"reject_quorum,omitempty"`
	Decisions    []TaskDecision  `json:"decisions,omitempty"` // who decided what, in order
	Subject      SubjectRef      `json:"subject,omitzero"`
	StartedBy    string          `json:"started_by,omitempty"` // who started the workflow: may not decide an approval
	EditedBy     []string        `json:"edited_by,omitempty"`  // who changed what the workflow works on: nor may they
	Priority     int             `json:"priority"`
	DueAt        time.Time       `json:"due_at,omitzero"`    // reminders begin
	LapsesAt     time.Time       `json:"lapses_at,omitzero"` // then OnExpire is done
	OnExpire     OnExpire        `json:"on_expire,omitempty"`
	Escalated    bool            `json:"escalated,omitempty"`
	Reminders    int             `json:"reminders,omitempty"` // how many were sent
	Status       TaskStatus      `json:"status"`
	Outcome      string          `json:"outcome,omitempty"`
	Answers      json.RawMessage `json:"answers,omitempty"` // the filled-in form
	Comment      string          `json:"comment,omitempty"`
	DecidedBy    string          `json:"decided_by,omitempty"`
	DecidedAt    time.Time       `json:"decided_at,omitzero"`
	// Secrets are the paths of what is not shown of the answers: see Mask.
	Secrets []string `json:"secrets,omitempty"`
	// Offer is set when the task is an offer to vendors; Assignee is the one that is asked now.
	Offer *Offer `json:"offer,omitempty"`
	// Counted is in whose count of open work the task is. Save keeps it and the counts: in the same transaction in which
	// the task gets another assignee or is over, whoever writes that.
	Counted string `json:"counted,omitempty"`
	// MaxOpen is the most open tasks that the assignee may have after a Save that gives them this one; else it fails with a
	// Conflict that names their counter. 0: any number. Not stored.
	MaxOpen int64 `json:"-"`
}

// TaskDecision is what one person said.
type TaskDecision struct {
	By      string          `json:"by"`
	Outcome string          `json:"outcome"`
	Comment string          `json:"comment,omitempty"`
	Answers json.RawMessage `json:"answers,omitempty"` // of one of several; else they are the task's own
	At      time.Time       `json:"at"`
}

// OnExpire says what becomes of a task that nobody decides in time.
type OnExpire string

// The ways to take a task that nobody decided.
const (
	OnExpireFail     OnExpire = "fail"     // the default: its workflow fails
	OnExpireReject   OnExpire = "reject"   // as if somebody had refused it
	OnExpireApprove  OnExpire = "approve"  // as if somebody had decided for its first outcome
	OnExpireEscalate OnExpire = "escalate" // it goes to who leads its team, with an alert, and stays open
)

// OnExpires lists them.
func OnExpires() []OnExpire {
	return []OnExpire{OnExpireFail, OnExpireReject, OnExpireApprove, OnExpireEscalate}
}

// The timers of a task.
const (
	TimerDeliver = "deliver" // from its decision until the workflow has taken it up
	TimerRemind  = "remind"  // when somebody is reminded of it
	TimerExpire  = "expire"  // when it can be decided no more
)

// TaskID is the id of the task of a step.
func TaskID(instanceID, step string, loop int) string {
	return HashID("tsk-", instanceID, step, string(rune('0'+loop)))
}

// AskedFor reports whether a person asked for what the task approves: they started the workflow, or changed what it works on.
func (t *Task) AskedFor(person string) bool {
	return t.Kind == StepApproval && person != "" && (t.StartedBy == person || slices.Contains(t.EditedBy, person))
}

// Ref names the record.
func (t *Task) Ref() Ref { return Ref{KindTask, t.ID} }

// Said gives a person's decision; nil when they have made none.
func (t *Task) Said(person string) *TaskDecision {
	for i := range t.Decisions {
		if t.Decisions[i].By == person {
			return &t.Decisions[i]
		}
	}
	return nil
}

// Votes counts the decisions for an outcome.
func (t *Task) Votes(outcome string) int {
	n := 0
	for _, d := range t.Decisions {
		if d.Outcome == outcome {
			n++
		}
	}
	return n
}

// Voices is how many people can decide before the task is decided: each outcome may have all but one of the voices that it
// needs.
func (t *Task) Voices() int {
	return len(t.Outcomes)*(max(1, t.Quorum)-1) + max(1, t.RejectQuorum)
}

// Accepts reports whether outcome is one that completing the task can have.
func (t *Task) Accepts(outcome string) bool { return slices.Contains(t.Outcomes, outcome) }

// TaskFilter narrows a list of tasks. Zero fields match everything.
type TaskFilter struct {
	Team       Team
	Assignee   string // whose tasks, claimed or not
	Status     TaskStatus
	Kind       StepKind
	Subject    SubjectRef
	InstanceID string
	PageRequest
}

// TaskStore keeps tasks.
type TaskStore interface {
	// Task reads one, consistently. CodeNotFound.
	Task(ctx context.Context, id string) (*Task, error)
	// Tasks lists: with a team or an assignee and no status or an open one, the most urgent first; else newest first.
	Tasks(ctx context.Context, f TaskFilter) (Page[*Task], error)
}
