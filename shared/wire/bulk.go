package wire

import (
	"context"
	"log/slog"

	"opsflow/shared/alert"
	"opsflow/shared/bulk"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// bulkMachine is the end of the name of the state machine that drives bulk operations.
const bulkMachine = "bulk_operation"

// Bulk makes the service of bulk operations.
func (p Parts) Bulk() *bulk.Service {
	return bulk.New(bulk.Config{
		Store: p.Store, Executions: p.Executions, Machine: p.MachinePrefix + bulkMachine,
		Services: p.single(p.Store, p.Executions, p.Bus, p.Logger),
		WhatIf:   p.single(dryStore{p.Store}, dryExecutions{p.Executions}, dryBus{}, slog.New(slog.DiscardHandler)),
		Clock:    p.Clock, Random: p.Random, Logger: p.Logger,
	})
}

// single makes the services that do an action to one record.
func (p Parts) single(s interface {
	alert.Store
	task.Store
	workflow.Store
	rule.Store
}, x ops.Executions, bus ops.Bus, log *slog.Logger,
) bulk.Services {
	flows := workflow.New(workflow.Config{
		Store: s, Executions: x, Bus: bus, Clock: p.Clock, Random: p.Random, Logger: log, Calendar: p.Calendar,
		MachinePrefix: p.MachinePrefix,
	})
	return bulk.Services{
		Alerts:    alert.New(alert.Config{Store: s, Bus: bus, Clock: p.Clock, Logger: log}),
		Tasks:     task.New(task.Config{Store: s, Executions: x, Bus: bus, Forms: p.Forms, Clock: p.Clock, Logger: log}),
		Workflows: flows,
		Events: rule.New(rule.Config{
			Store: s, Workflows: flows, Bus: bus, Clock: p.Clock, Random: p.Random, Logger: log, Calendar: p.Calendar,
		}),
	}
}

// dryStore reads what is there and keeps nothing: see bulk.ErrWouldSave.
type dryStore struct{ *store.Store }

func (dryStore) Save(context.Context, ...ops.Record) error   { return bulk.ErrWouldSave }
func (dryStore) Delete(context.Context, ...ops.Record) error { return bulk.ErrWouldSave }

// dryBus sends nothing.
type dryBus struct{}

func (dryBus) Put(context.Context, ...ops.OutEvent) error { return nil }

// dryExecutions only looks.
type dryExecutions struct{ ops.Executions }

func (dryExecutions) Start(context.Context, string, string, []byte) error    { return nil }
func (dryExecutions) Stop(context.Context, string, string, string) error     { return nil }
func (dryExecutions) SucceedTask(context.Context, string, []byte) error      { return nil }
func (dryExecutions) FailTask(context.Context, string, string, string) error { return nil }
