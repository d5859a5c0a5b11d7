package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"opsflow/shared/ops"
)

// Announcer tells of alerts: it puts alert_raised on the bus when one is opened, and asks for the messages to those who
// are to deal with it. It is safe for concurrent use.
//
// Events go out first and the record is saved after that. So what a crash leaves undone is done again, under the same ids:
// receivers of alert_raised drop what they have seen, and a message is delivered once under its id. Nothing is claimed
// before, for two that do the same at once do no harm.
type Announcer struct {
	Store interface {
		ops.Saver
		ops.AlertStore
	}
	Bus    ops.Bus
	Clock  ops.Clock
	Logger *slog.Logger
}

// Announce tells of those alerts among records just saved that were opened and not announced yet; of one that was only
// counted there is nothing to tell. They are afterwards as they are stored then. A failure is logged and otherwise left to
// the alert's timer: whoever raised the alert has nothing to do about it.
func (n Announcer) Announce(ctx context.Context, saved ...ops.Record) {
	for _, r := range saved {
		a, ok := r.(*ops.Alert)
		if !ok {
			continue
		}
		if _, ok := a.Timers[ops.TimerAnnounce]; !ok {
			continue
		}
		opened := a.Opened
		err := n.advance(ctx, a, func(a *ops.Alert, _ time.Time) bool { return a.Opened == opened })
		if err != nil {
			n.Logger.WarnContext(ctx, "alert not announced, its timer will", "alert", a.ID, "error", err)
		}
	}
}

// HandleDue announces an alert that nobody has announced, tells the next rung of its ladder, or ends an acknowledgement
// that has lasted too long. sweep-due calls it for records of kind alert; a stale call does nothing.
func (n Announcer) HandleDue(ctx context.Context, ref ops.Ref) error {
	a, err := n.Store.Alert(ctx, ref.ID)
	if ops.ErrorCode(err) == ops.CodeNotFound {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read alert %s: %w", ref.ID, err)
	}
	return n.advance(ctx, a, func(a *ops.Alert, now time.Time) bool { return !a.Timers[ops.TimerAnnounce].After(now) })
}

// advance does what there is to do about an alert: announce it, if announceable says so, and climb, if it is time. On a
// conflict it reads the alert again and looks again.
func (n Announcer) advance(ctx context.Context, a *ops.Alert, announceable func(*ops.Alert, time.Time) bool) error {
	for try := 1; ; try++ {
		now := n.Clock.Now()
		next := copyOf(a)
		var events []ops.OutEvent
		if at, ok := next.Timers[ops.TimerAnnounce]; ok && announceable(a, now) {
			events = announcement(next, at, now)
		}
		if at, ok := next.Timers[ops.TimerEscalate]; ok && !at.After(now) {
			events = append(events, climb(next, at, now)...)
		} else if len(events) == 0 {
			return nil
		}
		if len(events) > 0 {
			if err := n.Bus.Put(ctx, events...); err != nil {
				return fmt.Errorf("tell of alert %s: %w", a.ID, err)
			}
		}
		next.UpdatedAt = now
		err := n.Store.Save(ctx, next)
		if err == nil {
			*a = *next
			return nil
		}
		if ops.AsConflict(err) == nil || try == saveTries {
			return fmt.Errorf("save that alert %s was told of: %w", a.ID, err)
		}
		fresh, err := n.Store.Alert(ctx, a.ID)
		if err != nil {
			return fmt.Errorf("read alert %s: %w", a.ID, err)
		}
		*a = *fresh
	}
}

// announcement is what is told of an alert that was opened: to the world, and to the first rung of its ladder unless
// somebody took care of it already. due names this opening in the ids.
func announcement(a *ops.Alert, due, now time.Time) []ops.OutEvent {
	a.ClearTimer(ops.TimerAnnounce)
	detail := map[string]any{
		"alert_id": a.ID, "type": a.Type, "severity": a.Severity, "status": a.Status, "title": a.Title, "team": a.Team,
		"count": a.Count, "opened": a.Opened, "last_seen_at": a.LastSeenAt,
	}
	if !a.Subject.IsZero() {
		detail["subject"] = a.Subject
	}
	if a.InstanceID != "" {
		detail["instance_id"] = a.InstanceID
	}
	events := []ops.OutEvent{{
		ID:   ops.HashID("out-", string(ops.AlertRaised), a.ID, strconv.Itoa(a.Opened)),
		Type: ops.AlertRaised, Time: now, Detail: mustJSON(detail), Cause: a.Cause,
	}}
	if a.Status == ops.AlertOpen && a.LadderStep == 0 {
		events = append(events, tell(a, due, now))
	}
	return events
}

// climb takes an alert on where its ladder says that it is time. An acknowledgement that nothing came of has lapsed: the
// alert is open again, at the foot of its ladder.
func climb(a *ops.Alert, due, now time.Time) []ops.OutEvent {
	if a.Status == ops.AlertAcknowledged {
		a.Status, a.AcknowledgedBy, a.AcknowledgedAt, a.LadderStep = ops.AlertOpen, "", time.Time{}, 0
	}
	if a.Status != ops.AlertOpen || a.LadderStep >= len(ladderOf(a).rungs) {
		a.ClearTimer(ops.TimerEscalate)
		return nil
	}
	return []ops.OutEvent{tell(a, due, now)}
}

// tell asks for the message to the next rung of an alert's ladder, and plans the one after it. due, when it was to be told,
// makes the message's id: the same for every try, another for the same rung of a later time.
func tell(a *ops.Alert, due, now time.Time) ops.OutEvent {
	to := ops.Recipient{Team: a.Team}
	if ladderOf(a).rungs[a.LadderStep].admin {
		to.Team = ops.Admin
	}
	template := "alert_raised"
	if a.LadderStep > 0 {
		template = "alert_unattended"
	}
	detail := map[string]any{"template": template, "to": to, "data": map[string]any{
		"alert_id": a.ID, "title": a.Title, "severity": a.Severity, "type": a.Type, "detail": a.Detail, "count": a.Count,
		"last_seen_at": a.LastSeenAt,
	}}
	if !a.Subject.IsZero() {
		detail["subject"] = a.Subject
	}
	id := ops.HashID("ntf-", a.ID, strconv.Itoa(a.Opened), strconv.Itoa(a.LadderStep), due.UTC().Format(time.RFC3339Nano))
	a.LadderStep++
	planNext(a, now)
	return ops.OutEvent{ID: id, Type: ops.NotificationRequested, Time: now, Detail: mustJSON(detail), Cause: a.Cause}
}

func mustJSON(v any) json.RawMessage {
	b, _ := json.Marshal(v) //nolint:errchkjson // texts, numbers and times
	return b
}
