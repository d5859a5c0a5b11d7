package rule

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"opsflow/shared/alert"
	"opsflow/shared/calendar"
	"opsflow/shared/ops"
)

// Store is what the engine keeps its records in.
type Store interface {
	ops.Saver
	ops.EventStore
	ops.EventHistory
	ops.SubjectStore
	ops.RuleStore
	ops.RuleVersionStore
	ops.RuleTallyStore
	ops.CounterStore
	ops.CooldownStore
	ops.ActionStore
	ops.AlertStore
	ops.AuditStore
	ops.InstanceStore
	// Vendor reads one, as ops.VendorStore does.
	Vendor(ctx context.Context, id string) (*ops.Vendor, error)
}

// Templates tells which workflow templates there are.
type Templates interface {
	// TemplateExists reports whether a published template has this name.
	TemplateExists(ctx context.Context, name string) (bool, error)
}

// Config is what an Engine works with. Templates may be nil for an Engine that isn't asked to keep rules.
type Config struct {
	Store     Store
	Workflows ops.Workflows
	Bus       ops.Bus
	Templates Templates
	Clock     ops.Clock
	Random    io.Reader // spreads retries; crypto/rand.Reader outside of tests
	Logger    *slog.Logger
	Calendar  *calendar.Calendar // counts business time; nil: calendar.Default
	// Builtin gives the built-in rules, which the caller may change; nil: the function Builtin does.
	Builtin func() ([]*ops.Rule, error)
}

// Engine decides what events bring about, and does it. It is safe for concurrent use.
type Engine struct {
	store     Store
	workflows ops.Workflows
	bus       ops.Bus
	templates Templates
	clock     ops.Clock
	log       *slog.Logger
	calendar  *calendar.Calendar
	schemas   Schemas
	announcer alert.Announcer
	random    io.Reader // safe for concurrent use
	// retry does again what lost against other writers.
	retry   func(ctx context.Context, what string, f func() error) error
	rules   cache
	builtin func() ([]*ops.Rule, error)
}

// New makes an Engine.
func New(c Config) *Engine {
	if c.Calendar == nil {
		c.Calendar = calendar.Default()
	}
	if c.Builtin == nil {
		c.Builtin = Builtin
	}
	random := ops.Shared(c.Random)
	return &Engine{
		builtin: c.Builtin,
		store:   c.Store, workflows: c.Workflows, bus: c.Bus, templates: c.Templates,
		announcer: alert.Announcer{Store: c.Store, Bus: c.Bus, Clock: c.Clock, Logger: c.Logger},
		clock:     c.Clock, random: random, log: c.Logger, calendar: c.Calendar,
		retry: ops.NewRetrier(c.Clock, random).Do,
	}
}

// HandleEvent is the handler of match-rules. It decides about an event and carries out what follows, once however often
// the event is delivered. An event that can't be used is kept as invalid, which is no error: an error means that nothing
// was kept and that the delivery must be tried again. Our own outbound events are passed over.
func (e *Engine) HandleEvent(ctx context.Context, env ops.Envelope) error {
	if env.Source == ops.Source && ops.OutboundOnly(ops.EventType(env.DetailType)) {
		return nil
	}
	event, err := e.Read(env)
	if err != nil {
		return err
	}
	if event.Status == ops.EventInvalid {
		e.log.WarnContext(ctx, "event is invalid", "event", event.ID, "type", event.Type, "faults", len(event.Faults))
	}
	return e.handle(ctx, event)
}

// handle decides about an event as it arrived, or takes it in as one more arrival.
func (e *Engine) handle(ctx context.Context, event *ops.Event) error {
	known := knowledge{}
	return e.retry(ctx, "handle event "+event.ID, func() error {
		if known.redelivery {
			return e.redeliver(ctx, event)
		}
		err := e.decide(ctx, event, &known)
		if known.redelivery {
			return e.redeliver(ctx, event)
		}
		return err
	})
}

// maxFaults is how many faults of one event are kept: more help nobody, and the record has its limit.
const maxFaults = 100

// shortened is a path with its end left out when it is long: nested members may have long names.
func shortened(path string) string {
	const limit = 512
	if len(path) <= limit {
		return path
	}
	return strings.ToValidUTF8(path[:limit], "") + "..."
}

