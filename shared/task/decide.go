package task

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"opsflow/shared/ops"
)

// maxComment is the longest comment, in bytes.
const maxComment = 4000

// Decision is what a person says.
type Decision struct {
	Outcome string          `json:"outcome"` // one of the task's outcomes; may be left out when it has only one
	Form    json.RawMessage `json:"form,omitempty"`
	Comment string          `json:"comment,omitempty"`
}

// Complete decides the task. Of one with a quorum it is one voice: the task is decided when as many people as it needs have
// decided alike, and nobody counts twice. CodeInvalid with every fault of the form and the outcome, CodeForbidden for people
// outside of its team and for who started what is to be approved, CodeConflict when somebody else claimed it,
// CodeAlreadyDecided naming who decided and how, CodeTooLarge, CodeWorkflowPaused, CodeGone. An offer is answered by its vendor, or by staff
// for it.
func (s *Service) Complete(ctx context.Context, id string, actor ops.Actor, d Decision) (*ops.Task, error) {
	if t, err := s.offered(ctx, id); err != nil {
		return nil, err
	} else if t != nil {
		return s.answer(ctx, t, actor, d)
	}
	return s.decide(ctx, id, actor, "task.complete", d.Comment, func(t *ops.Task) (*ops.TaskDecision, error) {
		outcome := d.Outcome
		if outcome == "" && len(t.Outcomes) == 1 {
			outcome = t.Outcomes[0]
		}
		var faults []ops.Fault
		if !t.Accepts(outcome) {
			faults = append(faults, ops.Fault{
				Path: "$.outcome", Expected: "one of " + strings.Join(t.Outcomes, ", "), Got: outcome,
			})
		}
		unfit, err := s.Forms.Faults(t.Form, d.Form, "$.form")
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", t.ID, err)
		}
		faults = append(faults, unfit...)
		faults = append(faults, checkComment(d.Comment)...)
		return &ops.TaskDecision{Outcome: outcome, Answers: d.Form, Comment: d.Comment}, ops.Invalid("decision", faults)
	})
}

// Reject refuses the task: its step fails, or is skipped if the template says so. One refusal is enough, unless the template
// asks for more. Rejecting an offer is declining it. Errors as for Complete.
func (s *Service) Reject(ctx context.Context, id string, actor ops.Actor, comment string) (*ops.Task, error) {
	if t, err := s.offered(ctx, id); err != nil {
		return nil, err
	} else if t != nil {
		return s.answer(ctx, t, actor, Decision{Outcome: ops.OutcomeDeclined, Comment: comment})
	}
	return s.decide(ctx, id, actor, "task.reject", comment, func(*ops.Task) (*ops.TaskDecision, error) {
		return &ops.TaskDecision{Outcome: Rejected, Comment: comment}, ops.Invalid("decision", checkComment(comment))
	})
}

func checkComment(comment string) []ops.Fault {
	if len(comment) <= maxComment {
		return nil
	}
	return []ops.Fault{{Path: "$.comment", Expected: fmt.Sprintf("at most %d bytes", maxComment), Got: strconv.Itoa(len(comment))}}
}

func (s *Service) decide(
	ctx context.Context, id string, actor ops.Actor, action, reason string, say func(*ops.Task) (*ops.TaskDecision, error),
) (*ops.Task, error) {
	t, err := s.change(ctx, id, actor, action, reason, func(t *ops.Task) (bool, error) {
		if t.Status == ops.TaskClaimed && t.Assignee != actor.ID && !actor.In(ops.Admin) {
			return false, claimed(t)
		}
		if err := mayDecide(t, actor); err != nil {
			return false, err
		}
		if said := t.Said(actor.ID); said != nil {
			return false, ops.Errorf(ops.CodeAlreadyDecided, "you have decided task %s: %s; it waits for others", t.ID, said.Outcome)
		}
		if err := s.mayGoOn(ctx, t); err != nil {
			return false, err
		}
		d, err := say(t)
		if err != nil {
			return false, err
		}
		if err := keepable(t, d); err != nil {
			return false, err
		}
		s.count(t, actor, *d)
		return true, nil
	})
	if err != nil || !t.Status.Decided() {
		return t, err
	}
	if err := s.deliver(ctx, t); err != nil {
		// The decision stands and is delivered again: the person has nothing to do about it.
		s.Logger.WarnContext(ctx, "decision not delivered; sweep-due will", "task", t.ID, "error", err)
	}
	return t, nil
}

// keepable refuses what the step's output would have no room for. What one of several people may say does not depend on how
// much the others said.
func keepable(t *ops.Task, d *ops.TaskDecision) error {
	said, err := json.Marshal(ops.TaskDecision{Answers: d.Answers, Comment: d.Comment})
	if err != nil {
		return fmt.Errorf("write the decision of task %s: %w", t.ID, err)
	}
	voices := t.Voices()
	most := ops.MaxAnswers / voices
	switch {
	case len(said) <= most:
		return nil
	case voices == 1:
		return ops.Errorf(ops.CodeTooLarge, "form and comment have %d bytes of JSON; at most %d can be kept", len(said), most)
	}
	return ops.Errorf(ops.CodeTooLarge, "form and comment have %d bytes of JSON; at most %d can be kept of each of %d people", len(said), most, voices)
}

// count takes a person's decision over, and makes it the task's when there are enough of it.
func (s *Service) count(t *ops.Task, actor ops.Actor, d ops.TaskDecision) {
	d.By, d.At = actor.ID, s.Clock.Now()
	answers := d.Answers
	if t.Quorum <= 1 {
		d.Answers = nil // the task has them
	}
	t.Decisions = append(slices.Clip(t.Decisions), d)
	needed := t.Quorum
	if d.Outcome == Rejected {
		needed = t.RejectQuorum
	}
	if t.Votes(d.Outcome) < max(1, needed) {
		return
	}
	t.Status = ops.TaskCompleted
	if d.Outcome == Rejected {
		t.Status = ops.TaskRejected
	}
	s.end(t, d.Outcome, actor)
	t.Answers, t.Comment = answers, d.Comment
}

// end makes an outcome the task's.
func (s *Service) end(t *ops.Task, outcome string, by ops.Actor) {
	now := s.Clock.Now()
	t.Outcome, t.DecidedBy, t.DecidedAt = outcome, by.ID, now
	t.ClearTimer(ops.TimerRemind)
	t.ClearTimer(ops.TimerExpire)
	t.SetTimer(ops.TimerDeliver, now.Add(deliverWithin)) // until the workflow has taken it up
}

// mayDecide refuses who asked for what the task approves.
func mayDecide(t *ops.Task, actor ops.Actor) error {
	if requests(t, actor.ID) {
		return ops.Errorf(ops.CodeForbidden, "task %s approves what you started: somebody else must decide it", t.ID)
	}
	return nil
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
