// Package scheduler is EventBridge Scheduler on this machine: schedules that happen once or again and again, in time zones and
// within flexible windows, in groups, and its REST API.
//
// A schedule's next time is on disk with it. That it has come, and what is sent to its target, is one change, so that no crash
// loses a run or makes one twice. What no process was there for happens at the next start when it was to happen once; other
// schedules go on with their next time.
package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
)

var (
	bucketSchedules = []byte("scheduler.schedules") // group, 0, name -> Schedule
	bucketGroups    = []byte("scheduler.groups")    // name -> group
)

// DB is where schedules are kept; *embedded.DB is one.
type DB interface {
	Update(ctx context.Context, fn func(*bbolt.Tx) error) error
	View(ctx context.Context, fn func(*bbolt.Tx) error) error
}

// Options are what the scheduler works with. All but Trusts are required.
type Options struct {
	DB              DB
	Clock           *clock.Clock
	Random          io.Reader
	Logger          *slog.Logger
	Account, Region string
	// Dispatch writes down, as part of a transaction, what is to be delivered; deliver is called when that is committed.
	Dispatch func(tx *bbolt.Tx, r events.Errand) (deliver func(), err error)
	// Trusts tells whether a role, given by ARN, may be assumed by EventBridge Scheduler. nil: every role may.
	Trusts func(role string) bool
}

// Engine is EventBridge Scheduler. All methods are safe for concurrent use.
type Engine struct {
	o Options

	mu        sync.Mutex
	closed    bool
	live      bool                 // schedules happen
	schedules map[string]*Schedule // by key; one never changes: an update puts another in its place
	groups    map[string]*group    // by name
	timers    map[string]func() bool
	work      sync.WaitGroup // runs
}

// New opens the scheduler on what the database holds of an earlier run. Nothing happens before Resume.
func New(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{o: o, schedules: map[string]*Schedule{}, groups: map[string]*group{}, timers: map[string]func() bool{}}
	err := o.DB.Update(ctx, func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketSchedules, bucketGroups} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = o.DB.View(ctx, e.load)
	}
	if err != nil {
		return nil, fmt.Errorf("open the scheduler: %w", err)
	}
	if e.groups[defaultGroup] == nil {
		now := o.Clock.Now()
		e.groups[defaultGroup] = &group{Name: defaultGroup, Created: now, Modified: now}
	}
	return e, nil
}

func (e *Engine) load(tx *bbolt.Tx) error {
	err := tx.Bucket(bucketGroups).ForEach(func(name, text []byte) error {
		g := &group{}
		if err := json.Unmarshal(text, g); err != nil {
			return fmt.Errorf("read schedule group %s: %w", name, err)
		}
		e.groups[g.Name] = g
		return nil
	})
	if err != nil {
		return err
	}
	return tx.Bucket(bucketSchedules).ForEach(func(key, text []byte) error {
		s := &Schedule{}
		if err := json.Unmarshal(text, s); err != nil {
			return fmt.Errorf("read schedule %s: %w", key, err)
		}
		e.schedules[s.key()] = s
		return nil
	})
}

// Resume lets schedules happen, those of an earlier run too. Call it when the targets are ready.
func (e *Engine) Resume() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.live = true
	now := e.o.Clock.Now()
	for key, s := range e.schedules {
		if s.Fire.IsZero() || s.Fire.After(now) || s.once() {
			e.arm(key, s)
			continue
		}
		next := *s // nobody was there at its time
		if err := e.plan(&next, now); err != nil {
			return fmt.Errorf("resume schedule %s: %w", s.Name, err)
		}
		e.schedules[key] = &next
		e.arm(key, &next)
	}
	return nil
}

// Close ends all schedules and waits for those whose time has come. The database is the caller's to close, after this.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	for _, stop := range e.timers {
		stop()
	}
	e.mu.Unlock()
	e.work.Wait()
}

func (e *Engine) arn(resource string) string {
	return fmt.Sprintf("arn:aws:scheduler:%s:%s:%s", e.o.Region, e.o.Account, resource)
}

// Error is an error with the name that AWS gives it.
type Error struct {
	Code    string // "ResourceNotFoundException"
	Message string
	status  int // of HTTP
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name.
func (e *Error) ErrorCode() string { return e.Code }

func invalid(format string, args ...any) error {
	return &Error{"ValidationException", fmt.Sprintf(format, args...), 400}
}

func conflict(format string, args ...any) error {
	return &Error{"ConflictException", fmt.Sprintf(format, args...), 409}
}

func notFound(format string, args ...any) error {
	return &Error{"ResourceNotFoundException", fmt.Sprintf(format, args...), 404}
}

// arm sets the timer of a schedule, or takes it away. The caller holds mu.
func (e *Engine) arm(key string, s *Schedule) {
	if stop := e.timers[key]; stop != nil {
		stop()
		delete(e.timers, key)
	}
	if !e.live || e.closed || s == nil || s.Disabled || s.Fire.IsZero() {
		return
	}
	e.timers[key] = e.o.Clock.AfterFunc(s.Fire, func() { e.run(key, s) })
}

// run does what a schedule is there for, and plans its next time.
func (e *Engine) run(key string, s *Schedule) {
	e.mu.Lock()
	if e.closed || e.schedules[key] != s {
		e.mu.Unlock()
		return
	}
	e.work.Add(1)
	defer e.work.Done()
	deliver, err := e.happen(key, s)
	if err != nil {
		e.o.Logger.Error("schedule not run; it is tried again", "schedule", s.Name, "error", err)
		e.timers[key] = e.o.Clock.AfterFunc(e.o.Clock.Now().Add(time.Second), func() { e.run(key, s) })
	}
	e.mu.Unlock()
	if err == nil {
		deliver()
	}
}

// happen writes down in one change what is sent, and the schedule's next time or its end. The caller holds mu.
func (e *Engine) happen(key string, s *Schedule) (deliver func(), err error) {
	errand, err := e.errand(s)
	if err != nil {
		return nil, err
	}
	next := *s
	if err := next.after(s.Slot, e); err != nil {
		return nil, err
	}
	over := next.Fire.IsZero() && s.Delete
	err = e.o.DB.Update(context.Background(), func(tx *bbolt.Tx) (err error) {
		if deliver, err = e.o.Dispatch(tx, errand); err != nil {
			return err
		}
		if over {
			return tx.Bucket(bucketSchedules).Delete([]byte(key))
		}
		return next.save(tx)
	})
	if err != nil {
		return nil, err
	}
	if over {
		delete(e.schedules, key)
		e.arm(key, nil)
		return deliver, nil
	}
	e.schedules[key] = &next
	e.arm(key, &next)
	return deliver, nil
}
