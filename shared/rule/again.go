package rule

import (
	"context"
	"fmt"
	"slices"

	"opsflow/shared/ops"
)

// history is what is known of an event that is asked about again: what rules decided before, and the records that are
// written with what they decide now.
type history struct {
	decisions []ops.Decision
	records   []ops.Record
}

// acted reports whether the rule acted on the event. It is false for an event that comes first.
func (h *history) acted(r *ready) bool {
	return h != nil && slices.ContainsFunc(h.decisions, func(d ops.Decision) bool { return d.Rule == r.ID && d.Outcome == ops.Matched })
}

// notMatched reports whether it is known already that this version of the rule doesn't match.
func (h *history) notMatched(r *ready) bool {
	return h != nil && slices.ContainsFunc(h.decisions, func(d ops.Decision) bool {
		return d.Rule == r.ID && d.RuleVersion == r.Version && d.Outcome == ops.NotMatched
	})
}

// askAgain asks all rules about a stored event once more, but those that acted on it. It gives the event and what was decided
// now, also when the store didn't keep that.
func (e *Engine) askAgain(ctx context.Context, id string, delivery ops.Delivered, actor ops.Actor) (*ops.Event, []ops.Decision, error) {
	var event *ops.Event
	var decisions []ops.Decision
	known := &knowledge{}
	err := e.retry(ctx, "replay event "+id, func() error {
		var err error
		if event, err = e.store.Event(ctx, id); err != nil {
			return err
		}
		decisions, err = e.askOnce(ctx, event, delivery, known, actor)
		return err
	})
	if err != nil {
		return event, decisions, err
	}
	return event, decisions, e.arrived(ctx, event)
}

// askOnce is one try of askAgain.
func (e *Engine) askOnce(
	ctx context.Context, event *ops.Event, delivery ops.Delivered, known *knowledge, actor ops.Actor,
) ([]ops.Decision, error) {
	entry, err := e.replayed(ctx, event, actor, nil, nil)
	if err != nil {
		return nil, err
	}
	tally, err := e.store.RuleTally(ctx)
	if err != nil {
		return nil, err
	}
	before := *event
	p := plan{
		engine: e, event: event, known: known, now: e.clock.Now(), warned: map[ops.Ref]bool{},
		past: &history{decisions: before.Decisions, records: []ops.Record{entry, tally}},
	}
	for _, d := range before.Decisions {
		if d.Outcome == ops.NotMatched {
			p.unmatched++
		}
	}
	event.Decisions, event.Envelopes = repeats(before.Decisions, delivery), append(slices.Clip(before.Envelopes), delivery)
	if err := p.decide(ctx); err != nil {
		return nil, err
	}
	decisions := event.Decisions
	event.Delivered++
	event.UpdatedAt = p.now
	if !countLate(tally, &before, decisions) {
		p.records = slices.DeleteFunc(p.records, func(r ops.Record) bool { return r == ops.Record(tally) })
	} else {
		event.ExpiresAt = p.now.Add(ops.EventRetention) // as long as what it brought about
	}
	event.Decisions = append(slices.Clip(before.Decisions), decisions...)
	if len(event.Envelopes) > ops.MaxDeliveries {
		event.Envelopes = before.Envelopes
		event.Decisions = append(slices.Clip(before.Decisions), slices.DeleteFunc(slices.Clone(decisions), func(d ops.Decision) bool {
			return d.Outcome != ops.Matched
		})...)
	}
	if alias := aliasOf(event, delivery); alias != nil {
		p.records = append(p.records, alias)
	}
	if err := e.store.Save(ctx, append([]ops.Record{event}, p.records...)...); err != nil {
		if c := ops.AsConflict(err); c != nil {
			known.learn(c, event)
		}
		return decisions, fmt.Errorf("keep what was decided: %w", err)
	}
	e.carryOut(ctx, p.follows...)
	e.announcer.Announce(ctx, p.records...)
	return decisions, e.complete(ctx, &before)
}

// countLate counts what rules do now about an event that came earlier, and reports whether they do anything. Who sums up the
// events after the tally may have passed this one already; by writing the tally too, one of the two has to begin again.
func countLate(tally *ops.RuleTally, event *ops.Event, decisions []ops.Decision) bool {
	acts := false
	late := event.CreatedAt.Before(tally.Through)
	for _, d := range decisions {
		if d.Outcome != ops.Matched {
			continue
		}
		if acts = true; !late {
			break
		}
		if tally.Rules == nil {
			tally.Rules = map[string]ops.RuleActivity{}
		}
		tally.Rules[d.Rule] = tally.Rules[d.Rule].Add(d.At)
	}
	return acts
}
