package bulk

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/ops"
)

// Filter selects records as the list of their kind does. Empty members match everything; at least one must be set.
type Filter struct {
	Status   string `json:"status,omitempty"`
	Type     string `json:"type,omitempty"`     // alerts, workflows, events
	Severity string `json:"severity,omitempty"` // alerts
	Subject  string `json:"subject,omitempty"`  // alerts, workflows, events: type/id
	Team     string `json:"team,omitempty"`     // tasks, workflows
	Assignee string `json:"assignee,omitempty"` // tasks
	Workflow string `json:"workflow,omitempty"` // tasks: of this one
	Template string `json:"template,omitempty"` // workflows
	// From and To narrow events to those that arrived in [From, To).
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// selected gives the ids that a request is about, each once, in order.
func (s *Service) selected(ctx context.Context, kind ops.Kind, r Request) ([]string, error) {
	if (r.Filter == nil) == (r.IDs == nil) {
		return nil, ops.Invalid("request", []ops.Fault{{Path: "$", Expected: "an object with either ids or filter", Got: "both or none"}})
	}
	if r.Filter != nil {
		return s.matching(ctx, kind, *r.Filter)
	}
	if len(r.IDs) > ops.MaxBulkItems {
		return nil, tooMany("$.ids", len(r.IDs))
	}
	seen := make(map[string]bool, len(r.IDs))
	ids := make([]string, 0, len(r.IDs))
	var faults []ops.Fault
	for i, id := range r.IDs {
		switch {
		case !ops.ValidID(id):
			faults = append(faults, ops.Fault{Path: "$.ids[" + strconv.Itoa(i) + "]", Expected: "an id", Got: strconv.Quote(id)})
		case !seen[id]:
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, ops.Invalid("request", faults)
}

func tooMany(path string, n int) error {
	return ops.Invalid("request", []ops.Fault{{
		Path: path, Expected: fmt.Sprintf("a selection of at most %d items", ops.MaxBulkItems), Got: strconv.Itoa(n) + " or more",
	}})
}

// matching gives the ids of what a filter matches.
func (s *Service) matching(ctx context.Context, kind ops.Kind, f Filter) ([]string, error) {
	if f == (Filter{}) {
		return nil, ops.Invalid("request", []ops.Fault{{Path: "$.filter", Expected: "at least one condition", Got: "none"}})
	}
	if kind == ops.KindTask {
		filter, err := f.tasks()
		if err != nil {
			return nil, err
		}
		return collect(func(p ops.PageRequest) (ops.Page[*ops.Task], error) {
			filter.PageRequest = p
			return s.Store.Tasks(ctx, filter)
		}, func(t *ops.Task) string { return t.ID })
	}
	if kind == ops.KindEvent {
		filter, err := f.events()
		if err != nil {
			return nil, err
		}
		ids, err := collect(func(p ops.PageRequest) (ops.Page[*ops.Event], error) {
			filter.PageRequest = p
			return s.Store.Events(ctx, filter)
		}, func(e *ops.Event) string { return e.ID })
		slices.Reverse(ids) // in the order in which they came
		return ids, err
	}
	if kind == ops.KindInstance {
		filter, err := f.workflows()
		if err != nil {
			return nil, err
		}
		return collect(func(p ops.PageRequest) (ops.Page[*ops.Instance], error) {
			filter.PageRequest = p
			return s.Store.Instances(ctx, filter)
		}, func(i *ops.Instance) string { return i.ID })
	}
	filter, err := f.alerts()
	if err != nil {
		return nil, err
	}
	return collect(func(p ops.PageRequest) (ops.Page[*ops.Alert], error) {
		filter.PageRequest = p
		return s.Store.Alerts(ctx, filter)
	}, func(a *ops.Alert) string { return a.ID })
}

// collect reads a list to its end.
func collect[T any](read func(ops.PageRequest) (ops.Page[T], error), id func(T) string) ([]string, error) {
	ids := []string{}
	seen := map[string]bool{} // a list that changes between two pages can show a record twice
	for cursor := ""; ; {
		page, err := read(ops.PageRequest{Limit: ops.MaxPageLimit, Cursor: cursor})
		if err != nil {
			return nil, fmt.Errorf("find what the filter matches: %w", err)
		}
		for _, item := range page.Items {
			if !seen[id(item)] {
				seen[id(item)] = true
				ids = append(ids, id(item))
			}
		}
		if len(ids) > ops.MaxBulkItems {
			return nil, tooMany("$.filter", ops.MaxBulkItems+1)
		}
		if cursor = page.NextCursor; cursor == "" {
			return ids, nil
		}
	}
}
