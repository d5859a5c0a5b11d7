package workflow_test

import (
	"errors"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

const quietThenTold = `
	{"id": "check", "name": "Check", "kind": "automated", "action": "booking.validate"},
	{"id": "ready", "name": "Ready", "kind": "automated", "depends_on": ["check"], "action": "booking.complete"},
	{"id": "tell", "name": "Tell", "kind": "notification", "depends_on": ["ready"], "template": "survey_request"},
	{"id": "last", "name": "Last", "kind": "automated", "depends_on": ["tell"], "action": "booking.validate"}`

var aBooking = ops.SubjectRef{Type: "booking", ID: "bk-1"}

func TestStepsOnOurOwnRecordsCostOneWriteAndAnEffectOutsideOneMore(t *testing.T) {
	t.Parallel()
	for steps, want := range map[string]int{
		`{"id": "a", "name": "A", "kind": "automated", "action": "booking.validate"},
		 {"id": "b", "name": "B", "kind": "automated", "depends_on": ["a"], "action": "booking.complete"}`: 1,
		quietThenTold: 2,
	} {
		for writes, more := range map[int]bool{want - 1: true, want: false} {
			b := setup(t, nil)
			b.publish(t, document(steps))
			i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample", Subject: aBooking}, ops.Actor{ID: "starter"})
			if err != nil {
				t.Fatal(err)
			}
			b.saver.before(writes, func() {})
			if _, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "one"}); err != nil {
				t.Fatal(err)
			}
			if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || b.saver.happened() != more {
				t.Errorf("it is %s; a write after %d: %v, want %v", i.Status, writes, !more, more)
			}
		}
	}
}

// Who takes over between any two writes of an invocation, by the same state or by an older delivery of it, finds either a lease
// or nothing done.
func TestOfTwoInvocationsAtOnceOnlyOneHasEffects(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		b := setup(t, nil)
		b.publish(t, document(quietThenTold))
		i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample", Subject: aBooking}, ops.Actor{ID: "starter"})
		if err != nil {
			t.Fatal(err)
		}
		b.saver.before(n, func() {
			_, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "other"})
			if _, held := errors.AsType[*workflow.LeaseHeld](err); err != nil && !held {
				t.Errorf("before write %d: %v", n, err)
			}
		})
		_, err = b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "one"})
		if err != nil {
			t.Errorf("before write %d: %v", n, err)
		}
		if !b.saver.happened() {
			if n < 2 {
				t.Errorf("there are %d writes", n)
			}
			return
		}
		i = b.instance(t, i.ID)
		done := 0
		for _, h := range i.History {
			if h.What == "step_completed" {
				done++
			}
		}
		if i.Status != ops.InstanceCompleted || done != 4 {
			t.Errorf("before write %d: it is %s, with %d steps done in its history", n, i.Status, done)
		}
		if sent := b.bus.ids(ops.NotificationRequested); len(sent) != 1 {
			t.Errorf("before write %d: sent %v", n, sent)
		} else {
			for id, times := range sent {
				if times != 1 {
					t.Errorf("before write %d: %s was sent %d times", n, id, times)
				}
			}
		}
	}
}

// Who cancels in the moment in which a message goes out is told that the workflow works, not that it is over.
func TestNothingGoesOutOfAWorkflowThatIsCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(quietThenTold))
	i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample", Subject: aBooking}, ops.Actor{ID: "starter"})
	if err != nil {
		t.Fatal(err)
	}
	var asked *ops.Instance
	b.bus.before = func(e ops.OutEvent) {
		if e.Type != ops.NotificationRequested {
			return
		}
		if asked, err = b.Cancel(t.Context(), i.ID, admin, "not needed"); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1, RequestID: "one"}); err != nil {
		t.Error(err)
	}
	if asked == nil || asked.Status != ops.InstanceRunning || asked.Asked == nil {
		t.Fatalf("who cancelled was told %+v", asked)
	}
	if i = b.instance(t, i.ID); i.Step("tell").Status != ops.StepCompleted {
		t.Errorf("it is %s, step tell %s", i.Status, i.Step("tell").Status)
	}
}

// Step Functions may try a state again, or go on, while an invocation that it has given up still runs: the token of that one is
// worth nothing any more.
func TestALateInvocationDoesNotReplaceTheNewestToken(t *testing.T) {
	t.Parallel()
	entered := start.Add(time.Second)
	for name, late := range map[string]workflow.Drive{
		"of an earlier try":   {Step: "h", Token: "late", Entered: entered, Retries: 1},
		"of an earlier state": {Step: "h", Token: "late", Entered: entered.Add(-time.Millisecond), Retries: 5},
	} {
		b := setup(t, nil)
		b.publish(t, document(`{"id": "h", "name": "H", "kind": "approval"}`))
		i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
		if err != nil {
			t.Fatal(err)
		}
		newest := workflow.Drive{InstanceID: i.ID, Attempt: 1, Step: "h", Token: "newest", Entered: entered, Retries: 2}
		if _, err := b.OpenTask(t.Context(), newest); err != nil {
			t.Fatal(err)
		}
		late.InstanceID, late.Attempt = i.ID, 1
		if _, err := b.OpenTask(t.Context(), late); typeName(err) != "Superseded" {
			t.Errorf("an invocation %s: %v, want Superseded", name, err)
		}
		if i = b.instance(t, i.ID); i.Waits.Token != "newest" {
			t.Errorf("an invocation %s: the token is %q", name, i.Waits.Token)
		}
	}
}
