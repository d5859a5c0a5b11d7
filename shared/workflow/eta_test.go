package workflow_test

import (
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestTheExpectedEndFollowsTheLongestPathOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, (&counted{}).actions())
	b.publish(t, `{"name": "paths", "type": "service_delivery", "team": "Operations", "trigger": "manual", "priority": 5, "steps": [
	  {"id": "ok", "name": "Check", "kind": "manual", "estimated_minutes": 30},
	  {"id": "cool", "name": "Cool down", "kind": "delay", "for": "3h", "depends_on": ["ok"]},
	  {"id": "side", "name": "Beside", "kind": "automated", "action": "last", "estimated_minutes": 10, "depends_on": ["ok"]},
	  {"id": "end", "name": "End", "kind": "automated", "action": "last", "estimated_minutes": 5, "depends_on": ["cool", "side"]}]}`)
	planned, err := b.Plan(t.Context(), ops.StartRequest{Template: "paths"})
	if err != nil {
		t.Fatal(err)
	}
	whole := 30*time.Minute + 3*time.Hour + 5*time.Minute
	if got := planned.ETA.Sub(start); got != whole {
		t.Errorf("before it begins it should take %v, want %v", got, whole)
	}
	i := b.start(t, "paths", ops.SubjectRef{}, `{}`)
	if got := i.ETA.Sub(start); got != whole {
		t.Errorf("with its task open it should take %v, want %v", got, whole)
	}
	b.machine.advance(t.Context(), time.Hour) // twice the estimate
	b.complete(t, i.ID, "", `{}`)
	i = b.instance(t, i.ID)
	if got, want := i.ETA.Sub(start), time.Hour+3*time.Hour+5*time.Minute; got != want {
		t.Errorf("after the late task it should end after %v, want %v", got, want)
	}
	if i.Progress <= 0 || i.Progress >= 100 || i.WaitingFor == nil || i.WaitingFor.Kind != "timer" {
		t.Errorf("progress %d, waiting for %+v", i.Progress, i.WaitingFor)
	}
	b.machine.advance(t.Context(), 3*time.Hour)
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted || !i.ETA.IsZero() || i.Progress != 100 {
		t.Errorf("it is %s, expected to end at %v, progress %d", i.Status, i.ETA, i.Progress)
	}
}

// Once twenty workflows have shown how long people take, half and nine of ten of them say when the next one should end.
func TestTheExpectedEndFollowsEarlierRuns(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, `{"name": "ask", "type": "service_delivery", "team": "Operations", "trigger": "manual", "priority": 5, "steps": [
	  {"id": "ask", "name": "Ask", "kind": "manual", "estimated_minutes": 30}]}`)
	planned := func() *ops.Instance {
		t.Helper()
		i, err := b.Plan(t.Context(), ops.StartRequest{Template: "ask"})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for n := range 20 {
		if i := planned(); i.ETA.Sub(b.clock.Now()) != 30*time.Minute || !i.ETAP90.IsZero() {
			t.Errorf("after %d runs it should end in %s", n, i.ETA.Sub(b.clock.Now()))
		}
		i := b.start(t, "ask", ops.SubjectRef{}, `{}`)
		took := 2 * time.Hour
		if n >= 15 {
			took = 10 * time.Hour
		}
		b.machine.advance(t.Context(), took)
		b.complete(t, i.ID, "", `{}`)
	}
	b.machine.advance(t.Context(), time.Hour) // what was read before is old
	i := planned()
	half, most := i.ETA.Sub(b.clock.Now()), i.ETAP90.Sub(b.clock.Now())
	if half < 2*time.Hour || half > 150*time.Minute || most < 10*time.Hour || most > 12*time.Hour {
		t.Errorf("it should end in %s, at most %s; want 2 and 10 hours, and up to a fifth more", half, most)
	}
}
