package tour

import (
	"context"
	"net/url"

	"opsflow/shared/ops"
)

// Summary is what a tour leaves behind. It is the same each time.
type Summary struct {
	Events    int                       `json:"events"`    // that the tour sent
	Workflows map[string]map[string]int `json:"workflows"` // by template, then status
	Waiting   int                       `json:"waiting"`   // of the workflows, for an open task
	Tasks     map[string]map[string]int `json:"tasks"`     // by team, then status
	Alerts    map[string]map[string]int `json:"alerts"`    // by type, then status
	Messages  map[string]map[string]int `json:"messages"`  // by template of the message, then status
}

// Summary counts what the tour made.
func (t *Tour) Summary(ctx context.Context) (Summary, error) {
	sum := Summary{
		Events: t.events, Workflows: map[string]map[string]int{}, Tasks: map[string]map[string]int{},
		Alerts: map[string]map[string]int{}, Messages: map[string]map[string]int{},
	}
	workflows, err := listAs[*ops.Instance](ctx, t, olivia, "/v1/workflows", url.Values{})
	if err != nil {
		return sum, err
	}
	for _, i := range workflows {
		if !t.own(i.Subject.ID) {
			continue
		}
		add(sum.Workflows, i.Template, string(i.Status))
		if i.Status == ops.InstanceWaitingApproval || i.WaitingFor != nil && i.WaitingFor.Kind == ops.WaitTask {
			sum.Waiting++
		}
	}
	tasks, err := listAs[*ops.Task](ctx, t, olivia, "/v1/tasks", url.Values{})
	if err != nil {
		return sum, err
	}
	for _, k := range tasks {
		if t.own(k.Subject.ID) {
			add(sum.Tasks, string(k.Team), string(k.Status))
		}
	}
	alerts, err := listAs[*ops.Alert](ctx, t, olivia, "/v1/alerts", url.Values{})
	if err != nil {
		return sum, err
	}
	for _, a := range alerts {
		if t.own(a.Subject.ID) {
			add(sum.Alerts, string(a.Type), string(a.Status))
		}
	}
	messages, err := listAs[*ops.Notification](ctx, t, olivia, "/v1/notifications", url.Values{})
	if err != nil {
		return sum, err
	}
	for _, n := range messages {
		if t.own(n.Subject.ID) {
			add(sum.Messages, n.Template, string(n.Status))
		}
	}
	return sum, nil
}

func add(to map[string]map[string]int, name, status string) {
	if to[name] == nil {
		to[name] = map[string]int{}
	}
	to[name][status]++
}
