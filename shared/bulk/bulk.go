// Package bulk does one thing to many records: it freezes a selection, works through it in chunks, and keeps one outcome
// per item.
//
// An item is done by the service that does it for a single request, as the person who asked, so that it is refused for
// the same reasons. That service writes an audit entry with the change, in one transaction, and here it carries the
// operation's id as its request: so when a chunk is delivered again, what it did before is found there, and nothing is
// done twice, whatever was lost between doing it and writing the outcome down.
package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// Store is what the service reads and writes.
type Store interface {
	ops.Saver
	ops.BulkStore
	ops.AuditStore
	ops.AlertStore
	ops.TaskStore
	ops.InstanceStore
	ops.EventStore
}

// Alerts does the actions on alerts; *alert.Service.
type Alerts interface {
	Acknowledge(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error)
	Resolve(ctx context.Context, id string, by ops.Actor, r alert.Resolution) (*ops.Alert, error)
	Close(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error)
}

// Tasks does the actions on tasks; *task.Service.
type Tasks interface {
	Claim(ctx context.Context, id string, by ops.Actor) (*ops.Task, error)
	Complete(ctx context.Context, id string, by ops.Actor, d task.Decision) (*ops.Task, error)
	Reject(ctx context.Context, id string, by ops.Actor, comment string) (*ops.Task, error)
}

// Workflows does the actions on workflows; *workflow.Engine.
type Workflows interface {
	Pause(ctx context.Context, id string, by ops.Actor, reason string) (*ops.Instance, error)
	Resume(ctx context.Context, id string, by ops.Actor, reason string) (*ops.Instance, error)
	Cancel(ctx context.Context, id string, by ops.Actor, reason string) (*ops.Instance, error)
	Retry(ctx context.Context, id string, by ops.Actor, r workflow.Retry) (*ops.Instance, error)
}

// Events does the actions on events; *rule.Engine.
type Events interface {
	// ReplayOne says what rules made of the event beyond what they had before, also when the store would not save it.
	ReplayOne(ctx context.Context, id string, by ops.Actor) (note string, err error)
}

// Services do an action to one record.
type Services struct {
	Events    Events
	Alerts    Alerts
	Tasks     Tasks
	Workflows Workflows
}

// ErrWouldSave is what Save answers in the store of Config.WhatIf. A service decides first and saves then: so that it came
// to a Save says that it would have done the action, and the error keeps it from doing anything else.
var ErrWouldSave = errors.New("this would be stored")

// Config is what a Service needs; all of it.
type Config struct {
	Store      Store
	Services   Services
	WhatIf     Services // the same over a store that answers every Save with ErrWouldSave
	Executions ops.Executions
	Machine    string // ARN of the state machine that drives operations
	Clock      ops.Clock
	Random     io.Reader
	Logger     *slog.Logger
}

// Service previews, starts and works through bulk operations. Safe for concurrent use.
type Service struct{ Config }

// New makes a service.
func New(c Config) *Service { return &Service{Config: c} }

// Request asks for a bulk operation on the records with these ids, or on those that a filter matches now.
type Request struct {
	Action ops.BulkAction
	IDs    []string
	Filter *Filter
	Params json.RawMessage // what the request for a single record has as its body; nil for none
}
