package rule_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
)

// keep stores a rule that nobody could create: its template is gone.
func (b *bundle) keep(t *testing.T, actions ...ops.Action) {
	t.Helper()
	r := &ops.Rule{
		ID: "watch", Name: "watch", Type: ops.RuleTrigger, Event: ops.BookingConfirmed, Mode: ops.RuleActive, Priority: 5, Version: 1,
		Actions: actions,
	}
	if err := b.store.Save(t.Context(), r, &ops.RuleSet{}); err != nil {
		t.Fatal(err)
	}
}

// statuses tells effects in short: "instance", "dropped stopped", "failed".
func statuses(d ops.Decision) []string {
	all := []string{}
	for _, e := range d.Effects {
		text := string(e.Kind) + string(e.Status)
		if e.Reason != "" {
			text += " " + e.Reason
		}
		all = append(all, text)
	}
	return all
}

func TestAnActionThatFailsKeepsTheNextFromBeingDoneOnlyWithStop(t *testing.T) {
	t.Parallel()
	gone := ops.Action{Type: ops.StartWorkflow, Template: "gone"}
	start := ops.Action{Type: ops.StartWorkflow, Template: "quality_assurance"}
	tell := ops.Action{Type: ops.EmitEvent, DetailType: "booking_ready"}
	stop := func(a ops.Action) ops.Action {
		a.OnError = ops.StopOnError
		return a
	}
	for _, c := range []struct {
		name    string
		actions []ops.Action
		outcome ops.Outcome
		effects []string
		done    []string
	}{
		{
			"continue",
			[]ops.Action{gone, start, tell},
			ops.Matched,
			[]string{"failed", "instance", "action"},
			[]string{"start quality_assurance", "send booking_ready"},
		},
		{
			"stop",
			[]ops.Action{stop(gone), start, tell},
			ops.Errored,
			[]string{"failed", "dropped stopped", "dropped stopped"},
			nil,
		},
		{
			"stop in between",
			[]ops.Action{start, stop(gone), tell},
			ops.Matched,
			[]string{"instance", "failed", "dropped stopped"},
			[]string{"start quality_assurance"},
		},
		{
			"stop, and nothing fails",
			[]ops.Action{stop(tell), stop(start), tell},
			ops.Matched,
			[]string{"action", "action", "action"},
			[]string{"send booking_ready", "start quality_assurance", "send booking_ready"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.keep(t, c.actions...)
			d := decision(t, b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`), "watch")
			if d.Outcome != c.outcome {
				t.Errorf("got %+v", d)
			}
			wantEqual(t, "effects", statuses(d), c.effects)
			wantEqual(t, "done", b.journal.lines, c.done)
			if e := d.Effects[0]; e.Status == ops.ActionFailed && e.Error == "" {
				t.Errorf("why it failed is not told: %+v", e)
			}
		})
	}
}

func TestWhatAMessageStopsWaitsUntilItIsSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "booking_confirmed", "actions": [
		{"type": "emit_event", "detail_type": "booking_ready", "on_error": "stop"},
		{"type": "start_workflow", "template": "quality_assurance"},
		{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Look", "delay": "1h"}]}`)
	b.bus.fail = errors.New("EventBridge is away")
	e := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	wantEqual(t, "done at first", b.journal.lines, nil)
	b.bus.fail = nil
	b.advance(t, 2*time.Minute)
	b.sweep(t)
	wantEqual(t, "done then", b.journal.lines, []string{"send booking_ready", "start quality_assurance"})
	b.advance(t, time.Hour)
	b.sweep(t)
	wantEqual(t, "done", b.journal.lines, []string{"send booking_ready", "start quality_assurance", "send alert_raised", "send notification_requested"})
	for _, effect := range decision(t, e, "watch").Effects {
		if a, err := b.store.PendingAction(t.Context(), effect.ID); err != nil || a.Status != ops.ActionDone {
			t.Errorf("got %+v, %v", a, err)
		}
	}
}

func TestWhatAMessageStopsIsDroppedWhenItCannotBeSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "booking_confirmed", "actions": [
		{"type": "emit_event", "detail_type": "booking_ready", "on_error": "stop"},
		{"type": "start_workflow", "template": "quality_assurance", "on_error": "stop"},
		{"type": "notify", "template": "confirmed", "to": {"team": "Finance"}, "delay": "1h"}]}`)
	b.bus.fail = ops.Errorf(ops.CodeTooLarge, "too large")
	e := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	b.bus.fail = nil
	b.advance(t, time.Hour)
	b.sweep(t)
	wantEqual(t, "done", b.journal.lines, nil)
	got := []string{}
	for _, effect := range decision(t, e, "watch").Effects {
		a, err := b.store.PendingAction(t.Context(), effect.ID)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s", a.Status, a.Reason))
	}
	wantEqual(t, "actions", got, []string{"failed ", "dropped stopped", "dropped stopped"})
}

// A rule's action that was put off is done only by a rule that acts.
func TestAPlannedActionIsDroppedWhenItsRuleIsOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode   ops.RuleMode
		status ops.ActionStatus
		reason string
	}{
		{ops.RuleActive, ops.ActionDone, ""},
		{ops.RuleOff, ops.ActionDropped, ops.DroppedRuleOff},
		{ops.RuleShadow, ops.ActionDropped, ops.DroppedShadow},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			r := b.create(t, `{"name": "watch", "event": "booking_confirmed", "actions": [
				{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Look", "delay": "1h"}]}`)
			e := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
			if _, err := b.SetMode(t.Context(), r.ID, c.mode, "it is wrong", ops.Actor{ID: "ann"}); err != nil {
				t.Fatal(err)
			}
			b.advance(t, time.Hour)
			b.sweep(t)
			a, err := b.store.PendingAction(t.Context(), decision(t, e, "watch").Effects[0].ID)
			if err != nil || a.Status != c.status || a.Reason != c.reason || len(a.Timers) != 0 {
				t.Errorf("got %+v, %v", a, err)
			}
			if n := b.done(t); (n > 0) != (c.status == ops.ActionDone) {
				t.Errorf("%d things were done", n)
			}
		})
	}
}
