package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
	"opsflow/shared/table/embedded"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bookings = "opsflow"
	fnARN    = "arn:aws:lambda:us-east-1:000000000000:function:match-rules"
	smARN    = "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-booking-v1"
	roleARN  = "arn:aws:iam::000000000000:role/rule"
	dlqARN   = "arn:aws:sqs:us-east-1:000000000000:lost"
)

var start = time.Date(2026, 11, 24, 9, 30, 15, 0, time.UTC)

// bundle is an engine on a virtual clock whose targets note what they get.
type bundle struct {
	*events.Engine
	t     *testing.T
	db    *embedded.DB
	clock *clock.Clock
	opts  events.Options

	mu       sync.Mutex
	received []call
	answer   func(n int) error // of the nth call, from 1
}

type call struct {
	target  string
	payload string
	at      time.Time
}

func setup(t *testing.T, change ...func(*events.Options)) *bundle {
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
	return setupOn(t, db, clock.Virtual(start), change...)
}

func setupOn(t *testing.T, db *embedded.DB, c *clock.Clock, change ...func(*events.Options)) *bundle {
	t.Helper()
	b := &bundle{t: t, db: db, clock: c}
	b.opts = events.Options{
		DB: db, Clock: c, Account: "000000000000", Region: "us-east-1",
		Invoke:  func(_ context.Context, name string, payload []byte) error { return b.receive(name, payload) },
		Deliver: func(_ context.Context, a events.Attempt) error { return b.receive(a.Target, a.Payload) },
	}
	for _, f := range change {
		f(&b.opts)
	}
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *bundle) open() {
	b.t.Helper()
	e, err := events.New(b.opts)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Engine = e
}

func (b *bundle) close() {
	if err := b.Close(context.Background()); err != nil {
		b.t.Error(err)
	}
}

func (b *bundle) receive(target string, payload []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.received = append(b.received, call{target, string(payload), b.clock.Now()})
	if b.answer != nil {
		return b.answer(len(b.received))
	}
	return nil
}

func (b *bundle) calls() []call {
	b.t.Helper()
	if err := b.clock.WaitIdle(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]call(nil), b.received...)
}

func (b *bundle) rule(r events.Rule, targets ...events.Target) {
	b.t.Helper()
	ctx := b.t.Context()
	if r.Bus != "" {
		if _, err := b.PutBus(ctx, r.Bus); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, err := b.PutRule(ctx, r); err != nil {
		b.t.Fatal(err)
	}
	if len(targets) > 0 {
		if err := b.PutTargets(ctx, r.Bus, r.Name, targets...); err != nil {
			b.t.Fatal(err)
		}
	}
}

// bookingRule sends bookings to the function.
func (b *bundle) bookingRule(change ...func(*events.Target)) {
	b.t.Helper()
	target := events.Target{ID: "fn", ARN: fnARN, DeadLetterConfig: &events.DeadLetterConfig{ARN: dlqARN}}
	for _, f := range change {
		f(&target)
	}
	b.rule(events.Rule{Name: "bookings", Bus: bookings, Pattern: `{"detail-type": ["booking_created"]}`}, target)
}

func (b *bundle) put(detail string) string {
	b.t.Helper()
	res, err := b.Put(b.t.Context(), []events.Entry{{
		Source: "shop", DetailType: "booking_created", Detail: detail, EventBusName: bookings,
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	if res[0].ErrorCode != "" {
		b.t.Fatalf("refused: %+v", res[0])
	}
	return res[0].EventID
}

func (b *bundle) advance(d time.Duration) {
	b.t.Helper()
	if err := b.clock.Advance(b.t.Context(), d); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) deadLetters() []events.DeadLetter {
	b.t.Helper()
	all, err := b.DeadLetters(b.t.Context(), "", 100)
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func code(err error) string {
	if e, ok := errors.AsType[*events.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func fields(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}
