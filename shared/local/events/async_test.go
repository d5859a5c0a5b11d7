package events_test

import (
	"fmt"
	"testing"
	"time"

	"opsflow/shared/local/events"
)

// throttledBy is what invoking a function gives that has as many invocations as it may have.
func throttledBy() error { return fmt.Errorf("%w: rate exceeded", events.ErrThrottled) }

func asyncly(a events.Async) func(*events.Options) {
	return func(o *events.Options) { o.Async = func(string) events.Async { return a } }
}

func TestThrottledEventsAreTriedAgainWithoutCounting(t *testing.T) {
	t.Parallel()
	b := setup(t, asyncly(events.Async{Retries: 1}))
	b.answer = func(n int) error {
		switch {
		case n <= 11:
			return throttledBy()
		case n == 12:
			return &events.FunctionFailed{Type: "Broken"}
		}
		return nil
	}
	if err := b.InvokeLater(t.Context(), fnARN, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	b.advance(6 * time.Hour)
	got := b.calls()
	if len(got) != 13 {
		t.Fatalf("%d attempts, want 13", len(got))
	}
	for i, want := range []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 60} {
		if d := got[i+1].at.Sub(got[i].at); d.Seconds() != want {
			t.Errorf("attempt %d %s after the one before, want %gs", i+2, d, want)
		}
	}
	if dead := b.deadLetters(); len(dead) != 0 {
		t.Errorf("dead: %+v", dead)
	}
}

func TestThrottledEventsAreGivenUpWhenTheyAreTooOld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		async    events.Async
		attempts int
		cause    string
	}{
		"an hour":        {events.Async{Retries: 2, MaxAge: time.Hour}, 20, "EventAgeExceeded"},
		"a minute":       {events.Async{MaxAge: time.Minute}, 6, "EventAgeExceeded"},
		"no concurrency": {events.Async{Retries: 2, Off: true}, 1, "ZeroReservedConcurrency"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, asyncly(c.async))
			b.answer = func(int) error { return throttledBy() }
			b.bookingRule()
			b.put(`{}`)
			b.advance(24 * time.Hour)
			if got := b.calls(); len(got) != c.attempts {
				t.Errorf("%d attempts, want %d", len(got), c.attempts)
			}
			if dead := b.deadLetters(); len(dead) != 1 || dead[0].Cause != c.cause {
				t.Errorf("dead: %+v, want %s", dead, c.cause)
			}
		})
	}
}
