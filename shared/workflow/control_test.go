package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// counted are actions that count how often they were done, and fail as often as told.
type counted struct {
	done  map[string]int
	fails int
	// during is called while work is done.
	during func(ctx context.Context)
}

func (c *counted) actions() map[string]workflow.Action {
	c.done = map[string]int{}
	count := func(name string) workflow.Action {
		return func(ctx context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
			c.done[name]++
			if name == "work" && c.during != nil {
				c.during(ctx)
			}
			if name == "risky" && c.fails > 0 {
				c.fails--
				return workflow.ActionResult{}, errors.New("the bank is closed")
			}
			return workflow.ActionResult{Output: map[string]any{"n": c.done[name], "seen": in.Instance.Context["amount"]}}, nil
		}
	}
	all := map[string]workflow.Action{}
	for _, name := range []string{"work", "risky", "last", "undo_work"} {
		all[name] = count(name)
	}
	return all
}

const controlled = `{"name": "controlled", "type": "payment_processing", "team": "Finance", "trigger": "manual", "priority": 5, "estimated_minutes": 600,
  "steps": [
    {"id": "work", "name": "Work", "kind": "automated", "action": "work", "compensate": "undo_work"},
    {"id": "ok", "name": "Approve", "kind": "approval", "role": "Finance", "depends_on": ["work"]},
    {"id": "cool", "name": "Cool down", "kind": "delay", "for": "2h", "depends_on": ["ok"]},
    {"id": "risky", "name": "Risk it", "kind": "automated", "action": "risky", "depends_on": ["cool"]},
    {"id": "last", "name": "Last", "kind": "automated", "action": "last", "depends_on": ["risky"]}]}`

// trail gives the actions of the audit entries of an instance, and fails when the chain is broken.
func (b *bundle) trail(t *testing.T, id string) []string {
	t.Helper()
	page, err := b.store.AuditTrail(t.Context(), ops.AuditFilter{Target: ops.Ref{Kind: ops.KindInstance, ID: id}})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, e := range page.Items {
		actions = append(actions, e.Action+" "+e.Actor.ID)
	}
	return actions
}

func TestAPausedWorkflowStandsStillAndGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	c := &counted{}
	b := setup(t, c.actions())
	b.publish(t, controlled)
	i := b.start(t, "controlled", ops.SubjectRef{}, `{}`)
	tsk := b.openTask(t, i.ID)
	finance := member(ops.Finance)
	i, err := b.Pause(audit.WithRequestID(t.Context(), "req-1"), i.ID, finance, "audit")
	if err != nil || i.Status != ops.InstancePaused || i.WaitingFor.Kind != "resume" {
		t.Fatalf("gave %+v, %v", i, err)
	}
	if x := b.machine.executions[i.ID+"-1"]; x.status != ops.ExecutionAborted {
		t.Errorf("the execution is %s", x.status)
	}
	// The abort that we asked for changes nothing.
	abort := fmt.Sprintf(`{"detail": {"name": %q, "status": "ABORTED"}}`, i.ID+"-1")
	if err := b.RecordOutcome(t.Context(), json.RawMessage(abort)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tasks.Complete(t.Context(), tsk.ID, member(ops.Finance), task.Decision{Outcome: "approved"}); ops.ErrorCode(err) != ops.CodeWorkflowPaused {
		t.Errorf("deciding gave %v, want workflow_paused", err)
	}
	b.machine.advance(t.Context(), 24*time.Hour) // far past its deadline
	b.due(t, i.ID)
	if n := len(b.alerts(t, ops.AlertSLAViolation)); n != 0 {
		t.Errorf("%d alerts while it is paused", n)
	}
	due := i.DueAt
	if i, err = b.Resume(t.Context(), i.ID, finance, ""); err != nil || i.Attempt != 2 || i.DueAt.Sub(due) < 24*time.Hour {
		t.Fatalf("gave %+v, %v", i, err)
	}
	b.machine.run(t.Context())
	b.complete(t, i.ID, "approved", `{}`)

	// And in a delay.
	i = b.instance(t, i.ID)
	until := i.Step("cool").WaitUntil
	if _, err := b.Pause(t.Context(), i.ID, finance, ""); err != nil {
		t.Fatal(err)
	}
	b.machine.advance(t.Context(), 10*time.Hour)
	if i, err = b.Resume(t.Context(), i.ID, finance, ""); err != nil || i.Step("cool").WaitUntil.Sub(until) != 10*time.Hour {
		t.Fatalf("gave %+v, %v", i, err)
	}
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceRunning || i.WaitingFor == nil || i.WaitingFor.Kind != "timer" {
		t.Fatalf("it is %s, waiting for %+v", i.Status, i.WaitingFor)
	}
	b.machine.advance(t.Context(), 2*time.Hour)
	b.machine.run(t.Context())
	i = b.instance(t, i.ID)
	if i.Status != ops.InstanceCompleted || c.done["work"] != 1 || c.done["last"] != 1 {
		t.Errorf("it is %s after %v", i.Status, c.done)
	}
	want := "[workflow.start starter workflow.pause m-Finance workflow.resume m-Finance workflow.pause m-Finance workflow.resume m-Finance]"
	if got := fmt.Sprint(b.trail(t, i.ID)); got != want {
		t.Errorf("audit is %s, want %s", got, want)
	}
}

