package rule_test

import (
	"fmt"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

func TestRulesForWhoseEffectsATransactionHasNoRoomAreErrorsAndTheEventIsNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, detail string
		matched      int
	}{
		{"many effects", `{"booking_id": "bk-1"}`, 9},
		{"large effects", `{"booking_id": "bk-1", "note": "` + strings.Repeat("x", 190_000) + `"}`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			action := `{"type": "emit_event", "detail_type": "crowd", "detail": {}, "delay": "1h"}`
			for n := range 15 {
				b.create(t, fmt.Sprintf(`{"name": "rule %02d", "event": "booking_confirmed", "actions": [%s]}`, n,
					strings.Join([]string{action, action, action, action, action, action, action, action, action, action}, ",")))
			}
			e := b.deliver(t, "booking_confirmed", c.detail)
			var matched, errored int
			for n, d := range e.Decisions {
				switch d.Outcome { //nolint:exhaustive // any other fails below
				case ops.Matched:
					matched++
					if n >= c.matched {
						t.Errorf("%s matched, though rules before it found no room", d.Rule)
					}
				case ops.Errored:
					errored++
				}
			}
			if matched != c.matched || matched+errored != 15 {
				t.Errorf("%d matched, %d are errors, of %d", matched, errored, len(e.Decisions))
			}
			page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
			if err != nil || len(page.Items) != 1 || page.Items[0].Type != ops.AlertSystemError {
				t.Errorf("alerts %v, %v", page.Items, err)
			}
		})
	}
}
