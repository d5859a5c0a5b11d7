package rule

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// knowledge is what lost writes taught about the present event.
type knowledge struct {
	redelivery bool             // the event is stored already
	noAlias    bool             // EventBridge's id leads to another event already
	exists     map[ops.Ref]bool // instances and actions that were made before: once_per
}

func (k *knowledge) learn(c *ops.Conflict, event *ops.Event) {
	for _, ref := range c.Lost {
		switch ref.Kind {
		case ops.KindEvent:
			k.redelivery = ref == event.Ref()
		case ops.KindDelivery:
			k.noAlias = true
		case ops.KindInstance, ops.KindAction:
			k.found(ref)
		default: // subject, counter, cooldown, alert: read again by the next try
		}
	}
}

func (k *knowledge) found(ref ops.Ref) {
	if k.exists == nil {
		k.exists = map[ops.Ref]bool{}
	}
	k.exists[ref] = true
}

// decide asks all rules about an event that wasn't stored before, writes everything at once and carries out what follows.
// The error is a *ops.Conflict when somebody else wrote first; what is to be known for the next try is in known then.
func (e *Engine) decide(ctx context.Context, arrived *ops.Event, known *knowledge) error {
	event := *arrived
	p := plan{engine: e, event: &event, known: known, now: e.clock.Now(), warned: map[ops.Ref]bool{}}
	if event.Status == ops.EventValid {
		if err := p.decide(ctx); err != nil {
			return err
		}
	}
	if alias := aliasOf(&event, event.Envelopes[0]); alias != nil && !known.noAlias {
		p.records = append(p.records, alias)
	}
	if err := e.store.Save(ctx, append([]ops.Record{&event}, p.records...)...); err != nil {
		if c := ops.AsConflict(err); c != nil {
			known.learn(c, &event)
		}
		return err
	}
	e.carryOut(ctx, p.follows...)
	e.announcer.Announce(ctx, p.records...)
	return e.arrived(ctx, &event)
}

// arrived lets workflows go on that wait for a stored event. The event and what it names are written, and only now are the
// waiters read; a step writes its waiter first and then reads what has arrived.
func (e *Engine) arrived(ctx context.Context, event *ops.Event) error {
	if event.Status != ops.EventValid {
		return nil
	}
	if err := e.workflows.Arrived(ctx, event); err != nil {
		return fmt.Errorf("tell of event %s: %w", event.ID, err)
	}
	return nil
}

// plan is what one event brings about, before it is written.
type plan struct {
	engine  *Engine
	event   *ops.Event
	known   *knowledge
	now     time.Time
	doc     Doc
	paused  bool
	records []ops.Record
	warned  map[ops.Ref]bool // the alerts among records that more than one rule can ask for
	past    *history         // what was decided when the event came first; nil when it comes first

	unmatched int // decisions of rules that don't match, which the event's record has room for

	follows []ops.Record // instances to be started, and actions to be done, once written: in order
}

func (p *plan) decide(ctx context.Context) error {
	set, err := p.engine.current(ctx)
	if err != nil {
		return err
	}
	p.paused = set.paused(p.now)
	some := set.byEvent[ops.EventType(p.event.Type)]
	if err := p.learn(ctx, some.wanted); err != nil {
		return err
	}
	if p.past != nil {
		p.records = slices.Clone(p.past.records) // its subjects have learned of it already
	}
	return p.askAll(ctx, some)
}

// askAll decides about every rule, in order. The matcher says which of them the event makes true; why another is not is looked
// for only as long as the event's record has room for it.
func (p *plan) askAll(ctx context.Context, some eventRules) error {
	if some.matcher == nil {
		return nil
	}
	reading := some.matcher.read()
	defer some.matcher.done(reading)
	matched := some.matcher.match(reading, p.doc, p.now)
	delivery := p.event.Envelopes[len(p.event.Envelopes)-1]
	for n, r := range some.rules {
		ok := len(matched) > 0 && int(matched[0]) == n
		if ok {
			matched = matched[1:]
		}
		if p.past.acted(r) || !ok && !p.tells(r) {
			continue
		}
		d, err := p.ask(ctx, r, ok)
		if err != nil {
			return fmt.Errorf("rule %s: %w", r.ID, err)
		}
		d.Rule, d.RuleVersion, d.Delivery, d.At, d.Replay = r.ID, r.Version, delivery.ID, p.now, delivery.Replay
		p.event.Decisions = append(p.event.Decisions, d)
	}
	return nil
}

// tells reports whether it is kept that a rule doesn't match: only the first MaxNotMatched are, and what was kept before is
// nothing new.
func (p *plan) tells(r *ready) bool {
	switch {
	case p.past.notMatched(r):
		return false
	case p.unmatched == ops.MaxNotMatched:
		if p.past == nil {
			p.event.NotMatched++
		}
		return false
	}
	p.unmatched++
	return true
}

