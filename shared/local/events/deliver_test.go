package events_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
	"opsflow/shared/table/embedded"
)

var errBoom = errors.New("boom")

func TestFailedDeliveryIsRetriedAfterOneAndTwoMinutesAndThenDead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer = func(int) error { return errBoom }
	b.bookingRule()
	id := b.put(`{"n":1}`)
	b.advance(24 * time.Hour)
	got := b.calls()
	if len(got) != 3 {
		t.Fatalf("%d attempts, want 3", len(got))
	}
	for i, want := range []time.Duration{0, time.Minute, 3 * time.Minute} {
		if d := got[i].at.Sub(start); d != want {
			t.Errorf("attempt %d after %s, want %s", i+1, d, want)
		}
		if got[i].payload != got[0].payload {
			t.Errorf("attempt %d has another payload", i+1)
		}
	}
	dead := b.deadLetters()
	if len(dead) != 1 {
		t.Fatalf("dead letters: %v", dead)
	}
	d := dead[0]
	if d.EventID != id || d.Queue != dlqARN || d.Reason != "boom" || d.Cause != "RETRY_ATTEMPTS_EXHAUSTED" || d.Attempts != 3 ||
		d.Rule != "bookings" || d.TargetARN != fnARN || string(d.Payload) != got[0].payload || !d.Died.Equal(start.Add(3*time.Minute)) {
		t.Errorf("got %+v", d)
	}
}

func TestRetryThatSucceedsEndsTheDelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer = func(n int) error {
		if n == 1 {
			return errBoom
		}
		return nil
	}
	b.bookingRule()
	b.put(`{}`)
	b.advance(24 * time.Hour)
	if got := b.calls(); len(got) != 2 {
		t.Errorf("%d attempts, want 2", len(got))
	}
	if dead := b.deadLetters(); len(dead) != 0 {
		t.Errorf("dead: %v", dead)
	}
}

func TestRetryPolicyBoundsAttempts(t *testing.T) {
	t.Parallel()
	number := func(n int) *int { return &n }
	for _, c := range []struct {
		name     string
		target   string
		policy   *events.RetryPolicy
		err      error
		attempts int
		cause    string
	}{
		{"no retries", fnARN, &events.RetryPolicy{MaximumRetryAttempts: number(0)}, errBoom, 1, "RETRY_ATTEMPTS_EXHAUSTED"},
		{"four", fnARN, &events.RetryPolicy{MaximumRetryAttempts: number(4)}, errBoom, 5, "RETRY_ATTEMPTS_EXHAUSTED"},
		{"age", fnARN, &events.RetryPolicy{MaximumEventAgeInSeconds: number(120)}, errBoom, 2, "EVENT_AGE_EXCEEDED"},
		{"state machine", smARN, &events.RetryPolicy{MaximumRetryAttempts: number(3)}, errBoom, 4, "RETRY_ATTEMPTS_EXHAUSTED"},
		{"no such target", fnARN, nil, fmt.Errorf("invoke: %w", events.NoResource(errBoom)), 1, "NO_RESOURCE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.answer = func(int) error { return c.err }
			b.bookingRule(func(target *events.Target) {
				target.ARN, target.RetryPolicy, target.RoleARN = c.target, c.policy, roleARN
			})
			b.put(`{}`)
			b.advance(24 * time.Hour)
			if got := b.calls(); len(got) != c.attempts {
				t.Errorf("%d attempts, want %d", len(got), c.attempts)
			}
			if dead := b.deadLetters(); len(dead) != 1 || dead[0].Cause != c.cause {
				t.Errorf("got %+v, want cause %s", dead, c.cause)
			}
		})
	}
}

func TestRedriveSendsADeadLetterAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer = func(n int) error {
		if n <= 3 {
			return errBoom
		}
		return nil
	}
	b.bookingRule()
	b.put(`{"n":7}`)
	b.advance(time.Hour)
	id := b.deadLetters()[0].ID
	if err := b.Redrive(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	got := b.calls()
	if len(got) != 4 || got[3].payload != got[0].payload {
		t.Errorf("got %v", got)
	}
	if dead := b.deadLetters(); len(dead) != 0 {
		t.Errorf("still dead: %v", dead)
	}
	if err := b.Redrive(t.Context(), id); code(err) != "ResourceNotFoundException" {
		t.Errorf("second redrive: %v", err)
	}
}

func TestAcceptedEventsSurviveTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, err := embedded.Open(dir, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := clock.Virtual(start)
	first := setupOn(t, db, c, func(o *events.Options) {
		o.Invoke = func(ctx context.Context, _ string, _ []byte) error { // a function that never ends
			<-ctx.Done()
			return ctx.Err()
		}
	})
	first.bookingRule()
	id := first.put(`{"n":1}`)
	first.close()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	if db, err = embedded.Open(dir, embedded.Options{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's end
	second := setupOn(t, db, clock.Virtual(start.Add(time.Hour)))
	defer second.close()
	fresh := second.put(`{"n":2}`) // before Resume: it must not be sent twice by it
	second.calls()
	if err := second.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.advance(24 * time.Hour)
	seen := map[string]int{}
	for _, call := range second.calls() {
		seen[fields(t, call.payload)["id"].(string)]++ //nolint:forcetypeassert // a test
	}
	if len(seen) != 2 || seen[id] != 1 || seen[fresh] != 1 {
		t.Errorf("delivered %v, want %s and %s once each", seen, id, fresh)
	}
}

func TestRetriesAndDeadLettersSurviveTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer = func(int) error { return errBoom }
	b.bookingRule()
	b.put(`{}`)
	b.calls()
	b.close()
	b.open()
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.calls(); len(got) != 1 {
		t.Fatalf("%d attempts at once after the restart, want the next at its time", len(got))
	}
	b.advance(time.Hour)
	if got := b.calls(); len(got) != 3 || !got[1].at.Equal(start.Add(time.Minute)) {
		t.Errorf("attempts %v", got)
	}
	b.close()
	b.open()
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.calls(); len(got) != 3 {
		t.Errorf("a dead letter was sent again")
	}
	if dead := b.deadLetters(); len(dead) != 1 || dead[0].Attempts != 3 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestFloodOfOneTargetDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	quick := make(chan struct{}, 1)
	var mu sync.Mutex
	running, most := 0, 0
	b := setup(t, func(o *events.Options) {
		o.Concurrency = 4
		o.Invoke = func(_ context.Context, name string, _ []byte) error {
			if name == "quick" {
				quick <- struct{}{}
				return nil
			}
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-release
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		}
	})
	b.bookingRule()
	b.rule(events.Rule{Name: "quick", Pattern: `{"source": ["shop"]}`},
		events.Target{ID: "q", ARN: "arn:aws:lambda:us-east-1:000000000000:function:quick:live"})
	for range 50 {
		b.put(`{}`)
	}
	if _, err := b.Put(t.Context(), []events.Entry{{Source: "shop", DetailType: "x", Detail: "{}"}}); err != nil {
		t.Fatal(err)
	}
	<-quick
	close(release)
	b.calls()
	if most > 4 {
		t.Errorf("%d invocations of one function at once, want at most 4", most)
	}
}

func TestLambdaTellsADestinationOfAFailure(t *testing.T) {
	t.Parallel()
	const topic = "arn:aws:sns:us-east-1:000000000000:failures"
	for _, to := range []string{topic, "arn:aws:events:us-east-1:000000000000:event-bus/default"} {
		b := setup(t, func(o *events.Options) {
			o.Async = func(string) events.Async { return events.Async{OnFailure: to} }
		})
		b.answer = func(n int) error {
			if n == 1 {
				return &events.FunctionFailed{Type: "Oops", Message: "no", Payload: []byte(`{"errorType":"Oops"}`)}
			}
			return nil
		}
		b.rule(events.Rule{Name: "failures", Pattern: `{"source": ["lambda"]}`}, events.Target{ID: "t", ARN: topic, InputPath: "$.detail"})
		b.bookingRule()
		b.put(`{"n":1}`)
		got := b.calls()
		if len(got) != 2 || got[1].target != topic {
			t.Fatalf("%s: got %+v", to, got)
		}
		said := fields(t, got[1].payload)
		if context, _ := said["requestContext"].(map[string]any); context["condition"] != "RetriesExhausted" {
			t.Errorf("%s: told %v", to, said)
		}
		if dead := b.deadLetters(); len(dead) != 0 {
			t.Errorf("%s: dead letters %+v", to, dead)
		}
	}
}
