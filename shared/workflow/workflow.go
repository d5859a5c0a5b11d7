package workflow

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// Store is what the engine reads and writes.
type Store interface {
	ops.Saver
	ops.InstanceStore
	ops.TaskStore
	ops.MemberStore
	ops.TemplateStore
	ops.SubjectStore
	ops.VendorStore
	ops.AlertStore
	ops.AuditStore
	ops.SlotStore
	ops.AssignmentStore
	ops.CounterStore
	ops.EvidenceStore
	ops.EventStore
	ops.WaiterStore
	ops.DurationStore
	ops.ConnectionStore
	ops.WatchStore
}

// Functions are the ARNs of the Lambda functions that state machines call. Only publishing needs them.
type Functions struct {
	RunSteps      string
	OpenTask      string
	RecordOutcome string
}

// Config is what an Engine needs. All but Machines, Functions and Forms, which only making templates uses, and Calendar are
// required.
type Config struct {
	Store      Store
	Executions ops.Executions
	Machines   ops.StateMachines
	Forms      ops.Forms
	Bus        ops.Bus
	Clock      ops.Clock
	Random     io.Reader
	Logger     *slog.Logger
	// Caller carries out api_call steps; nil where none are run.
	Caller ops.Caller
	// Calendar counts business time; nil: calendar.Default.
	Calendar *calendar.Calendar
	// MachinePrefix begins the ARN of every state machine: "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-".
	MachinePrefix string
	Functions     Functions
	// Actions are actions besides the built-in ones, by name.
	Actions map[string]Action
	// Builtin are the built-in templates, which are shared; nil: those of the function Builtin.
	Builtin []*ops.Template
}

// Engine runs workflows. It implements ops.Workflows. Safe for concurrent use, by many processes on one table.
type Engine struct {
	Config
	// plans holds templates made ready to run, by id. Published versions never change.
	plans sync.Map
	// took holds how long the steps of templates took, by name: see durations.
	took     sync.Map
	watching watchlist
	// retrier does again what lost against other writers.
	retrier *ops.Retrier
}

var _ ops.Workflows = (*Engine)(nil)

// New makes an engine.
func New(c Config) *Engine {
	if c.Calendar == nil {
		c.Calendar = calendar.Default()
	}
	c.Random = ops.Shared(c.Random)
	return &Engine{Config: c, retrier: ops.NewRetrier(c.Clock, c.Random)}
}

// Drive is what a state of a workflow's machine hands to its function.
type Drive struct {
	InstanceID string `json:"instance_id"`
	Attempt    int    `json:"attempt"`
	// Step is the step that the state is for; empty: the state at the end of the chain.
	Step string `json:"step,omitempty"`
	// Token is the task token of a waiting state.
	Token string `json:"token,omitempty"`
	// Entered is when the execution entered the state: an invocation that comes late, from an earlier state, does nothing.
	Entered time.Time `json:"entered,omitzero"`
	// Retries counts how often a retrier has had the state run again since: each time it has another token.
	Retries int `json:"retries,omitempty"`
	// Retry says that the state waits only until a step is tried again.
	Retry bool `json:"retry,omitempty"`
	// RequestID is the invocation's own id, which owns the lease; empty: a random one is taken.
	RequestID string `json:"request_id,omitempty"`
}

// late reports whether a newer invocation than the drive's has had the instance.
func (d *Drive) late(at *ops.TokenWait) bool {
	if d.Entered.IsZero() {
		return false
	}
	return cmp.Or(d.Entered.Compare(at.Entered), cmp.Compare(d.Retries, at.Retries)) < 0
}

// Progress is what an invocation leads to.
type Progress struct {
	Status ops.InstanceStatus `json:"status"`
	// WaitUntil is when the delay of the drive's step is over (RFC 3339); in the past if it was skipped or is over.
	WaitUntil string `json:"wait_until,omitempty"`
}

// The errors that a state's function answers with. Step Functions knows them by the names of their types: the machine's
// Retry and Catch name them.

// WorkflowFailed says that the instance has failed, and that its record says so.
type WorkflowFailed struct{ Failure ops.StepError } //nolint:revive // the name that state machines know it by

func (e *WorkflowFailed) Error() string {
	if e.Failure.Step == "" {
		return e.Failure.Code + ": " + e.Failure.Message
	}
	return "step " + e.Failure.Step + ": " + e.Failure.Code + ": " + e.Failure.Message
}

// Superseded says that this execution no longer drives the instance: a later attempt does, or it has ended or is paused.
type Superseded struct{ InstanceID string }

func (e *Superseded) Error() string {
	return "workflow " + e.InstanceID + " goes on without this execution"
}

// LeaseHeld says that another invocation works on the instance now. To be tried again.
type LeaseHeld struct{ InstanceID, Owner string }

func (e *LeaseHeld) Error() string {
	return "workflow " + e.InstanceID + " is being worked on by " + e.Owner
}

// SentBack says that the execution has come further than the workflow: a refusal sent the work back. The machine leads it to
// where it is to be done again.
type SentBack struct{ InstanceID, Step string }

func (e *SentBack) Error() string {
	return "workflow " + e.InstanceID + " goes on at step " + e.Step
}

// TryLater says that a failed step is to be tried again when this invocation can't be there any more.
type TryLater struct {
	InstanceID, Step string
	At               time.Time
}

func (e *TryLater) Error() string {
	return "step " + e.Step + " of workflow " + e.InstanceID + " is tried again at " + e.At.UTC().Format(time.RFC3339)
}

// Unavailable says that something we need did not answer. To be tried again.
type Unavailable struct{ Err error }

func (e *Unavailable) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Unavailable) Unwrap() error { return e.Err }

// retryable turns an error into one that Step Functions knows by name: whatever is not decided may pass by itself, and
// the runner can be asked again at any point.
func retryable(err error) error {
	if err == nil {
		return nil
	}
	if decided(err) || hopeless(err) {
		return err
	}
	return &Unavailable{Err: err}
}

// decided reports whether an error is one that says where the execution goes. They are never wrapped: Step Functions sees
// the type.
func decided(err error) bool {
	switch err.(type) { //nolint:errorlint // see above
	case *WorkflowFailed, *Superseded, *LeaseHeld, *SentBack, *TryLater:
		return true
	}
	return false
}

// hopeless reports whether trying again would not help.
func hopeless(err error) bool {
	if _, ok := errors.AsType[*Unavailable](err); ok {
		return false
	}
	code := ops.ErrorCode(err)
	return code == ops.CodeNotFound || code == ops.CodeInvalid || code == ops.CodeTooLarge
}
