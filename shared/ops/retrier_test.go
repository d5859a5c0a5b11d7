package ops_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"opsflow/shared/ops"
)

func TestWhoLosesARaceTriesAgainUntilShortlyBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	lost := fmt.Errorf("save: %w", &ops.Conflict{Lost: []ops.Ref{{Kind: ops.KindSubject, ID: "booking/bk-1"}}})
	busy := ops.Errorf(ops.CodeThrottled, "too much at once")
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		answers  []error // the last one for ever
		within   time.Duration
		tries    int // 0: many
		want     error
		min, max time.Duration
	}{
		"at the first try":          {answers: []error{nil}, within: time.Minute, tries: 1},
		"at once after a loss":      {answers: []error{lost, lost, nil}, within: time.Minute, tries: 3},
		"after losses and refusals": {answers: []error{busy, lost, busy, lost, nil}, within: time.Minute, tries: 5, max: 5 * time.Second},
		"not what would not pass":   {answers: []error{broken}, within: time.Minute, tries: 1, want: broken},
		"not what stops to pass":    {answers: []error{lost, broken}, within: time.Minute, tries: 2, want: broken},
		"never, with a deadline":    {answers: []error{lost}, within: 30 * time.Second, want: lost, min: 20 * time.Second, max: 28 * time.Second},
		"never, in no time":         {answers: []error{lost}, within: time.Second, tries: 3, want: lost},
		"never, without a deadline": {answers: []error{busy}, want: busy, min: 12 * time.Second, max: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tt.within > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.within)
					defer cancel()
				}
				began, tries := time.Now(), 0
				err := ops.NewRetrier(ops.SystemClock{}, rand.NewChaCha8([32]byte{1})).Do(ctx, "take a place", func() error {
					tries++
					return tt.answers[min(tries, len(tt.answers))-1]
				})
				if !errors.Is(err, tt.want) || tt.tries > 0 && tries != tt.tries {
					t.Errorf("gave %v after %d tries", err, tries)
				}
				if took := time.Since(began); took < tt.min || took > tt.max {
					t.Errorf("it took %s, want %s to %s", took, tt.min, tt.max)
				}
			})
		})
	}
}

func TestARaceEndsAlsoWhereTimeStandsStill(t *testing.T) {
	t.Parallel()
	tries := 0
	err := ops.NewRetrier(still{}, rand.NewChaCha8([32]byte{1})).Do(t.Context(), "take a place", func() error {
		tries++
		return &ops.Conflict{}
	})
	if ops.AsConflict(err) == nil || tries < 5 {
		t.Errorf("gave %v after %d tries", err, tries)
	}
}

// still is a clock that stands still.
type still struct{}

func (still) Now() time.Time                             { return time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) }
func (still) Sleep(context.Context, time.Duration) error { return nil }
