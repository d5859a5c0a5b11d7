package workflow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// told checks that the end of a workflow is told as its record has it: by one event, and of no other end.
func (b *bundle) told(t *testing.T, when string, i *ops.Instance) {
	t.Helper()
	completed, failed := b.bus.ids(ops.WorkflowCompleted), b.bus.ids(ops.WorkflowFailed)
	want := map[ops.InstanceStatus][2]int{ops.InstanceCompleted: {1, 0}, ops.InstanceFailed: {0, 1}}[i.Status]
	if got := [2]int{len(completed), len(failed)}; got != want {
		t.Errorf("%s: it is %s, and told of are %v, %v", when, i.Status, completed, failed)
	}
	for id := range completed {
		if !strings.HasSuffix(id, fmt.Sprintf(":%d", i.Attempt)) {
			t.Errorf("%s: attempt %d is told of as %s", when, i.Attempt, id)
		}
	}
}

func TestTheEndThatIsToldIsTheOneThatIsRecorded(t *testing.T) {
	t.Parallel()
	boss := member(ops.Operations)
	pause := func(t *testing.T, b *bundle, id string) {
		if _, err := b.Pause(t.Context(), id, boss, ""); err != nil && ops.ErrorCode(err) != ops.CodeIllegalMove {
			t.Error(err)
		}
	}
	cancel := func(t *testing.T, b *bundle, id string) {
		if _, err := b.Cancel(t.Context(), id, boss, ""); err != nil && ops.ErrorCode(err) != ops.CodeIllegalMove {
			t.Error(err)
		}
	}
	abort := func(t *testing.T, b *bundle, id string) {
		b.machine.executions[id+"-1"].status = ops.ExecutionAborted
		change := fmt.Sprintf(`{"detail": {"name": "%s-1", "status": "ABORTED"}}`, id)
		if err := b.RecordOutcome(t.Context(), json.RawMessage(change)); err != nil {
			t.Error(err)
		}
	}
	for name, act := range map[string]func(t *testing.T, b *bundle, id string){
		"a pause": pause, "a cancellation": cancel, "the execution's end": abort,
		"a pause and a cancellation":      func(t *testing.T, b *bundle, id string) { pause(t, b, id); cancel(t, b, id) },
		"a pause and the execution's end": func(t *testing.T, b *bundle, id string) { pause(t, b, id); abort(t, b, id) },
		"the execution's end and a pause": func(t *testing.T, b *bundle, id string) { abort(t, b, id); pause(t, b, id) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at := 0; ; at++ {
				b := setup(t, map[string]workflow.Action{"test.count": (&counting{}).act})
				b.publish(t, document(fourSteps))
				i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
				if err != nil {
					t.Fatal(err)
				}
				b.saver.before(at, func() { act(t, b, i.ID) })
				b.machine.run(t.Context())
				if i = b.instance(t, i.ID); !b.saver.happened() && i.Status == ops.InstanceWaitingApproval {
					i = b.decide(t, i.ID, "h", true)
				}
				if !b.saver.happened() {
					if at < 4 || i.Status != ops.InstanceCompleted {
						t.Errorf("the run has only %d writes, and is %s", at, i.Status)
					}
					break
				}
				when := fmt.Sprintf("before write %d", at)
				b.told(t, when, i)
				if i.Asked != nil {
					t.Errorf("%s: it is %s, and still asked to %s", when, i.Status, i.Asked.What)
				}
				if i.Status != ops.InstancePaused {
					continue
				}
				if _, err := b.Resume(t.Context(), i.ID, boss, ""); err != nil {
					t.Fatal(err)
				}
				b.machine.run(t.Context())
				if i = b.instance(t, i.ID); i.Status == ops.InstanceWaitingApproval {
					i = b.decide(t, i.ID, "h", true)
				}
				if i.Status != ops.InstanceCompleted {
					t.Errorf("%s: resumed, it is %s: %+v", when, i.Status, i.Error)
				}
				b.told(t, when+", resumed", i)
				metrics, err := b.store.Metrics(t.Context(), ops.MetricFilter{VendorID: "v-1"})
				if ids := b.bus.ids(ops.QualityScoreUpdated); err != nil || len(metrics.Items) != 3 || len(ids) != 3 {
					t.Errorf("%s: the effects are %d records, %v and events %v", when, len(metrics.Items), err, ids)
				}
			}
		})
	}
}

var errBusDown = errors.New("the bus is down")

