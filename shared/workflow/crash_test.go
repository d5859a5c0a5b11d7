package workflow_test

import (
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

const everything = `
	{"id": "begin", "name": "Begin", "kind": "automated", "action": "test.count"},
	{"id": "left", "name": "Left", "kind": "automated", "depends_on": ["begin"], "action": "test.count"},
	{"id": "review", "name": "Review", "kind": "approval", "depends_on": ["left"], "rework": {"to": "left", "times": 1}},
	{"id": "right", "name": "Right", "kind": "automated", "depends_on": ["begin"], "action": "test.count"},
	{"id": "paid", "name": "Paid", "kind": "await_event", "depends_on": ["right"], "event": "payment_received", "key": "bk-1"},
	{"id": "tell", "name": "Tell", "kind": "notification", "depends_on": ["review", "paid"], "template": "survey_request"},
	{"id": "end", "name": "End", "kind": "automated", "depends_on": ["tell"], "action": "test.count"}`

// Whoever is at it dies at each write in turn, before it is applied or after: a function, which is asked again by its state, the
// API with somebody's decision, or match-rules.
func TestACrashAtAnyWriteOfBranchesReworkAndEventsIsRepaired(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		for at := 0; ; at++ {
			b := setup(t, map[string]workflow.Action{"test.count": (&counting{}).act})
			b.tasks = b.tasksOn(b.saver)
			b.publish(t, document(everything))
			i, err := b.Start(t.Context(), ops.StartRequest{Template: "sample"}, ops.Actor{ID: "starter"})
			if err != nil {
				t.Fatal(err)
			}
			b.saver.arm(at, applied)
			b.machine.run(t.Context())
			b.decide(t, i.ID, "review", false)
			b.pay(t, "pay-1")
			i = b.decide(t, i.ID, "review", true)
			if b.saver.waiting() {
				if at < 14 {
					t.Errorf("the run has only %d writes", at)
				}
				break
			}
			if i.Status != ops.InstanceCompleted {
				t.Errorf("write %d, applied %v: ends %s: %+v, waiting for %+v", at, applied, i.Status, i.Error, i.WaitingFor)
				continue
			}
			metrics, err := b.store.Metrics(t.Context(), ops.MetricFilter{VendorID: "v-1"})
			if err != nil || len(metrics.Items) != 5 { // the left branch twice, everything else once
				t.Errorf("write %d, applied %v: %d effects are stored, %v", at, applied, len(metrics.Items), err)
			}
			for kind, want := range map[ops.EventType]int{
				ops.QualityScoreUpdated: 5, ops.NotificationRequested: 1, ops.WorkflowCompleted: 1,
			} {
				if ids := b.bus.ids(kind); len(ids) != want {
					t.Errorf("write %d, applied %v: %s went out as %v, want %d ids", at, applied, kind, ids, want)
				}
			}
		}
	}
}
