// Package sqs is queues on this machine, as far as state machines and their authors need them: standard queues whose
// messages are durable, with delay, visibility and long polling. Handler speaks the service's JSON protocol. There are no
// FIFO queues, no message attributes on receiving and no redrive policies.
package sqs

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

// Limits of the service, and its defaults.
const (
	maxBody           = 1 << 20 // bytes
	maxMessages       = 10      // received at a time
	defaultVisibility = 30      // seconds
	maxVisibility     = 43_200
	maxDelay          = 900
	maxWait           = 20
	retention         = 4 * 24 * time.Hour
)

// bucketQueues holds a bucket for each queue: sequence number -> message.
var bucketQueues = []byte("sqs.queues")

// DB is where messages are kept; *embedded.DB is one.
type DB interface {
	Update(ctx context.Context, fn func(*bbolt.Tx) error) error
	View(ctx context.Context, fn func(*bbolt.Tx) error) error
}

// Options are what queues work with. All are required.
type Options struct {
	DB              DB
	Clock           *clock.Clock
	Random          io.Reader
	URL             string // where the endpoint is: http://127.0.0.1:4566
	Account, Region string
}

// Queues are all the queues. Methods are safe for concurrent use.
type Queues struct {
	o Options

	mu      sync.Mutex
	arrival chan struct{} // closed and replaced when something was sent
}

// New opens the queues on their database.
func New(ctx context.Context, o Options) (*Queues, error) {
	err := o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucketQueues)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the queues' database: %w", err)
	}
	return &Queues{o: o, arrival: make(chan struct{})}, nil
}

// message is what is kept of a message. Times are Unix milliseconds.
type message struct {
	ID       string `json:"i"`
	Body     string `json:"b"`
	SentAt   int64  `json:"t"`
	Visible  int64  `json:"v"`           // when it may be received (again)
	Received int    `json:"n,omitempty"` // times
	Receipt  string `json:"r,omitempty"` // of the last time
	FirstAt  int64  `json:"f,omitempty"` // received the first time
}

// Error is an error with the name that AWS gives it.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name.
func (e *Error) ErrorCode() string { return e.Code }

func invalid(format string, args ...any) error {
	return &Error{"InvalidParameterValue", fmt.Sprintf(format, args...)}
}

func noQueue() error {
	return &Error{"QueueDoesNotExist", "The specified queue does not exist."}
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// Create makes a queue, or finds the one of that name, and gives its URL.
func (q *Queues) Create(ctx context.Context, name string) (url string, err error) {
	if strings.HasSuffix(name, ".fifo") {
		return "", &Error{"UnsupportedOperation", "there are no FIFO queues here"}
	}
	if !validName.MatchString(name) {
		return "", invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	err = q.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		_, err := tx.Bucket(bucketQueues).CreateBucketIfNotExists([]byte(name))
		return err
	})
	return q.url(name), err
}

func (q *Queues) url(name string) string { return q.o.URL + "/" + q.o.Account + "/" + name }

func (q *Queues) arn(name string) string {
	return "arn:aws:sqs:" + q.o.Region + ":" + q.o.Account + ":" + name
}

// nameIn is the queue that a URL, an ARN or a bare name names.
func nameIn(queue string) string { return queue[strings.LastIndexAny(queue, "/:")+1:] }

// update changes one queue in a transaction.
func (q *Queues) update(ctx context.Context, queue string, do func(*bbolt.Bucket) error) error {
	return q.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket([]byte(nameIn(queue)))
		if b == nil {
			return noQueue()
		}
		return do(b)
	})
}

// List gives the URLs of the queues whose names begin so.
func (q *Queues) List(ctx context.Context, prefix string) (urls []string, err error) {
	err = q.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketQueues).Cursor()
		for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
			urls = append(urls, q.url(string(k)))
		}
		return nil
	})
	return urls, err
}

// Delete removes a queue with its messages.
func (q *Queues) Delete(ctx context.Context, queue string) error {
	return q.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues)
		if b.Bucket([]byte(nameIn(queue))) == nil {
			return noQueue()
		}
		return b.DeleteBucket([]byte(nameIn(queue)))
	})
}

// Send puts a message into a queue, named by URL or ARN, and gives its ID once that is durable. It can be received after
// delay seconds.
func (q *Queues) Send(ctx context.Context, queue, body string, delay int) (id string, err error) {
	switch {
	case body == "":
		return "", &Error{"MissingParameter", "The request must contain the parameter MessageBody."}
	case len(body) > maxBody:
		return "", invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxBody)
	case delay < 0 || delay > maxDelay:
		return "", invalid("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= %d.", delay, maxDelay)
	}
	if id, err = ops.RandomID("", q.o.Random); err != nil {
		return "", err
	}
	now := q.o.Clock.Now()
	m := message{ID: id, Body: body, SentAt: now.UnixMilli(), Visible: now.Add(time.Duration(delay) * time.Second).UnixMilli()}
	err = q.update(ctx, queue, func(b *bbolt.Bucket) error {
		seq, err := b.NextSequence()
		if err != nil {
			return err
		}
		return save(b, binary.BigEndian.AppendUint64(nil, seq), &m)
	})
	if err != nil {
		return "", err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.arrival)
	q.arrival = make(chan struct{})
	return id, nil
}

