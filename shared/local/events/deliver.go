package events

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

// deliver makes one attempt and sees to what follows from it.
func (e *Engine) deliver(d *delivery) {
	if at := e.turn(d); at.After(e.o.Clock.Now()) {
		defer d.done()
		d.Next, d.turn = at, true
		e.postpone(d)
		return
	}
	err := e.attempt(d)
	d.turn = false
	if err == nil {
		e.settled.add(e, d)
		return
	}
	if e.ctx.Err() != nil { // closing ended the attempt; the next run makes it again
		d.done()
		return
	}
	defer d.done()
	d.Reason = err.Error()
	if errors.Is(err, ErrThrottled) {
		d.Throttled++
		d.Next = e.o.Clock.Now().Add(backoff(time.Second, d.Throttled, maxThrottled))
	} else {
		d.Tries++
		d.Next = e.o.Clock.Now().Add(max(d.backoff(), after(err)))
	}
	log := e.o.Logger.With("rule", d.Rule, "target", d.TargetARN, "event_id", d.EventID, "attempt", d.Tries)
	if cause, l := e.giveUp(d, err); cause != "" {
		log.Error("event not delivered", "cause", cause, "error", err)
		if err := e.bury(d, cause, l); err != nil {
			log.Error("dead letter not stored", "error", err)
		}
		return
	}
	log.Warn("delivery failed", "again_at", d.Next, "error", err)
	e.postpone(d)
}

// postpone writes down what there is to know of a delivery until its next attempt.
func (e *Engine) postpone(d *delivery) {
	err := e.o.DB.Update(e.committing(), func(tx *bbolt.Tx) error {
		b := tx.Bucket(queueBucket)
		if d.seq == 0 {
			return d.insert(b)
		}
		return b.Put(seqKey(d.seq), mustJSON(d))
	})
	if err != nil {
		e.o.Logger.Error("attempt not recorded", "rule", d.Rule, "target", d.TargetARN, "event_id", d.EventID, "error", err)
	}
	e.retryAt(d)
}

// Why no further attempt is made although one might help.
const (
	causeTries = "RETRY_ATTEMPTS_EXHAUSTED"
	causeAge   = "EVENT_AGE_EXCEEDED"
)

// errBroken is a delivery whose payload could not be made.
var errBroken = errors.New("no payload for the target")

func (e *Engine) attempt(d *delivery) error {
	if d.Broken != "" {
		return errors.Join(errBroken, errors.New(d.Broken))
	}
	if err := e.may(d); err != nil {
		return err
	}
	payload := d.payload()
	switch serviceOf(d.TargetARN) {
	case serviceLambda:
		return e.o.Invoke(e.ctx, function(d.TargetARN), payload)
	case serviceBus:
		if d.Errand != nil {
			return e.putErrand(d, payload)
		}
		return e.forward(d)
	case serviceCall:
		return e.call(d)
	}
	return e.o.Deliver(e.ctx, Attempt{
		Target: d.TargetARN, Role: d.Role, Rule: d.ruleARN(e), Payload: payload, Group: d.Group, EventID: d.EventID,
	})
}

// backoff is the time before the next attempt. Lambda waits one minute and two before its attempts at a failed
// asynchronous invocation; from there, and from a second for any other target, it doubles up to ten minutes.
func (d *delivery) backoff() time.Duration {
	first := time.Second
	if serviceOf(d.TargetARN) == serviceLambda {
		first = time.Minute
	}
	return backoff(first, d.Tries, 10*time.Minute)
}

// maxThrottled is how long Lambda waits at most before it tries an event again that a function had no room for:
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
const maxThrottled = 5 * time.Minute

// backoff doubles with each try.
func backoff(first time.Duration, tries int, most time.Duration) time.Duration {
	return min(first<<min(tries-1, 20), most)
}

// giveUp gives the reason, as AWS names it in a dead letter's attributes, for making no further attempt; "" when there
// is to be one.
func (d *delivery) giveUp(err error) string {
	refused, _ := errors.AsType[*TargetError](err)
	switch {
	case errors.Is(err, errBroken):
		return "INVALID_JSON"
	case refused != nil && !refused.Again:
		return refused.Code
	case d.Tries > d.Retries:
		return causeTries
	case d.Next.After(d.Deadline):
		return causeAge
	}
	return ""
}

// giveUp tells whether a failed delivery is not tried again, why, and what its dead letter is.
func (e *Engine) giveUp(d *delivery, err error) (cause string, l letter) {
	if a, ok := e.asyncOf(d, err); ok {
		if cause = a.giveUp(d); cause != "" {
			l = e.lambdaLetter(d, a, err, cause)
		}
		return cause, l
	}
	if cause = d.giveUp(err); cause != "" {
		l = e.ruleLetter(d, cause, err)
	}
	return cause, l
}

func (e *Engine) retryAt(d *delivery) {
	e.timers.at(string(seqKey(d.seq)), d.Next, func() { e.lanes.add(e, d) })
}

// committing is the context of what must still be written while the engine closes.
func (e *Engine) committing() context.Context { return context.WithoutCancel(e.ctx) }

// settler takes finished deliveries out of the queue, as many at once as have gathered during the last commit. Should the
// process end between a delivery and this, the next run delivers once more.
type settler struct {
	mu      sync.Mutex
	ready   []*delivery
	running bool
	wg      sync.WaitGroup
}

func (s *settler) add(e *Engine, d *delivery) {
	if d.seq == 0 {
		d.done()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, d)
	if !s.running {
		s.running = true
		s.wg.Go(func() { s.run(e) })
	}
}

func (s *settler) run(e *Engine) {
	for {
		s.mu.Lock()
		batch := s.ready
		s.ready = nil
		s.running = len(batch) > 0
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := e.o.DB.Update(e.committing(), func(tx *bbolt.Tx) error {
			b := tx.Bucket(queueBucket)
			for _, d := range batch {
				if err := b.Delete(seqKey(d.seq)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			e.o.Logger.Error("finished deliveries not taken off the queue; they will be made again", "count", len(batch), "error", err)
		}
		for _, d := range batch {
			d.done()
		}
	}
}

func (s *settler) wait(ctx context.Context) error { return waitFor(ctx, &s.wg) }
