package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// askAgain is how long a message that is to be sent again has until it is asked for once more.
const askAgain = time.Minute

// Resend has a failed notification sent again to whom it has not reached, wherever they are reached by now. CodeNotFound,
// CodeIllegalMove when it has not failed, CodeConflict when it moves.
func (d *Deliverer) Resend(ctx context.Context, id string, actor ops.Actor) (*ops.Notification, error) {
	n, err := d.store.Notification(ctx, id)
	if err != nil {
		return nil, err
	}
	if n.Status != ops.NotificationFailed {
		return nil, ops.Errorf(ops.CodeIllegalMove, "notification %s is %s: only a failed one can be sent again", id, n.Status)
	}
	before, now := *n, d.clock.Now()
	var sent []ops.Way
	for _, one := range n.Deliveries {
		if one.Status == ops.DeliverySent {
			sent = append(sent, one)
		}
	}
	n.Deliveries, n.Title, n.Text, n.Error = sent, "", "", ""
	n.Status, n.Tries, n.UpdatedAt = ops.NotificationRequestedStatus, 0, now
	n.SetTimer(ops.TimerDeliver, now.Add(askAgain))
	entry, err := audit.Entry(ctx, d.store, audit.Change{
		Actor: actor, Action: "notification.resend", Target: n.Ref(), Before: &before, After: n,
	}, now)
	if err != nil {
		return nil, err
	}
	if err := d.store.Save(ctx, n, entry); err != nil {
		return nil, fmt.Errorf("send notification %s again: %w", id, err)
	}
	// It stands: what fails here is asked for again by its timer.
	_ = d.ask(ctx, n)
	return n, nil
}

// HandleDue asks again for a message that is to be sent again and that nobody has taken up. A stale call does nothing.
func (d *Deliverer) HandleDue(ctx context.Context, ref ops.Ref) error {
	n, err := d.store.Notification(ctx, ref.ID)
	if err != nil {
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return nil
		}
		return fmt.Errorf("read notification %s: %w", ref.ID, err)
	}
	now := d.clock.Now()
	if at, set := n.Timers[ops.TimerDeliver]; !set || at.After(now) {
		return nil
	}
	n.SetTimer(ops.TimerDeliver, now.Add(askAgain))
	if err := d.store.Save(ctx, n); err != nil {
		if ops.AsConflict(err) != nil {
			return nil //nolint:nilerr // it moves
		}
		return fmt.Errorf("claim notification %s: %w", n.ID, err)
	}
	return d.ask(ctx, n)
}

// ask puts the request for a notification on the bus, under the notification's own id.
func (d *Deliverer) ask(ctx context.Context, n *ops.Notification) error {
	detail, err := json.Marshal(map[string]any{"template": n.Template, "to": n.To, "data": n.Data, "subject": n.Subject})
	if err != nil {
		return fmt.Errorf("ask for notification %s: %w", n.ID, err)
	}
	err = d.bus.Put(ctx, ops.OutEvent{
		ID: n.ID, Type: ops.NotificationRequested, Time: d.clock.Now(), Detail: detail, Cause: n.Cause,
	})
	if err != nil {
		return fmt.Errorf("ask for notification %s: %w", n.ID, err)
	}
	return nil
}
