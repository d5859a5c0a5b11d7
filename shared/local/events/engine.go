// Package events is EventBridge on this machine: buses, rules with patterns and schedules, targets, retries, dead-letter queues,
// archives and replays, and its JSON API.
//
// Protocol and limits are those of AWS's documentation ("Amazon EventBridge User Guide", "API Reference") and, where it is
// silent, of what AWS answers.
//
// What PutEvents accepts is on disk before it answers: one record for each target that an event goes to. A record leaves
// the queue when its target has taken it or when it is moved to the dead letters. So every delivery happens at least
// once, over any crash, and in the ordinary case once. The slots of schedules are the exception: one is written down only
// when its first attempt fails. A crash in that moment loses one slot, as any time without a running process loses those
// in it.
package events

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/events/destination"
	"opsflow/shared/local/uuid"
	"opsflow/shared/table/embedded"
)

// DefaultBus is the bus that exists always and on which AWS's own services send.
const DefaultBus = "default"

// Options of New. DB, Clock, Account and Region are required; the rest has defaults.
type Options struct {
	DB      *embedded.DB
	Clock   *clock.Clock
	Account string
	Region  string

	// Invoke runs a Lambda function as an asynchronous invocation does. An error means that the function failed (or could
	// not be run), and that the event is to be sent again.
	Invoke func(ctx context.Context, function string, payload []byte) error
	// Deliver gives something to a target that is neither a function nor an event bus. An error means that it is to be tried again,
	// unless it is a TargetError that says otherwise.
	Deliver func(ctx context.Context, a Attempt) error

	// May is asked whether the role that a target is to be reached with may do that. nil: always.
	May func(role, action, resource string, keys map[string][]string) error
	// Outside calls API destinations. nil: there are none.
	Outside *destination.Caller
	// PrivateCalls allows plain HTTP for API destinations: for those on this machine.
	PrivateCalls bool
	// MaySendAs is the policy of the buses: whether whom the context belongs to may send events of a source to a bus. nil: everybody.
	MaySendAs func(ctx context.Context, bus, source string) bool
	// SkipSlot is asked when a schedule's slot has come; skip drops it. The next slot asked about is then the first at or
	// after next (the following one when next is not later than the slot), unless Rearm is called before. nil: every slot
	// is delivered.
	SkipSlot func(rule string, slot time.Time) (next time.Time, skip bool)

	// Count is told how many events somebody has put on buses. nil: nobody is told.
	Count func(ctx context.Context, n int)
	// Queues are where dead letters go. nil: they are only kept here, see DeadLetters.
	Queues Queues
	// Async is how Lambda invokes a function asynchronously. nil: EventBridge's own limits hold for what a function fails on,
	// too.
	Async func(function string) Async

	// Concurrency is how many deliveries to one target go on at once; 0 means 16.
	Concurrency int
	Rand        io.Reader    // of event ids; nil: crypto/rand
	Logger      *slog.Logger // nil: none
}

// Engine is EventBridge. All methods are safe for concurrent use.
type Engine struct {
	o    Options
	ctx  context.Context //nolint:containedctx // the life of the deliveries, ended by Close
	stop context.CancelFunc

	mu    sync.RWMutex
	buses map[string]*bus
	// archives are few and asked for every event; replays are only in the database.
	archives map[string]*archive
	// connections and destinations are by name; they never change: an update puts another in their place.
	connections  map[string]*destination.Connection
	destinations map[string]*destination.Destination
	tags         map[string]map[string]string // of buses and rules, by ARN

	randMu sync.Mutex

	lanes   laneSet
	settled settler
	pace    destination.Pace
	timers  timerSet
	tickers tickerSet

	leftover uint64 // the last place in the queue that an earlier run gave
	resume   sync.Once
}

// New opens the engine on what the database holds of an earlier run. Nothing is delivered from that before Resume.
func New(o Options) (*Engine, error) {
	if o.DB == nil || o.Clock == nil || o.Account == "" || o.Region == "" {
		return nil, errors.New("new event engine: DB, Clock, Account and Region are required")
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Concurrency <= 0 {
		o.Concurrency = 16
	}
	if o.Invoke == nil {
		o.Invoke = func(context.Context, string, []byte) error { return errNoService }
	}
	if o.Deliver == nil {
		o.Deliver = func(context.Context, Attempt) error { return errNoService }
	}
	e := &Engine{
		o: o, buses: map[string]*bus{}, archives: map[string]*archive{},
		connections: map[string]*destination.Connection{}, destinations: map[string]*destination.Destination{}, tags: map[string]map[string]string{},
	}
	e.timers = timerSet{clock: o.Clock, set: map[string]*timer{}}
	e.tickers.m = map[string]*ticker{}
	e.lanes.m = map[string]*lane{}
	e.ctx, e.stop = context.WithCancel(context.Background())
	if err := e.load(e.ctx); err != nil {
		e.stop()
		return nil, fmt.Errorf("open event engine: %w", err)
	}
	return e, nil
}

// Close ends all schedules and waits, until ctx ends, for the deliveries that are going on; their contexts are ended.
// What is not delivered stays in the queue. The database is the caller's to close, after this.
func (e *Engine) Close(ctx context.Context) error {
	e.stop()
	e.timers.stopAll()
	if err := e.lanes.wait(ctx); err != nil {
		return fmt.Errorf("close event engine: %w", err)
	}
	if err := e.settled.wait(ctx); err != nil {
		return fmt.Errorf("close event engine: %w", err)
	}
	return nil
}

func (e *Engine) load(ctx context.Context) error {
	err := e.o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{configBucket, queueBucket, deadBucket, archivedBucket, replayBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		e.leftover = tx.Bucket(queueBucket).Sequence()
		return nil
	})
	if err != nil {
		return err
	}
	err = e.o.DB.View(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(configBucket).ForEach(e.loadConfig)
	})
	if err != nil {
		return err
	}
	if e.buses[DefaultBus] == nil {
		now := e.o.Clock.Now()
		e.buses[DefaultBus] = &bus{
			Bus:   Bus{Name: DefaultBus, ARN: e.arn("event-bus/" + DefaultBus), Created: now, Modified: now},
			rules: map[string]*rule{},
		}
	}
	return nil
}

func (e *Engine) arn(resource string) string {
	return fmt.Sprintf("arn:aws:events:%s:%s:%s", e.o.Region, e.o.Account, resource)
}

func (e *Engine) newID() (string, error) {
	e.randMu.Lock()
	defer e.randMu.Unlock()
	return uuid.New(e.o.Rand)
}

// mustJSON is for our own records, which are made of types that JSON can always hold.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return b
}
