package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestVersionsTellWhoChangedWhatAndWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const text = `{"name": "watch", "event": "booking_confirmed", "priority": %d, "reason": %q,
		"condition": {"all": [{"path": "detail.vendor_id", "op": "eq", "value": %q}]},
		"actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`
	b.create(t, fmt.Sprintf(text, 5, "first", "v-1"))
	b.advance(t, time.Hour)
	if _, err := b.Update(t.Context(), "watch", fmt.Appendf(nil, text, 7, "v-2 is worse", "v-2"), 0, ops.Actor{ID: "bob"}); err != nil {
		t.Fatal(err)
	}
	versions, err := b.Versions(t.Context(), "watch")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, v := range versions {
		line := fmt.Sprintf("%d %s %q %s", v.Number, v.By, v.Reason, v.At.Sub(now))
		for _, d := range v.Diff {
			line += fmt.Sprintf(" %s: %s -> %s", d.Path, d.Before, d.After)
		}
		got = append(got, line)
	}
	wantEqual(t, "versions", got, []string{
		`2 bob "v-2 is worse" 1h0m0s $.condition.all[0].value: "v-1" -> "v-2" $.priority: 5 -> 7`,
		`1 ann "first" 0s`,
	})
}

func TestVersionsOfABuiltInRuleBeginWithItsOwnText(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.SetMode(t.Context(), "assign-vendor", ops.RuleOff, "by hand", ops.Actor{ID: "ann"}); err != nil {
		t.Fatal(err)
	}
	versions, err := b.Versions(t.Context(), "assign-vendor")
	if err != nil || len(versions) != 2 {
		t.Fatalf("%d versions, %v", len(versions), err)
	}
	if v := versions[0]; v.By != "ann" || len(v.Diff) != 1 || v.Diff[0].Path != "$.mode" || string(v.Diff[0].After) != `"off"` {
		t.Errorf("newest: %+v", v)
	}
	if v := versions[1]; v.Number != 1 || v.By != "" || v.Rule.Mode != ops.RuleActive {
		t.Errorf("oldest: %+v", v)
	}
	if _, err := b.Versions(t.Context(), "none"); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("of no rule: %v", err)
	}
}

func TestAPauseEndsWhenSomebodyEndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := ops.Actor{ID: "ann"}
	b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	if _, err := b.PauseAll(t.Context(), now.Add(100*time.Hour), "storm", ann); err != nil {
		t.Fatal(err)
	}
	b.advance(t, 3*time.Hour)
	b.sweep(t)
	e := b.deliver(t, "booking_created", booking)
	wantEqual(t, "decisions", outcomes(e), []string{"process-booking suppressed paused", "assign-vendor suppressed paused"})
	set, err := b.ResumeAll(t.Context(), "over", ann)
	if err != nil || !set.PausedUntil.IsZero() || set.PausedReason != "over" {
		t.Errorf("got %+v, %v", set, err)
	}
	b.advance(t, 5*time.Minute)
	b.sweep(t)
	wantEqual(t, "starts", b.workflows.starts(), []string{"customer_follow_up"})
	for _, c := range []struct {
		until  time.Time
		reason string
	}{{now, "storm"}, {now.Add(1000 * time.Hour), " "}} {
		if _, err := b.PauseAll(t.Context(), c.until, c.reason, ann); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("until %s for %q: %v", c.until, c.reason, err)
		}
	}
}

func TestARuleThatFailsOftenIsReportedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := &ops.Rule{
		ID: "broken", Name: "broken", Type: ops.RuleTrigger, Event: ops.BookingConfirmed, Mode: ops.RuleActive, Priority: 9, Version: 1,
		Actions: []ops.Action{{Type: ops.StartWorkflow, Template: "gone"}},
	}
	if err := b.store.Save(t.Context(), r, &ops.RuleSet{}); err != nil {
		t.Fatal(err)
	}
	for n, want := range []int{0, 0, 1, 1, 1} {
		b.deliver(t, "booking_confirmed", fmt.Sprintf(`{"booking_id": "bk-%d"}`, n))
		page, err := b.store.Alerts(t.Context(), ops.AlertFilter{Type: ops.AlertSystemError})
		if err != nil || len(page.Items) != want {
			t.Fatalf("after %d failures: %d alerts, %v", n+1, len(page.Items), err)
		}
		if want > 0 && (page.Items[0].Count != 1 || !strings.Contains(page.Items[0].Title, "broken")) {
			t.Errorf("got %+v", page.Items[0])
		}
	}
}

func TestActivityCountsEveryMatchOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	check := func(want int64, last time.Time) {
		t.Helper()
		for range 2 { // the second time from what the first has summed up
			activity, err := b.Activity(t.Context())
			got := activity["process-booking"]
			if err != nil || got.Executions != want || !got.LastExecuted.Equal(last) {
				t.Errorf("got %+v, %v; want %d, %s", got, err, want, last)
			}
		}
	}
	check(0, time.Time{})
	at := now
	for n := range 6 {
		at = b.clock.Now()
		b.deliver(t, "booking_created", fmt.Sprintf(`{"booking_id": "bk-%d", "customer_id": "c"}`, n/2)) // every other one a duplicate
		check(int64(n/2+1), at.Add(-time.Duration(n%2)*3*time.Minute))
		b.advance(t, 3*time.Minute)
	}
	b.advance(t, 24*time.Hour)
	if err := b.HandleDue(t.Context(), ops.Ref{Kind: ops.KindRuleTally, ID: "rules"}); err != nil {
		t.Fatal(err)
	}
	b.advance(t, 200*24*time.Hour) // the events themselves are gone
	check(3, at.Add(-3*time.Minute))
}

func TestDecisionsOfARuleAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for n := range 5 {
		b.deliver(t, "service_completed", fmt.Sprintf(`{"booking_id": "bk-%d", "vendor_id": "v-1", "service_value": %d}`, n, 98+n))
		b.deliver(t, "booking_confirmed", fmt.Sprintf(`{"booking_id": "bk-%d"}`, n))
		b.advance(t, time.Minute)
	}
	list := func(outcome ops.Outcome) []string {
		t.Helper()
		got := []string{}
		for cursor := "-"; cursor != ""; {
			page, err := b.Decisions(t.Context(), "quality-check", outcome, ops.PageRequest{Limit: 2, Cursor: strings.TrimPrefix(cursor, "-")})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Items {
				got = append(got, d.Subject.ID+" "+string(d.Outcome)+" "+string(d.Leaf.Got))
			}
			cursor = page.NextCursor
		}
		return got
	}
	wantEqual(t, "all", list(""), []string{"bk-4 matched 102", "bk-3 matched 101", "bk-2 not_matched 100", "bk-1 not_matched 99", "bk-0 not_matched 98"})
	wantEqual(t, "not matched", list(ops.NotMatched), []string{"bk-2 not_matched 100", "bk-1 not_matched 99", "bk-0 not_matched 98"})
	if _, err := b.Decisions(t.Context(), "none", "", ops.PageRequest{}); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("of no rule: %v", err)
	}
}
