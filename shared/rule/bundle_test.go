package rule_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

// bundle is an engine over a real store on a table in memory, beside workflows and a bus that only take notes.
type bundle struct {
	*rule.Engine
	store     *store.Store
	workflows *workflows
	bus       *bus
	journal   *journal
	clock     *clock.Clock
	n         int
}

// journal is what was done, in order: "start quality_assurance", "send booking_ready".
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func setup(t testing.TB) *bundle {
	t.Helper()
	c := clock.Virtual(now)
	return setupWith(t, c, c)
}

// setupWith lets the engine sleep by another clock than the one that is advanced.
func setupWith(t testing.TB, c *clock.Clock, engineClock ops.Clock) *bundle {
	t.Helper()
	s := storetest.InMemory(t, c.Now)
	done := &journal{}
	b := &bundle{
		store: s, workflows: &workflows{clock: c, journal: done, launched: map[string]int{}}, bus: &bus{journal: done}, journal: done, clock: c,
	}
	b.Engine = rule.New(rule.Config{
		Store: s, Workflows: b.workflows, Bus: b.bus, Templates: b.workflows, Clock: engineClock, Random: randomness(),
		Logger: slog.New(slog.DiscardHandler),
	})
	return b
}

func randomness() io.Reader { return rand.NewChaCha8([32]byte{7}) }

// workflows plans instances of a few templates and counts launches.
type workflows struct {
	clock    ops.Clock
	journal  *journal
	mu       sync.Mutex
	launched map[string]int
	contexts []map[string]json.RawMessage
	arrived  []string // the events that waiting workflows were told of
	fail     error    // what Launch answers, noting nothing
}

func (w *workflows) TemplateExists(_ context.Context, name string) (bool, error) {
	return slices.Contains([]string{
		"vendor_assignment", "booking_processing", "quality_assurance", "customer_follow_up", "payment_processing",
	}, name), nil
}

func (w *workflows) Plan(ctx context.Context, r ops.StartRequest) (*ops.Instance, error) {
	if ok, _ := w.TemplateExists(ctx, r.Template); !ok {
		return nil, ops.Errorf(ops.CodeNotFound, "no template is called %q", r.Template)
	}
	i := &ops.Instance{
		ID: r.ID, Template: r.Template, TemplateVersion: 1, Status: ops.InstancePending, Attempt: 1, Context: r.Context,
		Subject: r.Subject, TriggeredBy: r.TriggeredBy,
	}
	i.SetTimer(ops.TimerStart, w.clock.Now().Add(time.Minute))
	return i, nil
}

func (w *workflows) Launch(_ context.Context, i *ops.Instance) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return w.fail
	}
	w.journal.add("start " + i.Template)
	w.launched[i.Template+" "+i.ID]++
	w.contexts = append(w.contexts, i.Context)
	return nil
}

func (w *workflows) Watch(context.Context, *ops.Subject, ops.Cause) ([]*ops.Instance, error) {
	return nil, nil
}

func (w *workflows) Arrived(_ context.Context, e *ops.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.arrived = append(w.arrived, e.ID)
	return nil
}

// starts lists the templates whose workflows were launched, once for each instance.
func (w *workflows) starts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := []string{}
	for key := range w.launched {
		template, _, _ := strings.Cut(key, " ")
		names = append(names, template)
	}
	slices.Sort(names)
	return names
}

type bus struct {
	journal *journal
	mu      sync.Mutex
	sent    []ops.OutEvent
	fail    error
	during  func() // called before an event is taken
}

func (b *bus) Put(_ context.Context, events ...ops.OutEvent) error {
	if b.during != nil {
		b.during()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	for _, e := range events {
		b.journal.add("send " + string(e.Type))
	}
	b.sent = append(b.sent, events...)
	return nil
}

// deliver hands an event over under a new EventBridge id and gives the stored record.
func (b *bundle) deliver(t *testing.T, kind, detail string) *ops.Event {
	t.Helper()
	b.n++
	return b.deliverAs(t, ops.Envelope{
		ID: fmt.Sprintf("eb-%d", b.n), Source: "booking", DetailType: kind, Time: b.clock.Now(), Detail: json.RawMessage(detail),
	})
}

func (b *bundle) deliverAs(t *testing.T, env ops.Envelope) *ops.Event {
	t.Helper()
	if err := b.HandleEvent(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	e, err := b.store.Event(t.Context(), env.ID)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (b *bundle) create(t *testing.T, text string) *ops.Rule {
	t.Helper()
	r, err := b.Create(t.Context(), []byte(text), ops.Actor{ID: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sweep does everything that is due, as sweep-due does, and reports how much that was.
func (b *bundle) sweep(t *testing.T) int {
	t.Helper()
	n := 0
	for shard := range ops.Shards {
		refs, err := b.store.Due(t.Context(), shard, b.clock.Now(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range refs {
			if ref.Kind != ops.KindAction {
				continue
			}
			n++
			if err := b.HandleDue(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
	}
	return n
}

func (b *bundle) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.clock.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

// outcomes tells decisions in short: "rule outcome reason".
func outcomes(e *ops.Event) []string {
	out := []string{}
	for _, d := range e.Decisions {
		out = append(out, strings.TrimSpace(d.Rule+" "+string(d.Outcome)+" "+d.Reason))
	}
	return out
}

func decision(t *testing.T, e *ops.Event, rule string) ops.Decision {
	t.Helper()
	for _, d := range e.Decisions {
		if d.Rule == rule {
			return d
		}
	}
	t.Fatalf("no decision of %s among %v", rule, outcomes(e))
	return ops.Decision{}
}

func wantEqual[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
