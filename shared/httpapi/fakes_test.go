package httpapi_test

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/bulk"
	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// fakes stands for the store and all services: it answers from its maps and remembers what it was asked.
type fakes struct {
	instances          map[string]*ops.Instance
	tasks              map[string]*ops.Task
	events             map[string]*ops.Event
	alerts             map[string]*ops.Alert
	vendors            map[string]*ops.Vendor
	metrics            map[string]*ops.Metric
	members            map[string]*ops.Member
	connections        map[string]*ops.Connection
	bulks              map[string]*ops.Bulk
	actions            map[string]*ops.PendingAction
	actionFilter       ops.ActionFilter
	backtests          map[string]*ops.Backtest
	lost               map[string]*ops.Undelivered
	lostFilter         ops.UndeliveredFilter
	subjects           map[ops.SubjectRef]*ops.Subject
	templates          []*ops.Template
	rules              []*ops.Rule
	pause              ops.RuleSet
	notifications      map[string]*ops.Notification
	notificationFilter ops.NotificationFilter

	fail  error // what every call answers, if it is set
	next  string
	count ops.Count

	instanceFilter ops.InstanceFilter
	taskFilter     ops.TaskFilter
	vendorFilter   ops.VendorFilter
	metricFilter   ops.MetricFilter
	auditFilter    ops.AuditFilter
	eventFilter    ops.EventFilter
	alertFilter    ops.AlertFilter
	pageRequest    ops.PageRequest
	started        []ops.StartRequest
	text           string
	actor          ops.Actor
	decision       task.Decision
	comment        string
	reason         string
	put            []put
	bulkRequest    bulk.Request
	trails         map[ops.Ref][]*ops.AuditEntry
	target         ops.Ref
	raised         alert.Spec
	resolution     alert.Resolution
	retry          workflow.Retry
}

type put struct {
	source, detailType string
	detail             json.RawMessage
	at                 time.Time
}

func newFakes() *fakes {
	return &fakes{
		instances: map[string]*ops.Instance{}, tasks: map[string]*ops.Task{}, events: map[string]*ops.Event{},
		alerts: map[string]*ops.Alert{}, vendors: map[string]*ops.Vendor{}, bulks: map[string]*ops.Bulk{}, backtests: map[string]*ops.Backtest{}, lost: map[string]*ops.Undelivered{}, subjects: map[ops.SubjectRef]*ops.Subject{},
		metrics:       map[string]*ops.Metric{},
		members:       map[string]*ops.Member{},
		connections:   map[string]*ops.Connection{},
		notifications: map[string]*ops.Notification{},
	}
}

func one[T any](f *fakes, m map[string]*T, id string) (*T, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	v, ok := m[id]
	if !ok {
		return nil, ops.Errorf(ops.CodeNotFound, "nothing has the id %q", id)
	}
	return v, nil
}

func all[T any](f *fakes, m map[string]*T) (ops.Page[*T], error) {
	if f.fail != nil {
		return ops.Page[*T]{}, f.fail
	}
	page := ops.Page[*T]{NextCursor: f.next, Count: f.count}
	for _, v := range m {
		page.Items = append(page.Items, v)
	}
	return page, nil
}

func (f *fakes) Instance(_ context.Context, id string) (*ops.Instance, error) {
	return one(f, f.instances, id)
}

func (f *fakes) Load(_ context.Context, i *ops.Instance, most int) error {
	for n := range i.Steps {
		if s := &i.Steps[n]; s.OutputApart != nil && (most == 0 || s.OutputApart.Bytes <= most) {
			s.Output = json.RawMessage(`"kept apart"`)
		}
	}
	return nil
}

func (f *fakes) History(_ context.Context, i *ops.Instance, skip, limit, _ int) ([]ops.HistoryEntry, error) {
	return i.History[skip : skip+limit], nil
}

func (f *fakes) Instances(_ context.Context, q ops.InstanceFilter) (ops.Page[*ops.Instance], error) {
	f.instanceFilter = q
	return all(f, f.instances)
}

func (f *fakes) Task(_ context.Context, id string) (*ops.Task, error) { return one(f, f.tasks, id) }

func (f *fakes) Tasks(_ context.Context, q ops.TaskFilter) (ops.Page[*ops.Task], error) {
	f.taskFilter = q
	return all(f, f.tasks)
}

func (f *fakes) Event(_ context.Context, id string) (*ops.Event, error) { return one(f, f.events, id) }

