package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// counting is an action that counts its runs by step.
type counting struct {
	mu   sync.Mutex
	runs map[string]int
}

func (c *counting) act(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = map[string]int{}
	}
	c.runs[in.Step.ID]++
	return workflow.ActionResult{
		Output: map[string]int{"runs": c.runs[in.Step.ID]},
		// Stored with the step's record: a second storing of the same step's effect would be a conflict for ever.
		Writes: []ops.Record{&ops.Metric{ID: in.Key, VendorID: "v-1", Type: ops.QualityScore}},
		Emit:   []ops.OutEvent{{Type: ops.QualityScoreUpdated, Detail: []byte(`{}`)}},
	}, nil
}

const fourSteps = `
	{"id": "a", "name": "A", "kind": "automated", "action": "test.count"},
	{"id": "b", "name": "B", "kind": "automated", "depends_on": ["a"], "action": "test.count"},
	{"id": "h", "name": "H", "kind": "approval", "depends_on": ["b"]},
	{"id": "c", "name": "C", "kind": "automated", "depends_on": ["h"], "action": "test.count"}`

func TestACrashBetweenAnyTwoWritesIsRepaired(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		for at := range 8 {
			t.Run(fmt.Sprintf("write %d, applied %v", at, applied), func(t *testing.T) {
				t.Parallel()
				c := &counting{}
				b := setup(t, map[string]workflow.Action{"test.count": c.act})
				b.tasks = b.tasksOn(b.saver)
				b.publish(t, document(fourSteps))
				i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
				if err != nil {
					t.Fatal(err)
				}
				b.saver.arm(at, applied)
				b.machine.run(t.Context())
				b.complete(t, i.ID, "approved", "")
				i = b.instance(t, i.ID)
				if i.Status != ops.InstanceCompleted {
					t.Fatalf("ends %s: %+v", i.Status, i.Error)
				}
				if ids := b.bus.ids(ops.QualityScoreUpdated); len(ids) != 3 {
					t.Errorf("the effects went out as %v, want three ids", ids)
				}
				metrics, err := b.store.Metrics(t.Context(), ops.MetricFilter{VendorID: "v-1"})
				if err != nil || len(metrics.Items) != 3 {
					t.Errorf("%d effects are stored, %v", len(metrics.Items), err)
				}
				for _, h := range []string{"a", "b", "c"} {
					n := 0
					for _, e := range i.History {
						if e.What == "step_completed" && e.Step == h {
							n++
						}
					}
					if n != 1 {
						t.Errorf("step %s was completed %d times", h, n)
					}
				}
			})
		}
	}
}

func TestConcurrentInvocationsDoNoStepTwice(t *testing.T) {
	t.Parallel()
	c := &counting{}
	b := setup(t, map[string]workflow.Action{"test.count": c.act})
	b.publish(t, document(fourSteps))
	i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var other atomic.Int32
	for n := range 20 {
		wg.Go(func() {
			_, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, Step: "h", RequestID: fmt.Sprint("r", n)})
			if _, held := errors.AsType[*workflow.LeaseHeld](err); err != nil && !held {
				t.Error(err)
				other.Add(1)
			}
		})
	}
	wg.Wait()
	if c.runs["a"] != 1 || c.runs["b"] != 1 {
		t.Errorf("the steps ran %v times", c.runs)
	}
}

func TestALiveForeignLeaseIsRespectedAndAnOldOneTakenOver(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{"test.count": (&counting{}).act})
	b.publish(t, document(fourSteps))
	i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	i.Lease = ops.Lease{Owner: "other", Until: start.Add(30 * time.Second)}
	if err := b.store.Save(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	d := workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "mine"}
	if _, err := b.RunSteps(t.Context(), d); typeName(err) != "LeaseHeld" {
		t.Errorf("while the lease lives: %v", err)
	}
	b.machine.advance(t.Context(), time.Minute)
	if _, err := b.RunSteps(t.Context(), d); typeName(err) != "SentBack" {
		t.Errorf("after the lease: %v", err)
	}
	d.Attempt = 2
	if _, err := b.RunSteps(t.Context(), d); typeName(err) != "Superseded" {
		t.Errorf("another attempt: %v", err)
	}
}

