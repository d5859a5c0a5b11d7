package undelivered

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Store is what the service needs of the store.
type Store interface {
	ops.Saver
	ops.AlertStore
	ops.AuditStore
	ops.UndeliveredStore
	// Event gives an event by its id, or by EventBridge's id of one of its arrivals; CodeNotFound.
	Event(ctx context.Context, id string) (*ops.Event, error)
}

// Senders puts an event of somebody else on the bus again, as they had.
type Senders interface {
	PutDomain(ctx context.Context, source, detailType string, detail json.RawMessage, at time.Time) (string, error)
}

// Config is what a Service is made of. All of it is needed, but for Senders and RecordOutcome where nothing is sent again.
type Config struct {
	Store  Store
	Bus    ops.Bus
	Clock  ops.Clock
	Logger *slog.Logger
	// Senders takes the events of other systems.
	Senders Senders
	// RecordOutcome takes Step Functions' own events, which nobody else can put on a bus.
	RecordOutcome func(ctx context.Context, payload json.RawMessage) error
}

// Service keeps what could not be delivered, and sends it again. It is safe for concurrent use.
type Service struct {
	Config

	alerts alert.Announcer
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{Config: c, alerts: alert.Announcer{Store: c.Store, Bus: c.Bus, Clock: c.Clock, Logger: c.Logger}}
}

// saveTries is how often a change is made anew when somebody else wrote the same records meanwhile.
const saveTries = 8

// save writes what decide gives, and asks it again on a conflict.
func (s *Service) save(ctx context.Context, what string, decide func() ([]ops.Record, error)) error {
	for try := 1; ; try++ {
		records, err := decide()
		if err != nil || len(records) == 0 {
			return err
		}
		err = s.Store.Save(ctx, records...)
		if err == nil {
			s.alerts.Announce(ctx, records...)
			return nil
		}
		if ops.AsConflict(err) == nil || try == saveTries {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// move gives what is to be saved, besides a record, when its status becomes another: the count of its source and the
// source's one alert, which is raised with what is open and over with the last of it. The record has the new status already.
func (s *Service) move(ctx context.Context, u *ops.Undelivered, from ops.UndeliveredStatus, failed bool) ([]ops.Record, error) {
	now := s.Clock.Now()
	if u.Status == ops.UndeliveredOpen {
		u.ExpiresAt = time.Time{}
	} else {
		u.ExpiresAt = now.Add(ops.EventRetention)
	}
	u.UpdatedAt = now
	records := []ops.Record{u}
	count, err := s.Store.UndeliveredSource(ctx, u.Source)
	if err != nil {
		return nil, err
	}
	if (from == ops.UndeliveredOpen) != (u.Status == ops.UndeliveredOpen) {
		if u.Status == ops.UndeliveredOpen {
			count.Open++
		} else {
			count.Open--
		}
		count.UpdatedAt = now
		records = append(records, count)
	}
	spec := alert.Spec{
		Type: ops.AlertSystemError, Severity: ops.SeverityHigh, Team: ops.Operations, Key: "undelivered/" + u.Source,
		Title:  "Events could not be delivered to " + u.Source,
		Detail: fmt.Sprintf("%s: %s; the last of them is %s", u.Code, u.Message, u.ID),
	}
	var a *ops.Alert
	switch {
	case failed:
		a, err = alert.Next(ctx, s.Store, spec, now)
	case count.Open == 0 && len(records) > 1:
		a, err = alert.Over(ctx, s.Store, spec, "nothing is left to be delivered", now)
	}
	if err != nil {
		return nil, err
	}
	if a != nil {
		records = append(records, a)
	}
	return records, nil
}

// entry writes down what a person did to a record.
func (s *Service) entry(ctx context.Context, action string, before, after *ops.Undelivered, by ops.Actor) (*ops.AuditEntry, error) {
	shown := func(u *ops.Undelivered) any {
		return map[string]any{"status": u.Status, "resends": u.Resends}
	}
	return audit.Entry(ctx, s.Store, audit.Change{
		Actor: by, Action: action, Target: after.Ref(), Before: shown(before), After: shown(after), Reason: after.Reason,
	}, s.Clock.Now())
}