func (f *fakes) Events(_ context.Context, q ops.EventFilter) (ops.Page[*ops.Event], error) {
	f.eventFilter = q
	return all(f, f.events)
}

func (f *fakes) Alert(_ context.Context, id string) (*ops.Alert, error) { return one(f, f.alerts, id) }

func (f *fakes) Alerts(_ context.Context, q ops.AlertFilter) (ops.Page[*ops.Alert], error) {
	f.alertFilter = q
	return all(f, f.alerts)
}

func (f *fakes) Subject(_ context.Context, ref ops.SubjectRef) (*ops.Subject, error) {
	if s := f.subjects[ref]; s != nil {
		return s, f.fail
	}
	return &ops.Subject{SubjectRef: ref}, f.fail
}

func (f *fakes) Bulk(_ context.Context, id string) (*ops.Bulk, error) { return one(f, f.bulks, id) }

func (f *fakes) Bulks(_ context.Context, p ops.PageRequest) (ops.Page[*ops.Bulk], error) {
	f.pageRequest = p
	return all(f, f.bulks)
}

func (f *fakes) BulkChunk(context.Context, string, int) (*ops.BulkChunk, error) { return nil, f.fail }

func (f *fakes) Vendor(_ context.Context, id string) (*ops.Vendor, error) {
	return one(f, f.vendors, id)
}

func (f *fakes) Vendors(_ context.Context, q ops.VendorFilter) (ops.Page[*ops.Vendor], error) {
	f.vendorFilter = q
	return all(f, f.vendors)
}

func (f *fakes) Metric(_ context.Context, id string) (*ops.Metric, error) {
	return one(f, f.metrics, id)
}

func (f *fakes) AllVendors(context.Context) ([]*ops.Vendor, error) { return nil, f.fail }

func (f *fakes) Member(_ context.Context, id string) (*ops.Member, error) {
	return one(f, f.members, id)
}

func (f *fakes) Members(context.Context) ([]*ops.Member, error) {
	page, err := all(f, f.members)
	return page.Items, err
}

func (f *fakes) Notification(_ context.Context, id string) (*ops.Notification, error) {
	return one(f, f.notifications, id)
}

func (f *fakes) Notifications(_ context.Context, q ops.NotificationFilter) (ops.Page[*ops.Notification], error) {
	f.notificationFilter = q
	return all(f, f.notifications)
}

func (f *fakes) Resend(_ context.Context, id string, actor ops.Actor) (*ops.Notification, error) {
	f.actor = actor
	return one(f, f.notifications, id)
}

func (f *fakes) Connection(_ context.Context, name string) (*ops.Connection, error) {
	return one(f, f.connections, name)
}

func (f *fakes) Connections(context.Context) ([]*ops.Connection, error) {
	page, err := all(f, f.connections)
	return page.Items, err
}

func (f *fakes) OpenWork(_ context.Context, members []string) (map[string]int64, error) {
	open := map[string]int64{}
	for i, id := range members {
		open[id] = int64(i) + 1
	}
	return open, f.fail
}

func (f *fakes) Start(_ context.Context, r ops.StartRequest, actor ops.Actor) (*ops.Instance, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	f.started, f.actor = append(f.started, r), actor
	if r.ID == "" {
		r.ID = "wf-" + strconv.Itoa(len(f.started))
	}
	i := &ops.Instance{
		ID: r.ID, Template: r.Template, TemplateVersion: max(1, r.Version), Subject: r.Subject, Status: ops.InstancePending,
		TriggeredBy: r.TriggeredBy, Context: r.Context, Meta: ops.Meta{V: 1},
	}
	f.instances[i.ID] = i
	return i, nil
}

func (f *fakes) control(id string, actor ops.Actor, reason string, status ops.InstanceStatus) (*ops.Instance, error) {
	f.actor, f.reason = actor, reason
	i, err := one(f, f.instances, id)
	if err != nil {
		return nil, err
	}
	moved := *i
	moved.Status, moved.V = status, i.V+1
	return &moved, nil
}

func (f *fakes) Pause(_ context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return f.control(id, actor, reason, ops.InstancePaused)
}

func (f *fakes) Resume(_ context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return f.control(id, actor, reason, ops.InstancePending)
}

func (f *fakes) Cancel(_ context.Context, id string, actor ops.Actor, reason string) (*ops.Instance, error) {
	return f.control(id, actor, reason, ops.InstanceCancelled)
}

