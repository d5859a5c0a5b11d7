package backtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"opsflow/shared/backtest"
	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

var (
	start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	ann   = ops.Actor{ID: "ann"}
)

const tested = `{"name": "x", "event": "service_completed", "condition": {"path": "detail.service_value", "op": "gt", "value": 9},
	"actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`

type bundle struct {
	*backtest.Service
	t     *testing.T
	store *store.Store
	rules *rules
	*history
	clock *clock.Clock
	runs  *executions
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := clock.Virtual(start)
	s := storetest.InMemory(t, c.Now)
	b := &bundle{
		t: t, store: s, clock: c, runs: &executions{status: map[string]ops.ExecutionStatus{}},
		history: &history{Store: s},
	}
	b.rules = &rules{Engine: rule.New(rule.Config{Store: b.history, Clock: c, Logger: slog.New(slog.DiscardHandler)})}
	b.Service = backtest.New(backtest.Config{
		Store: s, Rules: b.rules, Executions: b.runs, Machine: "machine", Clock: c, Random: rand.NewChaCha8([32]byte{2}),
		Logger: slog.New(slog.DiscardHandler),
	})
	return b
}

// history is n events that arrived within the last day, none of them stored.
type history struct {
	*store.Store
	n int
}

func (h *history) EachEvent(_ context.Context, _, _ time.Time, f func(*ops.Event) error) error {
	for i := range h.n {
		e := &ops.Event{
			ID: fmt.Sprintf("evt-%06d", i), Type: "service_completed", Source: "booking", Status: ops.EventValid, Time: start,
			Detail: json.RawMessage(fmt.Sprintf(`{"booking_id": "bk-%d", "service_value": %d}`, i, i%20)),
		}
		e.CreatedAt = start.Add(-24*time.Hour + time.Duration(i)*time.Millisecond)
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundle) begin() *ops.Backtest {
	b.t.Helper()
	run, err := b.Begin(b.t.Context(), rule.BacktestRequest{Rule: json.RawMessage(tested)}, ann)
	if err != nil {
		b.t.Fatal(err)
	}
	return run
}

func (b *bundle) read(id string) (*ops.Backtest, rule.Backtest) {
	b.t.Helper()
	run, err := b.store.Backtest(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	var sum rule.Backtest
	if run.Result != nil {
		if err := json.Unmarshal(run.Result, &sum); err != nil {
			b.t.Fatal(err)
		}
	}
	return run, sum
}

// lines reads the result event by event, and checks that it has each event once and in order.
func (b *bundle) lines(run *ops.Backtest) int {
	b.t.Helper()
	n := 0
	for page := range run.Pages {
		text, err := b.Page(b.t.Context(), run.ID, page)
		if err != nil {
			b.t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			if want := fmt.Sprintf(`"event":"evt-%06d"`, n); !strings.Contains(string(line), want) {
				b.t.Fatalf("line %d is %s", n, line)
			}
			n++
		}
	}
	if _, err := b.Page(b.t.Context(), run.ID, run.Pages); ops.ErrorCode(err) != ops.CodeNotFound {
		b.t.Errorf("behind the last page: %v", err)
	}
	return n
}

// rules ends a backtest after some events, if it is told to.
type rules struct {
	*rule.Engine
	after func(read int) error
}

func (r *rules) Backtest(ctx context.Context, req rule.BacktestRequest, w rule.Watch) (*rule.Backtest, error) {
	progress := w.Progress
	w.Progress = func(p rule.BacktestProgress) error {
		if r.after != nil {
			if err := r.after(p.Read); err != nil {
				return err
			}
		}
		return progress(p)
	}
	return r.Engine.Backtest(ctx, req, w)
}

type executions struct {
	ops.Executions
	started []string
	status  map[string]ops.ExecutionStatus
}

func (x *executions) Start(_ context.Context, _, name string, input []byte) error {
	x.started = append(x.started, name+" "+string(input))
	x.status[name] = ops.ExecutionRunning
	return nil
}

func (x *executions) Describe(_ context.Context, _, name string) (ops.Execution, error) {
	if x.status[name] == "" {
		return ops.Execution{}, ops.ErrNoExecution
	}
	return ops.Execution{Status: x.status[name]}, nil
}

func TestEveryEventOfALongBacktestIsInItsPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const events = 25_000
	b.n = events
	run := b.begin()
	if want := run.ID + `-1 {"bulk":"` + run.ID + `","chunks":[0]}`; len(b.runs.started) != 1 || b.runs.started[0] != want {
		t.Errorf("started %v, want %s", b.runs.started, want)
	}
	var told []string
	b.rules.after = func(read int) error {
		if read%5000 == 0 {
			now, _ := b.read(run.ID)
			told = append(told, fmt.Sprint(now.Read, now.Status))
		}
		return nil
	}
	if err := b.Run(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, ", "); got != "0running, 0running, 10000running, 10000running, 20000running" {
		t.Errorf("progress was %s", got)
	}
	run, sum := b.read(run.ID)
	if run.Status != ops.BacktestCompleted || run.Lines != events || run.Pages < 2 || run.Percent() != 100 || len(run.Timers) != 0 || run.Cut {
		t.Errorf("ended as %+v", run)
	}
	if sum.Events != events || sum.Matched != events/2 {
		t.Errorf("the sum is %+v", sum)
	}
	if n := b.lines(run); n != events {
		t.Errorf("%d lines, want %d", n, events)
	}
	if err := b.Run(t.Context(), run.ID); err != nil { // delivered again
		t.Error(err)
	}
	if again, _ := b.read(run.ID); again.V != run.V {
		t.Error("a backtest that is over was run again")
	}
}

func TestABacktestThatBreaksOffBeginsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.n = 25_000
	run := b.begin()
	dead := errors.New("the function's time is over")
	b.rules.after = func(read int) error {
		if read == 24_000 {
			return dead
		}
		return nil
	}
	if err := b.Run(t.Context(), run.ID); !errors.Is(err, dead) {
		t.Fatalf("it ended with %v", err)
	}
	b.rules.after = nil
	if err := b.Run(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	run, sum := b.read(run.ID)
	if n := b.lines(run); n != 25_000 || sum.Events != n || run.Lines != n {
		t.Errorf("%d lines, %d events, %+v", n, sum.Events, run)
	}
}

func TestOfTwoRunsOfABacktestTheLaterGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.n = 12_000
	run := b.begin()
	first := true
	b.rules.after = func(read int) error {
		if read == 5000 && first {
			first = false
			return b.Run(t.Context(), run.ID)
		}
		return nil
	}
	if err := b.Run(t.Context(), run.ID); err != nil {
		t.Fatal(err)
	}
	run, sum := b.read(run.ID)
	if n := b.lines(run); run.Status != ops.BacktestCompleted || n != 12_000 || sum.Events != n {
		t.Errorf("%d lines, %d events, %+v", n, sum.Events, run)
	}
}

func TestABacktestIsDrivenUntilItIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	run := b.begin()
	for attempt := 1; attempt <= 5; attempt++ {
		b.runs.status[fmt.Sprint(run.ID, "-", attempt)] = ops.ExecutionFailed
		if err := b.clock.Advance(t.Context(), 6*time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := b.HandleDue(t.Context(), run.Ref()); err != nil {
			t.Fatal(err)
		}
	}
	run, _ = b.read(run.ID)
	if run.Status != ops.BacktestFailed || run.Error == "" || len(b.runs.started) != 5 || len(run.Timers) != 0 {
		t.Errorf("after five attempts %v it is %+v", b.runs.started, run)
	}
}

func TestWhatIsWrongWithARuleIsToldAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Begin(t.Context(), rule.BacktestRequest{Rule: json.RawMessage(`{"name": "x"}`)}, ann)
	if ops.ErrorCode(err) != ops.CodeInvalid || len(b.runs.started) != 0 {
		t.Errorf("%v, started %v", err, b.runs.started)
	}
}
