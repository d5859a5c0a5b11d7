package alert

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// holding says in words why the cause of an alert still holds; "" when it does not, or when nobody can know. Known are the
// causes that are a workflow's state: that it has failed, and that it is open past its time.
func holding(ctx context.Context, s ops.InstanceStore, a *ops.Alert, now time.Time) (string, error) {
	ofWorkflow := a.InstanceID != "" && a.CauseKey == a.InstanceID // else it is about something in it, like a task
	if !ofWorkflow || a.Type != ops.AlertWorkflowFailed && a.Type != ops.AlertSLAViolation {
		return "", nil
	}
	i, err := s.Instance(ctx, a.InstanceID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look whether the cause of alert %s still holds: %w", a.ID, err)
	}
	switch {
	case a.Type == ops.AlertWorkflowFailed && i.Status == ops.InstanceFailed:
		return "workflow " + i.ID + " is still failed", nil
	case a.Type == ops.AlertSLAViolation && !i.Status.Ended() && !i.DueAt.IsZero() && now.After(i.DueAt):
		return "workflow " + i.ID + " is still open, past " + i.DueAt.Format(time.RFC3339), nil
	}
	return "", nil
}
