package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/bulk"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/task"
	"opsflow/shared/vendor"
	"opsflow/shared/workflow"
)

// Store is what the API reads by itself.
type Store interface {
	ops.InstanceStore
	ops.TaskStore
	ops.EventStore
	ops.SubjectStore
	ops.AlertStore
	ops.AuditStore
	ops.VendorStore
	ops.MemberStore
	ops.BacktestStore
	ops.BulkStore
	ops.UndeliveredStore
	ops.NotificationStore
	ops.ConnectionStore
	ops.Cursors
	// Metric reads one, consistently. CodeNotFound.
	Metric(ctx context.Context, id string) (*ops.Metric, error)
}

// Records takes what the API writes by itself: what was asked under an Idempotency-Key, and who had something sent or shown.
type Records interface {
	ops.Saver
	ops.AuditStore
	ops.KeyedRequestStore
}

// Workflows starts workflows and keeps their templates; *workflow.Engine.
type Workflows interface {
	// Start begins a workflow.
	Start(ctx context.Context, r ops.StartRequest, actor ops.Actor) (*ops.Instance, error)
	// Pause, Resume, Cancel and Retry check that the actor may do it to this instance.
	Pause(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)
	Resume(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)
	Cancel(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error)
	Retry(ctx context.Context, id string, actor ops.Actor, r workflow.Retry) (*ops.Instance, error)
	// ListTemplates gives all versions of all templates, built-in ones included.
	ListTemplates(ctx context.Context) ([]*ops.Template, error)
	// GetTemplate reads one version. CodeNotFound.
	GetTemplate(ctx context.Context, name string, version int) (*ops.Template, error)
	// CreateTemplate stores a new, unpublished version from its JSON text. CodeInvalid lists every fault.
	CreateTemplate(ctx context.Context, text []byte, actor ops.Actor) (*ops.Template, error)
	// ValidateTemplate says what CreateTemplate would make of a text.
	ValidateTemplate(ctx context.Context, text []byte) (workflow.Verdict, error)
	// Advise tells what is odd about a template without faults, and what it costs.
	Advise(ctx context.Context, t *ops.Template) (workflow.Advice, error)
	// Publish makes a version unchangeable and startable by its number; with activate it also starts where no version is named.
	Publish(ctx context.Context, name string, version int, actor ops.Actor, activate bool) (*ops.Template, error)
	// Activate and Deactivate say whether a published version starts where none is named: the newest active one does.
	Activate(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error)
	Deactivate(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error)
}

// Tasks lets people do their part; *task.Service. Each method checks that the actor may do it to this task.
type Tasks interface {
	Claim(ctx context.Context, id string, actor ops.Actor) (*ops.Task, error)
	Release(ctx context.Context, id string, actor ops.Actor) (*ops.Task, error)
	Complete(ctx context.Context, id string, actor ops.Actor, d task.Decision) (*ops.Task, error)
	Reject(ctx context.Context, id string, actor ops.Actor, comment string) (*ops.Task, error)
	Delegate(ctx context.Context, id string, actor ops.Actor, to, reason string) (*ops.Task, error)
}

// Vendors keeps the vendors and how good they are; *vendor.Scorer.
type Vendors interface {
	// Put stores one whole. CodeInvalid.
	Put(ctx context.Context, v ops.Vendor, actor ops.Actor) (*ops.Vendor, error)
	// Score computes how good one is now. CodeNotFound.
	Score(ctx context.Context, vendorID string) (*vendor.Score, error)
	// Add takes over a measurement. CodeInvalid, CodeNotFound.
	Add(ctx context.Context, vendorID string, m vendor.Measurement, actor ops.Actor) (*ops.Metric, error)
	// Metrics lists one's metrics, newest first. CodeNotFound.
	Metrics(ctx context.Context, f ops.MetricFilter) (ops.Page[*ops.Metric], error)
	// RankFor ranks all for a booking. CodeNotFound.
	RankFor(ctx context.Context, bookingID string) ([]ops.Candidate, error)
}

// Members keeps the people that work is given to; *task.Service.
type Members interface {
	// PutMember stores one whole. CodeInvalid.
	PutMember(ctx context.Context, m ops.Member, actor ops.Actor) (*ops.Member, error)
}

// Connections keeps the systems that api_call steps may call; *connection.Service.
type Connections interface {
	// Put stores one whole. CodeInvalid.
	Put(ctx context.Context, c ops.Connection, actor ops.Actor) (*ops.Connection, error)
}

// Notifications has messages sent again; *notify.Deliverer.
type Notifications interface {
	// Resend sends a failed one again. CodeNotFound, CodeIllegalMove when it has not failed.
	Resend(ctx context.Context, id string, actor ops.Actor) (*ops.Notification, error)
}

