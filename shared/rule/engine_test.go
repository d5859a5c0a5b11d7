package rule_test

import (
	"context"
	"encoding/json"
	"errors"
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
	"opsflow/shared/table/embedded"
)

// bundle is an engine over a real store on a table in memory, beside workflows and a bus that only take notes.
type bundle struct {
	*rule.Engine
	store     *store.Store
	workflows *workflows
	bus       *bus
	clock     *clock.Clock
	n         int
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := clock.Virtual(now)
	return setupWith(t, c, c)
}

// setupWith lets the engine sleep by another clock than the one that is advanced.
func setupWith(t *testing.T, c *clock.Clock, engineClock ops.Clock) *bundle {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	tbl, err := embedded.NewTable(db, "opsflow", store.Indexes(), c.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(tbl, randomness(), c.Now)
	b := &bundle{store: s, workflows: &workflows{clock: c, launched: map[string]int{}}, bus: &bus{}, clock: c}
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
	mu       sync.Mutex
	launched map[string]int
	contexts []map[string]json.RawMessage
	fail     error // what Launch answers, noting nothing
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
	w.launched[i.Template+" "+i.ID]++
	w.contexts = append(w.contexts, i.Context)
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
	mu   sync.Mutex
	sent []ops.OutEvent
	fail error
}

func (b *bus) Put(_ context.Context, events ...ops.OutEvent) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
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

const booking = `{"booking_id": "bk-1", "customer_id": "cu-1", "service_type": "cleaning", "location": {"area": "marina"}}`

func TestABookingStartsItsTwoWorkflows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
	wantEqual(t, "decisions", outcomes(e), []string{"process-booking matched", "assign-vendor matched"})
	if e.Identity != "booking_created booking_id=bk-1" || e.Subject != (ops.SubjectRef{Type: "booking", ID: "bk-1"}) {
		t.Errorf("got %q about %v", e.Identity, e.Subject)
	}
	effect := e.Decisions[0].Effects[0]
	i, err := b.store.Instance(t.Context(), effect.ID)
	if err != nil || i.Template != "booking_processing" || i.TriggeredBy.EventID != e.ID || string(i.Context["customer_id"]) != `"cu-1"` {
		t.Errorf("got %+v, %v", i, err)
	}
	s, err := b.store.Subject(t.Context(), e.Subject)
	if err != nil || string(s.Fields["service_type"]) != `"cleaning"` || s.Last[ops.BookingCreated].EventID != e.ID {
		t.Errorf("subject %+v, %v", s, err)
	}
}

func TestTheSameEventAgainDoesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "booking_created", booking)
	e := b.deliver(t, "booking_created", booking)
	e = b.deliverAs(t, ops.Envelope{ID: e.Envelopes[1].ID, Source: "booking", DetailType: "booking_created", Time: now, Detail: json.RawMessage(booking)})
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
	wantEqual(t, "decisions", outcomes(e), []string{
		"process-booking matched", "assign-vendor matched",
		"process-booking suppressed duplicate", "assign-vendor suppressed duplicate",
		"process-booking suppressed duplicate", "assign-vendor suppressed duplicate",
	})
	if e.Delivered != 3 || len(e.Envelopes) != 3 {
		t.Errorf("delivered %d times, %d recorded", e.Delivered, len(e.Envelopes))
	}
}

func TestDeliveriesAreRecordedUpToALimit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var e *ops.Event
	for range ops.MaxDeliveries + 5 {
		e = b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	}
	if e.Delivered != ops.MaxDeliveries+5 || len(e.Envelopes) != ops.MaxDeliveries {
		t.Errorf("delivered %d times, %d recorded", e.Delivered, len(e.Envelopes))
	}
}

func TestQualityIsCheckedAboveAHundred(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1", "service_value": 100}`)
	leaf, err := json.Marshal(decision(t, e, "quality-check").Leaf)
	if err != nil || string(leaf) != `{"path":"detail.service_value","op":"gt","want":100,"got":100}` {
		t.Errorf("got %s, %v", leaf, err)
	}
	wantEqual(t, "starts at 100", b.workflows.starts(), []string{})
	b.deliver(t, "service_completed", `{"booking_id": "bk-2", "vendor_id": "v-1", "service_value": 100.01}`)
	wantEqual(t, "starts at 100.01", b.workflows.starts(), []string{"quality_assurance"})
}

func TestASurveyFollowsTwoHoursLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	b.advance(t, 2*time.Hour-time.Minute)
	b.sweep(t)
	wantEqual(t, "starts before", b.workflows.starts(), []string{})
	b.advance(t, time.Minute)
	b.sweep(t)
	wantEqual(t, "starts after", b.workflows.starts(), []string{"customer_follow_up"})
	b.advance(t, time.Hour)
	if n := b.sweep(t); n != 0 {
		t.Errorf("%d actions are still due", n)
	}
}

func TestAPaymentThatStaysPendingIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		later string // status of a second event; "" for none
		alert bool
	}{
		{"pending", "", true},
		{"confirmed", "confirmed", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			const payment = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED"`
			b.deliver(t, "payment_received", payment+"}")
			if c.later != "" {
				b.advance(t, time.Hour)
				b.deliver(t, "payment_received", payment+`, "status": "`+c.later+`"}`)
			}
			b.advance(t, 25*time.Hour)
			b.sweep(t)
			page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(page.Items) == 1 && page.Items[0].Severity == ops.SeverityHigh; got != c.alert {
				t.Errorf("alerts: %d", len(page.Items))
			}
			if got := len(b.bus.sent) == 1 && b.bus.sent[0].Type == ops.NotificationRequested; got != c.alert {
				t.Errorf("sent: %+v", b.bus.sent)
			}
			wantEqual(t, "starts", b.workflows.starts(), []string{"payment_processing"})
		})
	}
}

func TestAPaymentIsProcessedOnceHoweverManyEventsNameIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const payment = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED", "event_id": "e-%d"}`
	b.deliver(t, "payment_received", fmt.Sprintf(payment, 1))
	e := b.deliver(t, "payment_received", fmt.Sprintf(payment, 2))
	if d := decision(t, e, "process-payment"); d.Outcome != ops.Suppressed || d.Reason != ops.ReasonDuplicate || len(d.Effects) != 1 {
		t.Errorf("got %+v", d)
	}
	wantEqual(t, "starts", b.workflows.starts(), []string{"payment_processing"})
}

