package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

var (
	start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	ann   = ops.Actor{ID: "ann", Teams: []ops.Team{ops.Operations}}
	late  = alert.Spec{
		Type: ops.AlertSLAViolation, Severity: ops.SeverityMedium, Title: "Payment is late",
		Subject: ops.SubjectRef{Type: "payment", ID: "pay-1"}, Key: "payment-sla",
	}
)

type bundle struct {
	*alert.Service
	store *store.Store
	clock *clock.Clock
	bus   *bus
}

// bus remembers what was put on it, unless it is down.
type bus struct {
	mu   sync.Mutex
	down bool
	sent []ops.OutEvent
}

func (b *bus) Put(_ context.Context, events ...ops.OutEvent) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return errors.New("the bus is down")
	}
	b.sent = append(b.sent, events...)
	return nil
}

// ids are the ids of the events of a type, each once, as receivers take them.
func (b *bus) ids(t ops.EventType) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for _, e := range b.sent {
		if e.Type == t && !slices.Contains(ids, e.ID) {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// told are the teams that messages were asked for, each message once.
func (b *bus) told(t *testing.T) []ops.Team {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[string]bool{}
	var teams []ops.Team
	for _, e := range b.sent {
		if e.Type != ops.NotificationRequested || seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		var detail struct {
			To ops.Recipient `json:"to"`
		}
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			t.Error(err)
		}
		teams = append(teams, detail.To.Team)
	}
	return teams
}

func setup(t *testing.T) bundle {
	t.Helper()
	c := clock.Virtual(start)
	s := storetest.InMemory(t, c.Now)
	out := &bus{}
	return bundle{alert.New(alert.Config{Store: s, Bus: out, Clock: c, Logger: slog.New(slog.DiscardHandler)}), s, c, out}
}

func (b bundle) wait(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.clock.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) raise(t *testing.T, spec alert.Spec) *ops.Alert {
	t.Helper()
	a, err := b.Raise(t.Context(), spec, ann)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheSameCauseRaisesTheCountOfOneAlert(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.raise(t, late)
	if first.Status != ops.AlertOpen || first.Count != 1 || !first.CreatedAt.Equal(start) {
		t.Errorf("the first one is %+v", first)
	}
	b.wait(t, time.Hour)
	worse := late
	worse.Severity = ops.SeverityHigh
	b.raise(t, worse)
	again := b.raise(t, late)
	if again.ID != first.ID || again.Count != 3 || again.Severity != ops.SeverityHigh ||
		!again.CreatedAt.Equal(start) || !again.LastSeenAt.Equal(start.Add(time.Hour)) {
		t.Errorf("the third time it is %+v, want the same alert with count 3, high", again)
	}
	for _, other := range []func(*alert.Spec){
		func(s *alert.Spec) { s.Key = "other" },
		func(s *alert.Spec) { s.Subject.ID = "pay-2" },
		func(s *alert.Spec) { s.Type = ops.AlertSystemError },
	} {
		spec := late
		other(&spec)
		if a := b.raise(t, spec); a.ID == first.ID || a.Count != 1 {
			t.Errorf("another cause %+v gave alert %+v", spec, a)
		}
	}
}

func TestACauseThatShowsAgainReopensItsAlert(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	a := b.raise(t, late)
	if _, err := b.Acknowledge(ctx, a.ID, ann); err != nil {
		t.Fatal(err)
	}
	if a = b.raise(t, late); a.Status != ops.AlertAcknowledged || a.AcknowledgedBy != "ann" {
		t.Errorf("while it is dealt with it became %+v", a)
	}
	if _, err := b.Resolve(ctx, a.ID, ann, alert.Resolution{Resolution: "paid"}); err != nil {
		t.Fatal(err)
	}
	a = b.raise(t, late)
	if a.Status != ops.AlertOpen || a.Count != 3 || a.AcknowledgedBy != "" || a.ResolvedBy != "" || a.Resolution != "" {
		t.Errorf("after it was resolved it became %+v, want open, count 3, resolved by nobody", a)
	}
}

func TestAcknowledgeAndResolveRecordWhoAndWhen(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	a := b.raise(t, late)
	b.wait(t, time.Minute)
	if _, err := b.Acknowledge(ctx, a.ID, ann); err != nil {
		t.Fatal(err)
	}
	b.wait(t, time.Minute)
	if _, err := b.Resolve(ctx, a.ID, ops.Actor{ID: "bob"}, alert.Resolution{Resolution: "paid", Reason: "by hand"}); err != nil {
		t.Fatal(err)
	}
	a, err := b.store.Alert(ctx, a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a.Status != ops.AlertResolved || a.AcknowledgedBy != "ann" || !a.AcknowledgedAt.Equal(start.Add(time.Minute)) ||
		a.ResolvedBy != "bob" || !a.ResolvedAt.Equal(start.Add(2*time.Minute)) || a.Resolution != "paid" || a.Reason != "by hand" {
		t.Errorf("stored is %+v", a)
	}
}

func TestOnlyLegalMovesAreMade(t *testing.T) {
	t.Parallel()
	moves := map[string]func(context.Context, bundle, string) (*ops.Alert, error){
		"acknowledge": func(ctx context.Context, b bundle, id string) (*ops.Alert, error) { return b.Acknowledge(ctx, id, ann) },
		"start":       func(ctx context.Context, b bundle, id string) (*ops.Alert, error) { return b.Start(ctx, id, ann) },
		"resolve": func(ctx context.Context, b bundle, id string) (*ops.Alert, error) {
			return b.Resolve(ctx, id, ann, alert.Resolution{Resolution: "r"})
		},
		"close": func(ctx context.Context, b bundle, id string) (*ops.Alert, error) { return b.Close(ctx, id, ann) },
		"reopen": func(ctx context.Context, b bundle, id string) (*ops.Alert, error) {
			return b.Reopen(ctx, id, ann, "again")
		},
	}
	legal := map[ops.AlertStatus]map[string]ops.AlertStatus{
		ops.AlertOpen: {
			"acknowledge": ops.AlertAcknowledged, "start": ops.AlertInProgress, "resolve": ops.AlertResolved,
		},
		ops.AlertAcknowledged: {"start": ops.AlertInProgress, "resolve": ops.AlertResolved},
		ops.AlertInProgress:   {"resolve": ops.AlertResolved},
		ops.AlertResolved:     {"close": ops.AlertClosed, "reopen": ops.AlertOpen},
		ops.AlertClosed:       {"reopen": ops.AlertOpen},
	}
	for from, ways := range legal {
		for name, move := range moves {
			t.Run(string(from)+" "+name, func(t *testing.T) {
				t.Parallel()
				b, ctx := setup(t), t.Context()
				a := &ops.Alert{ID: "alr-1", Status: from, Severity: ops.SeverityLow}
				if err := b.store.Save(ctx, a); err != nil {
					t.Fatal(err)
				}
				got, err := move(ctx, b, "alr-1")
				to, ok := ways[name]
				if !ok {
					if ops.ErrorCode(err) != ops.CodeIllegalMove || !strings.Contains(err.Error(), "alr-1 is "+string(from)) {
						t.Errorf("gave %v, want illegal_move naming the status", err)
					}
					to = from
				} else if err != nil || got.Status != to {
					t.Errorf("gave %+v, %v; want %s", got, err, to)
				}
				if stored, err := b.store.Alert(ctx, "alr-1"); err != nil || stored.Status != to {
					t.Errorf("stored is %+v, %v; want %s", stored, err, to)
				}
			})
		}
	}
}

// racing is a store where somebody else acknowledges the alert before the first Save.
type racing struct {
	*store.Store
	before func()
}

func (r *racing) Save(ctx context.Context, records ...ops.Record) error {
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
	return r.Store.Save(ctx, records...)
}

func TestOfTwoPeopleWhoAcknowledgeOneIsToldThatItIsDone(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	a := b.raise(t, late)
	slow := alert.New(alert.Config{Bus: b.bus, Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Store: &racing{Store: b.store, before: func() {
		if _, err := b.Acknowledge(ctx, a.ID, ann); err != nil {
			t.Error(err)
		}
	}}})
	if _, err := slow.Acknowledge(ctx, a.ID, ops.Actor{ID: "bob"}); ops.ErrorCode(err) != ops.CodeIllegalMove {
		t.Errorf("the second one got %v, want illegal_move", err)
	}
	if a, err := b.store.Alert(ctx, a.ID); err != nil || a.AcknowledgedBy != "ann" {
		t.Errorf("stored is %+v, %v", a, err)
	}
}

func TestACauseIsCheckedBeforeItIsRaised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Raise(t.Context(), alert.Spec{Type: "fire", Severity: "huge", Subject: ops.SubjectRef{Type: "booking"}}, ann)
	e, ok := errors.AsType[*ops.Error](err)
	if !ok || e.Code != ops.CodeInvalid {
		t.Fatalf("got %v, want invalid", err)
	}
	paths := ""
	for _, f := range e.Faults {
		paths += f.Path + " "
	}
	if paths != "$.type $.severity $.title $.subject.id " {
		t.Errorf("the faults are at %s", paths)
	}
	if _, err := b.Resolve(t.Context(), "alr-1", ann, alert.Resolution{}); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("resolving without saying how gave %v, want invalid", err)
	}
	if _, err := b.Acknowledge(t.Context(), "alr-1", ann); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("acknowledging nothing gave %v, want not_found", err)
	}
}
