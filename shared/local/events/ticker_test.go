package events_test

import (
	"testing"
	"time"

	"opsflow/shared/local/events"
)

func TestScheduleSendsOneEventPerSlotInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(events.Rule{Name: "sweep", Schedule: "rate(1 minute)"}, events.Target{ID: "fn", ARN: fnARN})
	b.advance(30 * 24 * time.Hour)
	got := b.calls()
	if len(got) != 43200 {
		t.Fatalf("%d slots in 30 days, want 43200", len(got))
	}
	first := time.Date(2026, 11, 24, 9, 31, 0, 0, time.UTC)
	for i, c := range got {
		if want := first.Add(time.Duration(i) * time.Minute); !c.at.Equal(want) {
			t.Fatalf("slot %d at %s, want %s", i, c.at, want)
		}
	}
	m := fields(t, got[0].payload)
	if m["detail-type"] != "Scheduled Event" || m["source"] != "aws.events" || m["time"] != "2026-11-24T09:31:00Z" ||
		m["resources"].([]any)[0] != "arn:aws:events:us-east-1:000000000000:rule/sweep" { //nolint:forcetypeassert // a test
		t.Errorf("got %v", m)
	}
}

func TestScheduleFollowsItsRule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	b.rule(events.Rule{Name: "daily", Schedule: "cron(0 18 ? * MON-FRI *)"}, events.Target{ID: "fn", ARN: fnARN})
	b.advance(24 * time.Hour)
	if got := b.calls(); len(got) != 1 || !got[0].at.Equal(time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)) {
		t.Fatalf("got %v", got)
	}
	if err := b.DisableRule(ctx, "", "daily"); err != nil {
		t.Fatal(err)
	}
	b.advance(48 * time.Hour)
	if got := b.calls(); len(got) != 1 {
		t.Fatalf("a disabled rule sent %v", got)
	}
	if err := b.EnableRule(ctx, "", "daily"); err != nil {
		t.Fatal(err)
	}
	b.rule(events.Rule{Name: "daily", Schedule: "rate(12 hours)"})
	b.advance(24 * time.Hour)
	if got := b.calls(); len(got) != 3 {
		t.Fatalf("%d sent, want two more", len(got))
	}
	if _, err := b.RemoveTargets(ctx, "", "daily", "fn"); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteRule(ctx, "", "daily"); err != nil {
		t.Fatal(err)
	}
	b.advance(48 * time.Hour)
	if got := b.calls(); len(got) != 3 {
		t.Fatalf("a deleted rule sent %v", got[3:])
	}
}

// Before Resume the targets are not ready.
func TestScheduleTicksAgainOnceItIsResumedAfterARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.rule(events.Rule{Name: "sweep", Schedule: "rate(1 minute)"}, events.Target{ID: "fn", ARN: fnARN})
	b.close()
	b.advance(time.Hour)
	b.open()
	b.advance(2 * time.Minute)
	if got := b.calls(); len(got) != 0 {
		t.Errorf("%d slots before it is resumed, want none", len(got))
	}
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.advance(2 * time.Minute)
	if got := b.calls(); len(got) != 2 {
		t.Errorf("%d slots, want the two since then", len(got))
	}
}

func TestSkippedSlotsAreNotDelivered(t *testing.T) {
	t.Parallel()
	due := start.Add(10 * time.Hour)
	asked := 0
	b := setup(t, func(o *events.Options) {
		o.SkipSlot = func(rule string, slot time.Time) (time.Time, bool) {
			asked++
			return due, rule == "sweep" && slot.Before(due)
		}
	})
	b.rule(events.Rule{Name: "sweep", Schedule: "rate(1 minute)"}, events.Target{ID: "fn", ARN: fnARN})
	b.advance(5 * time.Hour)
	if got := b.calls(); len(got) != 0 || asked != 1 {
		t.Fatalf("%d sent, asked %d times; want none and once", len(got), asked)
	}
	due = start.Add(6 * time.Hour) // something became due earlier
	b.Rearm()
	b.advance(62 * time.Minute)
	got := b.calls()
	if len(got) != 2 || !got[0].at.Equal(time.Date(2026, 11, 24, 15, 31, 0, 0, time.UTC)) {
		t.Errorf("got %v, want 15:31 and 15:32", got)
	}
}

func TestFailedSlotIsRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.answer = func(n int) error {
		if n == 1 {
			return errBoom
		}
		return nil
	}
	b.rule(events.Rule{Name: "daily", Schedule: "rate(1 day)"}, events.Target{ID: "fn", ARN: fnARN})
	b.advance(25 * time.Hour)
	if got := b.calls(); len(got) != 2 || got[0].payload != got[1].payload || got[1].at.Sub(got[0].at) != time.Minute {
		t.Errorf("got %v", got)
	}
}
