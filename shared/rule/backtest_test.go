package rule_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const draft = `{"id": "draft", "name": "Draft", "event": "service_completed", "max_executions_per_day": 3, "cooldown": "2h", "time_zone": "Asia/Dubai",
	"condition": {"all": [{"path": "detail.service_value", "op": "gt", "value": 100.5}, {"path": "subject.vendor_id", "op": "eq", "value": "v-1"}]},
	"actions": [{"type": "start_workflow", "template": "quality_assurance", "once_per": "$.detail.customer"},
		{"type": "notify", "template": "check", "to": {"team": "Finance"}, "once_per": "$.detail.customer"}]}`

// play delivers the same events, over three days, to an engine: some twice, some of other types.
func play(t *testing.T, b *bundle) {
	t.Helper()
	for n := range 90 {
		b.deliver(t, "booking_confirmed", fmt.Sprintf(`{"booking_id": "bk-%d", "vendor_id": "v-%d"}`, n/3, n/3%2+1))
		b.deliver(t, "service_completed", fmt.Sprintf(
			`{"booking_id": "bk-%d", "vendor_id": "v-%d", "service_value": %d.5, "completed_at": "2026-11-24T10:00:%02dZ", "customer": %d}`,
			n/3, n/3%2+1, 98+n%7, n%60, n/5))
		b.advance(t, 48*time.Minute)
	}
}

