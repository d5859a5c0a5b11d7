package task_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
	"opsflow/shared/task"
	"opsflow/shared/task/form"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

var (
	ana   = ops.Actor{ID: "ana", Teams: []ops.Team{ops.Finance}}
	ben   = ops.Actor{ID: "ben", Teams: []ops.Team{ops.Finance}}
	root  = ops.Actor{ID: "root", Teams: []ops.Team{ops.Admin}}
	other = ops.Actor{ID: "olga", Teams: []ops.Team{ops.Operations}}
)

// executions remembers what was told to whom waits.
type executions struct {
	ops.Executions
	mu     sync.Mutex
	waits  map[string]bool
	told   []string
	broken bool
	before func(token string) // called before the answer to SucceedTask
}

func (e *executions) SucceedTask(_ context.Context, token string, _ []byte) error {
	if e.before != nil {
		e.before(token)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.broken:
		return errors.New("no answer")
	case !e.waits[token]:
		return ops.ErrTokenUsed
	}
	delete(e.waits, token)
	e.told = append(e.told, token)
	return nil
}

func (e *executions) FailTask(_ context.Context, token, code, _ string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.waits[token] {
		return ops.ErrTokenUsed
	}
	delete(e.waits, token)
	e.told = append(e.told, token+" fails with "+code)
	return nil
}

type bundle struct {
	*task.Service
	store *store.Store
	exec  *executions
	clock *fixed
	bus   *messages
}

// messages remembers what was put on the bus.
type messages struct{ events []ops.OutEvent }

func (m *messages) Put(_ context.Context, events ...ops.OutEvent) error {
	m.events = append(m.events, events...)
	return nil
}

type fixed struct {
	ops.Clock
	mu  sync.Mutex
	now time.Time
}

func (f *fixed) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixed) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// setup stores an approval of Finance that an execution waits on, as changed by edit.
func setup(t *testing.T, edit func(*ops.Task, *ops.Instance)) bundle {
	t.Helper()
	clk := &fixed{now: start}
	s := storetest.InMemory(t, clk.Now)
	i := &ops.Instance{ID: "wf-1", Status: ops.InstanceWaitingApproval, Attempt: 1, Waits: ops.TokenWait{Step: "approve", Token: "token-1"}}
	tsk := &ops.Task{
		ID: "tsk-1", InstanceID: "wf-1", Step: "approve", Kind: ops.StepApproval, Team: ops.Finance, Status: ops.TaskOpen,
		Outcomes: []string{task.Approved},
		Form:     json.RawMessage(`{"type": "object", "properties": {"score": {"type": "number", "maximum": 100}}}`),
	}
	if edit != nil {
		edit(tsk, i)
	}
	for _, r := range []ops.Record{i, tsk} {
		if err := s.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	e := &executions{waits: map[string]bool{"token-1": true}}
	m := &messages{}
	service := task.New(task.Config{Store: s, Executions: e, Bus: m, Forms: form.Checker{}, Clock: clk, Logger: slog.New(slog.DiscardHandler)})
	return bundle{service, s, e, clk, m}
}

func TestOneOf200DecisionsWins(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			actor := ops.Actor{ID: fmt.Sprintf("p-%d", n), Teams: []ops.Team{ops.Finance}}
			_, err := b.Complete(t.Context(), "tsk-1", actor, task.Decision{Outcome: "approved"})
			switch {
			case err == nil:
				won.Add(1)
			case ops.ErrorCode(err) == ops.CodeAlreadyDecided && strings.Contains(err.Error(), "decided by p-"):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 199 || len(b.exec.told) != 1 {
		t.Errorf("%d won, %d lost, told %d times", won.Load(), lost.Load(), len(b.exec.told))
	}
}

func TestWhoMayNotDecide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		edit  func(*ops.Task, *ops.Instance)
		actor ops.Actor
		code  ops.Code
	}{
		{"a member of the team", nil, ana, ""},
		{"an admin", nil, root, ""},
		{"another team", nil, other, ops.CodeForbidden},
		{"who started it", func(t *ops.Task, _ *ops.Instance) { t.StartedBy = "ana" }, ana, ops.CodeForbidden},
		{"an admin who started it", func(t *ops.Task, _ *ops.Instance) { t.StartedBy = "root" }, root, ops.CodeForbidden},
		{"who started what is no approval", func(t *ops.Task, _ *ops.Instance) { t.StartedBy, t.Kind = "ana", ops.StepManual }, ana, ""},
		{"while somebody else has claimed it", func(t *ops.Task, _ *ops.Instance) { t.Status, t.Assignee = ops.TaskClaimed, "ben" }, ana, ops.CodeConflict},
		{"after it expired", func(t *ops.Task, _ *ops.Instance) { t.Status = ops.TaskExpired }, ana, ops.CodeGone},
		{"after it was decided", func(t *ops.Task, _ *ops.Instance) { t.Status, t.DecidedBy = ops.TaskRejected, "ben" }, ana, ops.CodeAlreadyDecided},
		{"while the workflow is paused", func(_ *ops.Task, i *ops.Instance) { i.Status = ops.InstancePaused }, ana, ops.CodeWorkflowPaused},
		{"when the workflow is over", func(_ *ops.Task, i *ops.Instance) { i.Status = ops.InstanceCancelled }, ana, ops.CodeGone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.edit)
			if _, err := b.Complete(t.Context(), "tsk-1", tt.actor, task.Decision{}); ops.ErrorCode(err) != tt.code {
				t.Errorf("complete: %v, want %q", err, tt.code)
			}
			b = setup(t, tt.edit)
			if _, err := b.Reject(t.Context(), "tsk-1", tt.actor, "no"); ops.ErrorCode(err) != tt.code {
				t.Errorf("reject: %v, want %q", err, tt.code)
			}
		})
	}
}

