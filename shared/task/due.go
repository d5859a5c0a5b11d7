package task

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

const (
	// remindEvery is how long after a reminder the next one follows, and maxReminders how many there are.
	remindEvery  = 24 * time.Hour
	maxReminders = 3
	// pausedLook is how often a paused workflow's task is looked at: its time does not run out meanwhile.
	pausedLook = 15 * time.Minute
)

// HandleDue does what is due of a task: it delivers a decision again that the workflow has not taken up in time, reminds of
// what should be done by now, and ends what can be decided no more. An overlapping or stale call does nothing.
func (s *Service) HandleDue(ctx context.Context, ref ops.Ref) error {
	t, err := s.Store.Task(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read task %s: %w", ref.ID, err)
	}
	now := s.Clock.Now()
	due := func(timer string) bool {
		at, set := t.Timers[timer]
		return set && !at.After(now)
	}
	if t.Offer != nil && due(ops.TimerOffer) {
		return s.offerDue(ctx, t)
	}
	if !due(ops.TimerDeliver) && !due(ops.TimerRemind) && !due(ops.TimerExpire) {
		return nil
	}
	i, err := s.Store.Instance(ctx, t.InstanceID)
	if err != nil {
		return fmt.Errorf("read the workflow of task %s: %w", t.ID, err)
	}
	switch {
	case i.Status.Ended(): // nobody takes it up any more
		t.ClearTimer(ops.TimerDeliver)
		return s.rest(ctx, t)
	case t.Status.Decided() && due(ops.TimerDeliver):
		return s.deliverAgain(ctx, t)
	case t.Status.Decided():
		return s.rest(ctx, t)
	case i.Status == ops.InstancePaused:
		for _, timer := range []string{ops.TimerRemind, ops.TimerExpire} {
			if due(timer) {
				t.SetTimer(timer, now.Add(pausedLook))
			}
		}
		_, err := s.save(ctx, t)
		return err
	case due(ops.TimerExpire):
		return s.expire(ctx, t, i)
	}
	return s.remind(ctx, t, i)
}

// save writes a task that was found due. A conflict says that somebody is at it: there is nothing to do then.
func (s *Service) save(ctx context.Context, t *ops.Task, more ...ops.Record) (saved bool, err error) {
	t.UpdatedAt = s.Clock.Now()
	err = s.Store.Save(ctx, append([]ops.Record{t}, more...)...)
	if ops.AsConflict(err) != nil {
		return false, nil //nolint:nilerr // documented: somebody is at it
	}
	if err != nil {
		return false, fmt.Errorf("store task %s: %w", t.ID, err)
	}
	return true, nil
}

// rest clears the timers of a task that needs nobody.
func (s *Service) rest(ctx context.Context, t *ops.Task) error {
	t.ClearTimer(ops.TimerRemind)
	t.ClearTimer(ops.TimerExpire)
	_, err := s.save(ctx, t)
	return err
}

func (s *Service) deliverAgain(ctx context.Context, t *ops.Task) error {
	t.SetTimer(ops.TimerDeliver, s.Clock.Now().Add(2*deliverWithin)) // the claim, and the next look
	if saved, err := s.save(ctx, t); !saved {
		return err
	}
	return s.deliver(ctx, t)
}

// expire takes a task that nobody decided in time as its template wants it.
func (s *Service) expire(ctx context.Context, t *ops.Task, i *ops.Instance) error {
	t.ClearTimer(ops.TimerExpire)
	if t.OnExpire == ops.OnExpireEscalate {
		return s.escalate(ctx, t, i)
	}
	outcome := string(ops.TaskExpired)
	switch t.OnExpire { //nolint:exhaustive // the rest ends as expired
	case ops.OnExpireReject:
		outcome = Rejected
	case ops.OnExpireApprove:
		outcome = t.Outcomes[0]
	}
	t.Status = ops.TaskExpired
	s.end(t, outcome, ops.System())
	if saved, err := s.save(ctx, t); !saved {
		return err
	}
	return s.deliver(ctx, t)
}

// escalate hands a task to who leads its team, with the highest priority, and raises an alert. It stays open: without a
// second end, for somebody must decide it.
func (s *Service) escalate(ctx context.Context, t *ops.Task, i *ops.Instance) error {
	all, err := s.Store.Members(ctx)
	if err != nil {
		return fmt.Errorf("escalate task %s: %w", t.ID, err)
	}
	var leads []string
	for _, m := range all {
		if m.Takes(t.Team) && slices.Contains(m.Leads, t.Team) && !requests(t, m.ID) {
			leads = append(leads, m.ID)
		}
	}
	t.Escalated, t.Priority, t.Status, t.Assignee = true, 10, ops.TaskOpen, ""
	if t.Quorum <= 1 {
		if err := assignTo(ctx, s.Store, t, leads, false, nil); err != nil {
			return err
		}
	}
	raised, err := alert.Next(ctx, s.Store, alert.Spec{
		Type: ops.AlertSLAViolation, Severity: ops.SeverityHigh, Title: "Not decided in time: " + t.Title,
		Detail:  fmt.Sprintf("Task %s of workflow %s was to be decided by %s.", t.ID, t.InstanceID, t.LapsesAt.UTC().Format(time.RFC3339)),
		Subject: t.Subject, InstanceID: t.InstanceID, Key: t.ID, Cause: cause(i), Team: t.Team,
	}, s.Clock.Now())
	if err != nil {
		return fmt.Errorf("escalate task %s: %w", t.ID, err)
	}
	saved, err := s.save(ctx, t, raised)
	if saved {
		alert.Announcer{Store: s.Store, Bus: s.Bus, Clock: s.Clock, Logger: s.Logger}.Announce(ctx, raised)
	}
	return err
}

// remind asks for a message to whose task it is, or to its team. The event goes out first, under an id that follows from
// the reminder: it may go out twice, but is sent once.
func (s *Service) remind(ctx context.Context, t *ops.Task, i *ops.Instance) error {
	now := s.Clock.Now()
	to := ops.Recipient{Team: t.Team}
	if t.Assignee != "" {
		to = ops.Recipient{Member: t.Assignee}
	}
	detail := map[string]any{
		"template": "task_overdue", "to": to,
		"data": map[string]any{
			"task": t.ID, "title": t.Title, "team": t.Team, "due_at": t.DueAt, "workflow": t.InstanceID, "urgency": ops.SeverityHigh,
		},
	}
	if !t.Subject.IsZero() {
		detail["subject"] = t.Subject
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("remind of task %s: %w", t.ID, err)
	}
	err = s.Bus.Put(ctx, ops.OutEvent{
		ID: ops.HashID("ntf-", t.ID, "remind", strconv.Itoa(t.Reminders)), Type: ops.NotificationRequested, Time: now, Detail: text, Cause: cause(i),
	})
	if err != nil {
		return fmt.Errorf("remind of task %s: %w", t.ID, err)
	}
	t.Reminders++
	t.ClearTimer(ops.TimerRemind)
	if t.Reminders < maxReminders {
		t.SetTimer(ops.TimerRemind, now.Add(remindEvery))
	}
	_, err = s.save(ctx, t)
	return err
}

// cause is what follows from a workflow's task.
func cause(i *ops.Instance) ops.Cause {
	by := i.TriggeredBy
	return ops.Cause{EventID: by.EventID, RuleID: by.RuleID, InstanceID: i.ID, Depth: by.Depth + 1}
}
