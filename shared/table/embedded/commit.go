package embedded

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
)

// ErrClosed answers whoever comes after Close.
var ErrClosed = errors.New("the data file is closed")

// DB is an open data file with its committer. All methods are safe for concurrent use.
//
// One goroutine, the leader, takes everything that waits for Update, runs it in one bbolt transaction, commits (one
// fsync) and answers all; what arrives meanwhile is the next batch. There is no timer: a lone writer pays one commit and no
// waiting, a thousand writers share a few. (bbolt's own Batch waits 10 ms for company.)
type DB struct {
	bolt    *bbolt.DB
	commits atomic.Uint64
	wake    chan struct{} // holds a token while the leader has something to look at
	stopped chan struct{} // closed when the leader has gone and the file is closed

	mu       sync.Mutex
	waiting  []*change
	closed   bool
	closeErr error
}

// change is one call of Update.
type change struct {
	fn    func(tx *bbolt.Tx) error
	taken atomic.Bool // by the leader, who will run it, or by a caller who gave up
	err   error
	panic any
	done  chan struct{}
}

// Update runs fn in a transaction that it may share with the calls of others, and returns when that is on disk.
//
//   - fn must check before it writes: one that returns an error must not have written anything, because the transaction
//     is committed for the others all the same.
//   - fn may run more than once (when another one panics), each time on the same state; what it gives to the outside must
//     be set, not added.
//   - A panic in fn undoes what fn did, leaves the others untouched and goes on in the goroutine that called Update.
//   - When ctx ends before fn's turn, fn never runs and the answer is the context's error; after that ctx has no say.
//   - After Close the answer is ErrClosed.
//   - fn may not call Update or View, nor end its goroutine (runtime.Goexit, testing's FailNow): that is the leader's.
func (db *DB) Update(ctx context.Context, fn func(tx *bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &change{fn: fn, done: make(chan struct{})}
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return ErrClosed
	}
	db.waiting = append(db.waiting, c)
	db.mu.Unlock()
	db.signal()

	select {
	case <-c.done:
	case <-ctx.Done():
		if c.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		<-c.done
	}
	if c.panic != nil {
		panic(c.panic)
	}
	return c.err
}

// Commits counts the commits so far.
func (db *DB) Commits() uint64 { return db.commits.Load() }

// Close waits for what is in flight and closes the file. Every call after the first waits for the same end and gives the
// same answer.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closed = true
	db.mu.Unlock()
	db.signal()
	<-db.stopped
	return db.closeErr
}

func (db *DB) signal() {
	select {
	case db.wake <- struct{}{}:
	default:
	}
}

func (db *DB) lead() {
	defer close(db.stopped)
	for range db.wake {
		db.mu.Lock()
		batch, closed := db.waiting, db.closed
		db.waiting = nil
		db.mu.Unlock()

		run := batch[:0]
		for _, c := range batch {
			if c.taken.CompareAndSwap(false, true) {
				run = append(run, c)
			}
		}
		db.commit(run)
		for _, c := range run {
			close(c.done)
		}
		if closed { // nothing can have been added since
			if err := db.bolt.Close(); err != nil {
				db.closeErr = fmt.Errorf("close data file: %w", err)
			}
			return
		}
	}
}

// commit runs a batch in one transaction. A change that panics is taken out and the rest begins anew.
func (db *DB) commit(batch []*change) {
	for len(batch) > 0 {
		broken := db.try(batch)
		if broken < 0 {
			return
		}
		rest := make([]*change, 0, len(batch)-1)
		batch = append(append(rest, batch[:broken]...), batch[broken+1:]...)
	}
}

// try returns the place of a change that panicked, or -1 when all have their answer.
func (db *DB) try(batch []*change) (broken int) {
	fail := func(err error) int {
		for _, c := range batch {
			c.err = fmt.Errorf("write data file: %w", err)
		}
		return -1
	}
	tx, err := db.bolt.Begin(true)
	if err != nil {
		return fail(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after a commit
	good := 0
	for i, c := range batch {
		c.run(tx)
		if c.panic != nil {
			return i
		}
		if c.err == nil {
			good++
		}
	}
	if good == 0 {
		return -1
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	db.commits.Add(1)
	return -1
}

func (c *change) run(tx *bbolt.Tx) {
	defer func() {
		if r := recover(); r != nil {
			c.panic = fmt.Sprintf("%v\n\nin a change of the data file:\n%s", r, debug.Stack())
		}
	}()
	c.err = c.fn(tx)
}
