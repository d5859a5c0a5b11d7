package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/sweep"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

type bundle struct {
	store *store.Store
	clock *clock.Clock

	mu      sync.Mutex
	handled map[string]int
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := clock.Virtual(start)
	return &bundle{store: storetest.InMemory(t, c.Now), clock: c, handled: map[string]int{}}
}

// due stores actions whose time came that many minutes ago.
func (b *bundle) due(t *testing.T, ids []string, minutes int) {
	t.Helper()
	for len(ids) > 0 {
		n := min(len(ids), 100)
		records := make([]ops.Record, n)
		for i, id := range ids[:n] {
			a := &ops.PendingAction{ID: id}
			a.SetTimer(ops.TimerDue, start.Add(time.Duration(-minutes)*time.Minute))
			records[i] = a
		}
		if err := b.store.Save(t.Context(), records...); err != nil {
			t.Fatal(err)
		}
		ids = ids[n:]
	}
}

// done clears an action's timer, as a handler does.
func (b *bundle) done(ctx context.Context, ref ops.Ref) error {
	a, err := b.store.PendingAction(ctx, ref.ID)
	if err != nil {
		return err
	}
	a.ClearTimer(ops.TimerDue)
	b.mu.Lock()
	b.handled[ref.ID]++
	b.mu.Unlock()
	return b.store.Save(ctx, a)
}

func (b *bundle) tick(t *testing.T, handlers map[ops.Kind]sweep.Handler) sweep.Report {
	t.Helper()
	r, err := sweep.New(b.store, b.clock, handlers, slog.New(slog.DiscardHandler)).HandleTick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func numbered(prefix string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%04d", prefix, i)
	}
	return ids
}

func TestATickDealsWithEverythingThatIsDueOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due(t, numbered("now", 1000), 1)
	b.due(t, numbered("later", 10), -1)
	handlers := map[ops.Kind]sweep.Handler{ops.KindAction: b.done}
	if r := b.tick(t, handlers); r.Due != 1000 || r.Done != 1000 || len(b.handled) != 1000 {
		t.Errorf("the tick reports %+v and handled %d, want 1000", r, len(b.handled))
	}
	if r := b.tick(t, handlers); r.Due != 0 {
		t.Errorf("the next tick reports %+v, want nothing due", r)
	}
	if err := b.clock.Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if r := b.tick(t, handlers); r.Done != 10 {
		t.Errorf("a minute later the tick reports %+v, want 10 done", r)
	}
	for id, n := range b.handled {
		if n != 1 {
			t.Errorf("%s was handled %d times", id, n)
		}
	}
}

func TestRecordsThatFailStopNoOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due(t, numbered("bad", 600), 10) // before the good ones, and more than one page of each shard
	b.due(t, numbered("good", 600), 1)
	r := b.tick(t, map[ops.Kind]sweep.Handler{ops.KindAction: func(ctx context.Context, ref ops.Ref) error {
		switch {
		case strings.HasPrefix(ref.ID, "bad-01"):
			panic("broken")
		case strings.HasPrefix(ref.ID, "bad"):
			return errors.New("no luck")
		}
		return b.done(ctx, ref)
	}})
	if r.Due != 1200 || r.Done != 600 || r.Failed != 600 || len(b.handled) != 600 {
		t.Errorf("the tick reports %d due, %d done, %d failed; want 1200, 600, 600", r.Due, r.Done, r.Failed)
	}
	if len(r.Failures) != 20 || r.Failures[0].Error == "" || r.Failures[0].Ref.Kind != ops.KindAction {
		t.Errorf("the report names %+v", r.Failures)
	}
}

func TestRecordsThatFailEveryTimeLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inOneShard := func(prefix string, n int) []string {
		var ids []string
		for _, id := range numbered(prefix, 5*n) {
			if ops.ShardOf(id) == 0 && len(ids) < n {
				ids = append(ids, id)
			}
		}
		return ids
	}
	b.due(t, inOneShard("bad", 2000), 10) // all that a tick deals with
	b.due(t, inOneShard("good", 1), 1)
	handlers := map[ops.Kind]sweep.Handler{ops.KindAction: func(ctx context.Context, ref ops.Ref) error {
		if strings.HasPrefix(ref.ID, "bad") {
			return errors.New("no luck")
		}
		return b.done(ctx, ref)
	}}
	if r := b.tick(t, handlers); r.Failed != 2000 || r.Done != 0 {
		t.Errorf("the first tick reports %d failed, %d done", r.Failed, r.Done)
	}
	if err := b.clock.Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if r := b.tick(t, handlers); r.Failed != 0 || r.Done != 1 {
		t.Errorf("the next one reports %d failed, %d done", r.Failed, r.Done)
	}
}

func TestARecordThatFailsIsLookedAtEverLaterUntilItIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due(t, []string{"act-1"}, 1)
	var looks []int
	failing := map[ops.Kind]sweep.Handler{ops.KindAction: func(context.Context, ops.Ref) error { return errors.New("no luck") }}
	for minute := range 6 * 60 {
		if b.tick(t, failing).Failed > 0 {
			looks = append(looks, minute)
		}
		if err := b.clock.Advance(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if len(looks) > 25 || looks[1]-looks[0] != 2 || looks[len(looks)-1]-looks[len(looks)-2] < 45 {
		t.Errorf("it is looked at in the minutes %v", looks)
	}
	a, err := b.store.PendingAction(t.Context(), "act-1")
	if err != nil || !a.Timers[ops.TimerDue].Equal(start.Add(-time.Minute)) {
		t.Fatalf("its timer is %v, %v", a.Timers, err)
	}
	a.SetTimer(ops.TimerDue, b.clock.Now())
	if err := b.store.Save(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if r := b.tick(t, map[ops.Kind]sweep.Handler{ops.KindAction: b.done}); r.Done != 1 {
		t.Errorf("written anew, it is not dealt with: %+v", r)
	}
}

func TestAKindThatNobodyDealsWithIsReported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due(t, []string{"act-1"}, 1)
	r := b.tick(t, nil)
	if r.Failed != 1 || !strings.Contains(r.Failures[0].Error, `kind "action"`) {
		t.Errorf("the tick reports %+v, want one failure that names the kind", r)
	}
}

func TestLosingARaceIsNoFailure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.due(t, []string{"act-1"}, 1)
	r := b.tick(t, map[ops.Kind]sweep.Handler{ops.KindAction: func(_ context.Context, ref ops.Ref) error {
		return fmt.Errorf("claim: %w", &ops.Conflict{Lost: []ops.Ref{ref}})
	}})
	if r.Overtaken != 1 || r.Failed != 0 {
		t.Errorf("the tick reports %+v, want one overtaken", r)
	}
}

// brokenShard cannot list shard 2.
type brokenShard struct{ ops.Waker }

func (b brokenShard) Due(ctx context.Context, shard int, now time.Time, limit int) ([]ops.Ref, error) {
	if shard == 2 {
		return nil, errors.New("unreachable")
	}
	return b.Waker.Due(ctx, shard, now, limit)
}

func TestAShardThatCannotBeListedStopsNoOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := numbered("act", 40)
	b.due(t, ids, 1)
	want := 0
	for _, id := range ids {
		if ops.ShardOf(id) != 2 {
			want++
		}
	}
	s := sweep.New(brokenShard{b.store}, b.clock, map[ops.Kind]sweep.Handler{ops.KindAction: b.done},
		slog.New(slog.DiscardHandler))
	r, err := s.HandleTick(t.Context())
	if err == nil || !strings.Contains(err.Error(), "shard 2") || r.Done != want {
		t.Errorf("the tick gave %+v, %v; want %d done and an error that names the shard", r, err, want)
	}
}
