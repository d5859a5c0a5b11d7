package rule

import (
	"cmp"
	"container/heap"
	"context"
	"time"

	"opsflow/shared/ops"
)

// backtest is one that runs.
type backtest struct {
	from     time.Time
	rules    []*candidate
	sum      *Backtest // of a set
	watch    Watch
	progress BacktestProgress
	learns   bool
	related  relations
	subjects map[ops.SubjectRef]*ops.Subject
	waiting  dueActions
}

// candidate is a rule in a backtest.
type candidate struct {
	sum           *Backtest
	draft, active *rehearsal
}

// dueAction is an action that was put off.
type dueAction struct {
	rehearsed
	of    *candidate
	event *ops.Event
}

// dueActions is a heap: the one that is due first is on top; of those due at once, the one whose event came first.
type dueActions []dueAction

func (h dueActions) Len() int { return len(h) }

func (h dueActions) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(a.due.Compare(b.due), a.event.CreatedAt.Compare(b.event.CreatedAt), cmp.Compare(a.index, b.index)) < 0
}

func (h dueActions) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *dueActions) Push(x any) { *h = append(*h, x.(dueAction)) } //nolint:forcetypeassert,errcheck // nothing else is pushed

// Pop implements heap.Interface.
func (h *dueActions) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = dueAction{}
	*h = (*h)[:last]
	return x
}

// next takes out the one that is due first.
func (h *dueActions) next() dueAction {
	return heap.Pop(h).(dueAction) //nolint:forcetypeassert,errcheck // nothing else is pushed
}

// take goes on to the next event: first comes what is due before it arrives.
func (b *backtest) take(ctx context.Context, event *ops.Event) error {
	b.progress.Read++
	if b.watch.Progress != nil && b.progress.Read%progressEvery == 0 {
		b.progress.Through = event.CreatedAt
		if err := b.watch.Progress(b.progress); err != nil {
			return err
		}
	}
	if event.Status != ops.EventValid {
		return nil
	}
	if err := b.fallDue(ctx, event.CreatedAt); err != nil {
		return err
	}
	if b.learns {
		b.subject(event.Subject).Learn(event)
	}
	if event.CreatedAt.Before(b.from) {
		return nil
	}
	var doc Doc
	for _, c := range b.rules {
		kind := ops.EventType(event.Type)
		triggers := kind == c.draft.rule.Event
		if !triggers && (c.active == nil || kind != c.active.rule.Event) {
			continue
		}
		if doc == nil {
			var err error
			if doc, err = b.doc(ctx, event); err != nil {
				return err
			}
		}
		if !triggers {
			if c.compare(event, doc, false) == ops.Matched {
				if err := b.tell(BacktestEvent{Active: ops.Matched}, c, event); err != nil {
					return err
				}
			}
			continue
		}
		if err := b.ask(c, event, doc); err != nil {
			return err
		}
	}
	return nil
}

// subject is what is known of a subject by now.
func (b *backtest) subject(ref ops.SubjectRef) *ops.Subject {
	if ref.IsZero() || !b.learns {
		return &ops.Subject{SubjectRef: ref}
	}
	known := b.subjects[ref]
	if known == nil {
		known = &ops.Subject{SubjectRef: ref}
		b.subjects[ref] = known
	}
	return known
}

// known is subject for relations.
func (b *backtest) known(_ context.Context, ref ops.SubjectRef) (*ops.Subject, error) {
	return b.subject(ref), nil
}

// doc is what conditions see of an event by now.
func (b *backtest) doc(ctx context.Context, event *ops.Event) (Doc, error) {
	subject := b.subject(event.Subject)
	doc := eventDoc(event, subject)
	return doc, b.related.add(ctx, doc, event, subject)
}

// tell tells whoever watches of one line about an event.
func (b *backtest) tell(line BacktestEvent, c *candidate, event *ops.Event) error {
	if b.watch.Event == nil {
		return nil
	}
	line.Rule, line.EventID, line.EventTime, line.Subject = c.draft.rule.ID, event.ID, event.Time, event.Subject
	return b.watch.Event(line)
}

