package alert

import (
	"context"
	"fmt"

	"opsflow/shared/ops"
)

// Store is what the service needs of the store.
type Store interface {
	ops.Saver
	ops.AlertStore
}

// Config is what a Service is made of.
type Config struct {
	Store Store
	Clock ops.Clock
}

// Service is what people do with alerts. Every method answers with the alert as it is stored afterwards, and with
// CodeNotFound or, when its status does not allow the move, CodeIllegalMove. It is safe for concurrent use: of two people
// who make the same move one wins, and the other is told that it is no longer allowed.
type Service struct {
	store Store
	clock ops.Clock
}

// New makes a Service.
func New(c Config) *Service { return &Service{store: c.Store, clock: c.Clock} }

// Resolution says how an alert was resolved.
type Resolution struct {
	Resolution string `json:"resolution"`       // required
	Reason     string `json:"reason,omitempty"` // why although the cause still holds
}

// Raise warns of a cause: a new alert, or the one that is there, counted.
func (s *Service) Raise(ctx context.Context, spec Spec) (*ops.Alert, error) {
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	return s.save(ctx, func() (*ops.Alert, error) { return Next(ctx, s.store, spec, s.clock.Now()) })
}

// Acknowledge says that somebody has seen an open alert and takes care of it.
func (s *Service) Acknowledge(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return s.move(ctx, id, acknowledge, by, nil)
}

// Start says that somebody works on it.
func (s *Service) Start(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return s.move(ctx, id, begin, by, nil)
}

// Resolve says how it came to an end. CodeInvalid without a resolution.
func (s *Service) Resolve(ctx context.Context, id string, by ops.Actor, r Resolution) (*ops.Alert, error) {
	if r.Resolution == "" {
		return nil, ops.Invalid("resolution", []ops.Fault{{
			Path: "$.resolution", Expected: "a text that says how the alert was resolved",
		}})
	}
	return s.move(ctx, id, resolve, by, func(a *ops.Alert) { a.Resolution, a.Reason = r.Resolution, r.Reason })
}

// Close puts a resolved alert away.
func (s *Service) Close(ctx context.Context, id string, by ops.Actor) (*ops.Alert, error) {
	return s.move(ctx, id, shut, by, nil)
}

// Reopen opens a resolved or closed alert again.
func (s *Service) Reopen(ctx context.Context, id string, by ops.Actor, reason string) (*ops.Alert, error) {
	return s.move(ctx, id, reopen, by, func(a *ops.Alert) { a.Reason = reason })
}

func (s *Service) move(
	ctx context.Context, id string, name moveName, by ops.Actor, more func(*ops.Alert),
) (*ops.Alert, error) {
	return s.save(ctx, func() (*ops.Alert, error) {
		a, err := s.store.Alert(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := moves[name].apply(a, by, s.clock.Now()); err != nil {
			return nil, err
		}
		if more != nil {
			more(a)
		}
		return a, nil
	})
}

// saveTries is how often a change is made anew when somebody else wrote the alert meanwhile.
const saveTries = 5

func (s *Service) save(ctx context.Context, change func() (*ops.Alert, error)) (*ops.Alert, error) {
	for try := 1; ; try++ {
		a, err := change()
		if err != nil {
			return nil, err
		}
		err = s.store.Save(ctx, a)
		if err == nil {
			return a, nil
		}
		if ops.AsConflict(err) == nil || try == saveTries {
			return nil, fmt.Errorf("save alert %s: %w", a.ID, err)
		}
	}
}