func TestABacktestTellsWhatReallyHappensLive(t *testing.T) {
	t.Parallel()
	stored, live := setup(t), setup(t)
	live.create(t, draft)
	play(t, stored)
	play(t, live)
	lines := []rule.BacktestEvent{}
	sum, err := stored.Backtest(t.Context(), rule.BacktestRequest{Rule: json.RawMessage(draft), From: now}, rule.Watch{Event: func(e rule.BacktestEvent) error {
		lines = append(lines, e)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	reasons := map[string]int{}
	err = live.store.EachEvent(t.Context(), now, now.Add(1000*time.Hour), func(e *ops.Event) error {
		for _, d := range e.Decisions {
			if d.Rule == "draft" && d.Delivery == e.Envelopes[0].ID {
				want = append(want, fmt.Sprintf("%s %s %s", e.ID, d.Outcome, d.Reason))
				reasons[string(d.Outcome)+d.Reason]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, l := range lines {
		got = append(got, fmt.Sprintf("%s %s %s", l.EventID, l.Outcome, l.Reason))
	}
	wantEqual(t, "decisions", got, want)
	if sum.Matched != reasons["matched"] || sum.NotMatched != reasons["not_matched"] || sum.Events != len(want) ||
		sum.Reasons["cap"] != reasons["suppressedcap"] || sum.Reasons["cooldown"] != reasons["suppressedcooldown"] ||
		sum.Reasons["duplicate"] != reasons["suppressedduplicate"] {
		t.Errorf("got %+v, live %v", sum, reasons)
	}
	for _, reason := range []string{"matched", "not_matched", "suppressedcap", "suppressedcooldown", "suppressedduplicate"} {
		if reasons[reason] == 0 {
			t.Errorf("the events show nothing of %s: %v", reason, reasons)
		}
	}
	starts := 0
	for _, name := range live.workflows.starts() {
		if name == "quality_assurance" {
			starts++
		}
	}
	// quality-check, which is built in, started some of them.
	if builtin := len(slices.DeleteFunc(stored.workflows.starts(), func(s string) bool { return s != "quality_assurance" })); starts-builtin != sum.Effects["start_workflow quality_assurance"] {
		t.Errorf("%d were started, the backtest said %v", starts-builtin, sum.Effects)
	}
	if len(stored.bus.sent) != 0 || sum.Active != nil || sum.MonthlyCost <= 0 || sum.DaysAtCap == 0 {
		t.Errorf("sent %d, %+v", len(stored.bus.sent), sum)
	}
}

func TestABacktestShowsTheDifferenceToTheVersionInForce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 10 {
		b.deliver(t, "service_completed", fmt.Sprintf(`{"booking_id": "bk-%d", "vendor_id": "v-1", "service_value": %d}`, n, 96+n))
	}
	before, err := b.Get(t.Context(), "quality-check")
	if err != nil {
		t.Fatal(err)
	}
	const changed = `{"id": "quality-check", "name": "x", "event": "service_completed",
		"condition": {"path": "detail.service_value", "op": "between", "value": [98, 102]},
		"actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`
	b.advance(t, time.Second)
	sum, err := b.Backtest(t.Context(), rule.BacktestRequest{Rule: json.RawMessage(changed)}, rule.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (rule.BacktestDifference{Version: 1, Both: 2, OnlyDraft: 3, OnlyActive: 3}); sum.Active == nil || *sum.Active != want {
		t.Errorf("got %+v, want %+v", sum.Active, want)
	}
	stored, err := b.Backtest(t.Context(), rule.BacktestRequest{Rule: json.RawMessage(`"quality-check"`)}, rule.Watch{})
	if err != nil || stored.Matched != 5 || stored.Active.OnlyDraft+stored.Active.OnlyActive != 0 {
		t.Errorf("of the stored rule: %+v, %v", stored, err)
	}
	if after, err := b.Get(t.Context(), "quality-check"); err != nil || after.Version != before.Version {
		t.Errorf("the rule was changed: %+v, %v", after, err)
	}
	const moved = `{"id": "quality-check", "name": "x", "event": "customer_complaint", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`
	b.deliver(t, "customer_complaint", `{"complaint_id": "c-1", "booking_id": "bk-1", "text": "late"}`)
	b.advance(t, time.Second)
	var lines []string
	sum, err = b.Backtest(t.Context(), rule.BacktestRequest{Rules: []json.RawMessage{json.RawMessage(moved), json.RawMessage(`"payment-sla"`)}}, rule.Watch{Event: func(e rule.BacktestEvent) error {
		lines = append(lines, string(e.Outcome)+string(e.Active))
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := (rule.BacktestDifference{OnlyDraft: 1, OnlyActive: 5}); *sum.Active != want || sum.Events != 1 || len(lines) != 6 {
		t.Errorf("with another event: %+v, %d events, lines %v; want %+v", sum.Active, sum.Events, lines, want)
	}
	for _, wrong := range []rule.BacktestRequest{
		{Rules: []json.RawMessage{json.RawMessage(changed), json.RawMessage(`"quality-check"`)}},
		{Rule: json.RawMessage(`{"name": "x"}`)},
		{Rule: json.RawMessage(changed), From: now, To: now},
	} {
		if _, err := b.Backtest(t.Context(), wrong, rule.Watch{}); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("%s: %v", wrong.Rule, err)
		}
	}
}

func TestASetOfRulesIsBacktestedAsEachOfThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	play(t, b)
	texts := []json.RawMessage{json.RawMessage(draft), json.RawMessage(`"quality-check"`)}
	sum, err := b.Backtest(t.Context(), rule.BacktestRequest{Rules: texts, From: now}, rule.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	matched, starts := 0, 0
	for n, text := range texts {
		alone, err := b.Backtest(t.Context(), rule.BacktestRequest{Rule: text, From: now, To: sum.To}, rule.Watch{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(sum.Rules[n], alone) {
			t.Errorf("%s: in the set %+v, alone %+v", alone.Rule, sum.Rules[n], alone)
		}
		matched += alone.Matched
		starts += alone.Effects["start_workflow quality_assurance"]
	}
	if sum.Matched != matched || sum.Effects["start_workflow quality_assurance"] != starts || starts == 0 || len(sum.Rules) != 2 {
		t.Errorf("got %+v, want %d matched, %d starts", sum, matched, starts)
	}
	if _, err := b.Backtest(t.Context(), rule.BacktestRequest{Rules: []json.RawMessage{}}, rule.Watch{}); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("no rules: %v", err)
	}
}

// BenchmarkBacktest goes through 100,000 events of an embedded table in memory.
func BenchmarkBacktest(b *testing.B) {
	const events = 100_000
	s := setup(b)
	for first := 0; first < events; first += 50 {
		records := make([]ops.Record, 50)
		for n := range records {
			id := fmt.Sprintf("evt-%06d", first+n)
			e := &ops.Event{
				ID: id, Type: "service_completed", Source: "booking", Status: ops.EventValid, Identity: id, Time: now,
				Subject: ops.SubjectRef{Type: "booking", ID: id}, Delivered: 1, Envelopes: []ops.Delivered{{ID: id, At: now}},
				Detail: json.RawMessage(fmt.Sprintf(`{"booking_id": %q, "vendor_id": "v-%d", "service_value": %d, "customer": %d}`, id, n%3, first%200, n)),
			}
			e.CreatedAt, e.ExpiresAt = now, now.Add(ops.EventRetention)
			records[n] = e
		}
		if err := s.store.Save(b.Context(), records...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		sum, err := s.Backtest(b.Context(), rule.BacktestRequest{Rule: json.RawMessage(draft), From: now.Add(-time.Hour), To: now.Add(time.Hour)}, rule.Watch{})
		if err != nil || sum.Events != events {
			b.Fatalf("%d events, %v", sum.Events, err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/100000-events")
}

// Of nine payments three are confirmed in time, and one too late; the last two are younger than a day at the end. A rule that
// drops what it would do at once is there too, and one whose actions wait for one another.
func TestABacktestTellsWhatBecomesOfActionsThatWerePutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const chain = `{"id": "chain", "name": "Chain", "event": "payment_received", "max_executions_per_day": 8, "actions": [
		{"type": "notify", "template": "check", "to": {"team": "Finance"}, "delay": "3h", "on_error": "stop", "unless": {"path": "detail.payment_id", "op": "eq", "value": "pay-2"}},
		{"type": "start_workflow", "template": "quality_assurance", "unless": {"path": "subject.status", "op": "eq", "value": "confirmed"}},
		{"type": "emit_event", "detail_type": "sla_violation", "unless": {"path": "detail.status", "op": "eq", "value": "pending"}, "detail": {"subject_type": "x", "subject_id": "y"}}]}`
	const once = `{"id": "once", "name": "Once", "event": "payment_received", "cooldown": "100h",
		"actions": [{"type": "start_workflow", "template": "payment_processing", "unless": {"path": "detail.status", "op": "eq", "value": "pending"}}]}`
	b.create(t, chain)
	b.create(t, once)
	pay := func(n int, status string) {
		t.Helper()
		b.deliver(t, "payment_received", fmt.Sprintf(`{"payment_id": "pay-%d", "booking_id": "bk-1", "amount": 5, "currency": "AED", "status": %q}`, n, status))
	}
	wait := func(n int) {
		t.Helper()
		for range 2 * n {
			b.advance(t, 30*time.Minute)
			for b.sweep(t) > 0 { // what waits for something else is begun behind it
			}
		}
	}
	for n := range 7 {
		pay(n, "pending")
		wait(2)
		if n < 3 {
			pay(n, "confirmed")
		}
	}
	wait(20)
	pay(6, "confirmed") // 22 h after it came
	wait(8)
	pay(5, "confirmed") // too late
	pay(7, "pending")
	pay(8, "pending")
	wait(1)

	live := map[string]map[string]map[ops.ActionStatus]int{} // by rule and action
	outcomes := map[string]map[string]int{}
	err := b.store.EachEvent(t.Context(), now, b.clock.Now(), func(e *ops.Event) error {
		for _, d := range e.Decisions {
			if live[d.Rule] == nil {
				live[d.Rule], outcomes[d.Rule] = map[string]map[ops.ActionStatus]int{}, map[string]int{}
			}
			outcomes[d.Rule][string(d.Outcome)+d.Reason]++
			r, err := b.Get(t.Context(), d.Rule)
			if err != nil {
				return err
			}
			for i, effect := range d.Effects {
				status := effect.Status
				if effect.Kind == ops.KindAction {
					a, err := b.store.PendingAction(t.Context(), effect.ID)
					if err != nil {
						return err
					}
					status = a.Status
				} else if effect.Kind != "" {
					status = ops.ActionDone
				}
				a := r.Actions[i]
				name := string(a.Type) + " " + a.Template + string(a.Alert) + string(a.DetailType)
				if live[d.Rule][name] == nil {
					live[d.Rule][name] = map[ops.ActionStatus]int{}
				}
				live[d.Rule][name][status]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"payment-sla", "chain", "once"} {
		lines := map[string]int{}
		sum, err := b.Backtest(t.Context(), rule.BacktestRequest{Rule: json.RawMessage(`"` + id + `"`), From: now}, rule.Watch{Event: func(e rule.BacktestEvent) error {
			if e.Action != "" {
				lines[e.Action+" "+string(e.Status)]++
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if sum.Matched != outcomes[id]["matched"] || sum.Reasons["unless"] != outcomes[id]["suppressedunless"] || sum.Reasons["cap"] != outcomes[id]["suppressedcap"] ||
			sum.Reasons["cooldown"] != outcomes[id]["suppressedcooldown"] {
			t.Errorf("%s: %+v, live %v", id, sum, outcomes[id])
		}
		for name, want := range live[id] {
			got := map[ops.ActionStatus]int{ops.ActionDone: sum.Effects[name], ops.ActionDropped: sum.Dropped[name], ops.ActionWaiting: sum.Waiting[name]}
			for _, status := range []ops.ActionStatus{ops.ActionDone, ops.ActionDropped, ops.ActionWaiting} {
				if got[status] != want[status] {
					t.Errorf("%s: %s: %v, live %v", id, name, got, want)
					break
				}
			}
		}
		if id == "payment-sla" && (lines["raise_alert sla_violation done"] != sum.Effects["raise_alert sla_violation"] || len(sum.Limits) != 1) {
			t.Errorf("lines %v of %+v", lines, sum)
		}
	}
}
