package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
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
	Kind   string `json:"kind" doc:"workflow, task, alert, bulk, backtest, notification, action, undelivered, event, rule, template, vendor, member, or a subject's type."`
	ID     string `json:"id"`
	Path   string `json:"path" doc:"Where the API has it."`
	Record any    `json:"record" doc:"As the API answers it there."`
}

// finder looks for one kind of record. Its prefix, if it has one, begins all ids of the kind and no others.
type finder struct {
	kind   string
	prefix string
	action action
	path   string // of the list that it is in; empty: read says it
	read   func(ctx context.Context, id string) (record any, path string, err error)
}

// finders are tried in this order.
func (a *api) finders() []finder {
	all := []finder{
		{kind: workflowKind, prefix: "wf-", action: readWorkflows, path: "/v1/workflows/", read: reader(a.getWorkflow)},
		{kind: "task", prefix: "tsk-", action: readTasks, path: "/v1/tasks/", read: reader(a.getTask)},
		{kind: "alert", prefix: "alr-", action: readAlerts, path: "/v1/alerts/", read: reader(a.getAlert)},
		{kind: "bulk", prefix: "blk-", action: readBulk, path: "/v1/bulk/", read: func(ctx context.Context, id string) (any, string, error) {
			out, err := a.getBulk(ctx, &bulkItemsInput{IDPath: IDPath{id}, Limit: 100})
			if err != nil {
				return nil, "", err
			}
			return out.Body, "", nil
		}},
		{kind: "backtest", prefix: ops.BacktestPrefix, action: readRules, path: "/v1/backtests/", read: reader(a.getBacktest)},
		{kind: "notification", prefix: "ntf-", action: readMessages, path: "/v1/notifications/", read: reader(a.getNotification)},
		{kind: "action", prefix: "act-", action: readRules, path: "/v1/actions/", read: reader(a.getAction)},
		{kind: "undelivered", prefix: "und-", action: readUndelivered, path: "/v1/undelivered/", read: reader(a.getUndelivered)},
		{kind: "event", action: readEvents, path: "/v1/events/", read: reader(a.getEvent)},
		{kind: "rule", action: readRules, path: "/v1/rules/", read: reader(a.getRule)},
		{kind: "template", action: readTemplates, read: a.findTemplate},
		{kind: "vendor", action: readVendors, path: "/v1/vendors/", read: reader(a.getVendor)},
		{kind: "member", action: readMembers, path: "/v1/members/", read: reader(a.getMember)},
	}
	for _, t := range []string{ops.SubjectBooking, ops.SubjectPayment, ops.SubjectVendor} {
		all = append(all, finder{kind: t, action: readEvents, read: func(ctx context.Context, id string) (any, string, error) {
			ref := ops.SubjectRef{Type: t, ID: id}
			s, err := a.Store.Subject(ctx, ref)
			if err == nil && s.V == 0 {
				err = ops.Errorf(ops.CodeNotFound, "there is no %s %s", t, id)
			}
			return s, "/v1/events?subject=" + url.QueryEscape(ref.String()), err
		}})
	}
	return all
}

// reader is a finder's read of what a route answers.
func reader[T any](get func(context.Context, *IDPath) (*oneOutput[T], error)) func(context.Context, string) (any, string, error) {
	return func(ctx context.Context, id string) (any, string, error) {
		out, err := get(ctx, &IDPath{id})
		if err != nil {
			return nil, "", err
		}
		return out.Body, "", nil
	}
}

// findTemplate gives the newest version of the template of a name.
func (a *api) findTemplate(ctx context.Context, id string) (any, string, error) {
	all, err := a.Workflows.ListTemplates(ctx)
	if err != nil {
		return nil, "", err
	}
	var newest *ops.Template
	for _, t := range all {
		if t.Name == id && (newest == nil || t.Version > newest.Version) {
			newest = t
		}
	}
	if newest == nil {
		return nil, "", ops.Errorf(ops.CodeNotFound, "there is no template %s", id)
	}
	return newest, fmt.Sprintf("/v1/templates/%s/versions/%d", url.PathEscape(id), newest.Version), nil
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
		record, path, err := f.read(ctx, in.ID)
		switch {
		case ops.ErrorCode(err) == ops.CodeNotFound:
			continue
		case err != nil:
			return nil, fmt.Errorf("find %s: %w", in.ID, err)
		case path == "":
			path = f.path + url.PathEscape(in.ID)
		}
		return &findOutput{Found{Kind: f.kind, ID: in.ID, Path: path, Record: record}}, nil
	}
	return nil, ops.Errorf(ops.CodeNotFound, "nothing has the id %s", in.ID)
}
