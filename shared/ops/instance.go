package ops

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// InstanceStatus tells how a workflow stands.
type InstanceStatus string

// The statuses of an instance.
const (
	InstancePending         InstanceStatus = "pending"
	InstanceRunning         InstanceStatus = "running"
	InstanceWaitingApproval InstanceStatus = "waiting_approval" // of a person: any open task, an offer among them
	InstancePaused          InstanceStatus = "paused"
	InstanceCompleted       InstanceStatus = "completed"
	InstanceFailed          InstanceStatus = "failed"
	InstanceCancelled       InstanceStatus = "cancelled"
)

// InstanceStatuses lists the statuses.
func InstanceStatuses() []InstanceStatus {
	return []InstanceStatus{
		InstancePending, InstanceRunning, InstanceWaitingApproval, InstancePaused,
		InstanceCompleted, InstanceFailed, InstanceCancelled,
	}
}

// Ended reports whether nothing more happens by itself.
func (s InstanceStatus) Ended() bool {
	return s == InstanceCompleted || s == InstanceFailed || s == InstanceCancelled
}

// StepStatus tells how a step of an instance stands.
type StepStatus string

// The statuses of a step.
const (
	StepPending    StepStatus = "pending"
	StepInProgress StepStatus = "in_progress"
	StepCompleted  StepStatus = "completed"
	StepFailed     StepStatus = "failed"
	StepSkipped    StepStatus = "skipped"
)

// Ended reports whether the step is over.
func (s StepStatus) Ended() bool {
	return s == StepCompleted || s == StepFailed || s == StepSkipped
}

// Instance is one run of a workflow. The record is the checkpoint: the execution of its state machine only drives it.
type Instance struct {
	Meta
	ID              string                     `json:"id"`
	Template        string                     `json:"template"`
	TemplateVersion int                        `json:"template_version"`
	Type            WorkflowType               `json:"type"`
	Name            string                     `json:"name"`
	Team            Team                       `json:"team"`
	Priority        int                        `json:"priority"`
	Status          InstanceStatus             `json:"status"`
	Attempt         int                        `json:"attempt"` // 1 for the first execution
	CurrentStep     string                     `json:"current_step,omitempty"`
	Progress        int                        `json:"progress"` // percent, by estimated minutes; 100 only when completed
	Context         map[string]json.RawMessage `json:"context,omitempty"`
	Secrets         []string                   `json:"secrets,omitempty"` // paths of what is not shown: see Mask
	Steps           []StepRecord               `json:"steps,omitempty"`   // in template order
	Error           *StepError                 `json:"error,omitempty"`
	Subject         SubjectRef                 `json:"subject,omitzero"`
	AssignedTo      string                     `json:"assigned_to,omitempty"` // a team or a person
	EditedBy        []string                   `json:"edited_by,omitempty"`   // who changed its context
	TriggeredBy     TriggeredBy                `json:"triggered_by"`
	StartedAt       time.Time                  `json:"started_at,omitzero"`
	EndedAt         time.Time                  `json:"ended_at,omitzero"`
	DueAt           time.Time                  `json:"due_at,omitzero"`
	WaitingFor      *WaitingFor                `json:"waiting_for,omitempty"`
	AlsoWaitingFor  []WaitingFor               `json:"also_waiting_for,omitempty"` // of branches beside that
	StateMachine    string                     `json:"state_machine,omitempty"`    // ARN
	Lease           Lease                      `json:"lease,omitzero"`
	OverdueAt       time.Time                  `json:"overdue_at,omitzero"` // when it was found open past DueAt, and an alert raised
	ETA             time.Time                  `json:"eta,omitzero"`        // when it should end: by the median of earlier runs of its steps, or their estimates
	ETAP90          time.Time                  `json:"eta_p90,omitzero"`    // when nine of ten runs like it would have ended; absent without enough earlier runs
	PausedAt        time.Time                  `json:"paused_at,omitzero"`
	Asked           *Asked                     `json:"asked,omitempty"`
	Slot            bool                       `json:"slot,omitempty"`  // it has one of its template's max_parallel_instances
	Place           int64                      `json:"place,omitempty"` // its place in the queue for one
	Waits           TokenWait                  `json:"waits,omitzero"`  // where the execution waits; never leaves the server
	// History is the newest of what happened. Earlier is how much happened before that: Save keeps a long history apart.
	History []HistoryEntry `json:"history,omitempty"`
	Earlier int            `json:"earlier,omitempty"`
}