func TestWhatIsAskedWhileAStepRunsHappensAfterThatStepAndNothingIsDoneTwice(t *testing.T) {
	t.Parallel()
	for _, what := range []string{ops.AskPause, ops.AskCancel} {
		c := &counted{}
		b := setup(t, c.actions())
		b.publish(t, controlled)
		i, err := b.Start(t.Context(), ops.StartRequest{Template: "controlled"}, ops.Actor{ID: "starter"})
		if err != nil {
			t.Fatal(err)
		}
		ask := map[string]func(context.Context, string, ops.Actor, string) (*ops.Instance, error){
			ops.AskPause: b.Pause, ops.AskCancel: b.Cancel,
		}[what]
		c.during = func(ctx context.Context) {
			got, err := ask(ctx, i.ID, admin, "stop it")
			if err != nil || got.Asked == nil || got.Asked.What != what || got.Status != ops.InstanceRunning {
				t.Errorf("%s gave %+v, %v", what, got, err)
			}
			if _, err := ask(ctx, i.ID, admin, "again"); ops.ErrorCode(err) != ops.CodeIllegalMove {
				t.Errorf("%s again gave %v, want illegal_move", what, err)
			}
		}
		b.machine.run(t.Context())
		i = b.instance(t, i.ID)
		if x := b.machine.executions[i.ID+"-1"]; x.status != ops.ExecutionSucceeded {
			t.Errorf("%s: the execution is %s", what, x.status)
		}
		if c.done["work"] != 1 || i.Asked != nil || i.Step("work").Status != ops.StepCompleted {
			t.Errorf("%s: %v done, asked %+v, %+v", what, c.done, i.Asked, i.Step("work"))
		}
		c.during = nil
		if what == ops.AskCancel {
			if i.Status != ops.InstanceCancelled || c.done["undo_work"] != 1 || len(i.Timers) != 0 {
				t.Errorf("it is %s with timers %v after %v", i.Status, i.Timers, c.done)
			}
			continue
		}
		if i.Status != ops.InstancePaused {
			t.Fatalf("it is %s", i.Status)
		}
		if _, err := b.Resume(t.Context(), i.ID, admin, ""); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
		if i = b.instance(t, i.ID); i.Status != ops.InstanceWaitingApproval || c.done["work"] != 1 {
			t.Errorf("it is %s after %v", i.Status, c.done)
		}
	}
}

