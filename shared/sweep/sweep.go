// Package sweep looks, every minute, for the records whose time has come, and has each dealt with by whoever knows its
// kind.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"opsflow/shared/ops"
)

const (
	// pageSize is how many records of a shard are asked for at once.
	pageSize = 100
	// maxPerShard is how many records of a shard one tick deals with; the rest wait for the next minute.
	maxPerShard = 2000
	// maxFailures is how many failures a report names.
	maxFailures = 20
	// A record that fails is looked at again after a quarter of the time that it has been due for, within these: so that the
	// ones that fail every time leave room for the others.
	firstPause, longestPause = 2 * time.Minute, time.Hour
)

// Handler deals with a record whose time has come. It reads the record again, for the index may be behind, and claims it by
// a conditional write: so that a *ops.Conflict means that somebody else was faster, which is no failure.
type Handler = func(ctx context.Context, ref ops.Ref) error

// Sweeper hands due records to handlers. Overlapping ticks are harmless.
type Sweeper struct {
	waker    ops.Waker
	clock    ops.Clock
	handlers map[ops.Kind]Handler
	logger   *slog.Logger
}

// New makes a Sweeper with a handler for each kind of record that can have a timer.
func New(w ops.Waker, c ops.Clock, handlers map[ops.Kind]Handler, logger *slog.Logger) *Sweeper {
	return &Sweeper{waker: w, clock: c, handlers: handlers, logger: logger}
}

// Report says what one tick did. Due = Done + Overtaken + Failed.
type Report struct {
	Due       int       `json:"due"`
	Done      int       `json:"done"`
	Overtaken int       `json:"overtaken"` // somebody else changed the record first
	Failed    int       `json:"failed"`
	Failures  []Failure `json:"failures,omitempty"` // the first of them, at most 20
}

// Failure is a record that could not be dealt with. It is due again later.
type Failure struct {
	Ref   ops.Ref `json:"ref"`
	Error string  `json:"error"`
}

// HandleTick deals with everything that is due now, all shards side by side, each from its earliest record on. A record
// that fails is reported and logged, is looked at again ever later, and stops nothing. The error is that of shards that could not be listed, or of the
// context when it ended first; the report holds what was done all the same.
func (s *Sweeper) HandleTick(ctx context.Context) (Report, error) {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		report Report
		faults [ops.Shards]error
	)
	for shard := range ops.Shards {
		wg.Go(func() {
			faults[shard] = s.shard(ctx, shard, func(ref ops.Ref, err error) {
				mu.Lock()
				defer mu.Unlock()
				report.add(ref, err)
			})
		})
	}
	wg.Wait()
	return report, errors.Join(faults[:]...)
}

func (r *Report) add(ref ops.Ref, err error) {
	r.Due++
	switch {
	case err == nil:
		r.Done++
	case ops.AsConflict(err) != nil:
		r.Overtaken++
	default:
		r.Failed++
		if len(r.Failures) < maxFailures {
			r.Failures = append(r.Failures, Failure{Ref: ref, Error: err.Error()})
		}
	}
}

// shard deals with one shard. Records that were dealt with leave the index, sooner or later, and those that failed stay:
// so each round asks for one page more than there were records seen that may still be there.
func (s *Sweeper) shard(ctx context.Context, shard int, note func(ops.Ref, error)) error {
	seen := map[ops.Ref]bool{}
	now := s.clock.Now()
	for len(seen) < maxPerShard {
		limit := len(seen) + pageSize
		refs, err := s.waker.Due(ctx, shard, now, limit)
		if err != nil {
			return fmt.Errorf("sweep shard %d: %w", shard, err)
		}
		for _, ref := range refs {
			if seen[ref] {
				continue
			}
			if len(seen) == maxPerShard {
				return nil
			}
			seen[ref] = true
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("sweep shard %d: %w", shard, err)
			}
			err := s.handle(ctx, ref)
			if err != nil && ops.AsConflict(err) == nil {
				s.logger.ErrorContext(ctx, "a due record could not be dealt with", "kind", ref.Kind, "id", ref.ID, "error", err)
				s.putOff(ctx, ref)
			}
			note(ref, err)
		}
		if len(refs) < limit {
			return nil
		}
	}
	return nil
}

// putOff has a record that failed looked at later. When that fails too the record stays due.
func (s *Sweeper) putOff(ctx context.Context, ref ops.Ref) {
	now := s.clock.Now()
	err := s.waker.PutOff(ctx, ref, func(due time.Time) time.Time {
		return now.Add(min(max(now.Sub(due)/4, firstPause), longestPause))
	})
	if err != nil && ops.AsConflict(err) == nil {
		s.logger.WarnContext(ctx, "a record that failed is still due", "kind", ref.Kind, "id", ref.ID, "error", err)
	}
}

// handle calls the handler of a record's kind. A panic in it is that record's failure alone.
func (s *Sweeper) handle(ctx context.Context, ref ops.Ref) (err error) {
	handler := s.handlers[ref.Kind]
	if handler == nil {
		return fmt.Errorf("nothing here deals with records of kind %q", ref.Kind)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return handler(ctx, ref)
}
