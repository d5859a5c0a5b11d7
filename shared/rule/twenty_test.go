package rule_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"opsflow/shared/ops"
)

// One event against 20 rules: each decision with its outcome, its reason, and the comparison that decided it with the value that
// it saw.
func TestTwentyRulesMakeTwentyDecisionsOfOneEvent(t *testing.T) {
	t.Parallel()
	const detail = `{"vendor_id": "v-1", "score": 3.50, "max_score": 5, "visits": "two", "tags": ["new", "late"],
		"items": [{"price": 20}, {"price": 700}], "seen_at": "2026-11-24T10:00:00Z", "due_at": "2026-11-24T13:00:00+04:00", "note": null}`
	b := setup(t)
	rules := []struct{ limits, condition, outcome, reason, leaf string }{
		{``, `{"path": "detail.score", "op": "lt", "value": 4}`, "matched", "", `{"path":"detail.score","op":"lt","want":4,"got":3.50}`},
		{``, `{"path": "detail.score", "op": "eq", "value": 3.5}`, "matched", "", `{"path":"detail.score","op":"eq","want":3.5,"got":3.50}`},
		{``, `{"path": "detail.score", "op": "gt", "value": 3.5}`, "not_matched", "", `{"path":"detail.score","op":"gt","want":3.5,"got":3.50}`},
		{``, `{"path": "detail.rating", "op": "lt", "value": 4}`, "not_matched", "", `{"path":"detail.rating","op":"lt","want":4}`},             // missing
		{``, `{"path": "detail.visits", "op": "gt", "value": 1}`, "not_matched", "", `{"path":"detail.visits","op":"gt","want":1,"got":"two"}`}, // wrong type
		{``, `{"path": "detail.visits", "op": "ne", "value": 1}`, "not_matched", "", `{"path":"detail.visits","op":"ne","want":1,"got":"two"}`},
		{``, `{"path": "detail.note", "op": "exists"}`, "not_matched", "", `{"path":"detail.note","op":"exists","got":null}`},
		{``, `{"path": "detail.note", "op": "absent"}`, "matched", "", `{"path":"detail.note","op":"absent","got":null}`},
		{``, `{"path": "detail.tags[any]", "op": "eq", "value": "late"}`, "matched", "", `{"path":"detail.tags[1]","op":"eq","want":"late","got":"late"}`},
		{``, `{"path": "detail.items[every].price", "op": "lt", "value": 100}`, "not_matched", "", `{"path":"detail.items[1].price","op":"lt","want":100,"got":700}`},
		{``, `{"path": "detail.tags", "op": "contains", "value": "old"}`, "not_matched", "", `{"path":"detail.tags","op":"contains","want":"old","got":["new","late"]}`},
		{``, `{"path": "detail.vendor_id", "op": "in", "value": ["v-2", "v-3"]}`, "not_matched", "", `{"path":"detail.vendor_id","op":"in","want":["v-2","v-3"],"got":"v-1"}`},
		{``, `{"path": "detail.vendor_id", "op": "matches", "value": "^v-[0-9]$"}`, "matched", "", `{"path":"detail.vendor_id","op":"matches","want":"^v-[0-9]$","got":"v-1"}`},
		{``, `{"path": "detail.seen_at", "op": "after", "value": "$.detail.due_at"}`, "matched", "", `{"path":"detail.seen_at","op":"after","want":"2026-11-24T13:00:00+04:00","got":"2026-11-24T10:00:00Z"}`},
		{``, `{"path": "detail.seen_at", "op": "before", "value": "now-3h"}`, "not_matched", "", `{"path":"detail.seen_at","op":"before","want":"2026-11-24T09:00:00Z","got":"2026-11-24T10:00:00Z"}`},
		{``, `{"not": {"any": [{"path": "detail.score", "op": "gt", "value": 4}, {"path": "subject.max_score", "op": "eq", "value": 10}]}}`, "matched", "", `{"path":"subject.max_score","op":"eq","want":10,"got":5}`},
		{``, `{"all": [{"path": "detail.score", "op": "lt", "value": 4}, {"path": "vendor.rating", "op": "lt", "value": 2}]}`, "not_matched", "", `{"path":"vendor.rating","op":"lt","want":2,"got":4.5}`},
		{`"mode": "shadow",`, `{"path": "detail.score", "op": "lt", "value": 4}`, "shadow", "", `{"path":"detail.score","op":"lt","want":4,"got":3.50}`},
		{`"cooldown": "1h",`, `{"path": "detail.score", "op": "lt", "value": 4}`, "suppressed", "cooldown", `{"path":"detail.score","op":"lt","want":4,"got":3.50}`},
		{`"max_executions_per_day": 1,`, `{"path": "detail.score", "op": "lt", "value": 4}`, "suppressed", "cap", `{"path":"detail.score","op":"lt","want":4,"got":3.50}`},
	}
	if err := b.store.Save(t.Context(), &ops.Vendor{ID: "v-1", Name: "Ali", Rating: 4.5}); err != nil {
		t.Fatal(err)
	}
	for n, r := range rules {
		b.create(t, fmt.Sprintf(`{"name": "rule-%02d", "event": "quality_score_updated", %s "condition": %s, "actions": [
			{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "x"}]}`, n, r.limits, r.condition))
	}
	b.create(t, `{"name": "off", "event": "quality_score_updated", "mode": "off", "actions": [
		{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "x"}]}`)
	b.deliver(t, "quality_score_updated", detail) // uses up the limits
	e := b.deliver(t, "quality_score_updated", detail)
	if len(e.Decisions) != len(rules) {
		t.Errorf("%d decisions", len(e.Decisions))
	}
	for n, want := range rules {
		id := fmt.Sprintf("rule-%02d", n)
		d := decision(t, e, id)
		leaf, err := json.Marshal(d.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Outcome) != want.outcome || d.Reason != want.reason || string(leaf) != want.leaf || d.RuleVersion != 1 {
			t.Errorf("%s %s: got %s %q by %s", id, want.condition, d.Outcome, d.Reason, leaf)
		}
		if acted := len(d.Effects) == 1 && d.Effects[0].Kind == ops.KindAlert; acted != (d.Outcome == ops.Matched) {
			t.Errorf("%s: effects %+v", id, d.Effects)
		}
	}
}
