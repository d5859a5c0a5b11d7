package task

import (
	"context"
	"fmt"
	"slices"

	"opsflow/shared/ops"
)

// Delegate gives an undecided task to another active member of its team, who is then expected to claim it. Whose task it is
// may do so, who leads the team, and admins: CodeForbidden. CodeInvalid when the other can't take it, CodeForbidden when they
// asked for what it approves, CodeConflict when several people decide it together, CodeAlreadyDecided, CodeGone.
func (s *Service) Delegate(ctx context.Context, id string, actor ops.Actor, to, reason string) (*ops.Task, error) {
	return s.change(ctx, id, actor, "task.delegate", reason, func(t *ops.Task) (bool, error) {
		if err := s.mayDelegate(ctx, t, actor); err != nil {
			return false, err
		}
		if t.Quorum > 1 {
			return false, ops.Errorf(ops.CodeConflict, "task %s is decided by %d people together: it can't be given to one", t.ID, t.Quorum)
		}
		m, err := s.Store.Member(ctx, to)
		if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
			return false, fmt.Errorf("delegate task %s: %w", t.ID, err)
		}
		faults := checkComment(reason)
		for i := range faults {
			faults[i].Path = "$.reason"
		}
		if m == nil || !m.Takes(t.Team) {
			faults = append(faults, ops.Fault{Path: "$.to", Expected: fmt.Sprintf("the id of an active member of %s", t.Team), Got: to})
		}
		if err := ops.Invalid("delegation", faults); err != nil {
			return false, err
		}
		if requests(t, to) {
			return false, ops.Errorf(ops.CodeForbidden, "task %s approves what %s started: somebody else must decide it", t.ID, to)
		}
		if t.Assignee == to {
			return false, nil
		}
		t.Assignee, t.Status = to, ops.TaskOpen
		return true, nil
	})
}

func (s *Service) mayDelegate(ctx context.Context, t *ops.Task, actor ops.Actor) error {
	if t.Assignee == actor.ID || actor.In(ops.Admin) {
		return nil
	}
	m, err := s.Store.Member(ctx, actor.ID)
	switch {
	case err == nil && m.Active && slices.Contains(m.Leads, t.Team):
		return nil
	case err != nil && ops.ErrorCode(err) != ops.CodeNotFound:
		return fmt.Errorf("delegate task %s: %w", t.ID, err)
	}
	return ops.Errorf(ops.CodeForbidden, "task %s can be delegated by whose it is, by who leads %s, and by admins", t.ID, t.Team)
}
