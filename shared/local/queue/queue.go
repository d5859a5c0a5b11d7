// Package queue is Amazon SQS on this machine, as far as dead-letter queues need it: other services of this machine put
// messages into queues, in the transaction in which they give up what they had, and event source mappings invoke functions
// with them (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). There is no API.
//
// A message is on disk until a function has taken it or its queue's time is over. That it was handed to a function is not:
// whoever works on it ends with the process, so the next one hands it out at once.
package queue

import (
	"context"
	"crypto/md5"  //nolint:gosec // SQS tells the MD5 of a body
	"crypto/rand" // of message ids
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
	"opsflow/shared/table/embedded"
)

var bucket = []byte("queue.messages") // queue ARN, 0, a number that counts up -> message

// Mapping invokes a function with the messages of a queue.
type Mapping struct {
	Queue    string // ARN
	Function string // name or ARN
	Batch    int    // messages at once, at most
	// Partial: the function's answer names the messages that come again (ReportBatchItemFailures); else all do, when it fails.
	Partial bool
	// Hidden is how long messages stay away that a function did not take; Retention is after how long they are dropped.
	Hidden    time.Duration
	Retention time.Duration
}

// Options of New. All are needed.
type Options struct {
	DB     *embedded.DB
	Clock  *clock.Clock
	Region string
	Logger *slog.Logger
	// Invoke runs a function and waits for its answer. An error means that it has failed.
	Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)
}

// Queues are all queues. All methods are safe for concurrent use.
type Queues struct {
	o    Options
	ctx  context.Context //nolint:containedctx // the life of the pollers, ended by Close
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	pollers map[string]*poller // by queue
}

type message struct {
	ID         string            `json:"id"`
	Body       string            `json:"body"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Sent       time.Time         `json:"sent"`
}

// New opens the queues on what the database holds of an earlier run. Nothing is handed out before Map.
func New(ctx context.Context, o Options) (*Queues, error) {
	err := o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open queues: %w", err)
	}
	q := &Queues{o: o, pollers: map[string]*poller{}}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q, nil
}

// Close ends the pollers and waits for them. The database is the caller's to close, after this.
func (q *Queues) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.stop()
	q.work.Wait()
}

// Put puts a message into a queue as part of a transaction. Wake is to be called when that is committed.
func (q *Queues) Put(tx *bbolt.Tx, queue, body string, attributes map[string]string) error {
	b := tx.Bucket(bucket)
	n, err := b.NextSequence()
	if err != nil {
		return err
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails: it ends the program instead
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	text, err := json.Marshal(message{
		ID:   fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
		Body: body, Attributes: attributes, Sent: q.o.Clock.Now(),
	})
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return b.Put(binary.BigEndian.AppendUint64(prefix(queue), n), text)
}

func prefix(queue string) []byte { return append([]byte(queue), 0) }

// Map begins to hand out a queue's messages, those of an earlier run first.
func (q *Queues) Map(m Mapping) {
	q.mu.Lock()
	q.pollers[m.Queue] = &poller{q: q, mapping: m, handed: map[string]handed{}}
	q.mu.Unlock()
	q.Wake(m.Queue)
}

// Wake looks at a queue.
func (q *Queues) Wake(queue string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.pollers[queue]
	if p == nil || q.closed {
		return
	}
	p.again = true
	if p.running {
		return
	}
	p.running = true
	done := q.o.Clock.Busy()
	q.work.Go(func() {
		defer done()
		p.run()
	})
}

// Count tells how many messages a queue holds.
func (q *Queues) Count(ctx context.Context, queue string) (int, error) {
	count := 0
	err := q.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		return each(tx, queue, func([]byte, message) bool { count++; return true })
	})
	if err != nil {
		return 0, fmt.Errorf("count the messages of %s: %w", queue, err)
	}
	return count, nil
}

// each goes through a queue's messages, the oldest first, until f says no.
func each(tx *bbolt.Tx, queue string, f func(key []byte, m message) bool) error {
	from := prefix(queue)
	c := tx.Bucket(bucket).Cursor()
	for k, v := c.Seek(from); k != nil && len(k) == len(from)+8 && string(k[:len(from)]) == string(from); k, v = c.Next() {
		var m message
		if err := json.Unmarshal(v, &m); err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		if !f(k, m) {
			break
		}
	}
	return nil
}

// record is a message as a function gets it.
func (q *Queues) record(queue string, m message, received int) map[string]any {
	sum := md5.Sum([]byte(m.Body)) //nolint:gosec // as SQS does
	attributes := map[string]any{}
	for name, value := range m.Attributes {
		attributes[name] = map[string]any{"stringValue": value, "stringListValues": []string{}, "binaryListValues": []string{}, "dataType": "String"}
	}
	return map[string]any{
		"messageId": m.ID, "receiptHandle": m.ID + "/" + strconv.Itoa(received), "body": m.Body,
		"attributes": map[string]string{
			"ApproximateReceiveCount": strconv.Itoa(received), "SentTimestamp": strconv.FormatInt(m.Sent.UnixMilli(), 10),
			"SenderId": "opsflow", "ApproximateFirstReceiveTimestamp": strconv.FormatInt(q.o.Clock.Now().UnixMilli(), 10),
		},
		"messageAttributes": attributes, "md5OfBody": hex.EncodeToString(sum[:]),
		"eventSource": "aws:sqs", "eventSourceARN": queue, "awsRegion": q.o.Region,
	}
}
