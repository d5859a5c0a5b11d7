package httpapi_test

import (
	"context"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
	"opsflow/shared/task"
)

// fakeAlerts is the alert service of fakes.
type fakeAlerts fakes

func (f *fakeAlerts) Raise(_ context.Context, spec alert.Spec, actor ops.Actor) (*ops.Alert, error) {
	f.raised, f.actor = spec, actor
	return &ops.Alert{ID: "alr-new", Type: spec.Type, Title: spec.Title, Meta: ops.Meta{V: 1}}, f.fail
}

func (f *fakeAlerts) move(id string, to ops.AlertStatus, actor ops.Actor) (*ops.Alert, error) {
	f.actor = actor
	a, err := one((*fakes)(f), f.alerts, id)
	if err == nil {
		a.Status = to
	}
	return a, err
}

func (f *fakeAlerts) Acknowledge(_ context.Context, id string, actor ops.Actor) (*ops.Alert, error) {
	return f.move(id, ops.AlertAcknowledged, actor)
}

func (f *fakeAlerts) Start(_ context.Context, id string, actor ops.Actor) (*ops.Alert, error) {
	return f.move(id, ops.AlertInProgress, actor)
}

func (f *fakeAlerts) Resolve(_ context.Context, id string, actor ops.Actor, r alert.Resolution) (*ops.Alert, error) {
	f.resolution = r
	return f.move(id, ops.AlertResolved, actor)
}

func (f *fakeAlerts) Close(_ context.Context, id string, actor ops.Actor) (*ops.Alert, error) {
	return f.move(id, ops.AlertClosed, actor)
}

func (f *fakeAlerts) Reopen(_ context.Context, id string, actor ops.Actor, reason string) (*ops.Alert, error) {
	f.reason = reason
	return f.move(id, ops.AlertOpen, actor)
}

// fakeTasks is the task service of fakes.
type fakeTasks fakes

func (f *fakeTasks) decide(id string, actor ops.Actor, change func(*ops.Task)) (*ops.Task, error) {
	f.actor = actor
	t, err := one((*fakes)(f), f.tasks, id)
	if err == nil {
		change(t)
	}
	return t, err
}

func (f *fakeTasks) Claim(_ context.Context, id string, actor ops.Actor) (*ops.Task, error) {
	return f.decide(id, actor, func(t *ops.Task) { t.Status, t.Assignee = ops.TaskClaimed, actor.ID })
}

func (f *fakeTasks) Release(_ context.Context, id string, actor ops.Actor) (*ops.Task, error) {
	return f.decide(id, actor, func(t *ops.Task) { t.Status, t.Assignee = ops.TaskOpen, "" })
}

func (f *fakeTasks) Complete(_ context.Context, id string, actor ops.Actor, d task.Decision) (*ops.Task, error) {
	f.decision = d
	return f.decide(id, actor, func(t *ops.Task) { t.Status, t.Outcome, t.DecidedBy = ops.TaskCompleted, d.Outcome, actor.ID })
}

func (f *fakeTasks) Reject(_ context.Context, id string, actor ops.Actor, comment string) (*ops.Task, error) {
	f.comment = comment
	return f.decide(id, actor, func(t *ops.Task) { t.Status, t.DecidedBy = ops.TaskRejected, actor.ID })
}

func (f *fakeTasks) Delegate(_ context.Context, id string, actor ops.Actor, to, reason string) (*ops.Task, error) {
	f.reason = reason
	return f.decide(id, actor, func(t *ops.Task) { t.Status, t.Assignee = ops.TaskOpen, to })
}

type fakeConnections fakes

func (f *fakeConnections) Put(_ context.Context, c ops.Connection, actor ops.Actor) (*ops.Connection, error) {
	f.actor = actor
	f.connections[c.Name] = &c
	return &c, f.fail
}

func (f *fakeTasks) PutMember(_ context.Context, m ops.Member, actor ops.Actor) (*ops.Member, error) {
	f.actor = actor
	if f.fail != nil {
		return nil, f.fail
	}
	if err := ops.Invalid("member", m.Faults()); err != nil {
		return nil, err
	}
	if old := f.members[m.ID]; old != nil {
		m.V = old.V
	}
	m.V++
	f.members[m.ID] = &m
	return &m, nil
}
