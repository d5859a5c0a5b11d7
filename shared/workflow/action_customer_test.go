package workflow_test

import (
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestAContactThatWasVerifiedComesBeforeTheOneThatWasSent(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ref := ops.SubjectRef{Type: "customer", ID: "cu-1"}
	i := b.start(t, "customer_onboarding", ref, `{"customer": {"name": "Sm"}, "phone": ""}`)
	if task := b.openTask(t, i.ID); task.Team != ops.Operations || task.Title != "Verify the contact: email or phone" {
		t.Errorf("the task is %q of %s", task.Title, task.Team)
	}
	b.complete(t, i.ID, "done", `{"name": "Sam", "email": "sam@example.com"}`)
	for name, want := range map[string]string{"name": `"Sam"`, "email": `"sam@example.com"`, "status": `"active"`} {
		if got := b.field(t, ref, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestTheFirstBookingIsAskedForThreeDaysAfterTheWelcome(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.start(t, "customer_onboarding", ops.SubjectRef{}, `{"name": "Sam", "phone": "+97141234567"}`)
	if got := b.templates(t); len(got) != 1 || got[0] != "customer_welcome" {
		t.Fatalf("messages: %q", got)
	}
	if want := start.Add(72 * time.Hour); i.WaitingFor.Kind != "timer" || !i.WaitingFor.Until.Equal(want) {
		t.Errorf("it waits for %+v, want until %s", i.WaitingFor, want)
	}
	b.wait(t, i.ID)
	if got := b.templates(t); len(got) != 2 || got[1] != "first_booking" {
		t.Errorf("messages: %q", got)
	}
}