// StepRecord is what became of one step.
type StepRecord struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Kind       StepKind        `json:"kind"`
	Status     StepStatus      `json:"status"`
	StartedAt  time.Time       `json:"started_at,omitzero"`
	FinishedAt time.Time       `json:"finished_at,omitzero"`
	Tries      int             `json:"tries"`
	Input      json.RawMessage `json:"input,omitempty"` // its parameters as they were resolved, without secrets
	Output     json.RawMessage `json:"output,omitempty"`
	Error      *StepError      `json:"error,omitempty"`
	Chosen     string          `json:"chosen,omitempty"`     // a decision's way out
	TaskID     string          `json:"task,omitempty"`       // a human step's task
	WaitUntil  time.Time       `json:"wait_until,omitzero"`  // a delay's end, or until when an event is waited for
	Loop       int             `json:"loop,omitempty"`       // how often the step began anew; part of the key of what it does
	SkippedBy  string          `json:"skipped_by,omitempty"` // who skipped it by hand: what needs it goes on as if it were completed
	RetryAt    time.Time       `json:"retry_at,omitzero"`    // when a failed step is tried again
	Key        string          `json:"key,omitempty"`        // what the event must name that an await_event step waits for
	SentBack   int             `json:"sent_back,omitempty"`  // how often a refusal of this step sent the work back
	Taken      string          `json:"taken,omitempty"`      // the event that ended the wait of an await_event step
	Undone     bool            `json:"undone,omitempty"`     // what it did was undone
	// OutputApart is set once Save keeps the output apart; Output is then absent from what is read, until Load reads it.
	InputApart  *Apart `json:"input_apart,omitempty"`
	OutputApart *Apart `json:"output_apart,omitempty"`
}

// Apart says where a value is kept that is too large for the record of its workflow.
type Apart struct {
	Key   string `json:"key"` // follows from the value
	Bytes int    `json:"bytes"`
}

// StepError is what went wrong.
type StepError struct {
	Code    string `json:"code"` // "action_failed", "rejected", "execution_failed", ...
	Message string `json:"message"`
	Step    string `json:"step,omitempty"`
}

// TriggeredBy says why an instance exists.
type TriggeredBy struct {
	Kind    string `json:"kind"` // manual, event, schedule, condition
	EventID string `json:"event,omitempty"`
	RuleID  string `json:"rule,omitempty"`
	User    string `json:"user,omitempty"`
	Depth   int    `json:"depth,omitempty"`
}