func TestAnInvalidEventIsKeptAndStartsNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, detail string
		faults             []string
	}{
		{"wrong type", "booking_created", `{"booking_id": 12, "customer_id": "cu-1"}`, []string{"$.detail.booking_id must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -, got 12"}},
		{"missing", "booking_created", `{"booking_id": "bk-1"}`, []string{"$.detail.customer_id must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -, got nothing"}},
		{"malformed id", "booking_created", `{"booking_id": "bk 1", "customer_id": "cu-1"}`, []string{`$.detail.booking_id must be a string of 1 to 128 characters of A-Z a-z 0-9 . _ : -, got "bk 1"`}},
		{"several", "payment_received", `{"payment_id": "p", "booking_id": "b", "amount": "10", "currency": "dirham", "status": "paid"}`, []string{
			`$.detail.amount must be a number of at least 0, in major units of the currency, got "10"`,
			`$.detail.currency must be a currency of three capital letters like AED, got "dirham"`,
			`$.detail.status must be one of pending, confirmed, failed, got "paid"`,
		}},
		{"nested", "booking_created", `{"booking_id": "b", "customer_id": "c", "location": {"lat": 91}}`, []string{"$.detail.location.lat must be a latitude from -90 to 90, got 91"}},
		{"time", "booking_confirmed", `{"booking_id": "b", "confirmed_at": "yesterday"}`, []string{`$.detail.confirmed_at must be a time by RFC 3339 like 2026-01-31T10:00:00Z, got "yesterday"`}},
		{"huge number", "payment_received", `{"payment_id": "p", "booking_id": "b", "amount": 1e999999999, "currency": "AED"}`, []string{"$.detail.amount must be a number of at most 38 digits, from 1E-130 to 9.9E+125, got 1e999999999"}},
		{"too deep", "booking_confirmed", `{"booking_id": "b", "x": ` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + "}", []string{
			"$.detail.x" + strings.Repeat("[0]", 24) + " must be nested at most 24 levels deep, got ",
		}},
		{"too large", "booking_confirmed", `{"booking_id": "b", "x": "` + strings.Repeat("é", rule.MaxDetail/2) + `"}`, []string{
			"$.detail must be at most 196608 bytes of JSON, got 196636 bytes",
		}},
		{"too large, of no known type", "booking_vanished", `{"x": "` + strings.Repeat("x", 900<<10) + `"}`, []string{
			`$.detail-type must be one of booking_created, booking_confirmed, payment_received, service_completed, customer_complaint, vendor_assigned, quality_score_updated, sla_violation, got "booking_vanished"`,
		}},
		{"long name", "booking_confirmed", `{"booking_id": "b", "` + strings.Repeat("x", 70<<10) + `": 1}`, []string{
			`$.detail must be an object whose members have names of at most 1024 bytes, got "` + strings.Repeat("x", 100) + `... (71682 bytes)"`,
		}},
		{"no JSON", "booking_confirmed", `{"booking_id`, []string{`$.detail must be a JSON object, got "{\"booking_id"`}},
		{"no object", "booking_created", `["booking"]`, []string{`$.detail must be a JSON object, got ["booking"]`}},
		{"unknown type", "booking_vanished", `{}`, []string{`$.detail-type must be one of booking_created, booking_confirmed, payment_received, service_completed, customer_complaint, vendor_assigned, quality_score_updated, sla_violation, got "booking_vanished"`}},
		{"outbound type from outside", "workflow_failed", `{}`, []string{`$.detail-type must be one of booking_created, booking_confirmed, payment_received, service_completed, customer_complaint, vendor_assigned, quality_score_updated, sla_violation, got "workflow_failed"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			e := b.deliver(t, c.kind, c.detail)
			faults := []string{}
			for _, f := range e.Faults {
				faults = append(faults, f.Path+" must be "+f.Expected+", got "+f.Got)
			}
			slices.Sort(faults)
			wantEqual(t, "faults", faults, c.faults)
			if e.Status != ops.EventInvalid || len(e.Decisions) != 0 || len(b.workflows.starts()) != 0 {
				t.Errorf("status %s, decisions %v", e.Status, outcomes(e))
			}
			again := b.deliverAs(t, ops.Envelope{ID: e.Envelopes[0].ID, Source: "booking", DetailType: c.kind, Detail: json.RawMessage(c.detail)})
			if again.Delivered != 2 || again.ID != e.ID {
				t.Errorf("again: delivered %d", again.Delivered)
			}
			listed, err := b.store.Events(t.Context(), ops.EventFilter{Status: ops.EventInvalid})
			if err != nil || len(listed.Items) != 1 {
				t.Errorf("listed %d, %v", len(listed.Items), err)
			}
		})
	}
}

func TestTheCorrectedEventIsNoDuplicate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "booking_created", `{"event_id": "e-1", "booking_id": "bk-1"}`)
	e := b.deliver(t, "booking_created", `{"event_id": "e-1", "booking_id": "bk-1", "customer_id": "cu-1"}`)
	if e.Status != ops.EventValid || e.Identity != "booking_created event_id=e-1" {
		t.Errorf("got %s %q", e.Status, e.Identity)
	}
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing"})
}

func TestOurOwnOutboundEventsArePassedOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	env := ops.Envelope{ID: "eb-1", Source: "opsflow", DetailType: "workflow_completed", Time: now, Detail: json.RawMessage(`{}`)}
	if err := b.HandleEvent(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Event(t.Context(), "eb-1"); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("it was stored: %v", err)
	}
}

func TestAWorkflowThatWasNotLaunchedIsLaunchedByARedelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.workflows.fail = errors.New("Step Functions is away")
	b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts at first", b.workflows.starts(), []string{})
	b.workflows.fail = nil
	b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts then", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
}

const notifyRule = `{"name": "Tell finance", "event": "booking_confirmed", "actions": [
	{"type": "notify", "template": "confirmed", "to": {"team": "Finance"}, "detail": {"booking": "$.detail.booking_id"}},
	{"type": "emit_event", "detail_type": "booking_ready", "detail": {"booking_id": "$.detail.booking_id"}}]}`

func TestMessagesGoOutAtOnceAndSurviveAFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, notifyRule)
	b.bus.fail = errors.New("EventBridge is away")
	b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	b.bus.fail = nil
	b.advance(t, time.Minute)
	b.sweep(t)
	if len(b.bus.sent) != 0 {
		t.Errorf("sent before its time: %+v", b.bus.sent)
	}
	b.advance(t, time.Minute)
	b.sweep(t)
	b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`)
	got := []string{}
	ids := map[string]bool{}
	for _, s := range b.bus.sent {
		got = append(got, string(s.Type)+" "+string(s.Detail))
		ids[s.ID] = true
	}
	slices.Sort(got)
	wantEqual(t, "sent", got, []string{
		`booking_ready {"booking_id":"bk-1"}`,
		`booking_ready {"booking_id":"bk-2"}`,
		`notification_requested {"template":"confirmed","to":{"team":"Finance"},"data":{"booking":"bk-1"},"subject":{"type":"booking","id":"bk-1"}}`,
		`notification_requested {"template":"confirmed","to":{"team":"Finance"},"data":{"booking":"bk-2"},"subject":{"type":"booking","id":"bk-2"}}`,
	})
	if len(ids) != 4 {
		t.Errorf("%d ids", len(ids))
	}
	b.advance(t, 3*time.Hour)
	if n := b.sweep(t); n != 0 || len(b.bus.sent) != 4 {
		t.Errorf("%d still due, %d sent", n, len(b.bus.sent))
	}
}

func TestWhatKeepsARuleFromActing(t *testing.T) {
	t.Parallel()
	const alerting = `{"name": "watch", "event": "booking_confirmed", %s "actions": [
		{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "$.detail.booking_id"}]}`
	for _, c := range []struct {
		name, extra string
		pause       bool
		want        []string
		alerts      int // kinds of alerts, the limit's own included
	}{
		{"nothing", "", false, []string{"watch matched", "watch matched"}, 2},
		{"shadow", `"mode": "shadow",`, false, []string{"watch shadow", "watch shadow"}, 0},
		{"off", `"mode": "off",`, false, []string{}, 0},
		{"kill switch", "", true, []string{"watch suppressed paused", "watch suppressed paused"}, 0},
		{"cap", `"max_executions_per_day": 1,`, false, []string{"watch matched", "watch suppressed cap"}, 2},
		{"cooldown of another subject", `"cooldown": "1h",`, false, []string{"watch matched", "watch matched"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.create(t, fmt.Sprintf(alerting, c.extra))
			if c.pause {
				if err := b.PauseAll(t.Context(), now.Add(time.Hour), "storm", ops.Actor{ID: "ann"}); err != nil {
					t.Fatal(err)
				}
			}
			got := outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`))
			got = append(got, outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`))...)
			wantEqual(t, "decisions", got, c.want)
			page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
			if err != nil || len(page.Items) != c.alerts {
				t.Errorf("%d alerts, %v", len(page.Items), err)
			}
		})
	}
}

func TestCooldownIsPerSubjectAndEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "quality_score_updated", "cooldown": "1h", "actions": [
		{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Quality"}]}`)
	const score = `{"vendor_id": "v-1", "score": 1, "max_score": 5}`
	got := outcomes(b.deliver(t, "quality_score_updated", score))
	got = append(got, outcomes(b.deliver(t, "quality_score_updated", score))...)
	b.advance(t, time.Hour+time.Second)
	got = append(got, outcomes(b.deliver(t, "quality_score_updated", score))...)
	wantEqual(t, "decisions", got, []string{"watch matched", "watch suppressed cooldown", "watch matched"})
}

func TestTheDayOfACapIsTheRulesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "booking_confirmed", "max_executions_per_day": 1, "time_zone": "Asia/Dubai", "actions": [
		{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "x"}]}`)
	b.advance(t, 7*time.Hour+59*time.Minute) // 23:59 in Dubai
	got := outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`))
	b.advance(t, time.Minute)
	got = append(got, outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`))...)
	wantEqual(t, "decisions", got, []string{"watch matched", "watch matched"})
}

func TestAnEndlessChainIsStopped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliverAs(t, ops.Envelope{
		ID: "ours", Source: ops.Source, DetailType: "booking_created", Time: now,
		Detail: json.RawMessage(`{"booking_id": "bk-1", "customer_id": "cu-1", "cause": {"depth": 9}}`),
	})
	if d := decision(t, e, "process-booking"); d.Reason != ops.ReasonDepth {
		t.Errorf("got %+v", d)
	}
	page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Type != ops.AlertSystemError {
		t.Errorf("got %+v, %v", page.Items, err)
	}
	outside := b.deliver(t, "booking_created", `{"booking_id": "bk-2", "customer_id": "cu-1", "cause": {"depth": 9}}`)
	if d := decision(t, outside, "process-booking"); d.Outcome != ops.Matched {
		t.Errorf("a sender outside stopped a chain: %+v", d)
	}
}

func TestARuleWhoseTemplateIsGoneHarmsNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := &ops.Rule{
		ID: "broken", Name: "broken", Type: ops.RuleTrigger, Event: ops.BookingCreated, Mode: ops.RuleActive, Priority: 9, Version: 1,
		MaxExecutionsPerDay: 5,
		Actions: []ops.Action{
			{Type: ops.RaiseAlert, Alert: ops.AlertQualityDrop, Severity: ops.SeverityLow, Title: "x"},
			{Type: ops.StartWorkflow, Template: "gone"},
		},
	}
	if err := b.store.Save(t.Context(), r, &ops.RuleSet{}); err != nil {
		t.Fatal(err)
	}
	e := b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
	if d := decision(t, e, "broken"); d.Outcome != ops.Errored || !strings.Contains(d.Reason, "gone") {
		t.Errorf("got %+v", d)
	}
	if page, err := b.store.Alerts(t.Context(), ops.AlertFilter{}); err != nil || len(page.Items) != 0 {
		t.Errorf("%d alerts, %v", len(page.Items), err)
	}
}

func TestSubjectsKeepTheLatestEventsValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const payment = `{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED", "status": "%s"}`
	b.deliver(t, "payment_received", fmt.Sprintf(payment, "confirmed"))
	late := b.deliverAs(t, ops.Envelope{ID: "late", Source: "payments", DetailType: "payment_received", Time: now.Add(-time.Hour), Detail: json.RawMessage(fmt.Sprintf(payment, "pending"))})
	s, err := b.store.Subject(t.Context(), late.Subject)
	if err != nil || string(s.Fields["status"]) != `"confirmed"` {
		t.Errorf("got %s, %v", s.Fields["status"], err)
	}
}

// restless is a clock that doesn't wait: retries follow one another at once.
type restless struct{ *clock.Clock }

func (restless) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestACapHoldsAgainstManySenders(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(now)
	b := setupWith(t, c, restless{c})
	b.create(t, `{"name": "capped", "event": "booking_confirmed", "max_executions_per_day": 20, "actions": [
		{"type": "start_workflow", "template": "quality_assurance"}]}`)
	events := make(chan int)
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for n := range events {
				env := ops.Envelope{
					ID: fmt.Sprintf("eb-%d", n), Source: "booking", DetailType: "booking_confirmed", Time: now,
					Detail: json.RawMessage(fmt.Sprintf(`{"booking_id": "bk-%d"}`, n/2)), // each booking twice: 200 arrivals of 100
				}
				if err := b.HandleEvent(context.Background(), env); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range 200 {
		events <- n
	}
	close(events)
	senders.Wait()
	if n := len(b.workflows.starts()); n != 20 {
		t.Errorf("%d workflows were started", n)
	}
	count, err := b.store.Count(t.Context(), "rule/capped/2026-11-24")
	if err != nil || count != 20 {
		t.Errorf("counted %d, %v", count, err)
	}
	arrivals, matched := 0, 0
	for n := range 100 {
		e, err := b.store.Event(t.Context(), fmt.Sprintf("eb-%d", 2*n))
		if err != nil {
			t.Fatal(err)
		}
		arrivals += e.Delivered
		if e.Decisions[0].Outcome == ops.Matched {
			matched++
		}
	}
	if arrivals != 200 || matched != 20 {
		t.Errorf("%d arrivals, %d matched", arrivals, matched)
	}
	page, err := b.store.Alerts(t.Context(), ops.AlertFilter{Type: ops.AlertResourceOverload})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("%d alerts, %v", len(page.Items), err)
	}
}

func TestAnInvalidEventWithManyFaultsUnderLongNamesIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	detail := strings.Repeat(`{"`+strings.Repeat("n", 1000)+`":`, 20) + "[" + strings.Repeat("1e400,", 20_000) + "0]" + strings.Repeat("}", 20)
	e := b.deliver(t, "booking_created", detail)
	if e.Status != ops.EventInvalid || len(e.Faults) != 100 || len(e.Faults[0].Path) > 600 {
		t.Errorf("status %s, %d faults, the first with a path of %d bytes", e.Status, len(e.Faults), len(e.Faults[0].Path))
	}
}

func TestABookingOfWhichMoreIsSaidThanARecordHoldsGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 4 {
		detail := fmt.Sprintf(`{"event_id": "e-%d", "booking_id": "bk-1", "vendor_id": "v-%[1]d", "x%[1]d": %q}`, i, strings.Repeat("x", 150<<10))
		if e := b.deliver(t, "booking_confirmed", detail); e.Status != ops.EventValid {
			t.Fatalf("event %d: %s", i, e.Status)
		}
	}
	s, err := b.store.Subject(t.Context(), ops.SubjectRef{Type: ops.SubjectBooking, ID: "bk-1"})
	if err != nil || string(s.Fields["vendor_id"]) != `"v-3"` {
		t.Errorf("vendor_id is %s, %v", s.Fields["vendor_id"], err)
	}
}