// learn takes the event into its subject's record and prepares what conditions see.
func (p *plan) learn(ctx context.Context, want wanted) error {
	known := map[ops.SubjectRef]*ops.Subject{}
	read := func(ctx context.Context, ref ops.SubjectRef) (*ops.Subject, error) {
		if known[ref] != nil {
			return known[ref], nil
		}
		s, err := p.engine.store.Subject(ctx, ref)
		known[ref] = s
		return s, err
	}
	subject := &ops.Subject{}
	if !p.event.Subject.IsZero() {
		var err error
		if subject, err = read(ctx, p.event.Subject); err != nil {
			return fmt.Errorf("read %s: %w", p.event.Subject, err)
		}
		subject.SubjectRef = p.event.Subject
		subject.Learn(p.event)
	}
	for _, ref := range p.event.Subjects() {
		named, err := read(ctx, ref)
		if err != nil {
			return fmt.Errorf("read %s: %w", ref, err)
		}
		named.Arrive(p.event)
		p.records = append(p.records, named)
	}
	if err := p.watch(ctx, subject); err != nil {
		return err
	}
	p.doc = eventDoc(p.event, subject)
	return relations{want, read, p.engine.store.Vendor}.add(ctx, p.doc, p.event, subject)
}

// watch has templates look at what the event changed.
func (p *plan) watch(ctx context.Context, subject *ops.Subject) error {
	if subject.IsZero() || p.past != nil { // on a replay nothing is learned
		return nil
	}
	started, err := p.engine.workflows.Watch(ctx, subject, ops.Cause{EventID: p.event.ID, Depth: p.event.Cause.Depth + 1})
	if err != nil {
		return fmt.Errorf("watch %s: %w", subject.SubjectRef, err)
	}
	for _, i := range started {
		p.records, p.follows = append(p.records, i), append(p.follows, i)
	}
	return nil
}

// ask decides about one rule, whose condition holds or not.
func (p *plan) ask(ctx context.Context, r *ready, ok bool) (ops.Decision, error) {
	if r.broken != nil {
		return ops.Decision{Outcome: ops.Errored, Reason: r.broken.Error()}, p.countFailure(ctx, r, r.broken)
	}
	_, leaf := r.condition.Eval(p.doc, p.now)
	switch {
	case !ok:
		return ops.Decision{Outcome: ops.NotMatched, Leaf: leaf}, nil
	case r.Mode == ops.RuleShadow:
		return p.shadow(ctx, r, leaf)
	}
	if err := p.lookForEarlier(ctx, r); err != nil {
		return ops.Decision{}, err
	}
	if p.repeated(r) {
		return ops.Decision{Outcome: ops.Suppressed, Reason: ops.ReasonDuplicate, Leaf: leaf, Effects: p.effectsOf(r)}, nil
	}
	limits, reason, err := p.limit(ctx, r)
	if err != nil {
		return ops.Decision{}, err
	}
	if reason != "" {
		return ops.Decision{Outcome: ops.Suppressed, Reason: reason, Leaf: leaf}, nil
	}
	if !p.fits(len(limits) + r.records()) {
		return p.refuse(ctx, r, leaf)
	}
	got, err := p.act(ctx, r)
	if err != nil {
		return ops.Decision{}, err
	}
	d := ops.Decision{Outcome: ops.Matched, Leaf: leaf, Effects: got.effects}
	switch {
	case got.did:
		p.records = append(p.records, limits...)
	case got.failed != nil:
		d.Outcome, d.Reason = ops.Errored, got.failed.Error()
	default:
		d.Outcome, d.Reason = ops.Suppressed, ops.ReasonUnless
	}
	if got.failed != nil {
		err = p.countFailure(ctx, r, got.failed)
	}
	return d, err
}

// shadow tells what a rule in shadow mode would do: what would suppress it, by the limits that it used up while it acted, or else
// its actions. It writes nothing.
func (p *plan) shadow(ctx context.Context, r *ready, leaf *ops.Leaf) (ops.Decision, error) {
	d := ops.Decision{Outcome: ops.Shadowed, Leaf: leaf}
	if err := p.lookForEarlier(ctx, r); err != nil {
		return d, err
	}
	if p.repeated(r) {
		d.Reason = ops.WouldBe + ops.ReasonDuplicate
		return d, nil
	}
	_, reason, err := p.hindrance(ctx, r)
	if reason != "" || err != nil {
		d.Reason = ops.WouldBe + reason
		return d, err
	}
	did := false
	for i := range r.Actions {
		effect, dropped := r.unneeded(i, p.doc, p.now)
		if !dropped {
			effect.Status, did = ops.ActionShadow, true
		}
		effect.Action = actionName(&r.Actions[i])
		d.Effects = append(d.Effects, effect)
	}
	if !did {
		d.Reason = ops.WouldBe + ops.ReasonUnless
	}
	return d, nil
}

// countFailure notes that something is wrong with a rule, which is not the event's failure. When it goes on, people are told,
// unless so much happens that there is no room for it.
func (p *plan) countFailure(ctx context.Context, r *ready, cause error) error {
	failed, err := p.engine.failure(ctx, r.ID, cause.Error(), p.cause(r))
	if err != nil {
		return err
	}
	if p.fits(len(failed)) {
		p.records = append(p.records, failed...)
	}
	return nil
}

