package store

import (
	"context"
	"time"

	"opsflow/shared/ops"
)

// Instance implements ops.InstanceStore.
func (s *Store) Instance(ctx context.Context, id string) (*ops.Instance, error) {
	return get[ops.Instance](ctx, s, ops.Ref{Kind: ops.KindInstance, ID: id})
}

// Instances implements ops.InstanceStore.
func (s *Store) Instances(ctx context.Context, f ops.InstanceFilter) (ops.Page[*ops.Instance], error) {
	req, overdue := f.PageRequest, f.Overdue
	f.PageRequest = ops.PageRequest{}
	bound := f
	if !overdue.IsZero() {
		// The next page is asked for later, and with a later time: that does not make it another list.
		bound.Overdue = time.Unix(0, 0).UTC()
	}
	l := newest("instances", ops.KindInstance, bound)
	rest := f // what the index does not see to
	switch {
	case !f.Subject.IsZero():
		rest.Subject = ops.SubjectRef{}
		l.index, l.partitions, l.prefix = subjectIndex, []string{f.Subject.String()}, "instance#"
	case f.Status != "":
		rest.Status = ""
		l.index, l.partitions = stateIndex, sharded("instance#"+string(f.Status))
	case !overdue.IsZero():
		l.index, l.partitions = stateIndex, nil
		for _, status := range ops.InstanceStatuses() {
			if !status.Ended() && status != ops.InstancePaused { // a paused one's time stands still
				l.partitions = append(l.partitions, sharded("instance#"+string(status))...)
			}
		}
	}
	var keep func(*ops.Instance) bool
	if rest != (ops.InstanceFilter{}) {
		keep = func(i *ops.Instance) bool { return instanceFits(rest, i) }
	}
	return page(ctx, s, l, req, keep)
}

func instanceFits(f ops.InstanceFilter, i *ops.Instance) bool {
	switch {
	case f.Status != "" && i.Status != f.Status,
		f.Type != "" && i.Type != f.Type,
		f.Template != "" && i.Template != f.Template,
		f.Team != "" && i.Team != f.Team,
		f.Assignee != "" && i.AssignedTo != f.Assignee:
		return false
	case !f.Overdue.IsZero():
		return !i.Status.Ended() && i.Status != ops.InstancePaused && !i.DueAt.IsZero() && i.DueAt.Before(f.Overdue)
	}
	return true
}
