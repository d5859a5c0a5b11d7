package sqs

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/uuid"
)

// held is a message with its place in its queue.
type held struct {
	key []byte
	message
}

// look is what there is to do in a queue at a moment.
type look struct {
	ready []held    // to be received
	over  [][]byte  // older than the queue keeps messages
	dead  []held    // received too often
	next  time.Time // when the first of the hidden ones may be received; zero: there are none
}

func (l *look) empty() bool { return len(l.ready)+len(l.over)+len(l.dead) == 0 }

// look goes through a queue, the oldest message first, for up to most messages. Of a message group nothing is received while an
// earlier one is with somebody.
func (o *opened) look(now time.Time, most int) (*look, error) {
	l := &look{}
	retention := time.Duration(o.settings.number(retentionPeriod)) * time.Second
	_, limit := o.settings.redrive()
	blocked := map[string]bool{}
	c := o.messages.Cursor()
	for k, v := c.First(); k != nil && len(l.ready) < most; k, v = c.Next() {
		m := held{key: bytes.Clone(k)}
		if err := json.Unmarshal(v, &m.message); err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
		visible := time.UnixMilli(m.Visible)
		switch {
		case !now.Before(time.UnixMilli(m.SentAt).Add(retention)):
			l.over = append(l.over, m.key)
		case visible.After(now):
			if l.next.IsZero() || visible.Before(l.next) {
				l.next = visible
			}
			blocked[m.Group] = o.fifo()
		case blocked[m.Group]:
		case limit > 0 && m.Received >= limit:
			l.dead = append(l.dead, m)
		default:
			l.ready = append(l.ready, m)
		}
	}
	return l, nil
}

