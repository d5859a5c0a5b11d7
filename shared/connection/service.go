// Package connection keeps the systems outside that api_call steps may call, and calls them: with their secrets, under an
// Idempotency-Key, and never an address inside of our own network.
package connection

import (
	"context"
	"fmt"
	"net/url"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Store is what the Service reads and writes.
type Store interface {
	ops.Saver
	ops.ConnectionStore
	ops.AuditStore
}

// Service keeps connections. It is safe for concurrent use.
type Service struct {
	Store Store
	Clock ops.Clock
	// Private says that plain HTTP and addresses inside of our own network are allowed, as Caller's does.
	Private bool
}

// maxConflicts is how often a write is tried again because somebody else wrote first.
const maxConflicts = 10

// Put stores a connection whole. Steps that are running use it from their next call on. CodeInvalid with every fault.
func (s *Service) Put(ctx context.Context, c ops.Connection, actor ops.Actor) (*ops.Connection, error) {
	faults := c.Faults()
	if u, err := url.Parse(c.BaseURL); err == nil && u.Scheme == "http" && !s.Private {
		faults = append(faults, ops.Fault{Path: "$.base_url", Expected: "an https URL", Got: c.BaseURL})
	}
	if err := ops.Invalid("connection", faults); err != nil {
		return nil, err
	}
	for range maxConflicts {
		now := s.Clock.Now()
		next := c
		next.Meta, next.UpdatedBy = ops.Meta{CreatedAt: now, UpdatedAt: now}, actor.ID
		change := audit.Change{Actor: actor, Action: "connection.write", Target: c.Ref(), After: &next}
		old, err := s.Store.Connection(ctx, c.Name)
		switch {
		case err == nil:
			next.Meta, next.UpdatedAt, change.Before = old.Meta, now, old
		case ops.ErrorCode(err) != ops.CodeNotFound:
			return nil, fmt.Errorf("store connection %s: %w", c.Name, err)
		}
		entry, err := audit.Entry(ctx, s.Store, change, now)
		if err != nil {
			return nil, err
		}
		err = s.Store.Save(ctx, &next, entry)
		if err == nil {
			return &next, nil
		}
		if ops.AsConflict(err) == nil {
			return nil, fmt.Errorf("store connection %s: %w", c.Name, err)
		}
	}
	return nil, ops.Errorf(ops.CodeUnavailable, "connection %s is being changed too often; try again", c.Name)
}
