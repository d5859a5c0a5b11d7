package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// poller hands out the messages of one queue, a batch at a time.
type poller struct {
	q       *Queues
	mapping Mapping

	// With the lock of the queues.
	running, again bool

	// Its own, while it runs.
	handed map[string]handed // by message id: those that a function had and did not take
	stop   func() bool       // ends the timer of the first hidden message
}

type handed struct {
	until time.Time // hidden until then
	times int
}

type held struct {
	key []byte
	message
}

// run hands out until nothing can be handed out; then a timer looks at what is hidden.
func (p *poller) run() {
	for {
		p.q.mu.Lock()
		if !p.again || p.q.closed {
			p.running = false
			p.q.mu.Unlock()
			return
		}
		p.again = false
		p.q.mu.Unlock()
		more, err := p.round()
		if err != nil && p.q.ctx.Err() == nil {
			p.q.o.Logger.Error("messages stay in their queue", "queue", p.mapping.Queue, "error", err)
		}
		if more {
			p.q.mu.Lock()
			p.again = true
			p.q.mu.Unlock()
		}
	}
}

// round hands out one batch; more says that there may be another.
func (p *poller) round() (more bool, err error) {
	batch, next, err := p.take()
	if err != nil {
		return false, err
	}
	if len(batch) == 0 {
		if !next.IsZero() {
			if p.stop != nil {
				p.stop()
			}
			p.stop = p.q.o.Clock.AfterFunc(next, func() { p.q.Wake(p.mapping.Queue) })
		}
		return false, nil
	}
	records := make([]any, len(batch))
	now := p.q.o.Clock.Now()
	for i, m := range batch {
		h := handed{now.Add(p.mapping.Hidden), p.handed[m.ID].times + 1}
		p.handed[m.ID] = h
		records[i] = p.q.record(p.mapping.Queue, m.message, h.times)
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return false, fmt.Errorf("write a batch: %w", err)
	}
	answer, err := p.q.o.Invoke(p.q.ctx, p.mapping.Function, payload)
	if err != nil { // they are hidden now, others may be handed out
		return true, fmt.Errorf("%s: %w", p.mapping.Function, err)
	}
	again, err := p.refused(answer)
	if err != nil {
		return true, err
	}
	return true, p.q.o.DB.Update(p.q.ctx, func(tx *bbolt.Tx) error {
		for _, m := range batch {
			if again[m.ID] {
				continue
			}
			if err := tx.Bucket(bucket).Delete(m.key); err != nil {
				return err
			}
		}
		return nil
	})
}

// take gives the oldest messages that may be handed out and, when there are none, when the first one may be. Those whose
// time is over are dropped.
func (p *poller) take() (batch []held, next time.Time, err error) {
	now := p.q.o.Clock.Now()
	var old [][]byte
	there := map[string]handed{}
	err = p.q.o.DB.View(p.q.ctx, func(tx *bbolt.Tx) error {
		return each(tx, p.mapping.Queue, func(key []byte, m message) bool {
			key = bytes.Clone(key)
			h, known := p.handed[m.ID]
			if known {
				there[m.ID] = h
			}
			switch {
			case !now.Before(m.Sent.Add(p.mapping.Retention)):
				old = append(old, key)
			case !known || !now.Before(h.until):
				if len(batch) < p.mapping.Batch {
					batch = append(batch, held{key, m})
				}
			case next.IsZero() || h.until.Before(next):
				next = h.until
			}
			return true
		})
	})
	if err != nil {
		return nil, next, fmt.Errorf("receive messages: %w", err)
	}
	p.handed = there
	if len(old) == 0 {
		return batch, next, nil
	}
	err = p.q.o.DB.Update(p.q.ctx, func(tx *bbolt.Tx) error {
		for _, key := range old {
			if err := tx.Bucket(bucket).Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, next, fmt.Errorf("drop old messages: %w", err)
	}
	return batch, next, nil
}

// refused reads which messages a function wants again. As on Lambda, an answer that can't be read means all.
func (p *poller) refused(answer []byte) (map[string]bool, error) {
	again := map[string]bool{}
	if !p.mapping.Partial || len(answer) == 0 {
		return again, nil
	}
	var out struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("the answer of %s names no messages: %w", p.mapping.Function, err)
	}
	for _, f := range out.Failures {
		if f.ID == "" {
			return nil, errors.New("the answer names a message without itemIdentifier")
		}
		again[f.ID] = true
	}
	return again, nil
}
