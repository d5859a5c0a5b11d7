package rule

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Correction is what an invalid event should have been. What is left out stays as it came.
type Correction struct {
	Type   string
	Time   time.Time
	Detail json.RawMessage
}

// refuse names what can't be corrected of an event that is valid, or was corrected before.
func (c *Correction) refuse(status ops.EventStatus) error {
	var faults []ops.Fault
	for _, part := range []struct {
		name  string
		given bool
		value any
	}{{"type", c.Type != "", c.Type}, {"time", !c.Time.IsZero(), c.Time}, {"detail", c.Detail != nil, c.Detail}} {
		if part.given {
			faults = append(faults, ops.Fault{
				Path: "$." + part.name, Expected: "left out: the event is " + string(status) + ", and only an invalid one can be corrected",
				Got: ops.Shown(part.value),
			})
		}
	}
	return ops.Invalid("replay", faults)
}

// Replay takes in a stored event once more.
//
// A valid event keeps its identity: what an earlier arrival left undone is done, and nothing is done twice. All rules are asked
// again but those that acted on it: so what a pause, a limit or a defect kept from happening can be made up for, and a rule
// that is younger than the event acts on it. An invalid one is checked again, corrected if that is asked for; when it is
// valid now, rules decide about it as an event of its own, at the time of the first, and the invalid one becomes corrected.
// CodeNotFound; CodeConflict of one that was corrected before; CodeInvalid with the faults that are left, or when a valid
// event is to be corrected: what has happened can't be changed.
func (e *Engine) Replay(ctx context.Context, id string, c Correction, actor ops.Actor) (*ops.Event, error) {
	event, _, err := e.replay(ctx, id, c, actor)
	if err != nil {
		return nil, err
	}
	return e.Event(ctx, event.ID)
}

// ReplayOne is Replay for one event of many: it says what rules made of it beyond what they had before. It says so as well
// when only the store refuses to keep that.
func (e *Engine) ReplayOne(ctx context.Context, id string, actor ops.Actor) (note string, err error) {
	_, decisions, err := e.replay(ctx, id, Correction{}, actor)
	return noteOf(decisions), err
}

// noteOf tells decisions in short, leaving out what doesn't matter to who replays: "matched quality-check; cap payment-sla".
func noteOf(decisions []ops.Decision) string {
	var order []string
	rules := map[string][]string{}
	for _, d := range decisions {
		what := string(d.Outcome)
		if d.Outcome == ops.Suppressed {
			what = d.Reason
		}
		if d.Outcome == ops.NotMatched || what == ops.ReasonDuplicate {
			continue
		}
		if d.Outcome == ops.Errored {
			what = string(ops.Errored)
		}
		if rules[what] == nil {
			order = append(order, what)
		}
		rules[what] = append(rules[what], d.Rule)
	}
	for n, what := range order {
		order[n] = what + " " + strings.Join(rules[what], ", ")
	}
	return strings.Join(order, "; ")
}

func (e *Engine) replay(ctx context.Context, id string, c Correction, actor ops.Actor) (*ops.Event, []ops.Decision, error) {
	stored, err := e.store.Event(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if stored.Status != ops.EventInvalid {
		if err := c.refuse(stored.Status); err != nil {
			return nil, nil, err
		}
	}
	delivery, err := e.again(actor)
	if err != nil {
		return nil, nil, err
	}
	switch stored.Status {
	case ops.EventValid:
		return e.askAgain(ctx, stored.ID, delivery, actor)
	case ops.EventCorrected:
		return nil, nil, ops.Errorf(ops.CodeConflict, "event %s was corrected: replay %s", stored.ID, stored.CorrectedBy)
	case ops.EventInvalid:
	}
	event, err := e.correct(ctx, stored, c, delivery, actor)
	if err != nil {
		return nil, nil, err
	}
	return event, event.Decisions, nil
}

// again makes the arrival that a replay is.
func (e *Engine) again(actor ops.Actor) (ops.Delivered, error) {
	id, err := ops.RandomID("rpl-", e.random)
	if err != nil {
		return ops.Delivered{}, fmt.Errorf("name the replay: %w", err)
	}
	return ops.Delivered{ID: id, At: e.clock.Now(), Replay: actor.ID}, nil
}

// correct takes in what an invalid event should have been. Its identity comes from the first arrival, so that however often
// it is corrected it is one event.
func (e *Engine) correct(ctx context.Context, stored *ops.Event, c Correction, delivery ops.Delivered, actor ops.Actor) (*ops.Event, error) {
	env := ops.Envelope{
		ID: stored.Envelopes[0].ID, Source: stored.Source, DetailType: stored.Type, Time: stored.Time, Detail: stored.Detail,
	}
	if c.Type != "" {
		env.DetailType = c.Type
	}
	if !c.Time.IsZero() {
		env.Time = c.Time
	}
	if c.Detail != nil {
		env.Detail = c.Detail
	}
	event, err := e.Read(env)
	if err != nil {
		return nil, err
	}
	if event.Status == ops.EventInvalid {
		return nil, ops.Invalid("event", event.Faults)
	}
	event.Envelopes = []ops.Delivered{delivery}
	event.CorrectionOf = stored.ID
	if err := e.handle(ctx, event); err != nil {
		return nil, err
	}
	if err := e.noteCorrection(ctx, stored.ID, event.ID, actor); err != nil {
		return nil, err
	}
	return e.store.Event(ctx, event.ID)
}

// noteCorrection writes down on an invalid event what came of it, and who had it corrected.
func (e *Engine) noteCorrection(ctx context.Context, storedID, eventID string, actor ops.Actor) error {
	return e.retry(ctx, "note the correction of event "+storedID, func() error {
		event, err := e.store.Event(ctx, storedID)
		if err != nil {
			return err
		}
		before := event.Status
		event.Status, event.CorrectedBy, event.UpdatedAt = ops.EventCorrected, eventID, e.clock.Now()
		entry, err := e.replayed(ctx, event, actor, map[string]any{"status": before}, map[string]any{"status": event.Status, "corrected_by": eventID})
		if err != nil {
			return err
		}
		return e.store.Save(ctx, event, entry)
	})
}

// replayed is the audit's entry of a replay.
func (e *Engine) replayed(ctx context.Context, event *ops.Event, actor ops.Actor, before, after any) (*ops.AuditEntry, error) {
	entry, err := audit.Entry(ctx, e.store, audit.Change{
		Actor: actor, Action: "event.replay", Target: event.Ref(), Before: before, After: after,
	}, e.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return entry, nil
}
