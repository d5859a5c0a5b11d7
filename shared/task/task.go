// Package task is people's part in workflows: who gets a task, claiming, delegating and deciding it, and what becomes of one
// that nobody decides.
//
// A decision is written first, under the condition that nobody decided before, and only then told to the execution that
// waits; what could not be told is told again by sweep-due. So of two people one wins, and a decision that was answered
// with success is never lost.
package task

import (
	"context"
	"fmt"
	"log/slog"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// maxConflicts is how often a write is tried again because somebody else wrote the task first.
const maxConflicts = 20

// Store is what the service reads and writes.
type Store interface {
	ops.Saver
	ops.TaskStore
	ops.InstanceStore
	ops.MemberStore
	ops.AuditStore
	ops.AlertStore
	OfferStore
}

// Config is what a Service needs; all of it.
type Config struct {
	Store      Store
	Executions ops.Executions
	Bus        ops.Bus   // takes reminders
	Forms      ops.Forms // only to complete tasks
	Clock      ops.Clock
	Logger     *slog.Logger
}

// Service lets people claim and decide tasks. Safe for concurrent use.
type Service struct{ Config }

// New makes a service.
func New(c Config) *Service { return &Service{Config: c} }

// Claim makes the task the actor's, also one that is expected of somebody else of the team but not claimed yet. Claiming
// one's own task does nothing. CodeNotFound, CodeForbidden for people outside of its team and for who asked for what is to be
// approved, CodeConflict when somebody else has claimed it or several people decide it together, CodeAlreadyDecided, CodeGone.
func (s *Service) Claim(ctx context.Context, id string, actor ops.Actor) (*ops.Task, error) {
	return s.change(ctx, id, actor, "task.claim", "", func(t *ops.Task) (bool, error) {
		switch {
		case t.Status == ops.TaskClaimed && t.Assignee != actor.ID:
			return false, claimed(t)
		case t.Status == ops.TaskClaimed:
			return false, nil
		case t.Quorum > 1:
			return false, ops.Errorf(ops.CodeConflict, "task %s is decided by %d people together: nobody claims it", t.ID, t.Quorum)
		}
		if err := mayDecide(t, actor); err != nil {
			return false, err
		}
		t.Status, t.Assignee = ops.TaskClaimed, actor.ID
		return true, nil
	})
}

// Release gives a task back to its team's queue. Only whose it is, or an admin, may: CodeForbidden. Releasing a task that is
// nobody's does nothing.
func (s *Service) Release(ctx context.Context, id string, actor ops.Actor) (*ops.Task, error) {
	return s.change(ctx, id, actor, "task.release", "", func(t *ops.Task) (bool, error) {
		if t.Assignee == "" {
			return false, nil
		}
		if t.Assignee != actor.ID && !actor.In(ops.Admin) {
			return false, ops.Errorf(ops.CodeForbidden, "task %s is %s's; only they or an admin can release it", t.ID, t.Assignee)
		}
		t.Status, t.Assignee = ops.TaskOpen, ""
		return true, nil
	})
}

// change writes what edit makes of an undecided task, with the audit entry of it, again from the new state when somebody
// else wrote it first.
func (s *Service) change(
	ctx context.Context, id string, actor ops.Actor, action, reason string, edit func(*ops.Task) (changed bool, err error),
) (*ops.Task, error) {
	for range maxConflicts {
		t, err := s.Store.Task(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case actor.OnlyVendor() && (t.Offer == nil || !t.Offer.Asked(actor.ID)):
			return nil, ops.Errorf(ops.CodeNotFound, "there is no task %s", id)
		case t.Offer != nil:
			return nil, ops.Errorf(ops.CodeIllegalMove, "task %s is an offer: its vendor answers it, nobody claims it", id)
		case !actor.In(t.Team):
			return nil, ops.Errorf(ops.CodeForbidden, "task %s is for team %s", t.ID, t.Team)
		}
		if err := open(t); err != nil {
			return nil, err
		}
		before := *t
		changed, err := edit(t)
		if err != nil {
			return nil, err
		}
		if !changed {
			return t, nil
		}
		now := s.Clock.Now()
		t.UpdatedAt = now
		entry, err := audit.Entry(ctx, s.Store, audit.Change{
			Actor: actor, Action: action, Target: t.Ref(), Before: before.Masked(), After: t.Masked(), Reason: reason,
		}, now)
		if err != nil {
			return nil, err
		}
		err = s.Store.Save(ctx, t, entry)
		if err == nil {
			return t, nil
		}
		if ops.AsConflict(err) == nil {
			return nil, fmt.Errorf("store task %s: %w", id, err)
		}
	}
	return nil, ops.Errorf(ops.CodeUnavailable, "task %s is being changed too often; try again", id)
}

// open refuses a task that is over.
func open(t *ops.Task) error {
	switch t.Status {
	case ops.TaskCompleted, ops.TaskRejected:
		return ops.Errorf(ops.CodeAlreadyDecided, "task %s was decided by %s: %s", t.ID, t.DecidedBy, t.Outcome)
	case ops.TaskExpired, ops.TaskCancelled:
		return ops.Errorf(ops.CodeGone, "task %s is %s", t.ID, t.Status)
	case ops.TaskOpen, ops.TaskClaimed:
	}
	return nil
}

func claimed(t *ops.Task) error {
	return ops.Errorf(ops.CodeConflict, "task %s is claimed by %s", t.ID, t.Assignee)
}
