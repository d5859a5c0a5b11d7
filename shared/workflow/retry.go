package workflow

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"opsflow/shared/ops"
)

// leaseMargin is what an invocation keeps of its time to write down how it ends.
const leaseMargin = 2 * time.Second

// act runs an action once. When it fails and has tries left, it has its next turn later: what stands beside it goes on.
func (r *run) act(ctx context.Context, s *planned, rec *ops.StepRecord) error {
	if rec.RetryAt.After(r.Clock.Now()) {
		return nil
	}
	rec.RetryAt = time.Time{}
	rec.Tries++
	var result ActionResult
	var err error
	if s.Kind == ops.StepAPICall {
		result, err = r.call(ctx, s)
	} else {
		result, err = r.try(ctx, s.Step, s.ActionName())
	}
	if err == nil {
		rec.Output, err = encodeOutput(result.Output)
	}
	if err == nil {
		r.take(s.ID, result)
		r.finish(rec)
		return nil
	}
	if _, ok := errors.AsType[*Unavailable](err); ok {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("step %s: %w", s.ID, ctx.Err())
	}
	failure, again, after := callFailure(err)
	if s.Retry == nil || rec.Tries >= s.Retry.MaxAttempts || !again {
		return r.fail(ctx, s, rec, s.OnError, failure)
	}
	wait := r.backoff(s.Retry, rec.Tries, after)
	rec.RetryAt = r.Clock.Now().Add(wait)
	r.log("step_retried", s.ID, "", map[string]any{"try": rec.Tries, "error": clip(err.Error()), "again_at": rec.RetryAt})
	return nil
}

// maxBackoff is the longest wait between two tries where the template does not say.
const maxBackoff = 10 * time.Minute

// longestWait is the longest wait between two tries of a step.
func longestWait(r *ops.Retry) time.Duration {
	if r.MaxBackoff.IsZero() {
		return max(maxBackoff, r.Backoff.D)
	}
	return r.MaxBackoff.D
}

// waitAfter is how long a step waits after so many tries, before jitter.
func waitAfter(r *ops.Retry, tries int) time.Duration {
	return min(r.Backoff.D<<min(tries-1, 10), longestWait(r))
}

// inInvocation is how long an invocation waits for a step's next try at most.
const inInvocation = leaseFor - leaseMargin

// longestTry is the longest that a step may wait for its next try; 0 when it has none. What an api_call calls may ask for more
// than the backoff.
func longestTry(s *ops.Step) time.Duration {
	switch {
	case s.Retry == nil || s.Retry.MaxAttempts < 2:
		return 0
	case s.Kind == ops.StepAPICall:
		return longestWait(s.Retry)
	}
	return max(1, waitAfter(s.Retry, s.Retry.MaxAttempts-1))
}

// backoff is how long a step waits for its next try: at least for what was asked for by what it calls, as far as the template
// lets it wait at all.
func (r *run) backoff(retry *ops.Retry, tries int, asked time.Duration) time.Duration {
	return max(r.jitter(waitAfter(retry, tries), retry.Jitter), min(asked, longestWait(retry)))
}

// jitter makes a part of a wait random.
func (r *run) jitter(d time.Duration, how ops.Jitter) time.Duration {
	fixed := d / 2
	switch how {
	case ops.JitterNone:
		fixed = d
	case ops.JitterFull:
		fixed = 0
	case ops.JitterHalf:
	}
	var b [8]byte
	if _, err := io.ReadFull(r.Random, b[:]); err != nil || d <= fixed {
		return d // without randomness the longest wait is the safe one
	}
	return fixed + time.Duration(binary.LittleEndian.Uint64(b[:])%uint64(d-fixed+1)) //nolint:gosec // below a positive Duration
}

// nextRetry gives the step that is to be tried again first; "" when there is none.
func (r *run) nextRetry() (step string, at time.Time) {
	for n := range r.i.Steps {
		rec := &r.i.Steps[n]
		if rec.Status == ops.StepInProgress && !rec.RetryAt.IsZero() && (step == "" || rec.RetryAt.Before(at)) {
			step, at = rec.ID, rec.RetryAt
		}
	}
	return step, at
}

// sleep waits for the next try of a step, if this invocation lives to see it. What was done so far is stored before.
func (r *run) sleep(ctx context.Context) (bool, error) {
	step, at := r.nextRetry()
	if step == "" || at.Add(leaseMargin).After(r.i.Lease.Until) {
		return false, nil
	}
	wait := at.Sub(r.Clock.Now())
	if wait >= flushEvery {
		if err := r.flush(ctx); err != nil {
			return false, err
		}
	}
	if err := r.Clock.Sleep(ctx, wait); err != nil {
		return false, fmt.Errorf("step %s: %w", step, err)
	}
	r.known = nil // the world went on
	for n := range r.i.Steps {
		if rec := &r.i.Steps[n]; !rec.RetryAt.After(at) {
			rec.RetryAt = time.Time{}
		}
	}
	return true, nil
}