// take receives up to most messages, which nobody else gets for visibility seconds (nil: the queue's). Those that were received
// too often go to the dead-letter queue. next is when the first of the hidden ones may be received.
func (q *Queues) take(ctx context.Context, queue string, most int, visibility *int) (got []held, next time.Time, err error) {
	defer q.o.Clock.Busy()()
	var l *look
	err = q.view(ctx, queue, func(_ *bbolt.Tx, o *opened) (err error) {
		l, err = o.look(q.o.Clock.Now(), most)
		return err
	})
	if err != nil || l.empty() { // nothing to be written then
		if l != nil {
			next = l.next
		}
		return nil, next, err
	}
	deadLetters := ""
	err = q.update(ctx, queue, func(tx *bbolt.Tx, o *opened) (err error) {
		now := q.o.Clock.Now()
		if l, err = o.look(now, most); err != nil {
			return err
		}
		for _, key := range l.over {
			if err := o.messages.Delete(key); err != nil {
				return err
			}
		}
		if deadLetters, err = q.giveUp(tx, o, l.dead); err != nil {
			return err
		}
		hidden := o.settings.number(visibilityTimeout)
		if visibility != nil {
			hidden = *visibility
		}
		for i := range l.ready {
			if err := q.receive1(o, &l.ready[i], now, hidden); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, next, err
	}
	if deadLetters != "" {
		q.Wake(deadLetters)
	}
	return l.ready, l.next, nil
}

func (q *Queues) receive1(o *opened, m *held, now time.Time, hidden int) error {
	nonce, err := uuid.New(q.o.Random)
	if err != nil {
		return err
	}
	m.Receipt = strconv.FormatUint(binary.BigEndian.Uint64(m.key), 10) + "-" + nonce
	m.Visible = now.Add(time.Duration(hidden) * time.Second).UnixMilli()
	if m.Received++; m.FirstAt == 0 {
		m.FirstAt = now.UnixMilli()
	}
	return save(o.messages, m.key, &m.message)
}

// giveUp moves messages to the queue of the redrive policy and tells which that is. While it does not exist they stay.
func (q *Queues) giveUp(tx *bbolt.Tx, o *opened, dead []held) (target string, err error) {
	target, _ = o.settings.redrive()
	to, err := q.open(tx, target)
	if err != nil || len(dead) == 0 {
		return "", nil //nolint:nilerr // it was deleted: nothing is lost
	}
	for _, m := range dead {
		if err := o.messages.Delete(m.key); err != nil {
			return "", err
		}
		m.Source, m.Receipt = q.arn(o.name), ""
		if err := add(to.messages, &m.message); err != nil {
			return "", err
		}
	}
	return target, nil
}

// receive takes up to most messages. When there are none it waits for up to wait seconds (nil: the queue's).
func (q *Queues) receive(ctx context.Context, queue string, most int, visibility, wait *int) ([]held, error) {
	switch {
	case most < 1 || most > maxMessages:
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d, if provided.", most, maxMessages)
	case visibility != nil && (*visibility < 0 || *visibility > maxVisibility):
		return nil, invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and %d.", *visibility, maxVisibility)
	case wait != nil && (*wait < 0 || *wait > maxWait):
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= %d, if provided.", *wait, maxWait)
	}
	seconds := 0
	err := q.view(ctx, queue, func(_ *bbolt.Tx, o *opened) error {
		if seconds = o.settings.number(receiveWait); wait != nil {
			seconds = *wait
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	end := q.o.Clock.Now().Add(time.Duration(seconds) * time.Second)
	for {
		arrival := q.arrivals()
		got, next, err := q.take(ctx, queue, most, visibility)
		if err != nil || len(got) > 0 || !q.o.Clock.Now().Before(end) {
			return got, err
		}
		if next.IsZero() || next.After(end) {
			next = end
		}
		if err := q.await(ctx, arrival, next); err != nil {
			return nil, err
		}
	}
}

func (q *Queues) arrivals() chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.arrival
}

// await waits for something to arrive, at most until a time.
func (q *Queues) await(ctx context.Context, arrival chan struct{}, until time.Time) error {
	over := make(chan struct{})
	stop := q.o.Clock.AfterFunc(until, func() { close(over) })
	defer stop()
	select {
	case <-arrival:
	case <-over:
	case <-q.ctx.Done():
		return q.ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// received finds a message by its receipt, in a transaction. Nil: it is gone, or was received again since.
func received(b *bbolt.Bucket, receipt string) (*held, error) {
	number, _, ok := strings.Cut(receipt, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return nil, &Error{"ReceiptHandleIsInvalid", fmt.Sprintf("The input receipt handle \"%s\" is not a valid receipt handle.", receipt)}
	}
	m := &held{key: binary.BigEndian.AppendUint64(nil, seq)}
	text := b.Get(m.key)
	if text == nil {
		return nil, nil
	}
	if err := json.Unmarshal(text, &m.message); err != nil {
		return nil, err
	}
	if m.Receipt != receipt {
		return nil, nil
	}
	return m, nil
}

// done deletes a message by the receipt of its last receiving. One that is gone is no error.
func (q *Queues) done(ctx context.Context, queue string, receipts ...string) error {
	err := q.update(ctx, queue, func(_ *bbolt.Tx, o *opened) error {
		for _, receipt := range receipts {
			m, err := received(o.messages, receipt)
			if err != nil {
				return err
			}
			if m == nil {
				continue
			}
			if err := o.messages.Delete(m.key); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		q.Wake(queue) // the next of its message group may be received
	}
	return err
}

// hide keeps a received message from the others for that many seconds from now.
func (q *Queues) hide(ctx context.Context, queue, receipt string, seconds int) error {
	if seconds < 0 || seconds > maxVisibility {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and %d.", seconds, maxVisibility)
	}
	err := q.update(ctx, queue, func(_ *bbolt.Tx, o *opened) error {
		m, err := received(o.messages, receipt)
		if err != nil {
			return err
		}
		now := q.o.Clock.Now()
		if m == nil || m.Visible <= now.UnixMilli() {
			return invalid("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
		}
		m.Visible = now.Add(time.Duration(seconds) * time.Second).UnixMilli()
		return save(o.messages, m.key, &m.message)
	})
	if err == nil {
		q.Wake(queue)
	}
	return err
}

// counts are the messages of a queue: those that can be received, are with receivers, and are delayed.
type counts struct{ visible, hidden, delayed int }

func (o *opened) count(now time.Time) (counts, error) {
	var n counts
	err := o.messages.ForEach(func(_, v []byte) error {
		var m message
		if err := json.Unmarshal(v, &m); err != nil {
			return err
		}
		switch {
		case m.Visible <= now.UnixMilli():
			n.visible++
		case m.Received > 0:
			n.hidden++
		default:
			n.delayed++
		}
		return nil
	})
	return n, err
}
