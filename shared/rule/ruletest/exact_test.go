// Package ruletest holds what rules promise under load against both table drivers.
package ruletest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/table/dynamo/dynamolocal"
)

// endpoint is the one DynamoDB Local of this test binary.
var endpoint string

func TestMain(m *testing.M) {
	url, stop, err := dynamolocal.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	endpoint = url
	code := m.Run()
	stop()
	os.Exit(code)
}

func inMemory(t *testing.T, now func() time.Time) table.Table { return storetest.Table(t, now) }

func onDynamoDBLocal(t *testing.T, now func() time.Time) table.Table {
	t.Helper()
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(endpoint), Region: "us-east-1", HTTPClient: http.DefaultClient,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	name := ops.HashID("rules-", t.Name())
	if err := dynamo.EnsureTable(t.Context(), client, name, store.Indexes()); err != nil {
		t.Fatal(err)
	}
	return dynamo.New(client, name, store.Indexes(), now) // gone with the process
}

// standing is a clock that stands still, but lets those who retry wait as they would.
type standing struct{ *clock.Clock }

func (standing) Sleep(ctx context.Context, d time.Duration) error {
	return ops.SystemClock{}.Sleep(ctx, d)
}

// launches are the executions that were started, by their instances, whose events they name. As with Step Functions, to
// start one again changes nothing.
type launches struct {
	mu sync.Mutex
	of map[string]string
}

func (*launches) TemplateExists(context.Context, string) (bool, error) { return true, nil }

func (*launches) Plan(_ context.Context, r ops.StartRequest) (*ops.Instance, error) {
	return &ops.Instance{
		ID: r.ID, Template: r.Template, TemplateVersion: 1, Status: ops.InstancePending, Attempt: 1, Subject: r.Subject,
		TriggeredBy: r.TriggeredBy,
	}, nil
}

func (l *launches) Launch(_ context.Context, i *ops.Instance) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[i.ID] = i.TriggeredBy.EventID
	return nil
}

func (*launches) Watch(context.Context, *ops.Subject, ops.Cause) ([]*ops.Instance, error) {
	return nil, nil
}

func (*launches) Arrived(context.Context, *ops.Event) error { return nil }

type noBus struct{}

func (noBus) Put(context.Context, ...ops.OutEvent) error { return nil }

const (
	distinct   = 700
	deliveries = 1000
	senders    = 64
	limit      = 100
)

// A rule with a limit of 100 a day gets 1,000 deliveries of 700 events of one day, 300 of them for the second time, from 64
// senders at once. The day is the rule's own: of 23 hours when its clocks go forward, of 25 when they go back.
func TestALimitIsExactOnEveryDay(t *testing.T) {
	t.Parallel()
	for _, driver := range []struct {
		name  string
		table func(*testing.T, func() time.Time) table.Table
	}{{"embedded", inMemory}, {"dynamo", onDynamoDBLocal}} {
		for _, day := range []struct {
			name, date string
			hours      int
		}{{"24 hours", "2026-11-24", 24}, {"23 hours", "2026-03-29", 23}, {"25 hours", "2026-10-25", 25}} {
			t.Run(driver.name+", "+day.name, func(t *testing.T) {
				t.Parallel()
				berlin, err := time.LoadLocation("Europe/Berlin")
				if err != nil {
					t.Fatal(err)
				}
				midnight, err := time.ParseInLocation(time.DateOnly, day.date, berlin)
				if err != nil {
					t.Fatal(err)
				}
				next := midnight.AddDate(0, 0, 1)
				if got := next.Sub(midnight); got != time.Duration(day.hours)*time.Hour {
					t.Fatalf("%s has %s", day.date, got)
				}
				c := clock.Virtual(next.UTC().Add(time.Hour)) // the day is over when its events arrive
				checkLimit(t, store.New(driver.table(t, c.Now), seeded(1), c.Now), standing{c}, midnight, next)
			})
		}
	}
}

