package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"sync"

	"golang.org/x/sync/errgroup"

	"opsflow/shared/ops"
)

const (
	// summaryWorkers is how many lists are counted at once.
	summaryWorkers = 4
	// summaryPages is how far each list is counted, in pages of 100: it stays quick beside a million completed workflows.
	summaryPages = 10
)

type summaryCommand struct{}

// summary is what active-summary prints with --json.
type summary struct {
	Workflows map[ops.InstanceStatus]ops.Count `json:"workflows"`
	Tasks     map[ops.Team]teamTasks           `json:"tasks"`
	Alerts    map[ops.Severity]ops.Count       `json:"alerts"` // open ones
}

type teamTasks struct {
	Open    ops.Count `json:"open"`
	Claimed ops.Count `json:"claimed"`
}

// Run counts, and prints what it counted.
func (*summaryCommand) Run(ctx context.Context, s *session) error {
	sum := summary{
		Workflows: map[ops.InstanceStatus]ops.Count{}, Tasks: map[ops.Team]teamTasks{}, Alerts: map[ops.Severity]ops.Count{},
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(summaryWorkers)
	add := func(path string, q url.Values, keep func(ops.Count)) {
		group.Go(func() error {
			n, err := s.countAll(ctx, path, q)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			keep(n)
			return nil
		})
	}
	for _, status := range ops.InstanceStatuses() {
		add("/v1/workflows", query("status", string(status)), func(n ops.Count) { sum.Workflows[status] = n })
	}
	for _, team := range ops.Teams() {
		add("/v1/tasks", query("team", string(team), "status", string(ops.TaskOpen)), func(n ops.Count) {
			sum.Tasks[team] = teamTasks{Open: n, Claimed: sum.Tasks[team].Claimed}
		})
		add("/v1/tasks", query("team", string(team), "status", string(ops.TaskClaimed)), func(n ops.Count) {
			sum.Tasks[team] = teamTasks{Open: sum.Tasks[team].Open, Claimed: n}
		})
	}
	for _, severity := range ops.Severities() {
		add("/v1/alerts", query("status", string(ops.AlertOpen), "severity", string(severity)), func(n ops.Count) {
			sum.Alerts[severity] = n
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.showValue(sum, sum.table)
}

func (sum summary) table(w io.Writer) {
	row(w, "WORKFLOWS", "COUNT")
	for _, status := range ops.InstanceStatuses() {
		row(w, string(status), count(sum.Workflows[status]))
	}
	fmt.Fprintln(w)
	row(w, "TASKS", "OPEN", "CLAIMED")
	for _, team := range ops.Teams() {
		row(w, string(team), count(sum.Tasks[team].Open), count(sum.Tasks[team].Claimed))
	}
	fmt.Fprintln(w)
	row(w, "ALERTS", "OPEN")
	for i := len(ops.Severities()) - 1; i >= 0; i-- {
		severity := ops.Severities()[i]
		row(w, string(severity), count(sum.Alerts[severity]))
	}
}

// countAll counts a list, exactly if it is not longer than summaryPages.
func (s *session) countAll(ctx context.Context, path string, q url.Values) (ops.Count, error) {
	q.Set("limit", "100")
	for n := 1; ; n++ {
		answer, err := s.api.get(ctx, path, q)
		if err != nil {
			return ops.Count{}, err
		}
		var p page[struct{}]
		if err := decode(answer, &p); err != nil {
			return ops.Count{}, err
		}
		if p.NextCursor == nil || n == summaryPages {
			return p.Count, nil
		}
		q.Set("cursor", *p.NextCursor)
	}
}
