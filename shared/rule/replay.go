package rule

import (
	"context"
	"encoding/json"
	"fmt"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Replay takes in a stored event once more, as if it had been delivered again.
//
// A valid event keeps its identity: what an earlier arrival left undone is done, and nothing is done twice. An invalid one is
// checked again, with another detail if one is given; when it is valid now, rules decide about it as an event of its own, at
// the time of the first, and the invalid one becomes corrected. CodeNotFound; CodeInvalid with the faults that are left, or
// when a valid event is given another detail: what has happened can't be changed.
func (e *Engine) Replay(ctx context.Context, id string, detail json.RawMessage, actor ops.Actor) (*ops.Event, error) {
	stored, err := e.store.Event(ctx, id)
	if err != nil {
		return nil, err
	}
	env := ops.Envelope{
		ID: stored.Envelopes[0].ID, Source: stored.Source, DetailType: stored.Type, Time: stored.Time,
		Detail: stored.Detail, ReplayName: actor.ID,
	}
	switch {
	case detail != nil && stored.Status != ops.EventInvalid:
		return nil, ops.Invalid("replay", []ops.Fault{{
			Path: "$.detail", Expected: "left out: the event is " + string(stored.Status) + ", and only an invalid one can be corrected",
		}})
	case stored.Status == ops.EventCorrected:
		return nil, ops.Errorf(ops.CodeConflict, "event %s was corrected: replay %s", stored.ID, stored.CorrectedBy)
	case detail != nil:
		env.Detail = detail
	}
	event, err := e.read(env)
	if err != nil {
		return nil, err
	}
	if event.Status == ops.EventInvalid {
		return nil, ops.Invalid("event", event.Faults)
	}
	if stored.Status == ops.EventInvalid {
		event.CorrectionOf = stored.ID
	}
	if err := e.handle(ctx, event); err != nil {
		return nil, err
	}
	if err := e.noteReplay(ctx, stored.ID, event.ID, actor); err != nil {
		return nil, err
	}
	return e.store.Event(ctx, event.ID)
}

// noteReplay writes down who had the event replayed and, on an invalid one, what came of it.
func (e *Engine) noteReplay(ctx context.Context, storedID, eventID string, actor ops.Actor) error {
	return e.retry(ctx, "note the replay of event "+storedID, func() error {
		event, err := e.store.Event(ctx, storedID)
		if err != nil {
			return err
		}
		change := audit.Change{Actor: actor, Action: "event.replay", Target: event.Ref()}
		records := []ops.Record{}
		if event.Status == ops.EventInvalid {
			before := event.Status
			event.Status, event.CorrectedBy, event.UpdatedAt = ops.EventCorrected, eventID, e.clock.Now()
			change.Before = map[string]any{"status": before}
			change.After = map[string]any{"status": event.Status, "corrected_by": eventID}
			records = append(records, event)
		}
		entry, err := audit.Entry(ctx, e.store, change, e.clock.Now())
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		return e.store.Save(ctx, append(records, entry)...)
	})
}
