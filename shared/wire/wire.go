// Package wire puts the engines of the domain together from its ports. The functions do it with AWS's adapters
// (aws/parts), the local runtime with its own: what runs is wired alike.
package wire

import (
	"io"
	"log/slog"

	"opsflow/shared/alert"
	"opsflow/shared/calendar"
	"opsflow/shared/connection"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/task"
	"opsflow/shared/undelivered"
	"opsflow/shared/vendor"
	"opsflow/shared/workflow"
)

// Executions is Step Functions.
type Executions interface {
	ops.Executions
	ops.StateMachines
}

// Parts are the ports, and what else the engines need to know.
type Parts struct {
	Store         *store.Store
	Executions    Executions
	Bus           ops.Bus
	Clock         ops.Clock
	Random        io.Reader
	Logger        *slog.Logger
	Calendar      *calendar.Calendar // nil: calendar.Default
	MachinePrefix string             // begins the ARN of every state machine
	Functions     workflow.Functions // only to publish templates
	Caller        ops.Caller         // only where steps are run
	Forms         ops.Forms          // only where people complete tasks or make templates
	// Templates and BuiltinRules are the built-in ones; nil: those that are part of the program.
	Templates    []*ops.Template
	BuiltinRules func() ([]*ops.Rule, error)
}

// Workflows makes the workflow engine.
func (p Parts) Workflows() *workflow.Engine {
	return workflow.New(workflow.Config{
		Store: p.Store, Executions: p.Executions, Machines: p.Executions, Forms: p.Forms, Caller: p.Caller, Bus: p.Bus, Clock: p.Clock, Random: p.Random,
		Logger: p.Logger, Calendar: p.Calendar, MachinePrefix: p.MachinePrefix, Functions: p.Functions, Builtin: p.Templates,
	})
}

// Tasks makes the service for people's part.
func (p Parts) Tasks() *task.Service {
	return task.New(task.Config{Store: p.Store, Executions: p.Executions, Bus: p.Bus, Forms: p.Forms, Clock: p.Clock, Logger: p.Logger})
}

// Alerts makes the alert service.
func (p Parts) Alerts() *alert.Service {
	return alert.New(alert.Config{Store: p.Store, Bus: p.Bus, Clock: p.Clock, Logger: p.Logger})
}

// Undelivered makes what keeps the dead letters; it can send them again when flows and senders are there.
func (p Parts) Undelivered(flows *workflow.Engine, senders undelivered.Senders) *undelivered.Service {
	c := undelivered.Config{Store: p.Store, Bus: p.Bus, Clock: p.Clock, Logger: p.Logger, Senders: senders}
	if flows != nil {
		c.RecordOutcome = flows.RecordOutcome
	}
	return undelivered.New(c)
}

// Scorer makes what keeps vendors' metrics.
func (p Parts) Scorer() *vendor.Scorer {
	return &vendor.Scorer{Store: p.Store, Bus: p.Bus, Clock: p.Clock, Random: p.Random, Logger: p.Logger}
}

// Notifications makes what has messages sent again: it asks for them, and sends none itself.
func (p Parts) Notifications() *notify.Deliverer {
	return notify.New(notify.Config{Store: p.Store, Bus: p.Bus, Clock: p.Clock})
}

// Connections makes what keeps connections. private: they may lead into our own network.
func (p Parts) Connections(private bool) *connection.Service {
	return &connection.Service{Store: p.Store, Clock: p.Clock, Private: private}
}

// Rules makes the rule engine, which starts workflows with the given one.
func (p Parts) Rules(flows *workflow.Engine) *rule.Engine {
	return rule.New(rule.Config{
		Store: p.Store, Workflows: flows, Templates: flows, Bus: p.Bus, Clock: p.Clock, Random: p.Random, Logger: p.Logger,
		Calendar: p.Calendar, Builtin: p.BuiltinRules,
	})
}
