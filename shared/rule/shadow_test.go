package rule_test

import (
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestARuleInShadowModeTellsWhatItWouldDoAndWhatWouldKeepItFromThat(t *testing.T) {
	t.Parallel()
	const actions = `"actions": [
		{"type": "start_workflow", "template": "quality_assurance", "unless": {"path": "detail.vendor_id", "op": "exists"}},
		{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "x", "delay": "1h"}]`
	for _, c := range []struct{ name, limits, reason string }{
		{"nothing", ``, ""},
		{"cap", `"max_executions_per_day": 1,`, "would_cap"},
		{"cooldown", `"cooldown": "1h",`, "would_cooldown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.create(t, `{"name": "watch", "event": "booking_confirmed", `+c.limits+actions+`}`)
			b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
			if _, err := b.SetMode(t.Context(), "watch", ops.RuleShadow, "too much", ops.Actor{ID: "ann"}); err != nil {
				t.Fatal(err)
			}
			b.advance(t, time.Minute)
			e := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1", "vendor_id": "v-1", "event_id": "second"}`)
			d := decision(t, e, "watch")
			if d.Outcome != ops.Shadowed || d.Reason != c.reason {
				t.Errorf("got %+v", d)
			}
			if c.reason == "" {
				wantEqual(t, "effects", []string{d.Effects[0].Action, d.Effects[1].Action}, []string{"start_workflow quality_assurance", "raise_alert quality_drop"})
				wantEqual(t, "statuses", statuses(d), []string{"dropped unless", "shadow"})
			}
			page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
			if err != nil || len(page.Items) != 0 || len(b.workflows.starts()) != 1 {
				t.Errorf("it did something: %d alerts, %d starts, %v", len(page.Items), len(b.workflows.starts()), err)
			}
		})
	}
}
