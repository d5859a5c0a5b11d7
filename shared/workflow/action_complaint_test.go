package workflow_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"opsflow/shared/ops"
)

const (
	complaint = `{"complaint_id": "cp-1", "booking_id": "bk-1", "text": "The sofa is wet.", "severity": "high"}`
	refund    = `{"finding": "justified", "refund": true, "refund_amount": 49.90, "currency": "AED", "answer": "We are sorry."}`
)

func TestOnlySevereComplaintsRaiseAnAlert(t *testing.T) {
	t.Parallel()
	for severity, want := range map[string]int{"low": 0, "medium": 0, "high": 1, "critical": 1, "unheard_of": 0} {
		b := setup(t, nil)
		i := b.start(t, "complaint_resolution", ops.SubjectRef{}, fmt.Sprintf(`{"booking_id": "bk-1", "text": "Wet.", "severity": %q}`, severity))
		alerts, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
		if err != nil || len(alerts.Items) != want {
			t.Fatalf("%s: alerts %+v, %v", severity, alerts.Items, err)
		}
		if want > 0 && (alerts.Items[0].Type != ops.AlertCustomerComplaint || string(alerts.Items[0].Severity) != severity ||
			alerts.Items[0].Subject.ID != "bk-1") {
			t.Errorf("the alert is %+v", alerts.Items[0])
		}
		if task := b.openTask(t, i.ID); task.Team != ops.QualityAssurance {
			t.Errorf("%s: the task is of %s", severity, task.Team)
		}
	}
}

func TestARefundIsGivenOnlyWithFinancesApproval(t *testing.T) {
	t.Parallel()
	ref := ops.SubjectRef{Type: "complaint", ID: "cp-1"}
	for _, approve := range []bool{true, false} {
		b := setup(t, nil)
		i := b.start(t, "complaint_resolution", ops.SubjectRef{Type: "booking", ID: "bk-1"}, complaint)
		b.complete(t, i.ID, "done", refund)
		if task := b.openTask(t, i.ID); task.Team != ops.Finance || task.Title != "Approve the refund: 49.90, AED" {
			t.Errorf("the task is %q of %s", task.Title, task.Team)
		}
		resolution, amount := `"refunded"`, "49.90"
		if approve {
			b.complete(t, i.ID, "approved", "")
		} else {
			resolution, amount = `"refund_refused"`, ""
			if _, err := b.tasks.Reject(t.Context(), b.openTask(t, i.ID).ID, member(ops.Finance), "too much"); err != nil {
				t.Fatal(err)
			}
			b.machine.run(t.Context())
		}
		if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
			t.Fatalf("approved %v: it ends %s (%v)", approve, i.Status, i.Error)
		}
		if got := b.field(t, ref, "resolution"); got != resolution {
			t.Errorf("approved %v: the resolution is %s", approve, got)
		}
		var detail struct {
			Data struct {
				Answer string
				Amount json.RawMessage `json:"refund_amount"`
			}
		}
		for _, e := range b.bus.events {
			if e.Type == ops.NotificationRequested {
				if err := json.Unmarshal(e.Detail, &detail); err != nil {
					t.Fatal(err)
				}
			}
		}
		if detail.Data.Answer != "We are sorry." || string(detail.Data.Amount) != amount {
			t.Errorf("approved %v: the customer hears %+v", approve, detail.Data)
		}
	}
}
