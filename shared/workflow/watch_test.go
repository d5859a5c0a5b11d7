package workflow_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

const rescue = `{"name": "rescue", "type": "payment_processing", "trigger": "condition_based", "team": "Finance",
	"watch": {"subject": "payment", "when": {"all": [{"path": "subject.status", "op": "eq", "value": "failed"}, {"path": "subject.amount", "op": "gte", "value": 100}]},
		"context": {"amount": "$.subject.amount"}},
	"steps": [{"id": "look", "name": "Look into it", "kind": "manual"}]}`

// turn writes a payment as an event would, with what watches make of it, and gives the workflows that were started.
func (b *bundle) turn(t *testing.T, id, status string, amount string, depth int) []*ops.Instance {
	t.Helper()
	s, err := b.store.Subject(t.Context(), ops.SubjectRef{Type: ops.SubjectPayment, ID: id})
	if err != nil {
		t.Fatal(err)
	}
	s.Set("status", []byte(`"`+status+`"`), b.clock.Now())
	s.Set("amount", []byte(amount), b.clock.Now())
	started, err := b.Watch(t.Context(), s, ops.Cause{EventID: "evt-1", Depth: depth})
	if err != nil {
		t.Fatal(err)
	}
	records := []ops.Record{s}
	for _, i := range started {
		records = append(records, i)
	}
	if err := b.store.Save(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
	return started
}

func TestAWatchStartsOneWorkflowEachTimeItsConditionTurnsTrue(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if got := b.turn(t, "p-0", "failed", "500", 1); len(got) != 0 {
		t.Fatalf("nothing watches, and %d workflows start", len(got))
	}
	b.publish(t, rescue)
	ids := map[string]bool{}
	for n, c := range []struct {
		status, amount string
		starts         int
	}{
		{"pending", "500", 0}, {"failed", "99.99", 0}, {"failed", "100", 1}, {"failed", "900", 0}, {"confirmed", "900", 0}, {"failed", "900", 1},
	} {
		got := b.turn(t, "p-1", c.status, c.amount, 1)
		if len(got) != c.starts {
			t.Errorf("change %d starts %d workflows, want %d", n, len(got), c.starts)
		}
		for _, i := range got {
			ids[i.ID] = true
			if i.Template != "rescue" || i.Subject.String() != "payment/p-1" || i.TriggeredBy.Kind != "condition" || string(i.Context["amount"]) != c.amount {
				t.Errorf("change %d starts %s of %s by %+v with %s", n, i.Template, i.Subject, i.TriggeredBy, i.Context)
			}
		}
	}
	if len(ids) != 2 {
		t.Errorf("two turns have the ids %v", ids)
	}
	if got := b.turn(t, "p-2", "failed", "500", ops.MaxDepth+1); len(got) != 0 {
		t.Error("a chain of workflows goes on beyond its depth")
	}
	if _, err := b.Deactivate(t.Context(), "rescue", 1, admin, "enough"); err != nil {
		t.Fatal(err)
	}
	if got := b.turn(t, "p-3", "failed", "500", 1); len(got) != 0 {
		t.Error("a template that was withdrawn goes on watching")
	}
}

func TestAWorkflowThatChangesWhatIsWatchedStartsAnother(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, rescue)
	b.publish(t, document(`{"id": "fail", "name": "Fail it", "kind": "automated", "action": "payment.fail"}`))
	b.turn(t, "p-1", "pending", "700", 1)
	i := b.start(t, "sample", ops.SubjectRef{Type: ops.SubjectPayment, ID: "p-1"}, `{"amount": 700}`)
	if i.Status != ops.InstanceCompleted {
		t.Fatalf("%s: %+v", i.Status, i.Error)
	}
	page, err := b.store.Instances(t.Context(), ops.InstanceFilter{Template: "rescue", PageRequest: ops.PageRequest{Limit: 10}})
	if err != nil || len(page.Items) != 1 || page.Items[0].Status != ops.InstanceWaitingApproval {
		t.Errorf("workflows of the watching template: %+v, %v", page.Items, err)
	}
}

func TestAVendorIsLookedAtWithinAMinuteOfItsChange(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, strings.NewReplacer(`"payment", "when"`, `"vendor", "when"`, `{"path": "subject.status", "op": "eq", "value": "failed"}, {"path": "subject.amount", "op": "gte", "value": 100}`,
		`{"path": "subject.rating", "op": "lt", "value": 3}`, `"$.subject.amount"`, `"$.subject.rating"`).Replace(rescue))
	v := &ops.Vendor{ID: "v-1", Name: "V", Rating: 2.5}
	v.SetTimer(ops.TimerWatch, b.clock.Now())
	if err := b.store.Save(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	for range 2 { // an overlapping sweep
		if err := b.HandleVendorDue(t.Context(), v.Ref()); err != nil {
			t.Fatal(err)
		}
	}
	page, err := b.store.Instances(t.Context(), ops.InstanceFilter{Template: "rescue", PageRequest: ops.PageRequest{Limit: 10}})
	if err != nil || len(page.Items) != 1 || page.Items[0].Subject.String() != "vendor/v-1" {
		t.Errorf("got %v, %v", page.Items, err)
	}
	stored, err := b.store.Vendor(t.Context(), "v-1")
	if err != nil || !stored.WakeAt().IsZero() || !stored.Watched["rescue"].Holds {
		t.Errorf("the vendor wakes at %s and was seen as %v, %v", stored.WakeAt().Format(time.RFC3339), stored.Watched, err)
	}
}

func TestAWatchIsGivenForItsTriggerOnlyAndLooksAtWhatThereIs(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for body, path := range map[string]string{
		strings.Replace(rescue, "condition_based", "manual", 1):                           "$.watch",
		strings.Replace(rescue, `"subject": "payment"`, `"subject": "weather"`, 1):        "$.watch.subject",
		strings.Replace(rescue, `"path": "subject.status"`, `"path": "detail.status"`, 1): "$.watch.when.all[0].path",
	} {
		if _, err := workflow.Read([]byte(body), nil, b.Forms); err == nil || !strings.Contains(err.Error(), path+" ") {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