// WaitingFor answers "why is it not moving".
type WaitingFor struct {
	Kind  string    `json:"kind"` // WaitTask, ...
	Step  string    `json:"step,omitempty"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	Ref   string    `json:"ref,omitempty"`
}

// What an open instance waits for.
const (
	WaitStart   = "start"   // its execution
	WaitSlot    = "slot"    // one of its template's max_parallel_instances
	WaitWorking = "working" // for nothing: an invocation is at it
	WaitTask    = "task"
	WaitEvent   = "event"
	WaitTimer   = "timer"
	WaitRetry   = "retry" // the next try of a step, or of the invocation itself
	WaitResume  = "resume"
)

// Lease says who works on an instance, and until when nobody else may.
type Lease struct {
	Owner string    `json:"owner,omitempty"`
	Until time.Time `json:"until,omitzero"`
}

// Asked is what a person wants of an instance that an invocation is working on: whoever works on it does so after the step
// that it is at, and whoever takes the instance over does so first.
type Asked struct {
	What   string    `json:"what"` // pause, cancel
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}

// What can be asked of an instance.
const (
	AskPause  = "pause"
	AskCancel = "cancel"
)

// TokenWait is the state of the state machine in which the execution waited last for a task token; of a completed instance,
// the one that it was completed in.
type TokenWait struct {
	Step  string `json:"step,omitempty"`
	Token string `json:"token,omitempty"`
	// Entered is when the execution entered the newest state that has driven the instance.
	Entered time.Time `json:"entered,omitzero"`
	// Retries is how often that state had been run again then.
	Retries int `json:"retries,omitempty"`
}

// HistoryEntry is one thing that happened to an instance.
type HistoryEntry struct {
	At      time.Time       `json:"at"`
	What    string          `json:"what"` // created, started, step_completed, task_opened, ...
	Step    string          `json:"step,omitempty"`
	Attempt int             `json:"attempt,omitempty"`
	By      string          `json:"by,omitempty"`
	Detail  json.RawMessage `json:"detail,omitempty"`
	// DetailApart is for the detail what StepRecord.OutputApart is for the output.
	DetailApart *Apart `json:"detail_apart,omitempty"`
}

// The timers of an instance.
const (
	TimerStart = "start" // the execution should have begun by now
	TimerLease = "lease" // whoever works on it should be done by now
	TimerWake  = "wake"  // its execution should have gone on by now
	TimerSLA   = "sla"   // it is past due_at
	TimerSlot  = "slot"  // it waits for a slot: is there really none
	TimerStop  = "stop"  // its execution should have been stopped
)

// Ref names the record.
func (i *Instance) Ref() Ref { return Ref{KindInstance, i.ID} }

// Step finds the record of a step; nil when there is none.
func (i *Instance) Step(id string) *StepRecord {
	for n := range i.Steps {
		if i.Steps[n].ID == id {
			return &i.Steps[n]
		}
	}
	return nil
}

// WaitFor sets what the instance waits for: first what keeps it most.
func (i *Instance) WaitFor(all ...WaitingFor) {
	i.WaitingFor, i.AlsoWaitingFor = nil, nil
	if len(all) > 0 {
		i.WaitingFor, i.AlsoWaitingFor = &all[0], all[1:]
	}
}

// Happened is how much has happened: the length of the whole history.
func (i *Instance) Happened() int { return i.Earlier + len(i.History) }

// Whole adds to an entry that tells how a step ended what the step was given and gave, which its record has.
func (i *Instance) Whole(e HistoryEntry) HistoryEntry {
	if e.What != "step_completed" && e.What != "step_failed" {
		return e
	}
	s := i.Step(e.Step)
	if s == nil || !s.FinishedAt.Equal(e.At) {
		return e
	}
	detail, err := json.Marshal(struct {
		Tries  int             `json:"tries"`
		Input  json.RawMessage `json:"input,omitempty"`
		Output json.RawMessage `json:"output,omitempty"`
		*StepError
	}{s.Tries, s.Input, s.Output, s.Error})
	if err == nil {
		e.Detail = detail
	}
	return e
}

// Log adds to the history.
func (i *Instance) Log(e HistoryEntry) {
	if e.Attempt == 0 {
		e.Attempt = i.Attempt
	}
	i.History = append(i.History, e)
}

// ExecutionName is the name of the execution that drives the present attempt: "<instance id>-<attempt>".
func (i *Instance) ExecutionName() string { return i.ID + "-" + strconv.Itoa(i.Attempt) }

// ParseExecutionName gives the instance and attempt that an execution's name stands for.
func ParseExecutionName(name string) (id string, attempt int, ok bool) {
	n := strings.LastIndexByte(name, '-')
	if n < 0 {
		return "", 0, false
	}
	attempt, err := strconv.Atoi(name[n+1:])
	if err != nil || attempt < 1 || !strings.HasPrefix(name, "wf-") {
		return "", 0, false
	}
	return name[:n], attempt, true
}

// InstanceFilter narrows a list of instances. Zero fields match everything.
type InstanceFilter struct {
	Status   InstanceStatus
	Type     WorkflowType
	Template string
	Subject  SubjectRef
	Team     Team
	Assignee string
	Overdue  time.Time // not zero: open, not paused, and due before this time
	PageRequest
}

// InstanceStore keeps instances.
type InstanceStore interface {
	// Instance reads one, consistently: with the newest of its history, and without what is kept apart. CodeNotFound.
	Instance(ctx context.Context, id string) (*Instance, error)
	// Load reads the values of steps that are kept apart, all of them or, in the order of the steps, those that have at most
	// so many bytes together (0: all).
	Load(ctx context.Context, i *Instance, most int) error
	// History gives up to limit entries of an instance's whole history, oldest first, after the first skip ones. Details
	// that are kept apart are read as Load does.
	History(ctx context.Context, i *Instance, skip, limit, most int) ([]HistoryEntry, error)
	// Instances lists newest first, without context, step outputs and history.
	Instances(ctx context.Context, f InstanceFilter) (Page[*Instance], error)
}

// StartRequest asks for a workflow.
type StartRequest struct {
	ID          string // given for effects of rules (see HashID); empty: a random one
	Template    string
	Version     int // 0: the newest published
	Name        string
	Subject     SubjectRef
	Context     map[string]json.RawMessage
	TriggeredBy TriggeredBy
}

// Workflows begins workflows in two halves, so that a caller can save the instance together with what it follows from.
type Workflows interface {
	// Plan makes the pending instance for a request, with its start timer set, without saving it. CodeNotFound for an
	// unknown template, CodeInvalid for what the template does not take.
	Plan(ctx context.Context, r StartRequest) (*Instance, error)
	// Launch starts the execution of a saved pending instance. Launching one that was launched before does nothing.
	Launch(ctx context.Context, i *Instance) error
	// Arrived lets go on what waits for an event that was saved, with Subject.Arrive for all that it names. Again does no harm.
	Arrived(ctx context.Context, e *Event) error
	// Watch looks at a subject that is about to be written: it notes there what the templates that watch it see now, and gives
	// the workflows that this starts, to be written with the subject and launched then.
	Watch(ctx context.Context, s *Subject, cause Cause) ([]*Instance, error)
}
