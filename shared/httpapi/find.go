package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

func (a *api) findRoutes() {
	handle(a, route{
		id: "find", method: http.MethodGet, path: "/v1/find/{id}", action: findAnything,
		summary: "Find whatever has this id, EventBridge's ids of events included",
	}, a.find)
}

// Found is what has an id.
type Found struct {
	Kind   string `json:"kind" doc:"workflow, task, alert, bulk, backtest, notification, action, undelivered, event, rule, template, vendor, metric, member, or a subject's type."`
	ID     string `json:"id"`
	Path   string `json:"path" doc:"Where the API has it."`
	Record any    `json:"record" doc:"As the API answers it there."`
}

// record is something as the API answers with it.
type record struct {
	body any
	etag string
	path string // where the API has it
}

// finder looks for one kind of record. Its prefix, if it has one, begins all ids of the kind and no others.
type finder struct {
	kind   string
	of     ops.Kind // the same as stored
	prefix string
	action action
	path   string // of the list that it is in; empty: read says it
	read   func(ctx context.Context, id string) (record, error)
}

// get reads what has an id.
func (f finder) get(ctx context.Context, id string) (record, error) {
	r, err := f.read(ctx, id)
	if r.path == "" {
		r.path = f.path + url.PathEscape(id)
	}
	return r, err
}

// finders are tried in this order.
func (a *api) finders() []finder {
	all := []finder{
		{kind: workflowKind, of: ops.KindInstance, prefix: "wf-", action: readWorkflows, path: "/v1/workflows/", read: reader(a.getWorkflow)},
		{kind: "task", of: ops.KindTask, prefix: "tsk-", action: readTasks, path: "/v1/tasks/", read: reader(a.getTask)},
		{kind: "alert", of: ops.KindAlert, prefix: "alr-", action: readAlerts, path: "/v1/alerts/", read: reader(a.getAlert)},
		{kind: "bulk", of: ops.KindBulk, prefix: "blk-", action: readBulk, path: "/v1/bulk/", read: func(ctx context.Context, id string) (record, error) {
			out, err := a.getBulk(ctx, &bulkItemsInput{IDPath: IDPath{id}, Limit: 100})
			return recordOf(out, err)
		}},
		{kind: "backtest", of: ops.KindBacktest, prefix: ops.BacktestPrefix, action: readRules, path: "/v1/backtests/", read: reader(a.getBacktest)},
		{kind: "notification", of: ops.KindNotification, prefix: "ntf-", action: readMessages, path: "/v1/notifications/", read: reader(a.getNotification)},
		{kind: "action", of: ops.KindAction, prefix: "act-", action: readRules, path: "/v1/actions/", read: reader(a.getAction)},
		{kind: "undelivered", of: ops.KindUndelivered, prefix: "und-", action: readUndelivered, path: "/v1/undelivered/", read: reader(a.getUndelivered)},
		{kind: "event", of: ops.KindEvent, action: readEvents, path: "/v1/events/", read: reader(a.getEvent)},
		{kind: "rule", of: ops.KindRule, action: readRules, path: "/v1/rules/", read: reader(a.getRule)},
		{kind: "template", action: readTemplates, read: a.findTemplate},
		{kind: "vendor", of: ops.KindVendor, action: readVendors, path: "/v1/vendors/", read: reader(a.getVendor)},
		{kind: "metric", of: ops.KindMetric, prefix: "met-", action: readVendors, read: func(ctx context.Context, id string) (record, error) {
			m, err := a.Store.Metric(ctx, id)
			if err != nil {
				return record{}, err
			}
			return record{body: m, etag: etag(m), path: metricURL(m)}, nil
		}},
		{kind: "member", of: ops.KindMember, action: readMembers, path: "/v1/members/", read: reader(a.getMember)},
	}
	for _, t := range []string{ops.SubjectBooking, ops.SubjectPayment, ops.SubjectVendor} {
		all = append(all, finder{kind: t, action: readEvents, read: func(ctx context.Context, id string) (record, error) {
			ref := ops.SubjectRef{Type: t, ID: id}
			s, err := a.Store.Subject(ctx, ref)
			if err == nil && s.V == 0 {
				err = ops.Errorf(ops.CodeNotFound, "there is no %s %s", t, id)
			}
			return record{body: s, path: "/v1/events?subject=" + url.QueryEscape(ref.String())}, err
		}})
	}
	return all
}

// reader is a finder's read of what a route answers.
func reader[T any](get func(context.Context, *IDPath) (*oneOutput[T], error)) func(context.Context, string) (record, error) {
	return func(ctx context.Context, id string) (record, error) { return recordOf(get(ctx, &IDPath{id})) }
}

func recordOf[T any](out *oneOutput[T], err error) (record, error) {
	if err != nil {
		return record{}, err
	}
	return record{body: out.Body, etag: out.ETag}, nil
}

// findTemplate gives the newest version of the template of a name.
func (a *api) findTemplate(ctx context.Context, id string) (record, error) {
	all, err := a.Workflows.ListTemplates(ctx)
	if err != nil {
		return record{}, err
	}
	version := 0
	for _, t := range all {
		if t.Name == id {
			version = max(version, t.Version)
		}
	}
	if version == 0 {
		return record{}, ops.Errorf(ops.CodeNotFound, "there is no template %s", id)
	}
	return a.templateRecord(ctx, id, version)
}

func (a *api) templateRecord(ctx context.Context, name string, version int) (record, error) {
	r, err := recordOf(a.getTemplate(ctx, &TemplatePath{Name: name, Version: version}))
	r.path = fmt.Sprintf("/v1/templates/%s/versions/%d", url.PathEscape(name), version)
	return r, err
}

type findOutput struct {
	Body Found `nameHint:"Found"`
}

// find tells nobody of what they may not read: for them it is not there.
func (a *api) find(ctx context.Context, in *IDPath) (*findOutput, error) {
	for _, f := range a.finders() {
		if !strings.HasPrefix(in.ID, f.prefix) || authorize(actorOf(ctx), f.action) != nil {
			continue
		}
		r, err := f.get(ctx, in.ID)
		switch {
		case ops.ErrorCode(err) == ops.CodeNotFound:
			continue
		case err != nil:
			return nil, fmt.Errorf("find %s: %w", in.ID, err)
		}
		return &findOutput{Found{Kind: f.kind, ID: in.ID, Path: r.path, Record: r.body}}, nil
	}
	return nil, ops.Errorf(ops.CodeNotFound, "nothing has the id %s", in.ID)
}

// look reads a record as the API answers with it after a change.
func (a *api) look(ctx context.Context, ref ops.Ref) (record, error) {
	switch ref.Kind { //nolint:exhaustive // the rest are finders'
	case ops.KindRuleSet:
		r, err := recordOf(a.getPause(ctx, nil))
		r.path = "/v1/rules/pause-all"
		return r, err
	case ops.KindTemplate:
		name, version, _ := strings.Cut(ref.ID, "@")
		n, err := strconv.Atoi(version)
		if err != nil {
			return record{}, fmt.Errorf("read the version of %s: %w", ref, err)
		}
		return a.templateRecord(ctx, name, n)
	case ops.KindEvent: // of an invalid one that was corrected, the answer is the event that came in its place
		e, err := a.Store.Event(ctx, ref.ID)
		if err != nil {
			return record{}, err
		}
		ref.ID = cmp.Or(e.CorrectedBy, e.ID)
	}
	for _, f := range a.finders() {
		if f.of == ref.Kind {
			return f.get(ctx, ref.ID)
		}
	}
	return record{}, fmt.Errorf("nothing answers with %s", ref)
}
