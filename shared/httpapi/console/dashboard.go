package console

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
)

const (
	// countUpTo bounds what counting reads; more is shown as "99+".
	countUpTo     = 99
	recentShown   = 5
	concernsShown = 6
	myTasksShown  = 5
	myQueuesShown = 5
	maxLookups    = 8 // at once
)

// count is how many there are, as far as it was counted.
type count ops.Count

// String is "12", or "99+" when nobody counted on.
func (c count) String() string {
	if c.Exact {
		return strconv.Itoa(c.Value)
	}
	return strconv.Itoa(countUpTo) + "+"
}

// Some reports whether there is any.
func (c count) Some() bool { return c.Value > 0 }

type statusCount struct {
	Status ops.InstanceStatus
	Count  count
}

type severityCount struct {
	Severity ops.Severity
	Count    count
}

// dashboard is the view of the dashboard.
type dashboard struct {
	Statuses   []statusCount
	Overdue    count
	Severities []severityCount
	Attention  []concern // what is wrong, the worst first
	Recent     []*ops.Instance
	Mine       []*ops.Task
	Queue      []*ops.Task
	Day        *Day // that is or can be played; nil: this is no local runtime
}

// concern is something that is wrong: an open alert, or a workflow that failed or is late and that no shown alert is about.
type concern struct {
	ID, Text, URL string
	Badge         string // a severity or a status
	About         ops.SubjectRef
	Since         time.Time
}

// concerns puts together what is wrong.
func concerns(alerts []*ops.Alert, failed, overdue []*ops.Instance) []concern {
	var list []concern
	told := map[string]bool{}
	for _, a := range alerts {
		told[a.InstanceID] = true
		list = append(list, concern{"need-" + a.ID, a.Title, "/alerts/" + a.ID, string(a.Severity), a.Subject, a.LastSeenAt})
	}
	add := func(i *ops.Instance, badge string, since time.Time) {
		if !told[i.ID] {
			told[i.ID] = true
			list = append(list, concern{"need-" + i.ID, briefly(i), "/workflows/" + i.ID, badge, i.Subject, since})
		}
	}
	for _, i := range failed {
		add(i, string(i.Status), i.EndedAt)
	}
	for _, i := range overdue {
		add(i, "overdue", i.DueAt)
	}
	return list
}

func (c *Console) dashboardPages() {
	show(c, page{path: "/{$}", action: "workflow.read", section: "Dashboard", file: "dashboard"}, c.dashboard)
}

func (c *Console) dashboard(q *request) (dashboard, error) {
	d := dashboard{Day: c.day()}
	for _, s := range ops.InstanceStatuses() {
		d.Statuses = append(d.Statuses, statusCount{Status: s})
	}
	for i := len(ops.Severities()) - 1; i >= 0; i-- {
		d.Severities = append(d.Severities, severityCount{Severity: ops.Severities()[i]})
	}
	var alerts []*ops.Alert
	var failed, overdue []*ops.Instance
	g, ctx := errgroup.WithContext(q.Context())
	g.SetLimit(maxLookups)
	g.Go(func() error {
		p, err := c.Store.Alerts(ctx, ops.AlertFilter{Status: ops.AlertOpen, PageRequest: ops.PageRequest{Limit: concernsShown}})
		alerts = p.Items
		return err
	})
	g.Go(func() error {
		p, err := c.Store.Instances(ctx, ops.InstanceFilter{Status: ops.InstanceFailed, PageRequest: ops.PageRequest{Limit: concernsShown}})
		failed = p.Items
		return err
	})
	for i := range d.Statuses {
		g.Go(func() (err error) {
			d.Statuses[i].Count, err = c.countInstances(ctx, ops.InstanceFilter{Status: d.Statuses[i].Status})
			return err
		})
	}
	g.Go(func() error {
		p, err := c.Store.Instances(ctx, ops.InstanceFilter{Overdue: c.Clock.Now(), PageRequest: ops.PageRequest{Limit: countUpTo}})
		d.Overdue, overdue = count(p.Count), p.Items[:min(concernsShown, len(p.Items))]
		return err
	})
	g.Go(func() error {
		p, err := c.Store.Instances(ctx, ops.InstanceFilter{PageRequest: ops.PageRequest{Limit: recentShown}})
		d.Recent = p.Items
		return err
	})
	g.Go(func() error {
		p, err := c.Store.Tasks(ctx, ops.TaskFilter{
			Assignee: q.Actor.ID, PageRequest: ops.PageRequest{Limit: myTasksShown},
		})
		d.Mine = p.Items
		return err
	})
	g.Go(func() (err error) {
		mine := slices.DeleteFunc(ops.Teams(), func(t ops.Team) bool { return !q.Actor.In(t) })
		d.Queue, _, err = c.mostUrgent(ctx, mine, ops.TaskOpen, myQueuesShown)
		return err
	})
	for i := range d.Severities {
		g.Go(func() error {
			p, err := c.Store.Alerts(ctx, ops.AlertFilter{
				Status: ops.AlertOpen, Severity: d.Severities[i].Severity, PageRequest: ops.PageRequest{Limit: countUpTo},
			})
			d.Severities[i].Count = count(p.Count)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return d, fmt.Errorf("read the dashboard: %w", err)
	}
	d.Attention = concerns(alerts, failed, overdue)
	return d, nil
}

func (c *Console) countInstances(ctx context.Context, f ops.InstanceFilter) (count, error) {
	f.Limit = countUpTo
	p, err := c.Store.Instances(ctx, f)
	return count(p.Count), err
}

// mostUrgent gives the most urgent undecided tasks of some teams, and whether these are all; the zero status is either that
// an undecided task has.
func (c *Console) mostUrgent(ctx context.Context, teams []ops.Team, status ops.TaskStatus, limit int) ([]*ops.Task, bool, error) {
	var mu sync.Mutex
	var all []*ops.Task
	exact := true
	g, ctx := errgroup.WithContext(ctx)
	for _, team := range teams {
		g.Go(func() error {
			p, err := c.Store.Tasks(ctx, ops.TaskFilter{Team: team, Status: status, PageRequest: ops.PageRequest{Limit: limit}})
			mu.Lock()
			defer mu.Unlock()
			all, exact = append(all, p.Items...), exact && p.NextCursor == ""
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, false, fmt.Errorf("read the queues: %w", err)
	}
	sortByUrgency(all)
	return all[:min(limit, len(all))], exact && len(all) <= limit, nil
}

// sortByUrgency puts what is due first in front, then what is older; tasks without a due time come last.
func sortByUrgency(tasks []*ops.Task) {
	due := func(t *ops.Task) time.Time {
		if t.DueAt.IsZero() {
			return time.Unix(1<<40, 0)
		}
		return t.DueAt
	}
	slices.SortFunc(tasks, func(a, b *ops.Task) int {
		if c := due(a).Compare(due(b)); c != 0 {
			return c
		}
		return a.CreatedAt.Compare(b.CreatedAt)
	})
}
