package idempotency_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/idempotency"
	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

var ann = ops.Actor{ID: "ann", Teams: []ops.Team{ops.Operations}}

// bundle is a keeper over a store of its own, whose writes can be made to fail.
type bundle struct {
	idempotency.Keeper

	store *faulty
	clock *clock.Clock
}

// faulty is a store whose Save fails, before or after it has written, while broken says so.
type faulty struct {
	*store.Store

	broken func(records []ops.Record) (before, after bool)
}

var errLost = errors.New("the connection broke")

func (f *faulty) Save(ctx context.Context, records ...ops.Record) error {
	before, after := false, false
	if f.broken != nil {
		before, after = f.broken(records)
	}
	if before {
		return errLost
	}
	err := f.Store.Save(ctx, records...)
	if after {
		return errLost
	}
	return err
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := clock.Virtual(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	s := &faulty{Store: storetest.InMemory(t, c.Now)}
	return &bundle{Keeper: idempotency.Keeper{Store: s, Clock: c, Logger: slog.New(slog.DiscardHandler)}, store: s, clock: c}
}

func (b *bundle) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.clock.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func request(body string) idempotency.Request {
	return idempotency.Request{Actor: "ann", Route: "POST /v1/alerts", Key: "k", Body: []byte(body)}
}

// alert is a change of ours: an alert with its audit entry.
func (b *bundle) alert(ctx context.Context, t *testing.T, id string) error {
	t.Helper()
	a := &ops.Alert{ID: id, Status: ops.AlertOpen, Severity: ops.SeverityLow}
	e, err := audit.Entry(ctx, b.store, audit.Change{Actor: ann, Action: "alert.raise", Target: a.Ref(), After: a}, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return b.store.Save(ctx, a, e)
}

func (b *bundle) exists(t *testing.T, id string) bool {
	t.Helper()
	_, err := b.store.Alert(t.Context(), id)
	return err == nil
}

// do sends a request that raises an alert.
func (b *bundle) do(t *testing.T, r idempotency.Request, id string) (idempotency.Result, bool, error) {
	t.Helper()
	ran := false
	res, err := b.Do(t.Context(), r, func(ctx context.Context) (string, bool) {
		ran = true
		return "answer of " + id, b.alert(ctx, t, id) == nil
	})
	return res, ran, err
}

func TestARequestThatIsSentAgainIsAnsweredAsItWas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if res, ran, err := b.do(t, request(`{"a":1,"b":2}`), "alr-1"); !ran || err != nil || res.Before {
		t.Fatalf("the first: ran %v, %+v, %v", ran, res, err)
	}
	for _, body := range []string{`{"a":1,"b":2}`, ` {"b":2.0, "a":1} `} {
		res, ran, err := b.do(t, request(body), "alr-2")
		if ran || err != nil || !res.Before || res.Answer != "answer of alr-1" || res.Done.ID != "alr-1" {
			t.Errorf("%s again: ran %v, %+v, %v", body, ran, res, err)
		}
	}
}

func TestAKeyIsGoodForOneBodyOfOnePersonOnOneRouteForADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, _, err := b.do(t, request(`{}`), "alr-1"); err != nil {
		t.Fatal(err)
	}
	_, ran, err := b.do(t, request(`{"other":true}`), "alr-2")
	e, ok := errors.AsType[*ops.Error](err)
	if ran || !ok || e.Code != ops.CodeInvalid || len(e.Faults) != 1 || e.Faults[0].Path != "header.Idempotency-Key" || e.Faults[0].Got != `"k"` {
		t.Errorf("another body: ran %v, %v", ran, err)
	}
	other, elsewhere, another := request(`{}`), request(`{}`), request(`{}`)
	other.Actor, elsewhere.Route, another.Key = "bob", "POST /v1/rules", "k2"
	for i, r := range []idempotency.Request{other, elsewhere, another} {
		if _, ran, err := b.do(t, r, "alr-x"+string(rune('0'+i))); !ran || err != nil {
			t.Errorf("%+v: ran %v, %v", r, ran, err)
		}
	}
	b.advance(t, idempotency.Kept+time.Second)
	if _, ran, err := b.do(t, request(`{"other":true}`), "alr-3"); !ran || err != nil {
		t.Errorf("after a day: ran %v, %v", ran, err)
	}
}

func TestARefusalLeavesTheKeyFree(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Do(t.Context(), request(`{"bad":1}`), func(context.Context) (string, bool) { return "no", false })
	if err != nil {
		t.Fatal(err)
	}
	if _, ran, err := b.do(t, request(`{"good":1}`), "alr-1"); !ran || err != nil {
		t.Errorf("corrected: ran %v, %v", ran, err)
	}
}

func TestOfManyAtOnceOneIsDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const senders = 20
	var mu sync.Mutex
	var codes []ops.Code
	ran := 0
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			res, err := b.Do(t.Context(), request(`{}`), func(ctx context.Context) (string, bool) {
				mu.Lock()
				ran++
				mu.Unlock()
				return "done", b.alert(ctx, t, "alr-1") == nil
			})
			mu.Lock()
			defer mu.Unlock()
			codes = append(codes, ops.ErrorCode(err))
			if res.Before && res.Answer != "done" {
				t.Errorf("answered %+v", res)
			}
		})
	}
	wg.Wait()
	if ran != 1 {
		t.Errorf("it was done %d times", ran)
	}
	for _, c := range codes {
		if !slices.Contains([]ops.Code{"", ops.CodeInProgress}, c) {
			t.Errorf("a sender was told %s", c)
		}
	}
}