// limit looks at what keeps a rule that matched from acting, and gives the records that must be written if it acts. When people
// have to know of it, they are told.
func (p *plan) limit(ctx context.Context, r *ready) (records []ops.Record, reason string, err error) {
	records, reason, err = p.hindrance(ctx, r)
	switch reason {
	case ops.ReasonDepth:
		err = p.warn(ctx, alert.Spec{
			Type: ops.AlertSystemError, Severity: ops.SeverityHigh, Subject: p.event.Subject, Key: "depth/" + r.ID, Cause: p.cause(r),
			Title:  "A chain of events was stopped",
			Detail: fmt.Sprintf("Rule %s would have gone on with a chain of more than %d events.", r.ID, ops.MaxDepth),
		})
	case ops.ReasonCap:
		err = p.warnOfCap(ctx, r, p.counterOf(r))
	}
	return records, reason, err
}

// hindrance is limit that tells nobody.
func (p *plan) hindrance(ctx context.Context, r *ready) (records []ops.Record, reason string, err error) {
	if p.paused {
		return nil, ops.ReasonPaused, nil
	}
	if p.event.Cause.Ends() {
		return nil, ops.ReasonDepth, nil
	}
	if !r.Cooldown.IsZero() && !p.event.Subject.IsZero() {
		id := r.ID + "/" + p.event.Subject.String()
		cooling, err := p.engine.store.Cooldown(ctx, id)
		if err != nil {
			return nil, "", fmt.Errorf("read cooldown %s: %w", id, err)
		}
		if cooling != nil {
			return nil, ops.ReasonCooldown, nil
		}
		c := &ops.Cooldown{ID: id, RuleID: r.ID, EventID: p.event.ID}
		c.ExpiresAt = p.now.Add(r.Cooldown.D)
		records = append(records, c)
	}
	if r.MaxExecutionsPerDay > 0 {
		counter := p.counterOf(r)
		n, err := p.engine.store.Count(ctx, counter.ID)
		if err != nil {
			return nil, "", fmt.Errorf("read counter %s: %w", counter.ID, err)
		}
		if n >= counter.Max {
			return nil, ops.ReasonCap, nil
		}
		records = append(records, counter)
	}
	return records, "", nil
}

func (p *plan) counterOf(r *ready) *ops.Counter {
	c := &ops.Counter{ID: "rule/" + r.ID + "/" + dayOf(r, p.event), Add: 1, Max: int64(r.MaxExecutionsPerDay)}
	c.ExpiresAt = p.now.Add(ops.EventRetention)
	return c
}

// dayOf is the day that an event counts for: the one on which it happened, where the rule is at home.
func dayOf(r *ready, event *ops.Event) string { return event.Time.In(r.zone).Format(time.DateOnly) }

// warnOfCap raises the alert of a rule that has used up its day. There is one a day: it isn't counted up, for a storm of
// events would have all of them wait for that one record.
func (p *plan) warnOfCap(ctx context.Context, r *ready, counter *ops.Counter) error {
	spec := alert.Spec{
		Type: ops.AlertResourceOverload, Severity: ops.SeverityMedium, Key: "cap/" + counter.ID, Cause: p.cause(r),
		Title:  fmt.Sprintf("Rule %s has reached its limit for the day", r.ID),
		Detail: fmt.Sprintf("It acted %d times and will not act again on %s.", counter.Max, counter.ID[strings.LastIndexByte(counter.ID, '/')+1:]),
	}
	if !p.fits(1) {
		return nil // another event will tell
	}
	return p.warnOnce(ctx, spec)
}

// warnOnce adds an alert to the plan unless there is one like it.
func (p *plan) warnOnce(ctx context.Context, spec alert.Spec) error {
	ref := ops.Ref{Kind: ops.KindAlert, ID: ops.AlertID(spec.Type, spec.Subject, spec.Key)}
	if p.warned[ref] {
		return nil
	}
	next, err := alert.Next(ctx, p.engine.store, spec, p.now)
	if err != nil || next.V > 0 {
		return err
	}
	p.warned[ref] = true
	p.records = append(p.records, next)
	return nil
}

// warn adds an alert to the plan, as long as there is room.
func (p *plan) warn(ctx context.Context, spec alert.Spec) error {
	if !p.fits(1) {
		return nil
	}
	_, err := p.raise(ctx, spec)
	return err
}

// raise adds an alert to the plan. No other of the plan has its key: that names the rule, and the action or the reason.
func (p *plan) raise(ctx context.Context, spec alert.Spec) (*ops.Alert, error) {
	next, err := alert.Next(ctx, p.engine.store, spec, p.now)
	if err != nil {
		return nil, err
	}
	p.records = append(p.records, next)
	return next, nil
}

// cause is what the effects of a rule follow from.
func (p *plan) cause(r *ready) ops.Cause {
	return ops.Cause{EventID: p.event.ID, RuleID: r.ID, Depth: p.event.Cause.Depth + 1}
}
