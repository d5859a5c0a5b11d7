// Package task is people's part in workflows: claiming tasks and deciding them.
//
// A decision is written first, under the condition that nobody decided before, and only then told to the execution that
// waits; what could not be told is told again by sweep-due. So of two people one wins, and a decision that was answered
// with success is never lost.
package task

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/ops"
)

const (
	// maxConflicts is how often a write is tried again because somebody else wrote the task first.
	maxConflicts = 20
	// deliverWithin is how long the workflow has to take a decision up before it is delivered again.
	deliverWithin = time.Minute
	maxComment    = 4000
)

// Store is what the service reads and writes.
type Store interface {
	ops.Saver
	ops.TaskStore
	ops.InstanceStore
}

// Config is what a Service needs; all of it.
type Config struct {
	Store      Store
	Executions ops.Executions
	Clock      ops.Clock
	Logger     *slog.Logger
}

// Service lets people claim and decide tasks. Safe for concurrent use.
type Service struct{ Config }

// New makes a service.
func New(c Config) *Service { return &Service{Config: c} }

// Decision is what a person says.
type Decision struct {
	Outcome string          `json:"outcome"` // one of the task's outcomes; may be left out when it has only one
	Form    json.RawMessage `json:"form,omitempty"`
	Comment string          `json:"comment,omitempty"`
}

// Claim makes the task the actor's. Claiming one's own task does nothing. CodeNotFound, CodeForbidden, CodeConflict when
// somebody else has it, CodeAlreadyDecided, CodeGone.
func (s *Service) Claim(ctx context.Context, id string, actor ops.Actor) (*ops.Task, error) {
	return s.change(ctx, id, actor, func(t *ops.Task) (bool, error) {
		if t.Status == ops.TaskClaimed {
			if t.Assignee != actor.ID {
				return false, claimed(t)
			}
			return false, nil
		}
		t.Status, t.Assignee = ops.TaskClaimed, actor.ID
		return true, nil
	})
}

// Release gives a claimed task back to its team. Only who claimed it, or an admin, may: CodeForbidden. Releasing an open
// task does nothing.
func (s *Service) Release(ctx context.Context, id string, actor ops.Actor) (*ops.Task, error) {
	return s.change(ctx, id, actor, func(t *ops.Task) (bool, error) {
		if t.Status == ops.TaskOpen {
			return false, nil
		}
		if t.Assignee != actor.ID && !actor.In(ops.Admin) {
			return false, ops.Errorf(ops.CodeForbidden, "task %s is claimed by %s; only they or an admin can release it", t.ID, t.Assignee)
		}
		t.Status, t.Assignee = ops.TaskOpen, ""
		return true, nil
	})
}

// Complete decides the task. CodeInvalid with every fault of the form and the outcome, CodeForbidden for people outside
// of its team and for who started what is to be approved, CodeConflict when somebody else claimed it, CodeAlreadyDecided
// naming who decided and how, CodeWorkflowPaused, CodeGone.
func (s *Service) Complete(ctx context.Context, id string, actor ops.Actor, d Decision) (*ops.Task, error) {
	return s.decide(ctx, id, actor, func(t *ops.Task) error {
		var faults []ops.Fault
		if d.Outcome == "" && len(t.Outcomes) == 1 {
			d.Outcome = t.Outcomes[0]
		}
		if !t.Accepts(d.Outcome) {
			faults = append(faults, ops.Fault{
				Path: "$.outcome", Expected: "one of " + strings.Join(t.Outcomes, ", "), Got: d.Outcome,
			})
		}
		form, err := CompileForm(t.Form)
		if err != nil {
			return fmt.Errorf("task %s: %w", t.ID, err)
		}
		faults = append(faults, form.Faults(d.Form, "$.form")...)
		faults = append(faults, checkComment(d.Comment)...)
		if err := ops.Invalid("decision", faults); err != nil {
			return err
		}
		t.Status, t.Outcome, t.Answers, t.Comment = ops.TaskCompleted, d.Outcome, d.Form, d.Comment
		return nil
	})
}

// Reject refuses the task: its step fails, or is skipped if the template says so. Errors as for Complete.
func (s *Service) Reject(ctx context.Context, id string, actor ops.Actor, comment string) (*ops.Task, error) {
	return s.decide(ctx, id, actor, func(t *ops.Task) error {
		if err := ops.Invalid("decision", checkComment(comment)); err != nil {
			return err
		}
		t.Status, t.Outcome, t.Comment = ops.TaskRejected, Rejected, comment
		return nil
	})
}

func checkComment(comment string) []ops.Fault {
	if len(comment) <= maxComment {
		return nil
	}
	return []ops.Fault{{Path: "$.comment", Expected: fmt.Sprintf("at most %d bytes", maxComment), Got: strconv.Itoa(len(comment))}}
}

