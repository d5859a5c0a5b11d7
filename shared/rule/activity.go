package rule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"opsflow/shared/ops"
)

// settled is how old an event is of which nothing is written late any more: a delivery has half a minute to be decided, and
// the index that tells of it is seconds behind.
const settled = 5 * time.Minute

const (
	// countedAtOnce is how many events are counted by one call: what takes a few seconds.
	countedAtOnce = 50_000
	// keptEvery is after how many of them what is counted is written down.
	keptEvery = 5000
	// countAgain is when sweep-due goes on counting where there is more, countBusy when events came lately, and countIdle when
	// none did: no event may expire before it is counted.
	countAgain = time.Minute
	countBusy  = 10 * time.Minute
	countIdle  = 24 * time.Hour
)

// Activity is how often each rule acted, by id, and when last; a rule that never did is not in it.
type Activity struct {
	Rules map[string]ops.RuleActivity
	// Through is the arrival up to which events are counted, when there are later ones that are not yet; else zero.
	Through time.Time
}

// Of tells what a rule did.
func (a Activity) Of(rule string) ops.RuleActivity {
	did := a.Rules[rule]
	did.CountedThrough = a.Through
	return did
}

// errEnough ends a count of which there is more.
var errEnough = errors.New("counted enough at once")

// Activity counts the decisions themselves, each once ever: what is settled is summed up in one record, and only what came since
// is read. So it is exact for every rule, and no event pays for a counter. sweep-due keeps the sum near; where it is far
// behind, after the first look at many events, an answer says how far it has come.
func (e *Engine) Activity(ctx context.Context) (Activity, error) {
	tally, err := e.store.RuleTally(ctx)
	if err != nil {
		return Activity{}, err
	}
	c := count{engine: e, tally: tally, now: e.clock.Now(), sum: map[string]ops.RuleActivity{}}
	maps.Copy(c.sum, tally.Rules)
	c.settled = c.now.Add(-settled)
	if c.settled.Before(tally.Through) { // by another process's clock
		c.settled = tally.Through
	}
	overdue := !tally.WakeAt().After(c.now) // also when it was never set
	err = e.store.EachEvent(ctx, tally.Through, c.now.Add(time.Hour), func(event *ops.Event) error { return c.take(ctx, event) })
	switch {
	case errors.Is(err, errEnough):
		c.keep(ctx, c.last, countAgain)
		return Activity{Rules: c.sum, Through: c.last}, nil
	case err != nil:
		return Activity{}, fmt.Errorf("count what rules did: %w", err)
	case c.moved:
		c.keep(ctx, c.settled, countBusy)
	case overdue && c.fresh != nil:
		c.keep(ctx, c.settled, countBusy)
	case overdue:
		c.keep(ctx, c.settled, countIdle)
	}
	return Activity{Rules: c.sum}, nil
}

// count is one count of what rules did since the tally was written.
type count struct {
	engine  *Engine
	tally   *ops.RuleTally
	now     time.Time
	settled time.Time                   // events that arrived before are
	sum     map[string]ops.RuleActivity // of all events so far
	fresh   map[string]ops.RuleActivity // of those that are settled, once there are others
	last    time.Time                   // the arrival of the latest event: of those at that very time some may be missing
	read    int
	kept    int  // how many of them are written down
	moved   bool // an event was counted that is settled
	lost    bool // somebody else writes the tally
}

func (c *count) take(ctx context.Context, event *ops.Event) error {
	if event.CreatedAt.After(c.last) { // all that arrived before are counted
		c.last = event.CreatedAt
		switch {
		case c.read >= countedAtOnce:
			return errEnough
		case c.fresh == nil && c.read-c.kept >= keptEvery:
			c.kept = c.read
			c.keep(ctx, c.last, countAgain)
		}
	}
	c.read++
	if event.CreatedAt.Before(c.settled) {
		c.moved = true
	} else if c.fresh == nil {
		c.fresh = maps.Clone(c.sum)
	}
	for _, d := range event.Decisions {
		if d.Outcome == ops.Matched {
			c.sum[d.Rule] = c.sum[d.Rule].Add(d.At)
		}
	}
	return nil
}

// keep writes down what is counted of the events that arrived before a time, as far as they are settled.
func (c *count) keep(ctx context.Context, through time.Time, again time.Duration) {
	if c.lost {
		return
	}
	sums := c.fresh
	if sums == nil {
		sums = maps.Clone(c.sum)
	}
	if through.After(c.settled) {
		through = c.settled
	}
	c.tally.Rules, c.tally.Through, c.tally.UpdatedAt = sums, through, c.now
	c.tally.SetTimer(ops.TimerDue, c.now.Add(again))
	err := c.engine.store.Save(ctx, c.tally)
	c.lost = err != nil
	if err != nil && ops.AsConflict(err) == nil {
		c.engine.log.WarnContext(ctx, "what rules did is counted again next time", "error", err) // too many rules for a record
	}
}

// EventDecision is what one rule made of one event.
type EventDecision struct {
	ops.Decision
	EventID   string         `json:"event"`
	EventTime time.Time      `json:"event_time"`
	Subject   ops.SubjectRef `json:"subject,omitzero"`
}

// looked is how many events one page of decisions looks at, at most, for those with an outcome.
const looked = 1000

// Decisions lists what a rule made of events, the newest event first; with an outcome, only those. It goes through the events
// of the rule's type, so that a page with a rare outcome can be short, or empty, and still have a next one. CodeNotFound.
func (e *Engine) Decisions(ctx context.Context, id string, outcome ops.Outcome, p ops.PageRequest) (ops.Page[EventDecision], error) {
	page := ops.Page[EventDecision]{Items: []EventDecision{}}
	r, err := e.Get(ctx, id)
	if err != nil {
		return page, err
	}
	limit := cmp.Or(p.Limit, ops.DefaultPageLimit)
	first := p.Cursor == ""
	for seen := 0; seen < looked; {
		p.Limit = limit - len(page.Items)
		events, err := e.store.EventsOfType(ctx, r.Event, p)
		if err != nil {
			return page, fmt.Errorf("list the events of rule %s: %w", id, err)
		}
		for _, event := range events.Items {
			for _, d := range event.Decisions {
				if d.Rule == id && (outcome == "" || d.Outcome == outcome) {
					page.Items = append(page.Items, EventDecision{Decision: d, EventID: event.ID, EventTime: event.Time, Subject: event.Subject})
				}
			}
		}
		seen += len(events.Items)
		p.Cursor = events.NextCursor
		if p.Cursor == "" || len(page.Items) >= limit {
			break
		}
	}
	page.NextCursor = p.Cursor
	page.Count = ops.Count{Value: len(page.Items), Exact: first && p.Cursor == ""}
	decisions := make([]*ops.Decision, len(page.Items))
	for i := range page.Items {
		decisions[i] = &page.Items[i].Decision
	}
	return page, e.resolve(ctx, decisions)
}