func checkLimit(t *testing.T, s *store.Store, c ops.Clock, midnight, next time.Time) {
	t.Helper()
	started := &launches{of: map[string]string{}}
	engine := rule.New(rule.Config{
		Store: s, Workflows: started, Templates: started, Bus: noBus{}, Clock: c, Random: seeded(2), Logger: slog.New(slog.DiscardHandler),
	})
	const capped = `{"name": "capped", "event": "booking_confirmed", "time_zone": "Europe/Berlin", "max_executions_per_day": %d,
		"actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`
	if _, err := engine.Create(t.Context(), fmt.Appendf(nil, capped, limit), ops.Actor{ID: "ann"}); err != nil {
		t.Fatal(err)
	}
	// Event n lies at its part of the day: the first at its first instant, the last at its last.
	step := next.Sub(midnight) / distinct
	send := func(delivery, n int, at time.Time) {
		err := engine.HandleEvent(t.Context(), ops.Envelope{
			ID: fmt.Sprintf("eb-%d", delivery), Source: "booking", DetailType: "booking_confirmed", Time: at.UTC(),
			Detail: fmt.Appendf(nil, `{"booking_id": "bk-%d"}`, n),
		})
		if err != nil {
			t.Error(err)
		}
	}
	order := rand.New(rand.NewPCG(3, 3)).Perm(deliveries) //nolint:gosec // a test's order
	queue := make(chan int)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for d := range queue {
				n := d % distinct
				at := midnight.Add(time.Duration(n) * step)
				if n == distinct-1 {
					at = next.Add(-time.Nanosecond)
				}
				send(d, n, at)
			}
		})
	}
	for _, d := range order {
		queue <- d
	}
	close(queue)
	all.Wait()

	events := map[string]string{}
	for id, event := range started.of {
		if other := events[event]; other != "" {
			t.Errorf("event %s started both %s and %s", event, id, other)
		}
		events[event] = id
	}
	outcomes := map[string]int{}
	for n := range distinct {
		e := eventOf(t, s, n)
		for i, d := range e.Decisions {
			if i == 0 || d.Reason != "duplicate" {
				outcomes[string(d.Outcome)+" "+d.Reason]++
			}
		}
		wanted := 1
		if n < deliveries-distinct {
			wanted = 2
		}
		if e.Delivered != wanted {
			t.Errorf("event %d was delivered %d times, want %d", n, e.Delivered, wanted)
		}
	}
	if len(started.of) != limit || outcomes["matched "] != limit || outcomes["suppressed cap"] != distinct-limit || len(outcomes) != 2 {
		t.Errorf("%d were started; decisions: %v", len(started.of), outcomes)
	}
	count, err := s.Count(t.Context(), "rule/capped/"+midnight.Format(time.DateOnly))
	if err != nil || count != limit {
		t.Errorf("counted %d, %v", count, err)
	}
	page, err := s.Alerts(t.Context(), ops.AlertFilter{Type: ops.AlertResourceOverload})
	if err != nil || len(page.Items) != 1 || page.Items[0].Count != 1 {
		t.Errorf("%d alerts, %v", len(page.Items), err)
	}
	// An instant before the day and its end belong to the days beside it.
	send(deliveries, distinct, midnight.Add(-time.Nanosecond))
	send(deliveries+1, distinct+1, next)
	if len(started.of) != limit+2 {
		t.Errorf("on the days beside it %d were started, want 2", len(started.of)-limit)
	}
	activity, err := engine.Activity(t.Context())
	if err != nil || activity.Of("capped").Executions != limit+2 {
		t.Errorf("activity %+v, %v", activity, err)
	}
}

// eventOf finds an event by any of the deliveries that it came with.
func eventOf(t *testing.T, s *store.Store, n int) *ops.Event {
	t.Helper()
	identity, _ := ops.IdentifyEvent(ops.Envelope{
		DetailType: "booking_confirmed", Detail: json.RawMessage(fmt.Sprintf(`{"booking_id": "bk-%d"}`, n)),
	})
	e, err := s.Event(t.Context(), ops.EventID(identity))
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(e.Envelopes, func(d ops.Delivered) bool { return d.ID == "" }) {
		t.Errorf("a delivery of %s has no id", e.ID)
	}
	return e
}

func seeded(n byte) io.Reader { return rand.NewChaCha8([32]byte{n}) }