func TestCancellingEndsTasksAndTimersAndUndoesWhatWasDone(t *testing.T) {
	t.Parallel()
	c := &counted{}
	b := setup(t, c.actions())
	b.publish(t, controlled)
	i := b.start(t, "controlled", ops.SubjectRef{}, `{}`)
	tsk := b.openTask(t, i.ID)
	i, err := b.Cancel(t.Context(), i.ID, admin, "by mistake")
	if err != nil || i.Status != ops.InstanceCancelled || len(i.Timers) != 0 || c.done["undo_work"] != 1 {
		t.Fatalf("gave %+v, %v after %v", i, err, c.done)
	}
	if tsk, err = b.store.Task(t.Context(), tsk.ID); err != nil || tsk.Status != ops.TaskCancelled || len(tsk.Timers) != 0 {
		t.Errorf("its task is %+v, %v", tsk, err)
	}
	for name, move := range map[string]func() (*ops.Instance, error){
		"cancel": func() (*ops.Instance, error) { return b.Cancel(t.Context(), i.ID, admin, "") },
		"pause":  func() (*ops.Instance, error) { return b.Pause(t.Context(), i.ID, admin, "") },
		"resume": func() (*ops.Instance, error) { return b.Resume(t.Context(), i.ID, admin, "") },
		"retry":  func() (*ops.Instance, error) { return b.Retry(t.Context(), i.ID, admin, workflow.Retry{}) },
	} {
		if _, err := move(); ops.ErrorCode(err) != ops.CodeIllegalMove {
			t.Errorf("%s of a cancelled one gave %v, want illegal_move", name, err)
		}
	}
	if _, err := b.Cancel(t.Context(), i.ID, member(ops.QualityAssurance), ""); ops.ErrorCode(err) != ops.CodeForbidden {
		t.Errorf("somebody else's team got %v, want forbidden", err)
	}
	if _, err := b.Cancel(t.Context(), "wf-none", admin, ""); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("nothing gave %v, want not_found", err)
	}
}

func (b *bundle) failed(t *testing.T) *ops.Instance {
	t.Helper()
	i := b.start(t, "controlled", ops.SubjectRef{Type: "payment", ID: "p-1"}, `{"amount": 1, "old": true}`)
	b.complete(t, i.ID, "approved", `{}`)
	b.machine.advance(t.Context(), 2*time.Hour)
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceFailed {
		t.Fatalf("it is %s", i.Status)
	}
	return i
}

func TestAFailedWorkflowIsRetriedFromItsFailedStepAndResolvesItsAlert(t *testing.T) {
	t.Parallel()
	c := &counted{fails: 1}
	b := setup(t, c.actions())
	b.publish(t, controlled)
	i := b.failed(t)
	if a := b.alerts(t, ops.AlertWorkflowFailed); len(a) != 1 || a[0].Status != ops.AlertOpen {
		t.Fatalf("alerts are %+v", a)
	}
	i, err := b.Retry(t.Context(), i.ID, member(ops.Finance), workflow.Retry{
		Context: map[string]json.RawMessage{"amount": json.RawMessage("2"), "old": json.RawMessage("null")}, Reason: "it opened",
	})
	if err != nil || i.Attempt != 2 || i.Status != ops.InstancePending || i.Error != nil {
		t.Fatalf("gave %+v, %v", i, err)
	}
	b.machine.run(t.Context())
	i = b.instance(t, i.ID)
	if i.Status != ops.InstanceCompleted || c.done["work"] != 1 || c.done["risky"] != 2 || i.Context["old"] != nil {
		t.Errorf("it is %s after %v with %s", i.Status, c.done, i.Context)
	}
	if got := string(i.Step("last").Output); got != `{"n":1,"seen":2}` {
		t.Errorf("the last step saw %s", got)
	}
	a := b.alerts(t, ops.AlertWorkflowFailed)
	if len(a) != 1 || a[0].Status != ops.AlertResolved || a[0].Resolution != "completed on attempt 2" || a[0].ResolvedBy != "opsflow" {
		t.Errorf("alerts are %+v", a)
	}
	if got := fmt.Sprint(b.trail(t, i.ID)); got != "[workflow.start starter workflow.retry m-Finance]" {
		t.Errorf("audit is %s", got)
	}
}

func TestARetryFromAnEarlierStepAsksPeopleAgainAndASkippedStepLetsTheRestGoOn(t *testing.T) {
	t.Parallel()
	c := &counted{fails: 9}
	b := setup(t, c.actions())
	b.publish(t, controlled)
	i := b.failed(t)
	first := i.Step("ok").TaskID
	if _, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{FromStep: "ok", Skip: []string{"risky", "cool"}}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	if tsk := b.openTask(t, i.ID); tsk.ID == first || tsk.Status.Decided() {
		t.Fatalf("the task is %+v", tsk)
	}
	b.complete(t, i.ID, "approved", `{}`)
	i = b.instance(t, i.ID)
	if i.Status != ops.InstanceCompleted || c.done["work"] != 1 || c.done["risky"] != 1 || c.done["last"] != 1 || i.Step("risky").SkippedBy != "root" {
		t.Errorf("it is %s after %v: %+v", i.Status, c.done, i.Steps)
	}
}

func TestAWrongRetryIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	c := &counted{fails: 9}
	b := setup(t, c.actions())
	b.publish(t, controlled)
	i := b.failed(t)
	for want, r := range map[string]workflow.Retry{
		"$.from_step $.skip[0] ": {FromStep: "none", Skip: []string{"nothing"}},
		"$.from_step ":           {FromStep: "last"},
		"$.skip[0] ":             {Skip: []string{"work"}},
	} {
		_, err := b.Retry(t.Context(), i.ID, admin, r)
		e, ok := errors.AsType[*ops.Error](err)
		got := ""
		if ok {
			for _, f := range e.Faults {
				got += f.Path + " "
			}
		}
		if got != want {
			t.Errorf("%+v gave %v at %q, want %q", r, err, got, want)
		}
	}
	if got := b.instance(t, i.ID); got.V != i.V {
		t.Error("a refused retry wrote something")
	}
}

// TestACrashAtAnyPointOfAMoveIsRepaired walks through pause, resume, cancel and retry, with a crash at each of their writes
// before and after it is applied.
func TestACrashAtAnyPointOfAMoveIsRepaired(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		for at := range 30 {
			name := fmt.Sprintf("at %d, applied %v", at, applied)
			c := &counted{fails: 99}
			b := setup(t, c.actions())
			b.publish(t, controlled)
			crashed := false
			// do makes a move as a person does: who got no answer looks how it stands, and asks again if need be.
			do := func(i *ops.Instance, done func(*ops.Instance) bool, move func() (*ops.Instance, error)) *ops.Instance {
				for range 3 {
					_, err := move()
					if err != nil && !errors.Is(err, errCrash) && ops.ErrorCode(err) != ops.CodeIllegalMove {
						t.Errorf("%s: %v", name, err)
					}
					if err != nil {
						crashed = true
						b.saver.repair()
						b.machine.advance(t.Context(), 3*time.Minute)
						b.due(t, i.ID)
					}
					b.machine.run(t.Context())
					if i = b.instance(t, i.ID); done(i) {
						return i
					}
				}
				t.Fatalf("%s: it stays %s, asked %+v", name, i.Status, i.Asked)
				return nil
			}
			status := func(s ops.InstanceStatus) func(*ops.Instance) bool {
				return func(i *ops.Instance) bool { return i.Status == s }
			}
			i := b.start(t, "controlled", ops.SubjectRef{}, `{}`)
			b.saver.arm(at, applied)
			i = do(i, status(ops.InstancePaused), func() (*ops.Instance, error) { return b.Pause(t.Context(), i.ID, admin, "") })
			i = do(i, status(ops.InstanceWaitingApproval), func() (*ops.Instance, error) { return b.Resume(t.Context(), i.ID, admin, "") })
			b.complete(t, i.ID, "approved", `{}`)
			b.machine.advance(t.Context(), 3*time.Hour)
			b.machine.run(t.Context())
			i = b.instance(t, i.ID)
			if i.Status != ops.InstanceFailed {
				b.saver.repair()
				b.machine.advance(t.Context(), 3*time.Minute)
				b.due(t, i.ID)
				i = b.instance(t, i.ID)
			}
			if i.Status != ops.InstanceFailed {
				t.Fatalf("%s: it is %s", name, i.Status)
			}
			i = do(i, status(ops.InstanceWaitingApproval), func() (*ops.Instance, error) {
				return b.Retry(t.Context(), i.ID, admin, workflow.Retry{FromStep: "ok"})
			})
			i = do(i, status(ops.InstanceCancelled), func() (*ops.Instance, error) { return b.Cancel(t.Context(), i.ID, admin, "") })
			b.saver.repair()
			b.machine.advance(t.Context(), 5*time.Minute)
			b.due(t, i.ID)
			if i = b.instance(t, i.ID); len(i.Timers) != 0 || c.done["work"] != 1 {
				t.Errorf("%s: timers %v, done %v", name, i.Timers, c.done)
			}
			for x, execution := range b.machine.executions {
				if execution.status == ops.ExecutionRunning {
					t.Errorf("%s: execution %s still runs", name, x)
				}
			}
			if at < 3 && !crashed {
				t.Errorf("%s: nothing crashed", name)
			}
		}
	}
}
