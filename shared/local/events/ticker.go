package events

import (
	"sync"
	"time"

	"opsflow/shared/schedule"
)

// tickerSet holds the schedules that tick, by their rule's ARN.
type tickerSet struct {
	mu sync.Mutex
	m  map[string]*ticker
}

type ticker struct {
	bus, rule string
	schedule  schedule.Schedule
	last      time.Time // the last slot that was delivered or skipped; before the first: the start
}

// arm starts, changes or stops the ticker of a rule.
func (e *Engine) arm(bus string, r *rule) {
	if r.schedule == nil || r.Disabled {
		e.disarm(r.ARN)
		return
	}
	t := &ticker{bus: bus, rule: r.Name, schedule: r.schedule, last: e.o.Clock.Now()}
	e.tickers.mu.Lock()
	defer e.tickers.mu.Unlock()
	e.tickers.m[r.ARN] = t
	e.wind(r.ARN, t, t.last)
}

// armLoaded arms the schedules of an earlier run that nobody has put anew.
func (e *Engine) armLoaded() {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, b := range e.buses {
		for _, r := range b.rules {
			if !e.armed(r.ARN) {
				e.arm(b.Name, r)
			}
		}
	}
}

func (e *Engine) armed(arn string) bool {
	e.tickers.mu.Lock()
	defer e.tickers.mu.Unlock()
	return e.tickers.m[arn] != nil
}

func (e *Engine) disarm(arn string) {
	e.tickers.mu.Lock()
	defer e.tickers.mu.Unlock()
	delete(e.tickers.m, arn)
	e.timers.stop(arn)
}

// Rearm makes SkipSlot be asked again from the next slot on, whatever it answered before: call it when something has
// become due earlier than it said.
func (e *Engine) Rearm() {
	if e.o.SkipSlot == nil {
		return
	}
	e.tickers.mu.Lock()
	defer e.tickers.mu.Unlock()
	for arn, t := range e.tickers.m {
		e.wind(arn, t, e.o.Clock.Now().Add(1))
	}
}

// wind sets the timer for the ticker's first slot that is neither its last nor before a time. The caller holds the
// tickers' mu.
func (e *Engine) wind(arn string, t *ticker, notBefore time.Time) {
	slot, ok := t.schedule.Next(t.last)
	for ok && slot.Before(notBefore) {
		slot, ok = t.schedule.Next(slot)
	}
	if !ok {
		return
	}
	e.timers.at(arn, slot, func() { e.tick(arn, t, slot) })
}

func (e *Engine) tick(arn string, t *ticker, slot time.Time) {
	notBefore := e.o.Clock.Now() // a machine that slept does not make up for what it missed
	skip := false
	if e.o.SkipSlot != nil {
		var next time.Time
		if next, skip = e.o.SkipSlot(t.rule, slot); skip && next.After(notBefore) {
			notBefore = next
		}
	}
	if !skip {
		e.sendSlot(t, slot)
	}
	e.tickers.mu.Lock()
	defer e.tickers.mu.Unlock()
	if e.tickers.m[arn] == t {
		t.last = slot
		e.wind(arn, t, notBefore)
	}
}

// sendSlot sends the event of a slot to the rule's targets. It is not written down: see the package's comment.
func (e *Engine) sendSlot(t *ticker, slot time.Time) {
	e.mu.RLock()
	_, r, err := e.find(t.bus, t.rule)
	e.mu.RUnlock()
	if err != nil {
		return // deleted meanwhile
	}
	ev, err := e.complete(Event{
		DetailType: "Scheduled Event", Source: "aws.events", Time: slot, Resources: []string{r.ARN}, Detail: []byte("{}"),
	})
	if err != nil {
		e.o.Logger.Error("slot not delivered", "rule", r.Name, "slot", slot, "error", err)
		return
	}
	e.lanes.add(e, e.deliveries(r, ev.ID, ev.text())...)
}
