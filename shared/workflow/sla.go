package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// overrun writes down that an open instance is past due_at, raises the alert for it and tells the bus: once for each
// instance. The event goes out first, under an id by which receivers drop a repeat, and the timer is cleared with all the
// rest: a crash between has sweep-due do it all again.
func (e *Engine) overrun(ctx context.Context, i *ops.Instance) error {
	now := e.Clock.Now()
	subject := i.Subject
	if subject.IsZero() {
		subject = ops.SubjectRef{Type: "workflow", ID: i.ID}
	}
	due := i.DueAt.UTC().Format(time.RFC3339)
	a, err := alert.Next(ctx, e.Store, alert.Spec{
		Type: ops.AlertSLAViolation, Severity: ops.SeverityHigh, Title: "Workflow " + i.Template + " is overdue",
		Detail: "It was due at " + due + "; " + standing(i) + ".", Subject: i.Subject, InstanceID: i.ID, Key: i.ID, Cause: cause(i), Team: i.Team,
	}, now)
	if err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]string{
		"subject_type": subject.Type, "subject_id": subject.ID, "policy": i.Template, "due_at": due, "instance_id": i.ID,
	})
	if err != nil {
		return fmt.Errorf("write the event that workflow %s is overdue: %w", i.ID, err)
	}
	if err := e.Bus.Put(ctx, ops.OutEvent{
		ID: i.ID + ":" + string(ops.SLAViolation), Type: ops.SLAViolation, Time: now, Detail: detail, Cause: cause(i),
	}); err != nil {
		return fmt.Errorf("tell that workflow %s is overdue: %w", i.ID, err)
	}
	i.OverdueAt, i.UpdatedAt = now, now
	i.ClearTimer(ops.TimerSLA)
	i.Log(ops.HistoryEntry{At: now, What: "overdue", Step: i.CurrentStep})
	if err := e.Store.Save(ctx, i, a); err != nil {
		return fmt.Errorf("write down that workflow %s is overdue: %w", i.ID, err)
	}
	e.announce(ctx, []ops.Record{a})
	return nil
}

// standing says what keeps an instance.
func standing(i *ops.Instance) string {
	switch w := i.WaitingFor; {
	case w != nil && w.Kind == ops.WaitWorking:
		return "it is being worked on"
	case w != nil && i.CurrentStep != "":
		return fmt.Sprintf("it waits for %s in step %s", w.Kind, i.CurrentStep)
	case w != nil:
		return "it waits for " + w.Kind
	case i.CurrentStep != "":
		return "it is at step " + i.CurrentStep
	}
	return "it is " + string(i.Status)
}

// watchDue sets the timer of the deadline, unless the instance was found past it before.
func watchDue(i *ops.Instance) {
	if i.OverdueAt.IsZero() && !i.DueAt.IsZero() {
		i.SetTimer(ops.TimerSLA, i.DueAt)
	}
}
