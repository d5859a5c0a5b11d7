package rule_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
	"opsflow/shared/store"
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
			got := activity.Of("process-booking")
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

// A function's time is over in the middle of a first count of many events: what was counted stays, and the next goes on.
func TestACountOfManyEventsIsKeptAsItGoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := &history{Store: b.store, at: now.Add(-48 * time.Hour), n: 60_000}
	engine := rule.New(rule.Config{Store: h, Clock: b.clock, Random: randomness(), Logger: slog.New(slog.DiscardHandler)})
	h.dies = 23_000
	if _, err := engine.Activity(t.Context()); !errors.Is(err, errDied) {
		t.Fatalf("it ended with %v", err)
	}
	tally, err := b.store.RuleTally(t.Context())
	if err != nil || tally.Rules["r"].Executions != 20_000 || !tally.Through.Equal(h.time(20_000)) || !tally.WakeAt().Equal(now.Add(time.Minute)) {
		t.Errorf("kept %+v, %v", tally, err)
	}
	h.dies = 0
	for n, want := range []struct {
		count   int64
		through time.Time
	}{{60_000, time.Time{}}, {60_000, time.Time{}}} {
		did, err := engine.Activity(t.Context())
		if got := did.Of("r"); err != nil || got.Executions != want.count || !got.CountedThrough.Equal(want.through) {
			t.Errorf("count %d: %+v, %v", n, got, err)
		}
	}
	if h.read != 23_000+40_000 {
		t.Errorf("%d events were read", h.read)
	}
}

func TestAnAnswerSaysHowFarManyEventsAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	h := &history{Store: b.store, at: now.Add(-48 * time.Hour), n: 120_000}
	engine := rule.New(rule.Config{Store: h, Clock: b.clock, Random: randomness(), Logger: slog.New(slog.DiscardHandler)})
	for _, want := range []int{50_000, 100_000, 120_000} {
		did, err := engine.Activity(t.Context())
		through := time.Time{}
		if want < h.n {
			through = h.time(want)
		}
		if got := did.Of("r"); err != nil || got.Executions != int64(want) || !got.CountedThrough.Equal(through) {
			t.Errorf("got %+v, %v; want %d through %s", got, err, want, through)
		}
	}
}

var errDied = errors.New("the function's time is over")

// history is n events, a tenth of a second apart, on each of which rule r acted; none is stored.
type history struct {
	*store.Store
	at      time.Time // of the first
	n, dies int       // it ends with errDied at the event dies, if that isn't 0
	read    int
}

func (h *history) time(n int) time.Time { return h.at.Add(time.Duration(n) * 100 * time.Millisecond) }

func (h *history) EachEvent(_ context.Context, from, to time.Time, f func(*ops.Event) error) error {
	for n := range h.n {
		e := &ops.Event{Decisions: []ops.Decision{{Rule: "r", Outcome: ops.Matched, At: h.time(n)}}}
		e.CreatedAt = h.time(n)
		if e.CreatedAt.Before(from) || !e.CreatedAt.Before(to) {
			continue
		}
		if h.dies > 0 && n == h.dies {
			return errDied
		}
		h.read++
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func TestARareRulesDecisionsAreFoundAmongManyOtherEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "customer_complaint", `{"complaint_id": "c-1", "booking_id": "bk-1", "text": "late"}`)
	records := make([]ops.Record, 0, 50)
	for n := range 3000 {
		e := &ops.Event{ID: fmt.Sprintf("evt-%d", n), Type: "booking_confirmed", Status: ops.EventValid, Time: now}
		e.CreatedAt = now.Add(time.Second)
		if records = append(records, e); len(records) == cap(records) {
			if err := b.store.Save(t.Context(), records...); err != nil {
				t.Fatal(err)
			}
			records = records[:0]
		}
	}
	b.advance(t, time.Minute)
	all, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Event != ops.CustomerComplaint {
			continue
		}
		page, err := b.Decisions(t.Context(), r.ID, "", ops.PageRequest{})
		if err != nil || len(page.Items) != 1 || page.NextCursor != "" || !page.Count.Exact {
			t.Errorf("%s: %+v, %v", r.ID, page, err)
		}
	}
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
