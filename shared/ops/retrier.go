package ops

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

const (
	// atOnce is how many tries follow one another without a pause: most conflicts are over by the time one knows of them.
	atOnce = 3
	// firstPause and longestPause bound the pauses after that, which double. A storm of hundreds of writers of one record is
	// over when each has had its turn: the long pauses keep those that wait from wasting the turns of others.
	firstPause   = 80 * time.Millisecond
	longestPause = 5 * time.Second
	// mostTries ends the race where time stands still, as it does inside of an invocation on a virtual clock.
	mostTries = 200
	// patience is for how long one tries who has no deadline.
	patience = 20 * time.Second
	// lastTry is what is kept of the time up to a deadline, for the try that is the last one.
	lastTry = 2 * time.Second
	// longestInvocation is the longest that a function can run: a deadline that is further away was set by another clock.
	longestInvocation = 15 * time.Minute
)

// Retrier makes a change again that lost against another writer, or that a busy table refused: with pauses of full jitter that
// grow, until shortly before the deadline of whoever asks, for 20 seconds where there is none. It is safe for concurrent use.
type Retrier struct {
	clock  Clock
	random io.Reader
}

// NewRetrier makes a Retrier that spreads its tries by random, which must be safe for concurrent use (see Shared).
func NewRetrier(c Clock, random io.Reader) *Retrier { return &Retrier{clock: c, random: random} }

// Do calls f until its error is neither a *Conflict nor CodeThrottled, and gives that, or the last one when there is no more
// time, said to be about what. f has to read again what it changes.
func (r *Retrier) Do(ctx context.Context, what string, f func() error) error {
	began := r.clock.Now()
	until := r.until(ctx, began)
	for try := 1; ; try++ {
		err := f()
		if err == nil {
			return nil
		}
		lost := AsConflict(err) != nil
		if !lost && ErrorCode(err) != CodeThrottled {
			return fmt.Errorf("%s: %w", what, err)
		}
		if lost && try < atOnce {
			continue
		}
		pause := r.below(min(firstPause<<min(try-1, 10), longestPause))
		if try == mostTries || r.clock.Now().Sub(began)+pause > until {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := r.clock.Sleep(ctx, pause); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
}

// until is after how long there is no time for another try.
func (r *Retrier) until(ctx context.Context, now time.Time) time.Duration {
	deadline, ok := ctx.Deadline()
	left := deadline.Sub(now)
	if !ok || left <= 0 || left > longestInvocation {
		return patience
	}
	return left - lastTry
}

// below is a random time below d.
func (r *Retrier) below(d time.Duration) time.Duration {
	var b [8]byte
	if _, err := io.ReadFull(r.random, b[:]); err != nil {
		return d // without randomness the longest pause is the safe one
	}
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(d)) //nolint:gosec // a remainder of a positive Duration fits
}