func (f *fakes) Retry(_ context.Context, id string, actor ops.Actor, r workflow.Retry) (*ops.Instance, error) {
	f.retry = r
	return f.control(id, actor, r.Reason, ops.InstancePending)
}

func (f *fakes) ListTemplates(context.Context) ([]*ops.Template, error) { return f.templates, f.fail }

func (f *fakes) GetTemplate(_ context.Context, name string, version int) (*ops.Template, error) {
	for _, t := range f.templates {
		if t.Name == name && t.Version == version {
			return t, f.fail
		}
	}
	return nil, ops.Errorf(ops.CodeNotFound, "no template %s", ops.TemplateID(name, version))
}

func (f *fakes) CreateTemplate(_ context.Context, text []byte, actor ops.Actor) (*ops.Template, error) {
	f.text, f.actor = string(text), actor
	if f.fail != nil {
		return nil, f.fail
	}
	return &ops.Template{Name: "deposit_refund", Version: 3, Meta: ops.Meta{V: 1}}, nil
}

func (f *fakes) ValidateTemplate(_ context.Context, text []byte) (workflow.Verdict, error) {
	f.text = string(text)
	return workflow.Verdict{Errors: []ops.Fault{{Path: "$.name", Expected: "a name"}}}, f.fail
}

func (f *fakes) Advise(context.Context, *ops.Template) (workflow.Advice, error) {
	return workflow.Advice{Warnings: []ops.Warning{{Path: "$.steps[0]", Message: "odd"}}, Cost: workflow.Cost{StatesMin: 1, StatesMax: 2}}, f.fail
}

func (f *fakes) Publish(ctx context.Context, name string, version int, actor ops.Actor, activate bool) (*ops.Template, error) {
	f.actor = actor
	t, err := f.GetTemplate(ctx, name, version)
	if err == nil {
		t.Published, t.Active = true, activate
	}
	return t, err
}

func (f *fakes) Activate(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error) {
	t, err := f.Publish(ctx, name, version, actor, true)
	if err == nil {
		t.Description = reason
	}
	return t, err
}

func (f *fakes) Deactivate(ctx context.Context, name string, version int, actor ops.Actor, reason string) (*ops.Template, error) {
	t, err := f.Publish(ctx, name, version, actor, false)
	if err == nil {
		t.Description = reason
	}
	return t, err
}

func (f *fakes) PutDomain(_ context.Context, source, detailType string, detail json.RawMessage, at time.Time) (string, error) {
	f.put = append(f.put, put{source, detailType, detail, at})
	return "eb-1", f.fail
}

func (f *fakes) LastAudit(context.Context, ops.Ref) (*ops.AuditEntry, error) { return nil, f.fail }

func (f *fakes) AuditTrail(_ context.Context, q ops.AuditFilter) (ops.Page[*ops.AuditEntry], error) {
	f.auditFilter = q
	return ops.Page[*ops.AuditEntry]{Items: f.trails[q.Target], NextCursor: f.next, Count: f.count}, f.fail
}

func (f *fakes) Backtest(_ context.Context, id string) (*ops.Backtest, error) {
	return one(f, f.backtests, id)
}

func (f *fakes) BacktestPage(context.Context, string, int) (*ops.BacktestPage, error) {
	return nil, f.fail
}

func (f *fakes) Backtests(_ context.Context, p ops.PageRequest) (ops.Page[*ops.Backtest], error) {
	f.pageRequest = p
	return all(f, f.backtests)
}

func (f *fakes) Undelivered(_ context.Context, id string) (*ops.Undelivered, error) {
	return one(f, f.lost, id)
}

func (f *fakes) UndeliveredList(_ context.Context, filter ops.UndeliveredFilter) (ops.Page[*ops.Undelivered], error) {
	f.lostFilter = filter
	return ops.Page[*ops.Undelivered]{NextCursor: f.next, Count: f.count}, f.fail
}

func (f *fakes) UndeliveredSource(context.Context, string) (*ops.UndeliveredSource, error) {
	return nil, f.fail
}

// fakeUndelivered is the service of fakes for what could not be delivered.
type fakeUndelivered fakes

func (f *fakeUndelivered) Resend(_ context.Context, id string, actor ops.Actor) (*ops.Undelivered, error) {
	f.actor = actor
	return one((*fakes)(f), f.lost, id)
}

func (f *fakeUndelivered) Close(_ context.Context, id string, actor ops.Actor, reason string) (*ops.Undelivered, error) {
	f.actor, f.reason = actor, reason
	return one((*fakes)(f), f.lost, id)
}