// read makes the record of an event as it arrived: validated and identified, without decisions.
// Read tells what an event would be taken for: its id and identity, what it is about, and what is wrong with it. Nothing is
// stored.
func (e *Engine) Read(env ops.Envelope) (*ops.Event, error) {
	now := e.clock.Now()
	env.Detail = bytes.ToValidUTF8(env.Detail, []byte("\uFFFD"))
	faults, err := e.schemas.Validate(env)
	if err != nil {
		return nil, err
	}
	event := &ops.Event{
		Type: env.DetailType, Source: env.Source, Time: env.Time.UTC(), Status: ops.EventValid, Detail: env.Detail,
		Delivered: 1, Envelopes: []ops.Delivered{{ID: env.ID, At: now, Replay: env.ReplayName}},
	}
	event.CreatedAt, event.UpdatedAt = now, now
	event.ExpiresAt = now.Add(ops.EventRetention)
	if env.Time.IsZero() {
		event.Time = now
	}
	if len(faults) > 0 {
		event.Faults = faults[:min(len(faults), maxFaults)]
		for i, f := range event.Faults {
			event.Faults[i].Path = shortened(f.Path)
		}
		event.Detail = kept(env.Detail)
		event.Status = ops.EventInvalid
		event.Identity = ops.IdentifyInvalidEvent(env)
	} else {
		event.Identity, event.Subject = ops.IdentifyEvent(env)
		event.Cause = causeOf(env)
	}
	event.ID = ops.EventID(event.Identity)
	return event, nil
}

// causeOf reads what an event of ours follows from. Nobody else may say so: it would let a sender end a chain, or go on
// with one for ever.
func causeOf(env ops.Envelope) ops.Cause {
	var detail struct {
		Cause ops.Cause `json:"cause"`
	}
	if env.Source != ops.Source || json.Unmarshal(env.Detail, &detail) != nil {
		return ops.Cause{}
	}
	return detail.Cause
}

// redeliver takes in one more arrival of an event that is stored. First it completes what an earlier delivery left
// unfinished; then it counts the arrival and notes, for the rules that had matched, that nothing was done again.
func (e *Engine) redeliver(ctx context.Context, arrived *ops.Event) error {
	event, err := e.store.Event(ctx, arrived.ID)
	if err != nil {
		return fmt.Errorf("read event %s: %w", arrived.ID, err)
	}
	if err := e.complete(ctx, event); err != nil {
		return err
	}
	if err := e.arrived(ctx, event); err != nil {
		return err
	}
	delivery := arrived.Envelopes[0]
	known := false
	for _, d := range event.Envelopes {
		known = known || d.ID == delivery.ID
	}
	event.Delivered++
	event.UpdatedAt = delivery.At
	if len(event.Envelopes) < ops.MaxDeliveries {
		event.Envelopes = append(event.Envelopes, delivery)
		event.Decisions = append(event.Decisions, repeats(event.Decisions, delivery)...)
	}
	records := []ops.Record{event}
	if alias := aliasOf(event, delivery); !known && alias != nil {
		records = append(records, alias)
	}
	err = e.store.Save(ctx, records...)
	if c := ops.AsConflict(err); c != nil && !c.Has(event.Ref()) { // the alias leads here already
		err = e.store.Save(ctx, event)
	}
	return err
}

// repeats gives the decisions about one more arrival: for each rule that acted, that it didn't act again.
func repeats(decisions []ops.Decision, delivery ops.Delivered) []ops.Decision {
	var out []ops.Decision
	for _, d := range decisions {
		if d.Outcome == ops.Matched {
			out = append(out, ops.Decision{
				Rule: d.Rule, RuleVersion: d.RuleVersion, Outcome: ops.Suppressed, Reason: ops.ReasonDuplicate,
				Delivery: delivery.ID, At: delivery.At, Replay: delivery.Replay,
			})
		}
	}
	return out
}

// aliasOf leads from an arrival to its event; nil when the arrival has no usable id.
func aliasOf(event *ops.Event, delivery ops.Delivered) *ops.Delivery {
	if !ops.ValidID(delivery.ID) {
		return nil
	}
	d := &ops.Delivery{ID: delivery.ID, EventID: event.ID}
	d.ExpiresAt = event.ExpiresAt
	return d
}
