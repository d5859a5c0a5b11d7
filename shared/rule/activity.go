package rule

import (
	"context"
	"fmt"
	"maps"
	"time"

	"opsflow/shared/ops"
)

// settled is how old an event is of which nothing is written late any more: a delivery has half a minute to be decided, and
// the index that tells of it is seconds behind.
const settled = 5 * time.Minute

// sumEvery is how often what is settled is summed up when nobody asks, so that no event expires before it is counted.
const sumEvery = 24 * time.Hour

// Activity tells of each rule how often it acted and when last; a rule that never did is not in it. It counts the decisions
// themselves, each once ever: what is settled is summed up in one record, and only what came since is read. So it is exact
// for every rule, and no event pays for a counter.
func (e *Engine) Activity(ctx context.Context) (map[string]ops.RuleActivity, error) {
	tally, err := e.store.RuleTally(ctx)
	if err != nil {
		return nil, err
	}
	now := e.clock.Now()
	through := now.Add(-settled)
	if through.Before(tally.Through) { // by another process's clock
		through = tally.Through
	}
	sum := maps.Clone(tally.Rules)
	if sum == nil {
		sum = map[string]ops.RuleActivity{}
	}
	from, moved := tally.Through, false
	var keep map[string]ops.RuleActivity
	err = e.store.EachEvent(ctx, from, now.Add(time.Hour), func(event *ops.Event) error {
		if event.CreatedAt.Before(through) {
			moved = true
		} else if keep == nil {
			keep = maps.Clone(sum)
		}
		for _, d := range event.Decisions {
			if d.Outcome == ops.Matched {
				sum[d.Rule] = sum[d.Rule].Add(d.At)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count what rules did: %w", err)
	}
	overdue := !tally.WakeAt().After(now) // also when it was never set
	if !moved && !overdue {
		return sum, nil
	}
	if keep == nil {
		keep = sum
	}
	tally.Rules, tally.Through, tally.UpdatedAt = keep, through, now
	tally.SetTimer(ops.TimerDue, now.Add(sumEvery))
	if err := e.store.Save(ctx, tally); err != nil && ops.AsConflict(err) == nil {
		e.log.WarnContext(ctx, "what rules did is counted again next time", "error", err) // too many rules for a record
	}
	return sum, nil
}

// EventDecision is what one rule made of one event.
type EventDecision struct {
	ops.Decision
	EventID   string         `json:"event"`
	EventTime time.Time      `json:"event_time"`
	Subject   ops.SubjectRef `json:"subject,omitzero"`
}

// Decisions lists what a rule made of events, the newest event first; with an outcome, only those. It goes through the events
// of the rule's type, p.Limit at a time, so that a page with an outcome can be short, or empty, and still have a next one.
// CodeNotFound.
func (e *Engine) Decisions(ctx context.Context, id string, outcome ops.Outcome, p ops.PageRequest) (ops.Page[EventDecision], error) {
	page := ops.Page[EventDecision]{Items: []EventDecision{}}
	r, err := e.Get(ctx, id)
	if err != nil {
		return page, err
	}
	events, err := e.store.Events(ctx, ops.EventFilter{Status: ops.EventValid, Type: string(r.Event), PageRequest: p})
	if err != nil {
		return page, fmt.Errorf("list the events of rule %s: %w", id, err)
	}
	for _, listed := range events.Items {
		event, err := e.store.Event(ctx, listed.ID)
		if ops.ErrorCode(err) == ops.CodeNotFound {
			continue // it has expired
		}
		if err != nil {
			return page, fmt.Errorf("read event %s: %w", listed.ID, err)
		}
		for _, d := range event.Decisions {
			if d.Rule == id && (outcome == "" || d.Outcome == outcome) {
				page.Items = append(page.Items, EventDecision{Decision: d, EventID: event.ID, EventTime: event.Time, Subject: event.Subject})
			}
		}
	}
	page.NextCursor = events.NextCursor
	page.Count = ops.Count{Value: len(page.Items), Exact: p.Cursor == "" && events.NextCursor == ""}
	decisions := make([]*ops.Decision, len(page.Items))
	for i := range page.Items {
		decisions[i] = &page.Items[i].Decision
	}
	return page, e.resolve(ctx, decisions)
}
