package rule_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
)

// distant is a store whose answers take their time, as over a network.
type distant struct {
	*store.Store
	asked *atomic.Int64 // how often for the rules
}

const (
	readTime  = 4 * time.Millisecond
	writeTime = 12 * time.Millisecond
)

func (d distant) Subject(ctx context.Context, ref ops.SubjectRef) (*ops.Subject, error) {
	time.Sleep(readTime)
	return d.Store.Subject(ctx, ref)
}

func (d distant) RuleSet(ctx context.Context) (*ops.RuleSet, error) {
	d.asked.Add(1)
	time.Sleep(readTime)
	return d.Store.RuleSet(ctx)
}

func (d distant) Save(ctx context.Context, records ...ops.Record) error {
	time.Sleep(writeTime / 2)
	defer time.Sleep(writeTime / 2)
	return d.Store.Save(ctx, records...)
}

// distant gives an engine over the bundle's store, far away, with workflows of its own, and counts how often it asks for rules.
func (b *bundle) distant() (*rule.Engine, *workflows, *atomic.Int64) {
	flows := &workflows{clock: ops.SystemClock{}, journal: b.journal, launched: map[string]int{}}
	asked := &atomic.Int64{}
	return rule.New(rule.Config{
		Store: distant{b.store, asked}, Workflows: flows, Bus: b.bus, Clock: ops.SystemClock{}, Random: randomness(),
		Logger: slog.New(slog.DiscardHandler),
	}), flows, asked
}

// Every payment of a booking is written with the booking's record, and each of them has one invocation of 30 seconds. In the
// bubble time passes only while everybody waits: so this is what the storm takes where answers take so long.
func TestAStormOfEventsAboutOneSubjectIsTakenInByOneInvocationEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events = 300
		b := setupWith(t, clock.Real(), ops.SystemClock{})
		engine, flows, _ := b.distant()
		began := time.Now()
		var storm sync.WaitGroup
		for n := range events {
			storm.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				detail := fmt.Sprintf(`{"payment_id": "pay-%d", "booking_id": "bk-1", "amount": 10, "currency": "AED"}`, n)
				err := engine.HandleEvent(ctx, ops.Envelope{
					ID: fmt.Sprintf("eb-%d", n), Source: "payments", DetailType: string(ops.PaymentReceived), Time: began, Detail: json.RawMessage(detail),
				})
				if err != nil {
					t.Errorf("after %s: %v", time.Since(began), err)
				}
			})
		}
		storm.Wait()
		t.Logf("it took %s", time.Since(began))
		s, err := b.store.Subject(t.Context(), ops.SubjectRef{Type: ops.SubjectBooking, ID: "bk-1"})
		if err != nil || s.V != events {
			t.Errorf("the booking was written %d times, %v", s.V, err)
		}
		if started := flows.starts(); len(started) != events {
			t.Errorf("%d workflows were started", len(started))
		}
	})
}

func TestOneAsksForTheRulesOfAllWhoComeMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setupWith(t, clock.Real(), ops.SystemClock{})
		engine, _, asked := b.distant()
		created := func(ctx context.Context, n int) error {
			return engine.HandleEvent(ctx, ops.Envelope{
				ID: fmt.Sprintf("eb-%d", n), Source: "booking", DetailType: string(ops.BookingCreated), Time: time.Now(),
				Detail: json.RawMessage(fmt.Sprintf(`{"booking_id": "bk-%d", "customer_id": "cu-1"}`, n)),
			})
		}
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				if err := created(t.Context(), n); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // one asks, the others wait for it
		ctx, cancel := context.WithTimeout(t.Context(), readTime/2)
		defer cancel()
		if err := created(ctx, 20); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who has no time to wait is answered %v", err)
		}
		all.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("the table was asked %d times", n)
		}
	})
}
