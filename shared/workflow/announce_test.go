package workflow_test

import (
	"errors"
	"testing"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

func TestTheAlertsOfAWorkflowAreAnnouncedToItsTeam(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, approvalTemplate)
	i := b.start(t, "slow", ops.SubjectRef{Type: "booking", ID: "bk-1"}, `{}`)
	b.machine.advance(t.Context(), time.Hour+time.Minute)
	b.due(t, i.ID)
	announced(t, b, ops.AlertSLAViolation, 1)
	if _, err := b.tasks.Reject(t.Context(), b.instance(t, i.ID).Step("ok").TaskID, member(ops.Finance), "no"); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceFailed {
		t.Fatalf("the refused workflow is %s", i.Status)
	}
	announced(t, b, ops.AlertWorkflowFailed, 2)
}

// announced checks that the one alert of a type is for Finance, was told to it, and has nothing left to be announced.
func announced(t *testing.T, b *bundle, kind ops.AlertType, events int) {
	t.Helper()
	all := b.alerts(t, kind)
	if len(all) != 1 {
		t.Fatalf("%d alerts %s, want 1", len(all), kind)
	}
	a, err := b.store.Alert(t.Context(), all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, open := a.Timers[ops.TimerAnnounce]; open || a.Team != ops.Finance || a.LadderStep != 1 {
		t.Errorf("it is %+v", a)
	}
	if ids := b.bus.ids(ops.AlertRaised); len(ids) != events {
		t.Errorf("alert_raised was sent as %v, want %d", ids, events)
	}
}

func TestAFailureIsNotHeldUpByABusThatIsDownForItsAlert(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, approvalTemplate)
	i := b.start(t, "slow", ops.SubjectRef{Type: "booking", ID: "bk-1"}, `{}`)
	b.machine.advance(t.Context(), time.Hour+time.Minute)
	b.bus.failOn(ops.AlertRaised, errors.New("the bus is down"))
	b.due(t, i.ID)
	if i = b.instance(t, i.ID); i.OverdueAt.IsZero() {
		t.Fatalf("it is not overdue: %+v", i)
	}
	a := b.alerts(t, ops.AlertSLAViolation)[0]
	b.bus.failOn("", nil)
	b.machine.advance(t.Context(), 2*time.Minute)
	sweep := alert.Announcer{Store: b.store, Bus: b.bus, Clock: b.clock, Logger: b.Logger}
	if err := sweep.HandleDue(t.Context(), a.Ref()); err != nil {
		t.Fatal(err)
	}
	announced(t, b, ops.AlertSLAViolation, 1)
}