// Rules keeps the rules; *rule.Engine.
type Rules interface {
	// List gives all rules, built-in ones included, in the order in which they are evaluated.
	List(ctx context.Context) ([]*ops.Rule, error)
	// Get reads one. CodeNotFound.
	Get(ctx context.Context, id string) (*ops.Rule, error)
	// Create stores a rule from its JSON text. CodeInvalid lists every fault.
	Create(ctx context.Context, text []byte, actor ops.Actor) (*ops.Rule, error)
	// Update replaces the version of a rule (0: whichever is there) by its JSON text. CodeConflict when it has another.
	Update(ctx context.Context, id string, text []byte, version int, actor ops.Actor) (*ops.Rule, error)
	// SetMode switches a rule on, off or to shadow; the reason is kept.
	SetMode(ctx context.Context, id string, mode ops.RuleMode, reason string, actor ops.Actor) (*ops.Rule, error)
	// Activity tells how often each rule acted, by id.
	Activity(ctx context.Context) (rule.Activity, error)
	// Versions lists what a rule was like, the newest first. CodeNotFound.
	Versions(ctx context.Context, id string) ([]rule.Version, error)
	// Decisions lists what a rule made of events, the newest first. CodeNotFound.
	Decisions(ctx context.Context, id string, outcome ops.Outcome, p ops.PageRequest) (ops.Page[rule.EventDecision], error)
	// Event reads one with what became of the actions in its decisions. CodeNotFound.
	Event(ctx context.Context, id string) (*ops.Event, error)
	// Action reads one that was put off. CodeNotFound.
	Action(ctx context.Context, id string) (*ops.PendingAction, error)
	// Actions lists those of a rule that wait or failed. CodeNotFound.
	Actions(ctx context.Context, f ops.ActionFilter) (ops.Page[*ops.PendingAction], error)
	// CancelAction drops one that waits, RetryAction tries one again that failed. CodeNotFound, CodeIllegalMove.
	CancelAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error)
	RetryAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error)
	// CancelActions drops all that a rule has put off. CodeNotFound.
	CancelActions(ctx context.Context, ruleID, reason string, actor ops.Actor) (rule.Cancelled, error)

	// Read tells what an event would be taken for: its identity, and whether it is valid.
	Read(env ops.Envelope) (*ops.Event, error)
	// Replay takes in a stored event once more, an invalid one corrected. CodeNotFound, CodeInvalid, CodeConflict.
	Replay(ctx context.Context, id string, c rule.Correction, actor ops.Actor) (*ops.Event, error)
	// Backtest tells what a rule would have made of stored events. CodeInvalid.
	Backtest(ctx context.Context, req rule.BacktestRequest, w rule.Watch) (*rule.Backtest, error)
	// Pause reads the kill switch; PauseAll turns it on, ResumeAll off.
	Pause(ctx context.Context) (*ops.RuleSet, error)
	PauseAll(ctx context.Context, until time.Time, reason string, actor ops.Actor) (*ops.RuleSet, error)
	ResumeAll(ctx context.Context, reason string, actor ops.Actor) (*ops.RuleSet, error)
}

// Backtests runs backtests beside requests; *backtest.Service.
type Backtests interface {
	// Begin has one run. CodeInvalid with every fault of a rule.
	Begin(ctx context.Context, r rule.BacktestRequest, by ops.Actor) (*ops.Backtest, error)
	// Page gives a page of its result, from 0, as lines of JSON. CodeNotFound.
	Page(ctx context.Context, id string, number int) ([]byte, error)
}

// Bulk does one thing to many records; *bulk.Service.
type Bulk interface {
	// Preview tells what an operation would do, and changes nothing.
	Preview(ctx context.Context, r bulk.Request, by ops.Actor) (*bulk.Preview, error)
	// Begin begins an operation.
	Begin(ctx context.Context, r bulk.Request, by ops.Actor) (*ops.Bulk, error)
	// Items gives items of an operation from a place on, and the place behind them.
	Items(ctx context.Context, b *ops.Bulk, outcome ops.BulkOutcome, from, limit int) ([]ops.BulkItem, int, error)
}

// Alerts is what people do with alerts; *alert.Service. Each move is refused with CodeIllegalMove when the alert's status
// does not allow it.
type Alerts interface {
	// Raise warns of a cause, or counts one that is known. CodeInvalid lists every fault.
	Raise(ctx context.Context, spec alert.Spec, actor ops.Actor) (*ops.Alert, error)
	Acknowledge(ctx context.Context, id string, actor ops.Actor) (*ops.Alert, error)
	Start(ctx context.Context, id string, actor ops.Actor) (*ops.Alert, error)
	// Resolve needs a reason while the cause holds: CodeInvalid.
	Resolve(ctx context.Context, id string, actor ops.Actor, r alert.Resolution) (*ops.Alert, error)
	Close(ctx context.Context, id string, actor ops.Actor) (*ops.Alert, error)
	Reopen(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Alert, error)
}

// Undelivered sends again what could not be delivered; *undelivered.Service.
type Undelivered interface {
	// Resend delivers an event once more. CodeNotFound; CodeIllegalMove when it is closed or can't be sent.
	Resend(ctx context.Context, id string, actor ops.Actor) (*ops.Undelivered, error)
	// Close puts one away. CodeNotFound, CodeIllegalMove when it is closed; CodeInvalid without a reason.
	Close(ctx context.Context, id string, actor ops.Actor, reason string) (*ops.Undelivered, error)
}

// Bus takes domain events from callers of the API.
type Bus interface {
	// PutDomain puts an event on the opsflow bus and gives EventBridge's id of it.
	PutDomain(ctx context.Context, source, detailType string, detail json.RawMessage, at time.Time) (eventID string, err error)
}
