package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/bulk"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
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

// fakeRules is the rule engine of fakes.
type fakeRules fakes

func (f *fakeRules) List(context.Context) ([]*ops.Rule, error) { return f.rules, f.fail }

func (f *fakeRules) Get(_ context.Context, id string) (*ops.Rule, error) {
	n := slices.IndexFunc(f.rules, func(r *ops.Rule) bool { return r.ID == id })
	if n < 0 {
		return nil, ops.Errorf(ops.CodeNotFound, "no rule has the id %q", id)
	}
	return f.rules[n], f.fail
}

func (f *fakeRules) Create(_ context.Context, text []byte, actor ops.Actor) (*ops.Rule, error) {
	f.text, f.actor = string(text), actor
	if f.fail != nil {
		return nil, f.fail
	}
	return &ops.Rule{ID: "new-rule", Version: 1}, nil
}

func (f *fakeRules) Update(ctx context.Context, id string, text []byte, version int, actor ops.Actor) (*ops.Rule, error) {
	f.text, f.actor = string(text), actor
	r, err := f.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if version != 0 && version != r.Version {
		return nil, ops.Errorf(ops.CodeConflict, "rule %s has version %d", id, r.Version)
	}
	r.Version++
	return r, nil
}

func (f *fakeRules) SetMode(ctx context.Context, id string, mode ops.RuleMode, reason string, actor ops.Actor) (*ops.Rule, error) {
	f.reason, f.actor = reason, actor
	r, err := f.Get(ctx, id)
	if err == nil {
		r.Mode = mode
	}
	return r, err
}

func (f *fakeRules) Activity(context.Context) (rule.Activity, error) {
	return rule.Activity{Rules: map[string]ops.RuleActivity{"assign-vendor": {Executions: 3}}}, f.fail
}

func (f *fakeRules) Versions(ctx context.Context, id string) ([]rule.Version, error) {
	r, err := f.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return []rule.Version{{RuleVersion: &ops.RuleVersion{RuleID: id, Number: r.Version, Rule: r}, Diff: []rule.FieldChange{}}}, nil
}

func (f *fakeRules) Decisions(ctx context.Context, id string, outcome ops.Outcome, p ops.PageRequest) (ops.Page[rule.EventDecision], error) {
	f.pageRequest = p
	if _, err := f.Get(ctx, id); err != nil {
		return ops.Page[rule.EventDecision]{}, err
	}
	return ops.Page[rule.EventDecision]{
		Items: []rule.EventDecision{{Decision: ops.Decision{Rule: id, Outcome: outcome}, EventID: "evt-1"}}, NextCursor: f.next,
	}, nil
}

func (f *fakeRules) Event(ctx context.Context, id string) (*ops.Event, error) {
	return (*fakes)(f).Event(ctx, id)
}

func (f *fakeRules) Action(_ context.Context, id string) (*ops.PendingAction, error) {
	return one((*fakes)(f), f.actions, id)
}

func (f *fakeRules) Actions(ctx context.Context, q ops.ActionFilter) (ops.Page[*ops.PendingAction], error) {
	f.actionFilter = q
	if _, err := f.Get(ctx, q.RuleID); err != nil {
		return ops.Page[*ops.PendingAction]{}, err
	}
	return all((*fakes)(f), f.actions)
}

func (f *fakeRules) CancelAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error) {
	f.reason, f.actor = reason, actor
	return f.Action(ctx, id)
}

func (f *fakeRules) RetryAction(ctx context.Context, id, reason string, actor ops.Actor) (*ops.PendingAction, error) {
	return f.CancelAction(ctx, id, reason, actor)
}

func (f *fakeRules) CancelActions(ctx context.Context, ruleID, reason string, actor ops.Actor) (rule.Cancelled, error) {
	f.reason, f.actor = reason, actor
	_, err := f.Get(ctx, ruleID)
	return rule.Cancelled{Cancelled: len(f.actions)}, err
}

func (f *fakeRules) Read(env ops.Envelope) (*ops.Event, error) {
	e := &ops.Event{Status: ops.EventValid}
	e.Identity, e.Subject = ops.IdentifyEvent(env)
	e.ID = ops.EventID(e.Identity)
	return e, f.fail
}

func (f *fakeRules) Replay(_ context.Context, id string, c rule.Correction, actor ops.Actor) (*ops.Event, error) {
	f.text, f.actor = c.Type+string(c.Detail), actor
	return one((*fakes)(f), f.events, id)
}

func (f *fakeRules) Backtest(_ context.Context, req rule.BacktestRequest, _ rule.Watch) (*rule.Backtest, error) {
	f.text = string(req.Rule)
	if f.fail != nil {
		return nil, f.fail
	}
	return &rule.Backtest{Rule: "draft", From: req.From, Events: 2, Matched: 2}, nil
}

// fakeBacktests is the backtest service of fakes.
type fakeBacktests fakes

func (f *fakeBacktests) Begin(_ context.Context, req rule.BacktestRequest, by ops.Actor) (*ops.Backtest, error) {
	f.text, f.actor = string(req.Rule), by
	b := &ops.Backtest{ID: "bkt-new", Status: ops.BacktestRunning, From: req.From, Actor: by, Meta: ops.Meta{V: 1}}
	return b, f.fail
}

func (f *fakeBacktests) Page(_ context.Context, id string, number int) ([]byte, error) {
	return fmt.Appendf(nil, "{\"event\":\"%s-%d\"}\n", id, number), f.fail
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

func (f *fakeRules) Pause(context.Context) (*ops.RuleSet, error) { return &f.pause, f.fail }

func (f *fakeRules) PauseAll(_ context.Context, until time.Time, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	f.pause = ops.RuleSet{PausedUntil: until, PausedReason: reason, PausedBy: actor.ID}
	return &f.pause, f.fail
}

func (f *fakeRules) ResumeAll(ctx context.Context, reason string, actor ops.Actor) (*ops.RuleSet, error) {
	return f.PauseAll(ctx, time.Time{}, reason, actor)
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