func save(b *bbolt.Bucket, key []byte, m *message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

// receive takes up to most messages, which nobody else gets for visibility seconds. When there are none it waits for up to
// wait seconds.
func (q *Queues) receive(ctx context.Context, queue string, most, visibility, wait int) ([]message, error) {
	switch {
	case most < 1 || most > maxMessages:
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and %d, if provided.", most, maxMessages)
	case visibility < 0 || visibility > maxVisibility:
		return nil, invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and %d.", visibility, maxVisibility)
	case wait < 0 || wait > maxWait:
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= %d, if provided.", wait, maxWait)
	}
	over := make(chan struct{})
	stop := q.o.Clock.AfterFunc(q.o.Clock.Now().Add(time.Duration(wait)*time.Second), func() { close(over) })
	defer stop()
	for {
		q.mu.Lock()
		arrival := q.arrival
		q.mu.Unlock()
		got, err := q.take(ctx, queue, most, visibility)
		if err != nil || len(got) > 0 || wait == 0 {
			return got, err
		}
		select {
		case <-arrival:
		case <-over:
			return q.take(ctx, queue, most, visibility)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (q *Queues) take(ctx context.Context, queue string, most, visibility int) (got []message, err error) {
	now := q.o.Clock.Now()
	err = q.update(ctx, queue, func(b *bbolt.Bucket) error {
		got = nil
		c := b.Cursor()
		for k, v := c.First(); k != nil && len(got) < most; k, v = c.Next() {
			var m message
			if err := json.Unmarshal(v, &m); err != nil {
				return err
			}
			if now.Sub(time.UnixMilli(m.SentAt)) > retention {
				if err := c.Delete(); err != nil {
					return err
				}
				continue
			}
			if m.Visible > now.UnixMilli() {
				continue
			}
			nonce, err := ops.RandomID("", q.o.Random)
			if err != nil {
				return err
			}
			m.Receipt = strconv.FormatUint(binary.BigEndian.Uint64(k), 10) + "-" + nonce
			m.Visible = now.Add(time.Duration(visibility) * time.Second).UnixMilli()
			if m.Received++; m.FirstAt == 0 {
				m.FirstAt = now.UnixMilli()
			}
			if err := save(b, bytes.Clone(k), &m); err != nil {
				return err
			}
			got = append(got, m)
		}
		return nil
	})
	return got, err
}

// received finds a message by its receipt, in a transaction. Nil: it is gone, or was received again since.
func received(b *bbolt.Bucket, receipt string) (key []byte, m *message, err error) {
	number, _, ok := strings.Cut(receipt, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return nil, nil, &Error{"ReceiptHandleIsInvalid", "The input receipt handle is invalid."}
	}
	key = binary.BigEndian.AppendUint64(nil, seq)
	text := b.Get(key)
	if text == nil {
		return nil, nil, nil
	}
	m = &message{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, nil, err
	}
	if m.Receipt != receipt {
		return nil, nil, nil
	}
	return key, m, nil
}

// Done deletes a message by the receipt of its last receiving. One that is gone is no error.
func (q *Queues) Done(ctx context.Context, queue, receipt string) error {
	return q.update(ctx, queue, func(b *bbolt.Bucket) error {
		key, m, err := received(b, receipt)
		if err != nil || m == nil {
			return err
		}
		return b.Delete(key)
	})
}

// Hide keeps a received message from the others for that many seconds from now.
func (q *Queues) Hide(ctx context.Context, queue, receipt string, seconds int) error {
	if seconds < 0 || seconds > maxVisibility {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and %d.", seconds, maxVisibility)
	}
	return q.update(ctx, queue, func(b *bbolt.Bucket) error {
		key, m, err := received(b, receipt)
		if err != nil {
			return err
		}
		if m == nil {
			return invalid("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
		}
		m.Visible = q.o.Clock.Now().Add(time.Duration(seconds) * time.Second).UnixMilli()
		return save(b, key, m)
	})
}

// Count says how many messages can be received, how many are with receivers, and how many are delayed.
func (q *Queues) Count(ctx context.Context, queue string) (visible, hidden, delayed int, err error) {
	now := q.o.Clock.Now().UnixMilli()
	err = q.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketQueues).Bucket([]byte(nameIn(queue)))
		if b == nil {
			return noQueue()
		}
		return b.ForEach(func(_, v []byte) error {
			var m message
			if err := json.Unmarshal(v, &m); err != nil {
				return err
			}
			switch {
			case m.Visible <= now:
				visible++
			case m.Received > 0:
				hidden++
			default:
				delayed++
			}
			return nil
		})
	})
	return visible, hidden, delayed, err
}

// Purge deletes all messages of a queue.
func (q *Queues) Purge(ctx context.Context, queue string) error {
	return q.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		all := tx.Bucket(bucketQueues)
		name := []byte(nameIn(queue))
		b := all.Bucket(name)
		if b == nil {
			return noQueue()
		}
		last := b.Sequence() // receipts given out must not fit later messages
		if err := all.DeleteBucket(name); err != nil {
			return err
		}
		b, err := all.CreateBucket(name)
		if err != nil {
			return err
		}
		return b.SetSequence(last)
	})
}
