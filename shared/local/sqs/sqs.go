// Package sqs is Amazon SQS on this machine: standard and FIFO queues whose messages are on disk, with message attributes,
// delay, visibility, long polling, redrive policies and deduplication. Handler speaks the service's JSON protocol; other
// services of this machine send by Send, or by Put within a transaction of theirs; and event source mappings invoke functions
// with what a queue holds (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). All of them see the same queues.
package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
)

var (
	bucketQueues   = []byte("sqs.queues")   // a bucket for each queue: sequence number -> message
	bucketSettings = []byte("sqs.settings") // queue name -> settings
	bucketSent     = []byte("sqs.sent")     // of FIFO queues: queue name, 0, deduplication id -> what was sent under it
)

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
	Logger          *slog.Logger
	URL             string // where the endpoint is: http://127.0.0.1:4566
	Account, Region string
	// Invoke runs a function for an event source mapping and gives its answer. An error means that it has failed.
	Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)
}

// Queues are all the queues. Methods are safe for concurrent use.
type Queues struct {
	o    Options
	ctx  context.Context //nolint:containedctx // the life of the event source mappings, ended by Close
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	arrival chan struct{}      // closed and replaced when there may be more to receive
	pollers map[string]*poller // by queue name
	moves   map[string][]moved // by queue name, the last one first
}

// New opens the queues on their database. Event source mappings have nothing before Map.
func New(ctx context.Context, o Options) (*Queues, error) {
	err := o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketQueues, bucketSettings, bucketSent} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open the queues' database: %w", err)
	}
	q := &Queues{o: o, arrival: make(chan struct{}), pollers: map[string]*poller{}}
	q.ctx, q.stop = context.WithCancel(context.Background())
	return q, nil
}

// Close ends the event source mappings and waits for them. The database is the caller's to close, after this.
func (q *Queues) Close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.stop()
	q.work.Wait()
}

// Error is an error with the name that AWS gives it.
type Error struct{ Code, Message string }

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorMessage is what AWS says beside the name.
func (e *Error) ErrorMessage() string { return e.Message }

func invalid(format string, args ...any) error {
	return &Error{"InvalidParameterValue", fmt.Sprintf(format, args...)}
}

const noQueueCode = "QueueDoesNotExist"

func noQueue() error {
	return &Error{noQueueCode, "The specified queue does not exist."}
}

const fifoSuffix = ".fifo"

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// Create makes a queue and gives its URL. One of that name is found, when it has no other values for the attributes given.
func (q *Queues) Create(ctx context.Context, name string, attributes, tags map[string]string) (url string, err error) {
	fifo := attributes["FifoQueue"] == "true"
	bare := name
	if fifo {
		var ok bool
		if bare, ok = strings.CutSuffix(name, fifoSuffix); !ok || len(name) > 80 {
			bare = ""
		}
	}
	if !validName.MatchString(bare) {
		if fifo {
			return "", invalid("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, " +
				"must end with .fifo suffix and be 1 to 80 in length.")
		}
		return "", invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	now := q.o.Clock.Now().Unix()
	made := settings{Tags: tags, Created: now, Modified: now}
	err = q.view(ctx, name, func(_ *bbolt.Tx, old *opened) error { return old.settings.same(attributes) })
	if known, ok := errors.AsType[*Error](err); !ok || known.Code != noQueueCode {
		return q.url(name), err
	}
	err = q.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		if old, err := q.open(tx, name); err == nil {
			return old.settings.same(attributes)
		}
		if err := q.change(tx, &made, attributes, fifo); err != nil {
			return err
		}
		if _, err := tx.Bucket(bucketQueues).CreateBucket([]byte(name)); err != nil {
			return err
		}
		return made.save(tx, name)
	})
	return q.url(name), err
}

func (q *Queues) url(name string) string { return q.o.URL + "/" + q.o.Account + "/" + name }

func (q *Queues) arn(name string) string {
	return "arn:aws:sqs:" + q.o.Region + ":" + q.o.Account + ":" + name
}

// nameIn is the queue that a URL, an ARN or a bare name names.
func nameIn(queue string) string { return queue[strings.LastIndexAny(queue, "/:")+1:] }

// opened is a queue within a transaction.
type opened struct {
	name     string
	messages *bbolt.Bucket
	settings settings
}

func (o *opened) fifo() bool { return o.settings.Given["FifoQueue"] == "true" }

// open finds a queue by URL, ARN or name.
func (q *Queues) open(tx *bbolt.Tx, queue string) (*opened, error) {
	o := &opened{name: nameIn(queue)}
	if o.name != "" {
		o.messages = tx.Bucket(bucketQueues).Bucket([]byte(o.name))
	}
	if o.messages == nil {
		return nil, noQueue()
	}
	if text := tx.Bucket(bucketSettings).Get([]byte(o.name)); text != nil {
		if err := json.Unmarshal(text, &o.settings); err != nil {
			return nil, fmt.Errorf("read the settings of queue %s: %w", o.name, err)
		}
	}
	return o, nil
}

// update changes one queue in a transaction, view reads it.
func (q *Queues) update(ctx context.Context, queue string, do func(*bbolt.Tx, *opened) error) error {
	return q.o.DB.Update(ctx, q.on(queue, do))
}

func (q *Queues) view(ctx context.Context, queue string, do func(*bbolt.Tx, *opened) error) error {
	return q.o.DB.View(ctx, q.on(queue, do))
}

func (q *Queues) on(queue string, do func(*bbolt.Tx, *opened) error) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		o, err := q.open(tx, queue)
		if err != nil {
			return err
		}
		return do(tx, o)
	}
}

// list gives the names of the queues that begin so, in order.
func (q *Queues) list(ctx context.Context, prefix string) (names []string, err error) {
	err = q.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketQueues).Cursor()
		for k, _ := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, _ = c.Next() {
			names = append(names, string(k))
		}
		return nil
	})
	return names, err
}

// Delete deletes a queue with its messages; QueueDoesNotExist when it is not there.
func (q *Queues) Delete(ctx context.Context, queue string) error {
	return q.update(ctx, queue, func(tx *bbolt.Tx, o *opened) error {
		if err := forgetSent(tx, o.name, func([]byte) bool { return true }); err != nil {
			return err
		}
		if err := tx.Bucket(bucketSettings).Delete([]byte(o.name)); err != nil {
			return err
		}
		return tx.Bucket(bucketQueues).DeleteBucket([]byte(o.name))
	})
}

// purge deletes all messages of a queue.
func (q *Queues) purge(ctx context.Context, queue string) error {
	return q.update(ctx, queue, func(tx *bbolt.Tx, o *opened) error {
		last := o.messages.Sequence() // receipts given out must not fit later messages
		all := tx.Bucket(bucketQueues)
		if err := all.DeleteBucket([]byte(o.name)); err != nil {
			return err
		}
		b, err := all.CreateBucket([]byte(o.name))
		if err != nil {
			return err
		}
		return b.SetSequence(last)
	})
}
