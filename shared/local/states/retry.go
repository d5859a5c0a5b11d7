package states

import "time"

// failState handles the failure of a state: retry, catch, or the end of the thread.
func (x *execution) failState(t *thread, s *state, f *failure) {
	x.touch(t)
	if f.fatal() {
		x.end(StatusFailed, nil, f)
		return
	}
	i := findRetrier(s.retry, f)
	if i >= 0 && x.trial != nil {
		t.Retries = map[int]int64{i: x.trial.retries}
	}
	if i >= 0 && t.Retries[i] < s.retry[i].maxAttempts {
		x.retryLater(t, i, &s.retry[i])
		if x.trial != nil {
			x.trial.handled(statusRetriable, map[string]any{
				"retryIndex": i, "retryBackoffIntervalSeconds": int64(s.retry[i].delay(x.trial.retries) / time.Second),
			})
			x.end(StatusFailed, nil, f)
		}
		return
	}
	if t.Join != nil {
		if t.Join.MapRun != "" {
			x.event(t, "MapRunFailed", f.details())
		}
		x.event(t, s.kind+"StateFailed", f.details())
	}
	t.Task = nil
	for i := range s.catch {
		if c := &s.catch[i]; f.matchedBy(c.errors) {
			x.discardJoin(t)
			x.trial.caught(i, f)
			if err := x.caught(t, s, c, f); err != nil {
				x.trial.handled(StatusFailed, nil)
				x.failThread(t, x.asFailure(t, err))
			}
			return
		}
	}
	x.failThread(t, f)
}

func (x *execution) retryLater(t *thread, i int, r *retrier) {
	if t.Retries == nil {
		t.Retries = map[int]int64{}
	}
	delay := r.delay(t.Retries[i])
	if r.fullJitter {
		if n, err := randomBelow(x.e.random, uint64(delay)+1); err == nil {
			delay = time.Duration(n)
		}
	}
	t.Retries[i]++
	t.Retried++
	x.entered++
	t.Task = nil
	x.discardJoin(t)
	t.Phase, t.Wake = phaseRetry, x.e.now().Add(delay+time.Millisecond-1).UnixMilli()
}

// delay is how long to wait after the given number of retries.
func (r *retrier) delay(done int64) time.Duration {
	limit := (366 * 24 * time.Hour).Seconds()
	if r.maxDelay > 0 {
		limit = r.maxDelay
	}
	seconds := r.interval
	for range done {
		if seconds *= r.backoff; seconds >= limit {
			break
		}
	}
	return time.Duration(min(seconds, limit) * float64(time.Second))
}

func (x *execution) caught(t *thread, s *state, c *catcher, f *failure) error {
	caught := f.output()
	sc := x.scope(t).with(caught)
	vars, err := c.assign.eval(sc)
	if err != nil {
		return err
	}
	output, err := applyResult(t.Input.V, caught, c.resultPath, c.noResult)
	if err != nil {
		return err
	}
	return x.exit(t, s, output, vars, c.next)
}
