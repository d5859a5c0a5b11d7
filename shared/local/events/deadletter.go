package events

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// deadBucket holds dead letters by a number that counts up.
var deadBucket = []byte("events.dead")

// DeadLetter is an event that could not be delivered to a target which has no dead-letter queue, or one that does not exist.
// AWS forgets it; here it is kept.
type DeadLetter struct {
	ID        string
	Queue     string `json:",omitempty"` // ARN of the target's dead-letter queue; empty: it has none
	Bus       string
	Rule      string
	TargetID  string
	TargetARN string
	EventID   string
	Payload   json.RawMessage // what was sent; null when it could not be made
	Cause     string          // RETRY_ATTEMPTS_EXHAUSTED, EVENT_AGE_EXCEEDED, or the ERROR_CODE of AWS; RetriesExhausted, EventAgeExceeded
	Reason    string          // the last error
	Attempts  int
	Accepted  time.Time
	Died      time.Time
}

type deadRecord struct {
	Cause    string
	Died     time.Time
	Delivery *delivery
}

// bury moves a delivery from the queue to its dead-letter queue or, when it has none, to the dead letters here.
func (e *Engine) bury(d *delivery, cause string, l letter) error {
	queued := false
	var onward *delivery
	record := mustJSON(deadRecord{cause, e.o.Clock.Now(), d})
	err := e.o.DB.Update(e.committing(), func(tx *bbolt.Tx) error {
		if d.seq != 0 {
			if err := tx.Bucket(queueBucket).Delete(seqKey(d.seq)); err != nil {
				return err
			}
		}
		var err error
		if service := serviceOf(l.queue); service != "" && service != serviceSQS {
			if onward, err = e.onward(d, l); err != nil {
				return err
			}
			return onward.insert(tx.Bucket(queueBucket))
		}
		if l.queue != "" && e.o.Queues != nil {
			if queued, err = e.o.Queues.Put(tx, l.queue, l.body, l.attributes); queued || err != nil {
				return err
			}
		}
		b := tx.Bucket(deadBucket)
		n, err := b.NextSequence()
		if err != nil {
			return err
		}
		return b.Put(seqKey(n), record)
	})
	switch {
	case err != nil:
		return err
	case queued:
		e.o.Queues.Wake(l.queue)
	case onward != nil:
		e.lanes.add(e, onward)
	}
	return nil
}

// onward is the delivery of what Lambda says of a failure to a destination that is no queue: a topic, a function or a bus.
func (e *Engine) onward(d *delivery, l letter) (*delivery, error) {
	id, err := e.newID()
	if err != nil {
		return nil, err
	}
	to := Target{ARN: l.queue}
	retries, age := to.limits()
	now := e.o.Clock.Now()
	next := &delivery{EventID: id, TargetARN: l.queue, Payload: l.body, Accepted: now, Deadline: now.Add(age), Retries: retries}
	if serviceOf(l.queue) == serviceBus {
		event, err := e.complete(Event{
			ID: id, Source: "lambda", DetailType: "Lambda Function Invocation Result - Failure", Time: now,
			Resources: []string{l.queue, d.TargetARN + ":$LATEST"}, Detail: []byte(l.body),
		})
		if err != nil {
			return nil, err
		}
		next.Payload = string(event.text())
	}
	return next, nil
}

// DeadLetters gives up to limit dead letters behind the one with the id after (empty: from the first), oldest first.
func (e *Engine) DeadLetters(ctx context.Context, after string, limit int) ([]DeadLetter, error) {
	from := uint64(0)
	if after != "" {
		n, err := strconv.ParseUint(after, 10, 64)
		if err != nil {
			return nil, notFound("Dead letter %s does not exist.", after)
		}
		from = n
	}
	var all []DeadLetter
	err := e.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(deadBucket).Cursor()
		for k, v := c.Seek(seqKey(from + 1)); k != nil && len(all) < limit; k, v = c.Next() {
			var r deadRecord
			if err := json.Unmarshal(v, &r); err != nil {
				return fmt.Errorf("read dead letter: %w", err)
			}
			all = append(all, r.letter(binary.BigEndian.Uint64(k)))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return all, nil
}

func (r *deadRecord) letter(n uint64) DeadLetter {
	d := r.Delivery
	payload := json.RawMessage(d.Payload)
	if d.Broken != "" {
		payload = json.RawMessage("null")
	}
	return DeadLetter{
		ID: strconv.FormatUint(n, 10), Queue: d.Queue, Bus: d.Bus, Rule: d.Rule, TargetID: d.TargetID, TargetARN: d.TargetARN,
		EventID: d.EventID, Payload: payload, Cause: r.Cause, Reason: d.Reason, Attempts: d.Tries,
		Accepted: d.Accepted, Died: r.Died,
	}
}

// Redrive puts a dead letter back on the queue, with all of its attempts and its time before it again, and sends it.
// ResourceNotFoundException when there is none of the id (any more).
func (e *Engine) Redrive(ctx context.Context, id string) error {
	defer e.o.Clock.Busy()()
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return notFound("Dead letter %s does not exist.", id)
	}
	now := e.o.Clock.Now()
	var d *delivery
	err = e.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		dead := tx.Bucket(deadBucket)
		data := dead.Get(seqKey(n))
		if data == nil {
			return notFound("Dead letter %s does not exist.", id)
		}
		var r deadRecord
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("read dead letter: %w", err)
		}
		d = r.Delivery
		d.Deadline = now.Add(d.Deadline.Sub(d.Accepted))
		d.Accepted, d.Tries, d.Next, d.Reason = now, 0, time.Time{}, ""
		if err := dead.Delete(seqKey(n)); err != nil {
			return err
		}
		return d.insert(tx.Bucket(queueBucket))
	})
	if err != nil {
		return fmt.Errorf("redrive dead letter %s: %w", id, err)
	}
	e.lanes.add(e, d)
	return nil
}