func (s *Service) decide(ctx context.Context, id string, actor ops.Actor, set func(*ops.Task) error) (*ops.Task, error) {
	t, err := s.change(ctx, id, actor, func(t *ops.Task) (bool, error) {
		if t.Status == ops.TaskClaimed && t.Assignee != actor.ID && !actor.In(ops.Admin) {
			return false, claimed(t)
		}
		if t.Kind == ops.StepApproval && t.StartedBy != "" && t.StartedBy == actor.ID {
			return false, ops.Errorf(ops.CodeForbidden, "task %s approves what you started: somebody else must decide it", t.ID)
		}
		if err := s.mayGoOn(ctx, t); err != nil {
			return false, err
		}
		if err := set(t); err != nil {
			return false, err
		}
		now := s.Clock.Now()
		t.DecidedBy, t.DecidedAt = actor.ID, now
		if t.Token != "" {
			// Until the workflow has taken the decision up. Without a token nobody waits yet: whoever comes to wait finds
			// the decision.
			t.SetTimer(ops.TimerDeliver, now.Add(deliverWithin))
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.deliver(ctx, t); err != nil {
		// The decision stands and is delivered again: the person has nothing to do about it.
		s.Logger.WarnContext(ctx, "decision not delivered; sweep-due will", "task", t.ID, "error", err)
	}
	return t, nil
}

// mayGoOn refuses a decision that its workflow could not take up.
func (s *Service) mayGoOn(ctx context.Context, t *ops.Task) error {
	i, err := s.Store.Instance(ctx, t.InstanceID)
	switch {
	case err != nil:
		return fmt.Errorf("read the workflow of task %s: %w", t.ID, err)
	case i.Status == ops.InstancePaused:
		return ops.Errorf(ops.CodeWorkflowPaused, "the workflow of task %s is paused", t.ID)
	case i.Status.Ended():
		return ops.Errorf(ops.CodeGone, "the workflow of task %s is over (%s)", t.ID, i.Status)
	}
	return nil
}

// change writes what edit makes of an undecided task, again from the new state when somebody else wrote it first.
func (s *Service) change(
	ctx context.Context, id string, actor ops.Actor, edit func(*ops.Task) (changed bool, err error),
) (*ops.Task, error) {
	for range maxConflicts {
		t, err := s.Store.Task(ctx, id)
		if err != nil {
			return nil, err
		}
		if !actor.In(t.Team) {
			return nil, ops.Errorf(ops.CodeForbidden, "task %s is for team %s", t.ID, t.Team)
		}
		if err := open(t); err != nil {
			return nil, err
		}
		changed, err := edit(t)
		if err != nil || !changed {
			return t, err
		}
		t.UpdatedAt = s.Clock.Now()
		err = s.Store.Save(ctx, t)
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

// deliver lets the execution that waits on the task go on. Whether a token was used or has been replaced is told from our
// own record, never from the answer: a newer token there means that a later attempt waits.
func (s *Service) deliver(ctx context.Context, t *ops.Task) error {
	if t.Token == "" {
		return nil
	}
	output, err := json.Marshal(map[string]string{"task": t.ID, "outcome": t.Outcome})
	if err != nil {
		return fmt.Errorf("write the outcome of task %s: %w", t.ID, err)
	}
	token := t.Token
	for range maxConflicts {
		err = s.Executions.SucceedTask(ctx, token, output)
		if !errors.Is(err, ops.ErrTokenUsed) {
			break
		}
		newer, rerr := s.Store.Task(ctx, t.ID)
		if rerr != nil {
			return fmt.Errorf("read task %s: %w", t.ID, rerr)
		}
		if newer.Token == token {
			return nil // delivered before
		}
		token = newer.Token
	}
	if err != nil {
		return fmt.Errorf("deliver the decision of task %s: %w", t.ID, err)
	}
	return nil
}

// HandleDue delivers a decision again that the workflow has not taken up in time. An overlapping or stale call does
// nothing.
func (s *Service) HandleDue(ctx context.Context, ref ops.Ref) error {
	t, err := s.Store.Task(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read task %s: %w", ref.ID, err)
	}
	now := s.Clock.Now()
	at, set := t.Timers[ops.TimerDeliver]
	if !set || at.After(now) {
		return nil
	}
	i, err := s.Store.Instance(ctx, t.InstanceID)
	if err != nil {
		return fmt.Errorf("read the workflow of task %s: %w", t.ID, err)
	}
	over := i.Status.Ended()
	if over {
		t.ClearTimer(ops.TimerDeliver) // nobody takes it up any more
	} else {
		t.SetTimer(ops.TimerDeliver, now.Add(2*deliverWithin)) // the claim, and the next look
	}
	if err := s.Store.Save(ctx, t); err != nil {
		if ops.AsConflict(err) != nil {
			return nil //nolint:nilerr // it moves: the workflow takes the decision up
		}
		return fmt.Errorf("claim task %s: %w", t.ID, err)
	}
	if over {
		return nil
	}
	return s.deliver(ctx, t)
}