func TestWhileARequestIsCarriedOutItsRepeatIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Do(t.Context(), request(`{}`), func(context.Context) (string, bool) {
		if _, ran, err := b.do(t, request(`{}`), "alr-2"); ran || ops.ErrorCode(err) != ops.CodeInProgress {
			t.Errorf("ran %v, %v", ran, err)
		}
		return "done", true
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhoDiesBeforeTheChangeLeavesItToTheNextSender(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.die(t, nil)
	if _, ran, err := b.do(t, request(`{}`), "alr-1"); ran || ops.ErrorCode(err) != ops.CodeInProgress {
		t.Errorf("at once: ran %v, %v", ran, err)
	}
	b.advance(t, time.Minute)
	if _, ran, err := b.do(t, request(`{}`), "alr-1"); !ran || err != nil || !b.exists(t, "alr-1") {
		t.Errorf("later: ran %v, %v", ran, err)
	}
}

func TestWhoDiesAfterTheChangeLeavesTheRecordAsTheAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.die(t, func(ctx context.Context) error { return b.alert(ctx, t, "alr-1") })
	b.advance(t, time.Minute)
	res, ran, err := b.do(t, request(`{}`), "alr-2")
	if ran || err != nil || !res.Before || res.Answer != "" || res.Done != (ops.Ref{Kind: ops.KindAlert, ID: "alr-1"}) {
		t.Errorf("ran %v, %+v, %v", ran, res, err)
	}
}

func TestAChangeWhoseOutcomeIsUnknownIsLookedUp(t *testing.T) {
	t.Parallel()
	for name, written := range map[string]bool{"it was written": true, "it was not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.store.broken = func(records []ops.Record) (before, after bool) {
				_, change := records[0].(*ops.Alert)
				return change && !written, change && written
			}
			if _, ran, err := b.do(t, request(`{}`), "alr-1"); !ran || err != nil {
				t.Fatalf("ran %v, %v", ran, err)
			}
			b.store.broken = nil
			b.advance(t, time.Minute)
			res, ran, err := b.do(t, request(`{}`), "alr-2")
			if err != nil || ran == written || res.Before != written || b.exists(t, "alr-1") != written {
				t.Errorf("sent again it ran: %v, %+v, %v", ran, res, err)
			}
		})
	}
}

// die carries out a request as a process that ends within it: nothing of what comes after do is written.
func (b *bundle) die(t *testing.T, do func(context.Context) error) {
	t.Helper()
	_, err := b.Do(t.Context(), request(`{}`), func(ctx context.Context) (string, bool) {
		if do != nil {
			if err := do(ctx); err != nil {
				t.Fatal(err)
			}
		}
		b.store.broken = func([]ops.Record) (before, after bool) { return true, false }
		return "an answer that nobody got", true
	})
	if err != nil {
		t.Fatal(err)
	}
	b.store.broken = nil
}

func TestWhoWasTakenForDeadCanChangeNothingAnyMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Do(t.Context(), request(`{}`), func(ctx context.Context) (string, bool) {
		b.advance(t, time.Minute)
		if _, ran, err := b.do(t, request(`{}`), "alr-2"); !ran || err != nil {
			t.Errorf("the next sender ran: %v, %v", ran, err)
		}
		err := b.alert(ctx, t, "alr-1")
		if ops.ErrorCode(err) != ops.CodeConflict || ops.AsConflict(err) != nil {
			t.Errorf("the first, late: %v", err)
		}
		return "", false
	})
	if err != nil || b.exists(t, "alr-1") || !b.exists(t, "alr-2") {
		t.Errorf("%v; alr-1 %v, alr-2 %v", err, b.exists(t, "alr-1"), b.exists(t, "alr-2"))
	}
	if res, ran, err := b.do(t, request(`{}`), "alr-3"); ran || err != nil || res.Answer != "answer of alr-2" {
		t.Errorf("afterwards: ran %v, %+v, %v", ran, res, err)
	}
}

func TestAPanicAfterTheChangeIsNoReasonToDoItAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = b.Do(t.Context(), request(`{}`), func(ctx context.Context) (string, bool) {
			if err := b.alert(ctx, t, "alr-1"); err != nil {
				t.Fatal(err)
			}
			panic("after it")
		})
	}()
	res, ran, err := b.do(t, request(`{}`), "alr-2")
	if ran || err != nil || res.Done.ID != "alr-1" {
		t.Errorf("ran %v, %+v, %v", ran, res, err)
	}
}

func TestALongAnswerIsNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("x", idempotency.MaxAnswer+1)
	for _, changes := range []bool{true, false} {
		r, ran := request(`{}`), 0
		if !changes {
			r.Key = "a preview"
		}
		var res idempotency.Result
		for range 2 {
			var err error
			res, err = b.Do(t.Context(), r, func(ctx context.Context) (string, bool) {
				ran++
				return long, !changes || b.alert(ctx, t, "alr-1") == nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if changes && (ran != 1 || !res.Before || res.Answer != "" || res.Done.ID != "alr-1") {
			t.Errorf("what changed something ran %d times, then %+v", ran, res)
		}
		if !changes && (ran != 2 || res.Before) {
			t.Errorf("what changed nothing ran %d times, then %+v", ran, res)
		}
	}
}