func TestACompletedWorkflowIsToldOfByWhoeverIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, asked := range map[string]func(t *testing.T, b *bundle, i *ops.Instance){
		"the state's function": func(t *testing.T, b *bundle, i *ops.Instance) {
			if _, err := b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1}); err != nil {
				t.Error(err)
			}
		},
		"record-outcome": func(t *testing.T, b *bundle, i *ops.Instance) {
			payload := fmt.Sprintf(`{"instance_id": %q, "attempt": 1, "error": {"Error": "Unavailable", "Cause": "the bus is down"}}`, i.ID)
			if err := b.RecordOutcome(t.Context(), json.RawMessage(payload)); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &counting{}
			b := setup(t, map[string]workflow.Action{"test.count": c.act})
			b.publish(t, document(`{"id": "a", "name": "A", "kind": "automated", "action": "test.count"}`))
			b.bus.failOn(ops.WorkflowCompleted, errBusDown)
			i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.RunSteps(t.Context(), workflow.Drive{InstanceID: i.ID, Attempt: 1})
			if typeName(err) != "Unavailable" {
				t.Errorf("the state is answered: %v", err)
			}
			b.bus.failOn("", nil)
			asked(t, b, i)
			i = b.instance(t, i.ID)
			b.told(t, name, i)
			if i.Status != ops.InstanceCompleted || c.runs["a"] != 1 {
				t.Errorf("it is %s, and its step was done %d times", i.Status, c.runs["a"])
			}
		})
	}
}

func TestALaterStateOfACompletedWorkflowTellsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{"test.count": (&counting{}).act})
	b.publish(t, document(
		`{"id": "a", "name": "A", "kind": "automated", "action": "test.count"}`,
		`{"id": "h", "name": "H", "kind": "manual", "when": {"path": "context.asked", "op": "exists"}}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if i.Status != ops.InstanceCompleted || b.machine.executions[i.ExecutionName()].status != ops.ExecutionSucceeded {
		t.Fatalf("it is %s", i.Status)
	}
	if ids := b.bus.ids(ops.WorkflowCompleted); len(ids) != 1 || ids[i.ID+":workflow_completed:1"] != 1 || b.machine.count != 2 {
		t.Errorf("in %d states it is told as %v", b.machine.count, ids)
	}
}

func TestAFailureThatCouldNotBeToldIsToldBySweepOrBeforeARetry(t *testing.T) {
	t.Parallel()
	for name, goOn := range map[string]func(t *testing.T, b *bundle, i *ops.Instance){
		"sweep": func(t *testing.T, b *bundle, i *ops.Instance) {
			b.due(t, i.ID)
			if ids := b.bus.ids(ops.WorkflowFailed); len(ids) != 0 {
				t.Errorf("before its time it is told as %v", ids)
			}
			b.machine.advance(t.Context(), 2*time.Minute)
			for range 2 {
				b.due(t, i.ID)
			}
		},
		"retry": func(t *testing.T, b *bundle, i *ops.Instance) {
			if _, err := b.Retry(t.Context(), i.ID, member(ops.Operations), workflow.Retry{}); err != nil {
				t.Error(err)
			}
			b.machine.run(t.Context())
			if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
				t.Errorf("tried again, it is %s", i.Status)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &counted{fails: 1}
			b := setup(t, c.actions())
			b.publish(t, document(`{"id": "a", "name": "A", "kind": "automated", "action": "risky"}`))
			b.bus.failOn(ops.WorkflowFailed, errBusDown)
			i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
			if i.Status != ops.InstanceFailed {
				t.Fatalf("it is %s", i.Status)
			}
			b.bus.failOn("", nil)
			goOn(t, b, i)
			if ids := b.bus.ids(ops.WorkflowFailed); len(ids) != 1 || ids[i.ID+":workflow_failed:1"] != 1 {
				t.Errorf("told of are %v", ids)
			}
			if i = b.instance(t, i.ID); len(i.Timers) != 0 {
				t.Errorf("its timers are %v", i.Timers)
			}
		})
	}
}

func TestAFailureCanNotBeRetriedAsLongAsItCanNotBeTold(t *testing.T) {
	t.Parallel()
	c := &counted{fails: 1}
	b := setup(t, c.actions())
	b.publish(t, document(`{"id": "a", "name": "A", "kind": "automated", "action": "risky"}`))
	b.bus.failOn(ops.WorkflowFailed, errBusDown)
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if _, err := b.Retry(t.Context(), i.ID, member(ops.Operations), workflow.Retry{}); ops.ErrorCode(err) != ops.CodeUnavailable {
		t.Errorf("gave %v", err)
	}
	if i = b.instance(t, i.ID); i.Status != ops.InstanceFailed || i.Attempt != 1 {
		t.Errorf("it is %s, attempt %d", i.Status, i.Attempt)
	}
}
