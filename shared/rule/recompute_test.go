package rule_test

import (
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestWhatMoreRulesDecidedThanAreKeptIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const more = 3
	text := func(n, least int) string {
		return fmt.Sprintf(`{"name": "rule-%03d", "event": "quality_score_updated", "condition": {"path": "detail.score", "op": "gt", "value": %d},
			"actions": [{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "x"}]}`, n, least)
	}
	last := fmt.Sprintf("rule-%03d", ops.MaxNotMatched+more-1)
	for n := range ops.MaxNotMatched + more {
		b.create(t, text(n, 4))
	}
	b.create(t, text(999, 0))
	b.advance(t, time.Minute)
	id := b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": 3, "max_score": 5}`).ID
	b.advance(t, time.Minute)
	if _, err := b.Update(t.Context(), last, []byte(text(ops.MaxNotMatched+more-1, 1)), 0, ops.Actor{ID: "ann"}); err != nil {
		t.Fatal(err)
	}
	b.create(t, text(998, 4)) // it was never asked
	e, err := b.Event(t.Context(), id)
	if err != nil || e.NotMatched != more || len(e.Decisions) != ops.MaxNotMatched+more+1 {
		t.Fatalf("%d not matched, %d decisions, %v", e.NotMatched, len(e.Decisions), err)
	}
	again := 0
	for _, d := range e.Decisions {
		if d.Recomputed {
			again++
		}
	}
	if d := decision(t, e, last); again != more || !d.Recomputed || d.RuleVersion != 1 || string(d.Leaf.Want) != "4" || string(d.Leaf.Got) != "3" {
		t.Errorf("%d were made again; the last is %+v by %+v", again, d, d.Leaf)
	}
	if d := decision(t, e, "rule-999"); d.Outcome != ops.Matched {
		t.Errorf("got %+v", d)
	}
}
