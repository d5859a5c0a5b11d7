package events

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/events/destination"
)

// queueBucket holds deliveries that are not done, by a number that counts up: the order of acceptance.
var queueBucket = []byte("events.queue")

// delivery is one event on its way to one target. Whoever has it out of a lane owns it.
type delivery struct {
	seq  uint64 // place in the queue; 0: not written down
	done func() // ends its Busy section
	turn bool   // it has waited for its turn at a destination

	EventID   string
	Bus       string
	Rule      string
	TargetID  string
	TargetARN string
	Role      string `json:",omitempty"` // ARN of the role that the target is called with
	Group     string `json:",omitempty"` // MessageGroupId for a FIFO queue
	// Errand is what EventBridge Scheduler has delivered; nil: a rule does.
	Errand *errandOf `json:",omitempty"`
	// HTTP are the parameters of the call of an API destination.
	HTTP      *destination.Target `json:",omitempty"`
	Queue     string              `json:",omitempty"` // the dead-letter queue's ARN
	Payload   string              // JSON; the event itself when Broken
	Broken    string              `json:",omitempty"` // why it can't be sent at all
	Accepted  time.Time
	Deadline  time.Time // no attempt after that
	Retries   int       // attempts allowed after the first
	Tries     int       `json:",omitempty"` // attempts made
	Throttled int       `json:",omitempty"` // times that the function had no room
	Next      time.Time `json:",omitzero"`
	Reason    string    `json:",omitempty"` // of the last attempt's failure
}

// deliveries makes a delivery for every target of a rule.
func (e *Engine) deliveries(r *rule, eventID string, text []byte) []*delivery {
	now := e.o.Clock.Now()
	all := make([]*delivery, 0, len(r.Targets))
	for i := range r.Targets {
		t := &r.Targets[i]
		retries, age := t.limits()
		d := &delivery{
			EventID: eventID, Bus: r.Bus, Rule: r.Name, TargetID: t.ID, TargetARN: t.ARN, Role: t.RoleARN, Group: t.group(),
			Accepted: now, Deadline: now.Add(age), Retries: retries,
		}
		if t.DeadLetterConfig != nil {
			d.Queue = t.DeadLetterConfig.ARN
		}
		if t.HTTPParameters != nil {
			d.HTTP = resolved(t.HTTPParameters, text)
		}
		payload, err := t.payload(r, text, now)
		if err != nil {
			d.Broken, payload = err.Error(), text
		}
		d.Payload = string(payload)
		all = append(all, d)
	}
	return all
}

// ruleARN is the rule that a delivery comes from; "" when it comes from none.
func (d *delivery) ruleARN(e *Engine) string {
	if d.Rule == "" {
		return ""
	}
	return e.ruleARN(d.Bus, d.Rule)
}

// insert writes a new delivery. It may run more than once on the same state.
func (d *delivery) insert(b *bbolt.Bucket) error {
	seq, err := b.NextSequence()
	if err != nil {
		return err
	}
	d.seq = seq
	return b.Put(seqKey(seq), mustJSON(d))
}

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// Resume sends what an earlier run accepted and did not deliver. The first call does it; call it when the targets are
// ready.
func (e *Engine) Resume(ctx context.Context) error {
	var err error
	e.resume.Do(func() {
		err = e.sendLeftover(ctx)
		e.armLoaded()
	})
	if err != nil {
		return fmt.Errorf("resume deliveries: %w", err)
	}
	return nil
}

func (e *Engine) sendLeftover(ctx context.Context) error {
	defer e.o.Clock.Busy()()
	var left []*delivery
	err := e.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(queueBucket).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			d := &delivery{seq: binary.BigEndian.Uint64(k)}
			if d.seq > e.leftover {
				break
			}
			if err := json.Unmarshal(v, d); err != nil {
				return fmt.Errorf("read delivery %d: %w", d.seq, err)
			}
			left = append(left, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	now := e.o.Clock.Now()
	for _, d := range left {
		if d.Next.After(now) {
			e.retryAt(d)
		} else {
			e.lanes.add(e, d)
		}
	}
	return nil
}
