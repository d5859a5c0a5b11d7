package sqs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/uuid"
)

// Limits of the service.
const (
	maxBody       = 1 << 20 // bytes
	maxMessages   = 10      // received at a time, and sent at a time
	maxVisibility = 43_200
	maxDelay      = 900
	maxWait       = 20
	// deduplication is how long a FIFO queue takes a deduplication id only once.
	deduplication = 5 * time.Minute
)

// Message is something to be sent.
type Message struct {
	Body            string
	Attributes      map[string]MessageAttribute
	Delay           *int   // seconds; nil: the queue's
	Group           string // MessageGroupId; a FIFO queue needs one
	DeduplicationID string // of a FIFO queue; "": made of the body where the queue says so
	Trace           string // AWSTraceHeader
}

// message is what is kept of a message. Times are Unix milliseconds.
type message struct {
	ID         string                      `json:"i"`
	Body       string                      `json:"b"`
	Attributes map[string]MessageAttribute `json:"a,omitempty"`
	SentAt     int64                       `json:"t"`
	Visible    int64                       `json:"v"`           // when it may be received (again)
	Received   int                         `json:"n,omitempty"` // times
	Receipt    string                      `json:"r,omitempty"` // of the last time
	FirstAt    int64                       `json:"f,omitempty"` // received the first time
	Group      string                      `json:"g,omitempty"`
	Dedup      string                      `json:"d,omitempty"`
	Sequence   string                      `json:"q,omitempty"` // of a FIFO queue
	Trace      string                      `json:"x,omitempty"`
	Source     string                      `json:"s,omitempty"` // ARN of the queue that gave it up
}

// sentBefore is what a FIFO queue remembers of a message.
type sentBefore struct {
	ID       string `json:"i"`
	Sequence string `json:"q"`
	Until    int64  `json:"u"`
}

// Send puts a message into a queue, given by URL, ARN or name, and gives its id, and its sequence number in a FIFO queue, when
// that is on disk.
func (q *Queues) Send(ctx context.Context, queue string, m Message) (id, sequence string, err error) {
	defer q.o.Clock.Busy()()
	err = q.update(ctx, queue, func(tx *bbolt.Tx, o *opened) error {
		made, err := q.insert(tx, o, m)
		if made != nil {
			id, sequence = made.ID, made.Sequence
		}
		return err
	})
	if err == nil {
		q.Wake(queue)
	}
	return id, sequence, err
}

// Put puts a message into a queue, given by ARN, as part of a transaction; Wake is to be called when that is committed. ok is
// false when the queue does not exist or would refuse the message.
func (q *Queues) Put(tx *bbolt.Tx, queue, body string, attributes map[string]string) (ok bool, err error) {
	o, err := q.open(tx, queue)
	if err == nil {
		m := Message{Body: body, Attributes: map[string]MessageAttribute{}}
		for name, v := range attributes {
			m.Attributes[name] = MessageAttribute{DataType: "String", StringValue: v}
		}
		_, err = q.insert(tx, o, m)
	}
	if _, refused := errors.AsType[*Error](err); refused {
		return false, nil
	}
	return err == nil, err
}

func (q *Queues) insert(tx *bbolt.Tx, o *opened, in Message) (*message, error) {
	delay := o.settings.number(delaySeconds)
	if in.Delay != nil {
		delay = *in.Delay
	}
	if err := in.check(o, delay); err != nil {
		return nil, err
	}
	id, err := uuid.New(q.o.Random)
	if err != nil {
		return nil, err
	}
	now := q.o.Clock.Now()
	m := &message{
		ID: id, Body: in.Body, Attributes: in.Attributes, SentAt: now.UnixMilli(), Group: in.Group, Trace: in.Trace,
		Visible: now.Add(time.Duration(delay) * time.Second).UnixMilli(),
	}
	if !o.fifo() {
		return m, add(o.messages, m)
	}
	if m.Dedup = in.DeduplicationID; m.Dedup == "" {
		sum := sha256.Sum256([]byte(in.Body))
		m.Dedup = hex.EncodeToString(sum[:])
	}
	key := sentKey(o.name, m.Dedup)
	var before sentBefore
	if text := tx.Bucket(bucketSent).Get(key); text != nil {
		if err := json.Unmarshal(text, &before); err != nil {
			return nil, fmt.Errorf("read what was sent: %w", err)
		}
		if before.Until > now.UnixMilli() { // taken, and dropped
			m.ID, m.Sequence = before.ID, before.Sequence
			return m, nil
		}
	}
	if err := forgetSent(tx, o.name, old(now)); err != nil {
		return nil, err
	}
	if err := add(o.messages, m); err != nil {
		return nil, err
	}
	text, err := json.Marshal(sentBefore{m.ID, m.Sequence, now.Add(deduplication).UnixMilli()})
	if err != nil {
		return nil, err
	}
	return m, tx.Bucket(bucketSent).Put(key, text)
}

func (m *Message) check(o *opened, delay int) error {
	largest := o.settings.number(maximumSize)
	switch {
	case m.Body == "":
		return &Error{"MissingParameter", "The request must contain the parameter MessageBody."}
	case sizeOf(m.Body, m.Attributes) > largest:
		return invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", largest)
	case delay < 0 || delay > maxDelay:
		return invalid("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.", delay, maxDelay)
	case !o.fifo() && m.DeduplicationID != "":
		return invalid("Value %s for parameter MessageDeduplicationId is invalid. "+
			"Reason: The request includes a parameter that is not valid for this queue type.", m.DeduplicationID)
	case o.fifo() && m.Group == "":
		return &Error{"MissingParameter", "The request must contain the parameter MessageGroupId."}
	case o.fifo() && m.Delay != nil && *m.Delay != 0:
		return invalid("Value %d for parameter DelaySeconds is invalid. "+
			"Reason: The request include parameter that is not valid for this queue type.", *m.Delay)
	case o.fifo() && m.DeduplicationID == "" && o.settings.text(contentBased) != "true":
		return invalid("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	return checkMessageAttributes(m.Attributes)
}

// add puts a message behind all others of a queue.
func add(b *bbolt.Bucket, m *message) error {
	seq, err := b.NextSequence()
	if err != nil {
		return err
	}
	if m.Dedup != "" {
		m.Sequence = fmt.Sprintf("1%019d", seq)
	}
	return save(b, binary.BigEndian.AppendUint64(nil, seq), m)
}

func save(b *bbolt.Bucket, key []byte, m *message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

func sentKey(queue, id string) []byte { return append(append([]byte(queue), 0), id...) }

// old tells what a FIFO queue need no longer remember.
func old(now time.Time) func(text []byte) bool {
	return func(text []byte) bool {
		var s sentBefore
		return json.Unmarshal(text, &s) != nil || s.Until <= now.UnixMilli()
	}
}

// forgetSent drops what a queue remembers of messages, as far as drop says so.
func forgetSent(tx *bbolt.Tx, queue string, drop func(text []byte) bool) error {
	b, prefix := tx.Bucket(bucketSent), sentKey(queue, "")
	var keys [][]byte
	c := b.Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if drop(v) {
			keys = append(keys, bytes.Clone(k))
		}
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
