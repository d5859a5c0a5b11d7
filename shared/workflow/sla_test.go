package workflow_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"opsflow/shared/ops"
)

const approvalTemplate = `{"name": "slow", "type": "payment_processing", "team": "Finance", "trigger": "manual", "priority": 5, "estimated_minutes": 60,
  "steps": [{"id": "ok", "name": "Approve", "kind": "approval", "role": "Finance"}]}`

// due lets sweep-due look at an instance.
func (b *bundle) due(t *testing.T, id string) {
	t.Helper()
	if err := b.HandleDue(t.Context(), ops.Ref{Kind: ops.KindInstance, ID: id}); err != nil && ops.AsConflict(err) == nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
}

func (b *bundle) alerts(t *testing.T, kind ops.AlertType) []*ops.Alert {
	t.Helper()
	page, err := b.store.Alerts(t.Context(), ops.AlertFilter{Type: kind})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func TestAWorkflowThatWaitsForPeoplePastItsDeadlineIsOverdueOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, approvalTemplate)
	i := b.start(t, "slow", ops.SubjectRef{Type: "payment", ID: "p-1"}, `{}`)
	b.machine.advance(t.Context(), 59*time.Minute)
	b.due(t, i.ID)
	if n := len(b.alerts(t, ops.AlertSLAViolation)); n != 0 {
		t.Fatalf("%d alerts before the deadline", n)
	}
	b.machine.advance(t.Context(), 2*time.Minute)
	for range 3 {
		b.due(t, i.ID)
	}
	got := b.alerts(t, ops.AlertSLAViolation)
	if len(got) != 1 || got[0].Count != 1 || got[0].Severity != ops.SeverityHigh || got[0].InstanceID != i.ID {
		t.Errorf("alerts are %+v, want one high one of the instance", got)
	}
	ids := b.bus.ids(ops.SLAViolation)
	if len(ids) != 1 {
		t.Errorf("events %v, want one", ids)
	}
	for _, e := range b.bus.events {
		var d struct {
			Type   string `json:"subject_type"`
			ID     string `json:"subject_id"`
			Policy string `json:"policy"`
			DueAt  string `json:"due_at"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		if e.Type == ops.SLAViolation && (d.Type != "payment" || d.ID != "p-1" || d.Policy != "slow" || d.DueAt != "2026-11-24T09:00:00Z") {
			t.Errorf("the event says %+v", d)
		}
	}
	page, err := b.store.Instances(t.Context(), ops.InstanceFilter{Overdue: b.clock.Now()})
	if err != nil || len(page.Items) != 1 || page.Items[0].OverdueAt.IsZero() {
		t.Errorf("overdue are %+v, %v; want the one", page.Items, err)
	}
	b.complete(t, i.ID, "approved", `{}`)
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || len(i.Timers) != 0 {
		t.Errorf("it ended %s with timers %v", i.Status, i.Timers)
	}
}

func TestAWorkflowThatEndsInTimeIsNeverOverdue(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, approvalTemplate)
	i := b.start(t, "slow", ops.SubjectRef{}, `{}`)
	b.complete(t, i.ID, "approved", `{}`)
	b.machine.advance(t.Context(), 2*time.Hour)
	b.due(t, i.ID)
	if n := len(b.alerts(t, ops.AlertSLAViolation)) + len(b.bus.ids(ops.SLAViolation)); n != 0 {
		t.Errorf("%d alerts and events", n)
	}
}

func TestACrashWhileAnOverdueWorkflowIsReportedLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, applied := range []bool{false, true} {
		b := setup(t, nil)
		b.publish(t, approvalTemplate)
		i := b.start(t, "slow", ops.SubjectRef{}, `{}`)
		b.machine.advance(t.Context(), 61*time.Minute)
		b.saver.arm(0, applied)
		if err := b.HandleDue(t.Context(), i.Ref()); !errors.Is(err, errCrash) {
			t.Fatalf("gave %v, want the crash", err)
		}
		b.saver.repair()
		b.due(t, i.ID)
		b.due(t, i.ID)
		got := b.alerts(t, ops.AlertSLAViolation)
		if len(got) != 1 || got[0].Count != 1 {
			t.Errorf("applied %v: alerts are %+v, want one, seen once", applied, got)
		}
		if ids := b.bus.ids(ops.SLAViolation); len(ids) != 1 {
			t.Errorf("applied %v: events under %v, want one id", applied, ids)
		}
	}
}
