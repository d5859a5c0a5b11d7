package local

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/local/action"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/events"
	"opsflow/shared/ops"
)

// putBatch is the most events that one PutEvents takes.
const putBatch = 10

// bus is ops.Bus straight on the event engine, as aws/eventbridge is on EventBridge.
type bus struct {
	engine      *events.Engine
	name        string
	permissions *permissions
	border      *border
}

func (b bus) Put(ctx context.Context, list ...ops.OutEvent) error {
	entries := make([]events.Entry, 0, len(list))
	for _, e := range list {
		detail, err := e.Body()
		if err != nil {
			return err
		}
		entries = append(entries, events.Entry{
			Source: ops.Source, DetailType: string(e.Type), Detail: string(detail), EventBusName: b.name, Time: e.Time,
		})
	}
	for len(entries) > 0 {
		n := min(putBatch, len(entries))
		if _, err := b.put(ctx, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// PutDomain puts an event of somebody else's on the bus, as they would, and gives its id.
func (b bus) PutDomain(ctx context.Context, source, detailType string, detail json.RawMessage, at time.Time) (string, error) {
	ids, err := b.put(ctx, []events.Entry{{
		Source: source, DetailType: detailType, Detail: string(detail), EventBusName: b.name, Time: at,
	}})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func (b bus) put(ctx context.Context, entries []events.Entry) ([]string, error) {
	sources := make([]string, len(entries))
	for i, e := range entries {
		sources[i] = e.Source
	}
	if err := b.permissions.check(ctx, action.Put(b.name, sources...)); err != nil {
		return nil, fmt.Errorf("put events: %w", err)
	}
	results, err := ask(ctx, b.border, boundary.Events, "PutEvents", func(ctx context.Context) ([]events.Result, error) {
		return b.engine.Put(ctx, entries)
	})
	if err != nil { // whatever it is: see aws/eventbridge
		return nil, ops.Errorf(ops.CodeUnavailable, "put events: %w", err)
	}
	ids := make([]string, 0, len(results))
	for _, r := range results {
		if r.ErrorCode != "" {
			return nil, fmt.Errorf("put events: %s: %s", r.ErrorCode, r.ErrorMessage)
		}
		ids = append(ids, r.EventID)
	}
	return ids, nil
}
