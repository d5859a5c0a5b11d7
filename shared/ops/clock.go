package ops

import (
	"context"
	"time"
)

// Clock is where time comes from. Nothing in opsflow reads the system's clock or sleeps in any other way, so that a
// local run or a test can move through weeks in a moment.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the context's error when it ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the machine's own clock, in UTC.
type SystemClock struct{}

// Now gives the present time in UTC.
func (SystemClock) Now() time.Time { return time.Now().UTC() }

// Sleep waits for d or the end of ctx.
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
