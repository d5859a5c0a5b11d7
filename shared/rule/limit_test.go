package rule_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

func TestWhatKeepsARuleFromActing(t *testing.T) {
	t.Parallel()
	const alerting = `{"name": "watch", "event": "booking_confirmed", %s "actions": [
		{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "$.detail.booking_id"}]}`
	for _, c := range []struct {
		name, extra string
		pause       bool
		want        []string
		alerts      int // kinds of alerts, the limit's own included
	}{
		{"nothing", "", false, []string{"watch matched", "watch matched"}, 2},
		{"shadow", `"mode": "shadow",`, false, []string{"watch shadow", "watch shadow"}, 0},
		{"off", `"mode": "off",`, false, []string{}, 0},
		{"kill switch", "", true, []string{"watch suppressed paused", "watch suppressed paused"}, 0},
		{"cap", `"max_executions_per_day": 1,`, false, []string{"watch matched", "watch suppressed cap"}, 2},
		{"cooldown of another subject", `"cooldown": "1h",`, false, []string{"watch matched", "watch matched"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.create(t, fmt.Sprintf(alerting, c.extra))
			if c.pause {
				if _, err := b.PauseAll(t.Context(), now.Add(time.Hour), "storm", ops.Actor{ID: "ann"}); err != nil {
					t.Fatal(err)
				}
			}
			got := outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`))
			got = append(got, outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`))...)
			wantEqual(t, "decisions", got, c.want)
			page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
			if err != nil || len(page.Items) != c.alerts {
				t.Errorf("%d alerts, %v", len(page.Items), err)
			}
		})
	}
}

func TestCooldownIsPerSubjectAndEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "quality_score_updated", "cooldown": "1h", "actions": [
		{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Quality"}]}`)
	const score = `{"vendor_id": "v-1", "score": 1, "max_score": 5}`
	got := outcomes(b.deliver(t, "quality_score_updated", score))
	got = append(got, outcomes(b.deliver(t, "quality_score_updated", score))...)
	b.advance(t, time.Hour+time.Second)
	got = append(got, outcomes(b.deliver(t, "quality_score_updated", score))...)
	wantEqual(t, "decisions", got, []string{"watch matched", "watch suppressed cooldown", "watch matched"})
}

func TestTheDayOfACapIsTheRulesOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "booking_confirmed", "max_executions_per_day": 1, "time_zone": "Asia/Dubai", "actions": [
		{"type": "raise_alert", "alert": "performance_issue", "severity": "low", "title": "x"}]}`)
	b.advance(t, 7*time.Hour+59*time.Minute) // 23:59 in Dubai
	got := outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`))
	b.advance(t, time.Minute)
	got = append(got, outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`))...)
	wantEqual(t, "decisions", got, []string{"watch matched", "watch matched"})
}

// A rule that triggers itself sends eight events and no ninth.
func TestAnEndlessChainIsStoppedAtDepthEight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "echo", "event": "booking_confirmed", "actions": [
		{"type": "emit_event", "detail_type": "booking_confirmed", "detail": {"booking_id": "$.detail.booking_id"}}]}`)
	e := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	for seen := 0; seen < len(b.bus.sent); {
		next := b.bus.sent[seen]
		if seen++; next.Type != ops.BookingConfirmed {
			continue
		}
		body, err := next.Body()
		if err != nil {
			t.Fatal(err)
		}
		e = b.deliverAs(t, ops.Envelope{
			ID: fmt.Sprintf("ours-%d", seen), Source: ops.Source, DetailType: "booking_confirmed", Time: b.clock.Now(), Detail: body,
		})
	}
	if d := decision(t, e, "echo"); d.Reason != ops.ReasonDepth || e.Cause.Depth != ops.MaxDepth {
		t.Errorf("got %+v at depth %d", d, e.Cause.Depth)
	}
	page, err := b.store.Alerts(t.Context(), ops.AlertFilter{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Type != ops.AlertSystemError {
		t.Errorf("got %+v, %v", page.Items, err)
	}
	outside := b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2", "cause": {"depth": 9}}`)
	if d := decision(t, outside, "echo"); d.Outcome != ops.Matched {
		t.Errorf("a sender outside stopped a chain: %+v", d)
	}
}

func TestARuleWhoseTemplateIsGoneHarmsNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := &ops.Rule{
		ID: "broken", Name: "broken", Type: ops.RuleTrigger, Event: ops.BookingCreated, Mode: ops.RuleActive, Priority: 9, Version: 1,
		MaxExecutionsPerDay: 5,
		Actions: []ops.Action{
			{Type: ops.StartWorkflow, Template: "gone"},
		},
	}
	if err := b.store.Save(t.Context(), r, &ops.RuleSet{}); err != nil {
		t.Fatal(err)
	}
	e := b.deliver(t, "booking_created", booking)
	wantEqual(t, "starts", b.workflows.starts(), []string{"booking_processing", "vendor_assignment"})
	if d := decision(t, e, "broken"); d.Outcome != ops.Errored || !strings.Contains(d.Reason, "gone") {
		t.Errorf("got %+v", d)
	}
	if n, err := b.store.Count(t.Context(), "rule/broken/2026-11-24"); err != nil || n != 0 {
		t.Errorf("a rule that did nothing was counted %d times, %v", n, err)
	}
}

// restless is a clock that doesn't wait: retries follow one another at once.
type restless struct{ *clock.Clock }

func (restless) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }
