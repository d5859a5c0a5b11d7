package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"opsflow/shared/ops"
	"opsflow/shared/table"
)

// Task implements ops.TaskStore.
func (s *Store) Task(ctx context.Context, id string) (*ops.Task, error) {
	return get[ops.Task](ctx, s, ops.Ref{Kind: ops.KindTask, ID: id})
}

// Tasks implements ops.TaskStore.
func (s *Store) Tasks(ctx context.Context, f ops.TaskFilter) (ops.Page[*ops.Task], error) {
	req := f.PageRequest
	f.PageRequest = ops.PageRequest{}
	if f.InstanceID != "" {
		return s.tasksOfInstance(ctx, f, req)
	}
	l := newest("tasks", ops.KindTask, f)
	undecided := f.Status == "" || !f.Status.Decided()
	rest := f // what the index does not see to
	switch {
	case f.Assignee != "" && undecided:
		rest.Assignee = ""
		l = list{
			name: l.name, filter: f, index: subjectIndex, prefix: "task#",
			partitions: []string{"assignee/" + f.Assignee},
		}
	case f.Team != "" && undecided:
		rest.Team = ""
		l = list{name: l.name, filter: f, index: stateIndex, partitions: sharded("task#" + string(f.Team))}
	}
	var keep func(*ops.Task) bool
	if rest != (ops.TaskFilter{}) {
		keep = func(t *ops.Task) bool { return taskFits(rest, t) }
	}
	return page(ctx, s, l, req, keep)
}

func taskFits(f ops.TaskFilter, t *ops.Task) bool {
	return (f.Team == "" || t.Team == f.Team) && (f.Assignee == "" || t.Assignee == f.Assignee) &&
		(f.Status == "" || t.Status == f.Status) && (f.Kind == "" || t.Kind == f.Kind) && (f.Subject.IsZero() || t.Subject == f.Subject)
}

// tasksOfInstance lists an instance's tasks, newest first. The ones that its steps name are read consistently; those of
// earlier rounds of a loop come from the subject index. They are few, so a page is cut from all of them.
func (s *Store) tasksOfInstance(
	ctx context.Context, f ops.TaskFilter, req ops.PageRequest,
) (ops.Page[*ops.Task], error) {
	tasks, err := s.allTasksOf(ctx, f.InstanceID)
	if err != nil {
		return ops.Page[*ops.Task]{}, fmt.Errorf("list the tasks of instance %s: %w", f.InstanceID, err)
	}
	tasks = slices.DeleteFunc(tasks, func(t *ops.Task) bool { return !taskFits(f, t) })
	place := func(t *ops.Task) string { return stamp(t.CreatedAt) + "#" + t.ID }
	slices.SortFunc(tasks, func(a, b *ops.Task) int { return strings.Compare(place(b), place(a)) })
	return ops.Cut(ctx, s, ops.List{Name: "tasks", Filter: f, Descending: true}, tasks, place, req)
}

func (s *Store) allTasksOf(ctx context.Context, instanceID string) ([]*ops.Task, error) {
	var tasks []*ops.Task
	seen := map[string]bool{}
	instance, found, err := read[ops.Instance](ctx, s, keyOfRef(ops.Ref{Kind: ops.KindInstance, ID: instanceID}))
	if err != nil {
		return nil, err
	}
	if found {
		var keys []table.Key
		for _, step := range instance.Steps {
			if step.TaskID != "" && !seen[step.TaskID] {
				seen[step.TaskID] = true
				keys = append(keys, keyOfRef(ops.Ref{Kind: ops.KindTask, ID: step.TaskID}))
			}
		}
		for batch := range slices.Chunk(keys, table.MaxBatchGet) {
			items, err := s.table.BatchGet(ctx, batch)
			if err != nil {
				return nil, inWords(err)
			}
			for _, item := range items {
				t, err := decode[ops.Task](item)
				if err != nil {
					return nil, err
				}
				tasks = append(tasks, t)
			}
		}
	}
	req := ops.PageRequest{Limit: ops.MaxPageLimit}
	for {
		p, err := page[ops.Task](ctx, s, list{
			name: "tasks of instance", filter: instanceID, index: subjectIndex, prefix: "task#",
			partitions: []string{"instance/" + instanceID},
		}, req, nil)
		if err != nil {
			return nil, err
		}
		for _, t := range p.Items {
			if !seen[t.ID] {
				tasks = append(tasks, t)
			}
		}
		if p.NextCursor == "" {
			return tasks, nil
		}
		req.Cursor = p.NextCursor
	}
}
