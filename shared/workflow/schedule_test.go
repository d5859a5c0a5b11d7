package workflow_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
)

const hourly = `{"name": "hourly", "type": "quality_check", "trigger": "time_based", "team": "Operations", "schedule": {"cron": "0 * * * ? *"},
	"steps": [{"id": "look", "name": "Look", "kind": "automated", "action": "booking.validate"}]}`

func TestSlotsStartOnceHoweverManySweepsSeeThem(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tpl := b.publish(t, hourly)
	b.machine.advance(t.Context(), time.Hour)
	var sweeps sync.WaitGroup
	for range 8 {
		sweeps.Go(func() {
			if err := b.HandleSlot(t.Context(), tpl.Ref()); err != nil {
				t.Error(err)
			}
		})
	}
	sweeps.Wait()
	if names := b.hourly(t); len(names) != 1 {
		t.Errorf("eight sweeps of one slot started %v", names)
	}
}

func TestMissedSlotsAreMadeUpForButNotWithoutEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tpl := b.publish(t, hourly)
	b.machine.advance(t.Context(), 100*time.Hour)
	if err := b.HandleSlot(t.Context(), tpl.Ref()); err != nil {
		t.Fatal(err)
	}
	names := b.hourly(t)
	last := b.clock.Now().Truncate(time.Hour).UTC().Format(time.RFC3339)
	if len(names) != 10 || !slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, last) }) {
		t.Errorf("after 100 hours without a sweep it started %v, want the ten newest slots, up to %s", names, last)
	}
	again, err := b.store.Template(t.Context(), tpl.Name, tpl.Version)
	if err != nil || !again.Timers[ops.TimerSchedule].After(b.clock.Now()) {
		t.Errorf("the next slot is %v (%v), want one to come", again.Timers, err)
	}
}

func TestAVersionPublishedWhileAnotherFiresASlotGoesOnWithTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	first := b.publish(t, hourly)
	second, err := b.CreateTemplate(t.Context(), []byte(hourly), admin)
	if err != nil {
		t.Fatal(err)
	}
	b.machine.advance(t.Context(), time.Hour-time.Second)
	b.saver.before(0, func() { // it has been armed for the slot that the first one fires now
		b.machine.advance(t.Context(), time.Second)
		if err := b.HandleSlot(t.Context(), first.Ref()); err != nil {
			t.Error(err)
		}
	})
	if _, err := b.Publish(t.Context(), second.Name, second.Version, admin, true); err != nil {
		t.Fatal(err)
	}
	for hour := range 3 {
		if err := b.HandleSlot(t.Context(), second.Ref()); err != nil {
			t.Fatal(err)
		}
		if names := b.hourly(t); len(names) != hour+1 {
			t.Errorf("after %d slots there are %v", hour+1, names)
		}
		b.machine.advance(t.Context(), time.Hour)
	}
}

// hourly names the workflows of the template, newest first.
func (b *bundle) hourly(t *testing.T) []string {
	t.Helper()
	page, err := b.store.Instances(t.Context(), ops.InstanceFilter{Template: "hourly", PageRequest: ops.PageRequest{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range page.Items {
		names = append(names, i.Name)
	}
	return names
}
