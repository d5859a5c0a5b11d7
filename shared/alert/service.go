package alert

import (
	"context"
	"fmt"
	"log/slog"
	"maps"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Store is what the service needs of the store.
type Store interface {
	ops.Saver
	ops.AlertStore
	ops.AuditStore
	ops.InstanceStore
}

// Config is what a Service is made of. All of it is needed.
type Config struct {
	Store  Store
	Bus    ops.Bus
	Clock  ops.Clock
	Logger *slog.Logger
}

// Service is what people do with alerts. Every method answers with the alert as it is stored afterwards, and with
// CodeNotFound or, when its status does not allow the move, CodeIllegalMove; what a person did is written down with the
// change. It is safe for concurrent use: of two people who make the same move one wins, and the other is told that it is no
// longer allowed.
type Service struct {
	Announcer

	store Store
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{Announcer: Announcer{Store: c.Store, Bus: c.Bus, Clock: c.Clock, Logger: c.Logger}, store: c.Store}
}

// Resolution says how an alert was resolved.
type Resolution struct {
	Resolution string `json:"resolution"`       // required
	Reason     string `json:"reason,omitempty"` // why although the cause still holds
}

// Raise warns of a cause that somebody saw: a new alert, or the one that is there, counted, and reopened if it was over.
// CodeInvalid with every fault.
func (s *Service) Raise(ctx context.Context, spec Spec, by ops.Actor) (*ops.Alert, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	a, err := s.change(ctx, "alert.raise", by, func() (before, after *ops.Alert, err error) {
		a, err := find(ctx, s.store, spec)
		if err != nil {
			return nil, nil, err
		}
		before = copyOf(a)
		after, err = follow(a, spec, s.Clock.Now())
		return before, after, err
	})
	if err == nil {
		s.Announce(ctx, a)
	}
	return a, err
}

// Acknowledge says that somebody has seen an open alert and takes care of it. That stops its ladder, for a time.
func (s *Service) Acknowledge(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return s.move(ctx, id, acknowledge, by, nil)
}

// Start says that somebody works on it.
func (s *Service) Start(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return s.move(ctx, id, begin, by, nil)
}

// Resolve says how it came to an end. CodeInvalid without a resolution, and without a reason while the cause is known to
// hold: its workflow is still failed, or still open past its time.
func (s *Service) Resolve(ctx context.Context, id string, by ops.Actor, r Resolution) (*ops.Alert, error) {
	if r.Resolution == "" {
		return nil, ops.Invalid("resolution", []ops.Fault{{
			Path: "$.resolution", Expected: "a text that says how the alert was resolved", Got: "nothing",
		}})
	}
	return s.move(ctx, id, resolve, by, func(a *ops.Alert) error {
		a.Resolution, a.Reason = r.Resolution, r.Reason
		if r.Reason != "" {
			return nil
		}
		why, err := holding(ctx, s.store, a, s.Clock.Now())
		if err == nil && why != "" {
			err = ops.Invalid("resolution", []ops.Fault{{
				Path: "$.reason", Expected: "a text that says why it is resolved although " + why, Got: "nothing",
			}})
		}
		return err
	})
}

// Close puts a resolved alert away.
func (s *Service) Close(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return s.move(ctx, id, shut, by, nil)
}

// Reopen opens a resolved or closed alert again, and announces it anew. The reason may be empty.
func (s *Service) Reopen(ctx context.Context, id string, by ops.Actor, reason string) (*ops.Alert, error) {
	a, err := s.move(ctx, id, reopen, by, func(a *ops.Alert) error { a.Reason = reason; return nil })
	if err == nil {
		s.Announce(ctx, a)
	}
	return a, err
}

func (s *Service) move(
	ctx context.Context, id string, name moveName, by ops.Actor, more func(*ops.Alert) error,
) (*ops.Alert, error) {
	return s.change(ctx, "alert."+string(name), by, func() (before, after *ops.Alert, err error) {
		if after, err = s.store.Alert(ctx, id); err != nil {
			return nil, nil, err
		}
		before = copyOf(after)
		if err := moves[name].apply(after, by, s.Clock.Now()); err != nil {
			return nil, nil, err
		}
		if more != nil {
			err = more(after)
		}
		return before, after, err
	})
}

// copyOf keeps how an alert was while it is changed.
func copyOf(a *ops.Alert) *ops.Alert {
	if a == nil {
		return nil
	}
	c := *a
	c.Timers = maps.Clone(a.Timers)
	return &c
}

// saveTries is how often a change is made anew when somebody else wrote the alert meanwhile.
const saveTries = 8

// change saves what an alert becomes, with an entry of who did it. decide is asked again on a conflict.
func (s *Service) change(
	ctx context.Context, action string, by ops.Actor, decide func() (before, after *ops.Alert, err error),
) (*ops.Alert, error) {
	for try := 1; ; try++ {
		before, after, err := decide()
		if err != nil {
			return nil, err
		}
		entry, err := audit.Entry(ctx, s.store, audit.Change{
			Actor: by, Action: action, Target: after.Ref(), Before: before, After: after, Reason: after.Reason,
		}, s.Clock.Now())
		if err != nil {
			return nil, err
		}
		err = s.store.Save(ctx, after, entry)
		if err == nil {
			return after, nil
		}
		if ops.AsConflict(err) == nil || try == saveTries {
			return nil, fmt.Errorf("save alert %s: %w", after.ID, err)
		}
	}
}

// checkSpec finds what is wrong with a cause that a person wrote. CodeInvalid.
func checkSpec(s Spec) error {
	a := ops.Alert{
		ID: ops.AlertID(s.Type, s.Subject, s.Key), Type: s.Type, Severity: s.Severity, Status: ops.AlertOpen,
		Title: s.Title, Detail: s.Detail, Subject: s.Subject, Count: 1,
	}
	return ops.Invalid("alert", a.Faults())
}
