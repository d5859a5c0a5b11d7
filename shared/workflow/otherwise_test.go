package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// TestAStepThatDoesNotEndWellLeadsToAnotherOne has three steps after the one in question: one for when it ends well, one that
// its way out leads to, and one that needs either.
func TestAStepThatDoesNotEndWellLeadsToAnotherOne(t *testing.T) {
	t.Parallel()
	const (
		paid   = "first completed, paid completed, chase skipped, last completed"
		chased = "first skipped, paid skipped, chase completed, last completed"
	)
	await := `"kind": "await_event", "event": "payment_received", "key": "pay-1", "timeout": "1h", "on_timeout": {"next": "chase"}`
	for name, c := range map[string]struct {
		first string
		do    func(t *testing.T, b *bundle, i *ops.Instance)
		want  string
	}{
		"an event in time": {await, func(t *testing.T, b *bundle, _ *ops.Instance) {
			t.Helper()
			b.pay(t, "pay-1")
		}, paid},
		"no event in time": {await, func(t *testing.T, b *bundle, i *ops.Instance) {
			t.Helper()
			b.machine.advance(t.Context(), 61*time.Minute)
			b.looked(t, i.ID)
		}, chased},
		"an approval": {`"kind": "approval", "on_reject": {"next": "chase"}`, func(t *testing.T, b *bundle, i *ops.Instance) {
			t.Helper()
			b.complete(t, i.ID, "", "")
		}, paid},
		"a refusal": {`"kind": "approval", "on_reject": {"next": "chase"}`, func(t *testing.T, b *bundle, i *ops.Instance) {
			t.Helper()
			if _, err := b.tasks.Reject(t.Context(), b.openTask(t, i.ID).ID, member(ops.Operations), "no"); err != nil {
				t.Fatal(err)
			}
		}, chased},
		"nobody in time": {`"kind": "manual", "expires": "1h", "on_expire": {"next": "chase"}`, func(t *testing.T, b *bundle, i *ops.Instance) {
			t.Helper()
			tsk := b.openTask(t, i.ID)
			b.machine.advance(t.Context(), 61*time.Minute)
			if err := b.tasks.HandleDue(t.Context(), tsk.Ref()); err != nil {
				t.Fatal(err)
			}
		}, chased},
		"a failure": {`"kind": "automated", "action": "test.break", "on_error": {"next": "chase"}`, func(*testing.T, *bundle, *ops.Instance) {}, chased},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, map[string]workflow.Action{
				"test.break": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
					return workflow.ActionResult{}, errors.New("broken")
				},
			})
			tpl := b.publish(t, document(
				fmt.Sprintf(`{"id": "first", "name": "First", %s}`, c.first),
				`{"id": "paid", "name": "Paid", "kind": "automated", "action": "assign.team", "depends_on": ["first"]}`,
				`{"id": "chase", "name": "Chase", "kind": "automated", "action": "assign.team"}`,
				`{"id": "last", "name": "Last", "kind": "automated", "action": "assign.team", "depends_on": ["paid", "chase"]}`))
			i := b.start(t, tpl.Name, ops.SubjectRef{}, `{}`)
			c.do(t, b, i)
			b.machine.run(t.Context())
			i = b.instance(t, i.ID)
			got := ""
			for n, rec := range i.Steps {
				if n > 0 {
					got += ", "
				}
				got += rec.ID + " " + string(rec.Status)
			}
			if i.Status != ops.InstanceCompleted || got != c.want {
				t.Errorf("it is %s: %s; want %s", i.Status, got, c.want)
			}
		})
	}
}

func TestOnlyAnEventThatMatchesEndsAWait(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{false, true} { // the events arrive before the step, or while it waits
		b := setup(t, nil)
		b.publish(t, document(
			`{"id": "ask", "name": "Ask", "kind": "manual"}`,
			`{"id": "paid", "name": "Paid", "kind": "await_event", "depends_on": ["ask"], "event": "payment_received", "key": "bk-1",
				"match": {"path": "detail.payment_id", "op": "eq", "value": "pay-2"}}`))
		i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
		if !before {
			b.decide(t, i.ID, "ask", true)
		}
		b.pay(t, "pay-1")
		if !before {
			if i = b.looked(t, i.ID); i.Step("paid").Status != ops.StepInProgress {
				t.Fatalf("another payment ended the wait: %+v", i.Step("paid"))
			}
		}
		b.pay(t, "pay-2")
		if before {
			b.decide(t, i.ID, "ask", true)
		}
		if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || !strings.Contains(string(i.Step("paid").Output), "pay-2") {
			t.Errorf("before %v: it is %s, %s", before, i.Status, i.Step("paid").Output)
		}
	}
}

func TestAWayOutLeadsOnlyWhereItCan(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, err := b.CreateTemplate(t.Context(), []byte(document(
		`{"id": "a", "name": "A", "kind": "manual"}`,
		`{"id": "b", "name": "B", "kind": "approval", "depends_on": ["a"], "on_reject": {"next": "b"}, "on_expire": {"next": "ghost"}, "on_error": {"step": "a"}, "expires": "1h"}`,
		`{"id": "c", "name": "C", "kind": "approval", "depends_on": ["b"], "on_reject": {"next": "a"}}`)), admin)
	invalid, ok := errors.AsType[*ops.Error](err)
	if !ok {
		t.Fatalf("the error is %v", err)
	}
	var got []string
	for _, f := range invalid.Faults {
		got = append(got, f.Path)
	}
	want := []string{"$.steps[1].on_error", "$.steps[1].on_reject.next", "$.steps[1].on_expire.next", "$.steps"} // the last: a cycle
	if !slices.Equal(got, want) {
		t.Errorf("faults at %q, want %q: %v", got, want, err)
	}
}
