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

// What its steps give is kept apart from the record of the workflow, and its later steps still see it.
func TestAWorkflowDoesNotOutgrowItsRecord(t *testing.T) {
	t.Parallel()
	seen := ""
	b := setup(t, map[string]workflow.Action{
		"test.act": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
			return workflow.ActionResult{Output: map[string]string{"text": strings.Repeat("x", 63<<10)}}, nil
		},
		"test.see": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
			seen = string(in.Params["text"])
			return workflow.ActionResult{}, nil
		},
	})
	var steps []string
	for n := range 20 {
		steps = append(steps, fmt.Sprintf(`{"id": "s%d", "name": "S%d", "kind": "automated", "action": "test.act"}`, n, n))
	}
	steps = append(steps, `{"id": "wait", "name": "Wait", "kind": "delay", "for": "1h"}`,
		`{"id": "see", "name": "See", "kind": "automated", "depends_on": ["wait"], "action": "test.see", "parameters": {"text": "$.steps.s7.output.text"}}`)
	b.publish(t, document(steps...))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	b.machine.advance(t.Context(), time.Hour)
	b.machine.run(t.Context())
	i = b.instance(t, i.ID)
	if i.Status != ops.InstanceCompleted || len(seen) < 63<<10 {
		t.Errorf("it is %s: %+v; a step saw %d bytes", i.Status, i.Error, len(seen))
	}
	if record, err := json.Marshal(i); err != nil || len(record) > 20<<10 {
		t.Errorf("its record has %d bytes, %v", len(record), err)
	}
	if err := b.store.Load(t.Context(), i, 0); err != nil || len(i.Step("s19").Output) < 63<<10 {
		t.Errorf("loaded, an output has %d bytes, %v", len(i.Step("s19").Output), err)
	}
}

// A long history leaves the record too, piece by piece, and nothing of it is lost.
func TestAHistoryHasNoEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(`{"id": "ask", "name": "Ask", "kind": "approval"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	const rounds = 60
	for range rounds {
		tsk := b.openTask(t, i.ID)
		if _, err := b.tasks.Reject(t.Context(), tsk.ID, member(tsk.Team), strings.Repeat("no ", 1300)); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
		if _, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{}); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
	}
	b.complete(t, i.ID, "approved", `{}`)
	i = b.instance(t, i.ID)
	if record, err := json.Marshal(i); err != nil || i.Status != ops.InstanceCompleted || len(record) > 16<<10 {
		t.Fatalf("it is %s, its record has %d bytes, %v", i.Status, len(record), err)
	}
	var whole []ops.HistoryEntry
	for len(whole) < i.Happened() {
		page, err := b.store.History(t.Context(), i, len(whole), 7, 0)
		if err != nil || len(page) == 0 {
			t.Fatal(page, err)
		}
		whole = append(whole, page...)
	}
	count := map[string]int{}
	for n, h := range whole {
		count[h.What]++
		if n > 0 && h.At.Before(whole[n-1].At) {
			t.Errorf("entry %d, %s, is of %s, before the one before it", n, h.What, h.At)
		}
		if h.What == "task_decided" && count[h.What] <= rounds && len(h.Detail) < 3900 {
			t.Errorf("the comment is lost: %s", h.Detail)
		}
	}
	if count["task_decided"] != rounds+1 || count["retried"] != rounds || count["started"] != rounds+1 || count["completed"] != 1 {
		t.Errorf("history has %v", count)
	}
}

// What an action has stored beside the workflow must fit as well.
func TestAStepThatStoresTooMuchFailsItsWorkflow(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{"test.act": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
		return workflow.ActionResult{Writes: []ops.Record{&ops.Subject{
			SubjectRef: ops.SubjectRef{Type: "booking", ID: "bk-1"},
			Fields:     map[string]json.RawMessage{"text": json.RawMessage(`"` + strings.Repeat("x", 500<<10) + `"`)},
		}}}, nil
	}})
	b.publish(t, document(`{"id": "s", "name": "S", "kind": "automated", "action": "test.act"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if i.Status != ops.InstanceFailed || i.Error.Code != "too_large" {
		t.Errorf("it is %s: %+v", i.Status, i.Error)
	}
	b.told(t, "it", i)
	if a := b.alerts(t, ops.AlertWorkflowFailed); len(a) != 1 {
		t.Errorf("alerts are %+v", a)
	}
}