// ask decides about an event for a rule that it triggers.
func (b *backtest) ask(c *candidate, event *ops.Event, doc Doc) error {
	d, actions := c.draft.ask(event, doc)
	line := BacktestEvent{Outcome: d.Outcome, Reason: d.Reason, Leaf: d.Leaf}
	c.sum.Events++
	switch d.Outcome { //nolint:exhaustive // a rehearsal gives no others
	case ops.Matched:
		c.sum.Matched++
	case ops.NotMatched:
		c.sum.NotMatched++
	default:
		c.sum.Suppressed++
		c.sum.Reasons[d.Reason]++
	}
	for _, one := range actions {
		if one.status == ops.ActionWaiting {
			heap.Push(&b.waiting, dueAction{one, c, event})
		} else {
			c.count(one)
		}
		if one.status != ops.ActionDropped {
			line.Actions = append(line.Actions, actionName(&c.draft.rule.Actions[one.index]))
		}
	}
	if c.active != nil {
		line.Active = c.compare(event, doc, d.Outcome == ops.Matched)
	}
	return b.tell(line, c, event)
}

// fallDue does what was put off and is due by a time, on the subjects as they are known by then.
func (b *backtest) fallDue(ctx context.Context, now time.Time) error {
	for len(b.waiting) > 0 && !b.waiting[0].due.After(now) {
		one := b.waiting.next()
		doc, err := b.doc(ctx, one.event)
		if err != nil {
			return err
		}
		one.of.draft.fallDue(&one.rehearsed, doc, one.due)
		if err := b.ended(one); err != nil {
			return err
		}
	}
	return nil
}

// ended counts what became of an action that was put off.
func (b *backtest) ended(one dueAction) error {
	one.of.count(one.rehearsed)
	return b.tell(BacktestEvent{
		Action: actionName(&one.of.draft.rule.Actions[one.index]), Status: one.status, DueAt: one.due, Leaf: one.leaf,
	}, one.of, one.event)
}

// finish goes on to the end of the period, and counts what the whole of it says.
func (b *backtest) finish(ctx context.Context, to time.Time) error {
	if err := b.fallDue(ctx, to); err != nil {
		return err
	}
	for len(b.waiting) > 0 {
		if err := b.ended(b.waiting.next()); err != nil {
			return err
		}
	}
	for _, c := range b.rules {
		c.finish()
	}
	return nil
}

// count counts what became of an action.
func (c *candidate) count(one rehearsed) {
	a := &c.draft.rule.Actions[one.index]
	counts := c.sum.Effects
	switch one.status { //nolint:exhaustive // no action fails in a rehearsal
	case ops.ActionDropped:
		counts = c.sum.Dropped
	case ops.ActionWaiting:
		counts = c.sum.Waiting
	}
	counts[actionName(a)]++
	if one.putOff {
		c.sum.MonthlyCost += costOfDelay
	}
	if one.status == ops.ActionDone {
		c.sum.MonthlyCost += costOf(a)
	}
}

func (c *candidate) finish() {
	if limit := c.draft.rule.MaxExecutionsPerDay; limit > 0 {
		for _, n := range c.draft.acted {
			if n >= limit {
				c.sum.DaysAtCap++
			}
		}
	}
	c.sum.MonthlyCost *= float64(30*24*time.Hour) / float64(c.sum.To.Sub(c.sum.From))
}

// compare asks the version in force about an event of which the draft's answer is known.
func (c *candidate) compare(event *ops.Event, doc Doc, acts bool) ops.Outcome {
	outcome := ops.NotMatched
	if c.active.rule.Event == ops.EventType(event.Type) && c.active.rule.Mode == ops.RuleActive {
		d, _ := c.active.ask(event, doc)
		outcome = d.Outcome
	}
	switch diff := c.sum.Active; {
	case acts && outcome == ops.Matched:
		diff.Both++
	case acts:
		diff.OnlyDraft++
	case outcome == ops.Matched:
		diff.OnlyActive++
	}
	return outcome
}

func actionName(a *ops.Action) string {
	what := a.Template
	switch a.Type {
	case ops.RaiseAlert:
		what = string(a.Alert)
	case ops.Escalate:
		what = a.Ladder
	case ops.EmitEvent:
		what = string(a.DetailType)
	case ops.StartWorkflow, ops.Notify:
	}
	return string(a.Type) + " " + what
}

// costOf is what an action costs when it is done, in USD.
func costOf(a *ops.Action) float64 {
	if a.Type == ops.StartWorkflow {
		return costOfWorkflow
	}
	return costOfRecord
}