func TestFaultsOfADecisionAreToldWithTheirPaths(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{Outcome: "perhaps", Form: json.RawMessage(`{"score": 101}`)})
	invalid, ok := errors.AsType[*ops.Error](err)
	if !ok || len(invalid.Faults) != 2 || invalid.Faults[0].Path != "$.outcome" || invalid.Faults[1].Path != "$.form.score" {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatCouldNotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	form := func(size int) json.RawMessage {
		return json.RawMessage(`{"text": "` + strings.Repeat("x", size) + `"}`)
	}
	deep := json.RawMessage(`{"a":` + strings.Repeat("[", 22) + strings.Repeat("]", 22) + `}`)
	for name, c := range map[string]struct {
		quorum int
		form   json.RawMessage
		want   ops.Code
	}{
		"large":                      {1, form(ops.MaxAnswers - 100), ""},
		"too large":                  {1, form(ops.MaxAnswers), ops.CodeTooLarge},
		"a third of it":              {3, form(ops.MaxAnswers/3 - 100), ""},
		"too large for one of three": {3, form(ops.MaxAnswers / 2), ops.CodeTooLarge},
		"too deep":                   {1, deep, ops.CodeInvalid},
		"a number of too many":       {1, json.RawMessage(`{"n": 1e400}`), ops.CodeInvalid},
	} {
		b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Form, t.Quorum, t.Outcomes = nil, c.quorum, []string{"done"} })
		if _, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{Form: c.form}); ops.ErrorCode(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAClaimedTaskIsOnePersons(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for range 2 {
		if tsk, err := b.Claim(t.Context(), "tsk-1", ana); err != nil || tsk.Assignee != "ana" {
			t.Fatalf("%+v, %v", tsk, err)
		}
	}
	if _, err := b.Claim(t.Context(), "tsk-1", ben); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("claiming another's task: %v", err)
	}
	if _, err := b.Release(t.Context(), "tsk-1", ben); ops.ErrorCode(err) != ops.CodeForbidden {
		t.Errorf("releasing another's task: %v", err)
	}
	if _, err := b.Release(t.Context(), "tsk-1", root); err != nil {
		t.Error(err)
	}
	if _, err := b.Complete(t.Context(), "tsk-1", ben, task.Decision{}); err != nil {
		t.Error(err)
	}
}

func TestAnUndeliveredDecisionIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.exec.broken = true
	if _, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{}); err != nil {
		t.Fatalf("the decision stands, whether it was delivered or not: %v", err)
	}
	b.exec.broken = false
	due := func() {
		if err := b.HandleDue(t.Context(), ops.Ref{Kind: ops.KindTask, ID: "tsk-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if due(); len(b.exec.told) != 0 {
		t.Error("it was delivered before its time")
	}
	b.clock.advance(time.Minute)
	due()
	due()
	if len(b.exec.told) != 1 {
		t.Errorf("told %v", b.exec.told)
	}
}

func TestADecisionGoesToTheTokenThatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.exec.waits = map[string]bool{"token-2": true} // a later attempt has taken over
	b.exec.before = func(token string) {
		i, err := b.store.Instance(t.Context(), "wf-1")
		if err != nil || token != "token-1" {
			return
		}
		i.Waits.Token = "token-2"
		if err := b.store.Save(t.Context(), i); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{}); err != nil {
		t.Fatal(err)
	}
	if len(b.exec.told) != 1 || b.exec.told[0] != "token-2" {
		t.Errorf("told %v", b.exec.told)
	}
}

func TestADecisionBeforeAnybodyWaitsIsDeliveredToNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *ops.Task, i *ops.Instance) { i.Waits = ops.TokenWait{} })
	if _, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{}); err != nil || len(b.exec.told) != 0 {
		t.Errorf("told %v, %v", b.exec.told, err)
	}
}

func TestADecisionWakesTheStateInWhichTheExecutionWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(_ *ops.Task, i *ops.Instance) { i.Waits.Step = "another" })
	if _, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{}); err != nil {
		t.Fatal(err)
	}
	if len(b.exec.told) != 1 || b.exec.told[0] != "token-1 fails with Woken" {
		t.Errorf("told %v", b.exec.told)
	}
}
