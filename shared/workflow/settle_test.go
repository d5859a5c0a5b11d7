package workflow_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

// Why is it not moving? Every branch that waits says so, the one that waits for people first.
func TestAnOpenWorkflowTellsAllThatItWaitsFor(t *testing.T) {
	t.Parallel()
	var during *ops.WaitingFor
	var b *bundle
	b = setup(t, map[string]workflow.Action{"test.act": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
		i, err := b.store.Instance(t.Context(), in.Instance.ID)
		during = i.WaitingFor
		return workflow.ActionResult{}, err
	}})
	b.publish(t, document(
		`{"id": "act", "name": "Act", "kind": "automated", "action": "test.act"}`,
		`{"id": "rest", "name": "Rest", "kind": "delay", "for": "48h"}`,
		`{"id": "ask", "name": "Ask", "kind": "approval"}`,
		`{"id": "paid", "name": "Paid", "kind": "await_event", "event": "payment_received", "key": "$.context.payment"}`,
	))
	i := b.start(t, "sample", ops.SubjectRef{}, `{"payment": "pay-1"}`)
	if during == nil || during.Kind != "working" {
		t.Errorf("while it was worked on it waited for %+v", during)
	}
	var kinds, steps []string
	for _, w := range append([]ops.WaitingFor{*i.WaitingFor}, i.AlsoWaitingFor...) {
		kinds, steps = append(kinds, w.Kind), append(steps, w.Step)
	}
	if !slices.Equal(kinds, []string{"task", "timer", "event"}) || !slices.Equal(steps, []string{"ask", "rest", "paid"}) {
		t.Errorf("it waits for %v at %v", kinds, steps)
	}
}

func TestAFailedStepIsNoProgress(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{"test.act": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
		return workflow.ActionResult{}, errors.New("no")
	}})
	b.publish(t, document(
		`{"id": "wait", "name": "Wait", "kind": "delay", "for": "1s", "estimated_minutes": 10}`,
		`{"id": "act", "name": "Act", "kind": "automated", "action": "test.act", "depends_on": ["wait"], "estimated_minutes": 90}`,
	))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	b.machine.advance(t.Context(), time.Second)
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceFailed || i.Progress != 10 {
		t.Errorf("it is %s at %d %%", i.Status, i.Progress)
	}
}