func TestADelayEndsWhenItsTimeHasCome(t *testing.T) {
	t.Parallel()
	c := &counting{}
	b := setup(t, map[string]workflow.Action{"test.count": c.act})
	b.publish(t, document(`{"id": "w", "name": "Wait", "kind": "delay", "for": "48h"}`,
		`{"id": "beside", "name": "Beside", "kind": "automated", "action": "test.count"}`,
		`{"id": "after", "name": "After", "kind": "automated", "depends_on": ["w"], "action": "test.count"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if i.Status != ops.InstanceRunning || i.WaitingFor == nil || i.WaitingFor.Kind != "timer" || c.runs["beside"] != 1 || c.runs["after"] != 0 {
		t.Fatalf("while it waits: %s, %+v, ran %v", i.Status, i.WaitingFor, c.runs)
	}
	b.machine.advance(t.Context(), 47*time.Hour)
	b.machine.run(t.Context())
	// Nor does calling the function by hand, as of the last state, cut it short.
	if _, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1}); typeName(err) != "SentBack" {
		t.Fatal(err)
	}
	if c.runs["after"] != 0 {
		t.Fatal("the delay was cut short")
	}
	b.machine.advance(t.Context(), time.Hour)
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("ends %s", i.Status)
	}
}

func TestRetriesAndWhatBecomesOfAFailure(t *testing.T) {
	t.Parallel()
	flaky := func(failures int32) workflow.Action {
		var n atomic.Int32
		return func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
			if n.Add(1) <= failures {
				return workflow.ActionResult{}, errors.New("it broke")
			}
			return workflow.ActionResult{}, nil
		}
	}
	panics := func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) { panic("a bug") }
	tests := []struct {
		name, extra string
		action      workflow.Action
		status      ops.InstanceStatus
		step        ops.StepStatus
		tries       int
	}{
		{"the third try works", `"retry": {"max_attempts": 3},`, flaky(2), ops.InstanceCompleted, ops.StepCompleted, 3},
		{"all tries fail", `"retry": {"max_attempts": 3},`, flaky(9), ops.InstanceFailed, ops.StepFailed, 3},
		{"a failure is skipped", `"on_error": "skip",`, flaky(9), ops.InstanceCompleted, ops.StepSkipped, 1},
		{"a panic is a failure", "", panics, ops.InstanceFailed, ops.StepFailed, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, map[string]workflow.Action{"test.act": tt.action})
			b.publish(t, document(`{"id": "s", "name": "S", "kind": "automated", `+tt.extra+` "action": "test.act"}`,
				`{"id": "beside", "name": "Beside", "kind": "manual"}`))
			i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
			if tt.status == ops.InstanceCompleted {
				b.complete(t, i.ID, "done", "")
			}
			i = b.instance(t, i.ID)
			if s := i.Step("s"); i.Status != tt.status || s.Status != tt.step || s.Tries != tt.tries {
				t.Errorf("workflow %s, step %s after %d tries (%+v)", i.Status, s.Status, s.Tries, s.Error)
			}
		})
	}
}

func TestADecisionRunsOnlyWhatItChose(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		amount string
		ran    map[string]ops.StepStatus
	}{
		{"500", map[string]ops.StepStatus{"approve": ops.StepSkipped, "refund": ops.StepCompleted}},
		{"501", map[string]ops.StepStatus{"approve": ops.StepInProgress, "refund": ops.StepPending}},
	} {
		b := setup(t, nil)
		b.publish(t, document(
			`{"id": "big", "name": "Large?", "kind": "decision",
			  "choices": [{"when": {"path": "context.amount", "op": "gt", "value": 500}, "next": "approve"}], "default": "refund"}`,
			`{"id": "approve", "name": "Approve", "kind": "approval"}`,
			`{"id": "refund", "name": "Refund", "kind": "automated", "depends_on": ["big", "approve"], "action": "assign.team"}`))
		i := b.start(t, "sample", ops.SubjectRef{}, `{"amount": `+tt.amount+`}`)
		for id, want := range tt.ran {
			if got := i.Step(id).Status; got != want {
				t.Errorf("amount %s: step %s is %s, want %s", tt.amount, id, got, want)
			}
		}
		if i.Status == ops.InstanceWaitingApproval {
			b.complete(t, i.ID, "approved", "")
		}
		if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || i.Step("refund").Status != ops.StepCompleted {
			t.Errorf("amount %s: ends %s", tt.amount, i.Status)
		}
	}
}

func TestStepsSeeAPaymentWithoutAStatusAsPendingLikeRulesDo(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(
		`{"id": "pending", "name": "Pending", "kind": "automated", "action": "assign.team",
		  "when": {"path": "subject.status", "op": "eq", "value": "pending"}}`))
	for subject, want := range map[ops.SubjectRef]ops.StepStatus{
		{Type: ops.SubjectPayment, ID: "pay-1"}: ops.StepCompleted,
		{Type: ops.SubjectBooking, ID: "bk-1"}:  ops.StepSkipped,
	} {
		if got := b.start(t, "sample", subject, `{}`).Step("pending").Status; got != want {
			t.Errorf("%s: the step is %s, want %s", subject, got, want)
		}
	}
}

func TestTasksBesideEachOtherAreOpenTogether(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(`{"id": "one", "name": "One", "kind": "manual"}`, `{"id": "two", "name": "Two", "kind": "manual"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	// The second first: the chain waits for the first one's state.
	two := i.Step("two").TaskID
	if two == "" {
		t.Fatal("the second task is not open")
	}
	if _, err := b.tasks.Complete(t.Context(), two, member(ops.Operations), taskDecision("done")); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	b.complete(t, i.ID, "done", "")
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("ends %s, %+v", i.Status, i.Steps)
	}
}
