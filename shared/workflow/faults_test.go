package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

func TestAStepThatMisbehavesFailsClearlyAndIsRetriedAndRaisesOneAlert(t *testing.T) {
	t.Parallel()
	gives := func(v any) workflow.Action {
		return func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
			return workflow.ActionResult{Output: v}, nil
		}
	}
	for name, tt := range map[string]struct {
		action workflow.Action
		says   string
	}{
		"a panic": {
			func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) { panic("a bug") }, "panicked: a bug",
		},
		"no JSON":             {gives(json.RawMessage(`{"a":`)), "write the output"},
		"what can't be JSON":  {gives(make(chan int)), "write the output"},
		"a number of no size": {gives(json.RawMessage(`{"n": 1e400}`)), "1e400"},
		"over the size limit": {gives(strings.Repeat("x", 65<<10)), "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			misbehaves(t, tt.action, tt.says, 15*time.Minute)
		})
	}
}

// The bubble's clock moves only when nothing else can happen: so the deadline comes while the action waits, however slow the
// machine is.
func TestAStepThatTakesLongerThanAllowedFailsClearlyAndIsRetriedAndRaisesOneAlert(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		misbehaves(t, func(ctx context.Context, _ workflow.ActionInput) (workflow.ActionResult, error) {
			<-ctx.Done()
			return workflow.ActionResult{}, ctx.Err()
		}, "did not end in time", 10*time.Second)
	})
}

// misbehaves runs a workflow of one step that has two tries, in invocations that have so much time.
func misbehaves(t *testing.T, action workflow.Action, says string, within time.Duration) {
	t.Helper()
	b := setup(t, map[string]workflow.Action{"test.act": action})
	b.publish(t, document(`{"id": "s", "name": "S", "kind": "automated", "retry": {"max_attempts": 2}, "action": "test.act"}`))
	i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		b.machine.run(ctx)
		cancel()
	}
	i = b.instance(t, i.ID)
	s := i.Step("s")
	if i.Status != ops.InstanceFailed || s.Status != ops.StepFailed || s.Tries != 2 || !strings.Contains(fmt.Sprint(s.Error), says) {
		t.Errorf("workflow %s, step %s after %d tries: %+v", i.Status, s.Status, s.Tries, i.Error)
	}
	if a := b.alerts(t, ops.AlertWorkflowFailed); len(a) != 1 || a[0].Count != 1 || a[0].InstanceID != i.ID {
		t.Errorf("alerts are %+v", a)
	}
	if ids := b.bus.ids(ops.WorkflowFailed); len(ids) != 1 {
		t.Errorf("events are %v", ids)
	}
}

// Whoever comes next need not wait for the end of the lease of an invocation that could not go on.
func TestAnInvocationThatCannotGoOnGivesItsLeaseBack(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(`{"id": "tell", "name": "Tell", "kind": "notification", "template": "x"}`))
	i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	b.bus.failOn(ops.NotificationRequested, errors.New("no answer"))
	var gone *workflow.Unavailable
	if _, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "one"}); !errors.As(err, &gone) {
		t.Fatalf("the first invocation ends with %v", err)
	}
	if i = b.instance(t, i.ID); i.Lease.Owner != "" || i.WakeAt().IsZero() {
		t.Errorf("lease %+v, timers %v", i.Lease, i.Timers)
	}
	b.bus.failOn("", nil)
	if p, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "two"}); err != nil || p.Status != ops.InstanceCompleted {
		t.Errorf("the second: %+v, %v", p, err)
	}
}

// Whether it does so before its last step or with it, its end is told once, and as it is.
func TestAWorkflowThatOutgrowsItsRecordFails(t *testing.T) {
	t.Parallel()
	for _, kilobytes := range []int{60, 63} {
		for _, count := range []int{7, 8} {
			b := setup(t, map[string]workflow.Action{"test.act": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
				return workflow.ActionResult{Output: strings.Repeat("x", kilobytes<<10)}, nil
			}})
			var steps []string
			for n := range count {
				steps = append(steps, fmt.Sprintf(`{"id": "s%d", "name": "S%d", "kind": "automated", "action": "test.act"}`, n, n))
			}
			b.publish(t, document(steps...))
			i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
			if i.Status != ops.InstanceFailed || i.Error.Code != "too_large" {
				t.Errorf("%d steps of %d KB: it is %s: %+v", count, kilobytes, i.Status, i.Error)
			}
			b.told(t, fmt.Sprintf("%d steps of %d KB", count, kilobytes), i)
			if a := b.alerts(t, ops.AlertWorkflowFailed); len(a) != 1 {
				t.Errorf("%d steps of %d KB: alerts are %+v", count, kilobytes, a)
			}
		}
	}
}
