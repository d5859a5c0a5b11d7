package task

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// reassignAgain is how long after a member lost a team their work is looked for once more: an index may show a task late, and
// another may have been on its way to them.
const reassignAgain = time.Minute

// PutMember stores a member whole, and gives work that they may not have any more to others. CodeInvalid with every fault.
func (s *Service) PutMember(ctx context.Context, m ops.Member, actor ops.Actor) (*ops.Member, error) {
	if err := ops.Invalid("member", m.Faults()); err != nil {
		return nil, err
	}
	for range maxConflicts {
		now := s.Clock.Now()
		old, err := s.Store.Member(ctx, m.ID)
		if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
			return nil, fmt.Errorf("store member %s: %w", m.ID, err)
		}
		change := audit.Change{Actor: actor, Action: "member.write", Target: m.Ref()}
		m.Meta = ops.Meta{CreatedAt: now}
		if old != nil {
			m.Meta, change.Before = old.Meta, old
		}
		m.UpdatedAt = now
		lost := old != nil && loses(old, &m)
		if lost {
			m.SetTimer(ops.TimerReassign, now.Add(reassignAgain))
		}
		change.After = &m
		entry, err := audit.Entry(ctx, s.Store, change, now)
		if err != nil {
			return nil, err
		}
		err = s.Store.Save(ctx, &m, entry)
		if ops.AsConflict(err) != nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("store member %s: %w", m.ID, err)
		}
		if lost {
			if err := s.reassign(ctx, &m); err != nil {
				s.Logger.WarnContext(ctx, "work not given to others yet; sweep-due will", "member", m.ID, "error", err)
			}
		}
		return &m, nil
	}
	return nil, ops.Errorf(ops.CodeUnavailable, "member %s is being changed too often; try again", m.ID)
}

// loses reports whether there is work that went to a member before and does not any more.
func loses(before, after *ops.Member) bool {
	for _, team := range ops.Teams() {
		if before.Takes(team) && !after.Takes(team) {
			return true
		}
	}
	return false
}

// HandleMemberDue gives the work of a member to others that they may not have. An overlapping or stale call does no harm.
func (s *Service) HandleMemberDue(ctx context.Context, ref ops.Ref) error {
	m, err := s.Store.Member(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read member %s: %w", ref.ID, err)
	}
	if at, set := m.Timers[ops.TimerReassign]; !set || at.After(s.Clock.Now()) {
		return nil
	}
	if err := s.reassign(ctx, m); err != nil {
		return err
	}
	m.ClearTimer(ops.TimerReassign)
	if err := s.Store.Save(ctx, m); err != nil && ops.AsConflict(err) == nil {
		return fmt.Errorf("store member %s: %w", m.ID, err)
	}
	return nil
}

// reassign gives the tasks of a member to others that they do not take any more, claimed ones too.
func (s *Service) reassign(ctx context.Context, m *ops.Member) error {
	req := ops.PageRequest{Limit: ops.MaxPageLimit}
	for {
		p, err := s.Store.Tasks(ctx, ops.TaskFilter{Assignee: m.ID, PageRequest: req})
		if err != nil {
			return fmt.Errorf("list the work of %s: %w", m.ID, err)
		}
		for _, t := range p.Items {
			if err := s.takeFrom(ctx, m, t.ID); err != nil {
				return err
			}
		}
		if p.NextCursor == "" {
			return nil
		}
		req.Cursor = p.NextCursor
	}
}

func (s *Service) takeFrom(ctx context.Context, m *ops.Member, id string) error {
	for n := range maxConflicts {
		t, err := s.Store.Task(ctx, id)
		if err != nil {
			return fmt.Errorf("take task %s from %s: %w", id, m.ID, err)
		}
		if t.Status.Decided() || t.Assignee != m.ID || m.Takes(t.Team) || t.Kind == ops.StepAssignment {
			return nil
		}
		if err := Assign(ctx, s.Store, t, n < maxConflicts/2); err != nil {
			return err
		}
		t.UpdatedAt = s.Clock.Now()
		err = s.Store.Save(ctx, t)
		if ops.AsConflict(err) != nil {
			continue
		}
		if err != nil {
			return fmt.Errorf("take task %s from %s: %w", id, m.ID, err)
		}
		s.Logger.InfoContext(ctx, "task taken from a member", "task", id, "from", m.ID, "to", t.Assignee)
		return nil
	}
	return ops.Errorf(ops.CodeUnavailable, "task %s is being changed too often", id)
}
