package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func recordsComeBackAsTheyWereSaved(t *testing.T, open Open) {
	lat := 25.2048
	meta := func() ops.Meta {
		return ops.Meta{
			CreatedAt: start.Add(123456789), UpdatedAt: start.Add(time.Minute),
			Timers: map[string]time.Time{"due": start.Add(time.Hour)}, ExpiresAt: start.Add(24 * time.Hour),
		}
	}
	subject := ops.SubjectRef{Type: "booking", ID: "bk-1"}
	cases := map[string]struct {
		record ops.Record
		read   func(context.Context, bundle) (ops.Record, error)
	}{
		"event": {
			&ops.Event{
				Meta: meta(), ID: "evt-1", Type: "booking_created", Source: "booking", Time: start, Status: ops.EventValid,
				Detail: raw(`{"amount":12345678901234567890.123456789,"version":7}`), Subject: subject,
				Decisions: []ops.Decision{{Rule: "r", Outcome: ops.Matched, At: start, Delivery: "d"}},
				Envelopes: []ops.Delivered{{ID: "d", At: start}},
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Event(ctx, "evt-1") },
		},
		"bulk operation": {
			&ops.Bulk{
				Meta: meta(), ID: "blk-1", Action: ops.BulkResolveAlerts, Params: raw(`{"resolution":"x"}`), Actor: ops.Actor{ID: "ann"},
				Status: ops.BulkRunning, Total: 126, ChunksLeft: 2, Counts: ops.BulkCounts{Pending: 126}, Attempt: 1,
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Bulk(ctx, "blk-1") },
		},
		"chunk of a bulk operation": {
			&ops.BulkChunk{
				Meta: meta(), BulkID: "blk-1", Number: 1, Tries: 2,
				Items: []ops.BulkItem{{ID: "alr-1", Outcome: ops.BulkRefused, Code: ops.CodeIllegalMove, Reason: "it is closed"}},
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.BulkChunk(ctx, "blk-1", 1) },
		},
		"request under a key": {
			&ops.KeyedRequest{
				Meta: meta(), ID: "req-1", Actor: "ann", Route: "POST /v1/alerts", BodyHash: "h", RequestID: "r", Until: start,
				Done: ops.Ref{Kind: ops.KindAlert, ID: "alr-1"}, Answer: `{"body":"{\"n\": 1.50}"}`,
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.KeyedRequest(ctx, "req-1") },
		},
		"rule": {
			&ops.Rule{
				Meta: meta(), ID: "quality-check", Version: 3, Mode: ops.RuleActive, Actions: []ops.Action{{Type: ops.Notify}},
				Condition: ops.Condition{Path: "detail.service_value", Op: ops.OpGt, Value: raw("100")},
				Cooldown:  ops.Duration{D: time.Hour},
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Rule(ctx, "quality-check") },
		},
		"template": {
			&ops.Template{Meta: meta(), Name: "refund", Version: 2, Steps: []ops.Step{{ID: "a", Kind: ops.StepManual}}},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Template(ctx, "refund", 2) },
		},
		"current template": {
			&ops.CurrentTemplate{Meta: meta(), Template: "refund", Version: 2},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.CurrentTemplate(ctx, "refund") },
		},
		"instance": {
			&ops.Instance{
				Meta: meta(), ID: "wf-1", Status: ops.InstanceRunning, Subject: subject, Attempt: 1,
				Context: map[string]json.RawMessage{"amount": raw("1")},
				Steps:   []ops.StepRecord{{ID: "a", Output: raw(`{"x":null}`)}},
				History: []ops.HistoryEntry{{At: start, What: "created"}},
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Instance(ctx, "wf-1") },
		},
		"task": {
			&ops.Task{Meta: meta(), ID: "tsk-1", InstanceID: "wf-1", Team: ops.Finance, Status: ops.TaskOpen},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Task(ctx, "tsk-1") },
		},
		"alert": {
			&ops.Alert{Meta: meta(), ID: "alr-1", Severity: ops.SeverityHigh, Status: ops.AlertOpen, Detail: "why"},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Alert(ctx, "alr-1") },
		},
		"notification": {
			&ops.Notification{Meta: meta(), ID: "ntf-1", Data: map[string]json.RawMessage{"a": raw(`"b"`)}},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Notification(ctx, "ntf-1") },
		},
		"vendor": {
			&ops.Vendor{Meta: meta(), ID: "v-1", Lat: &lat, Blackouts: []ops.DateRange{{From: start, To: start}}},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Vendor(ctx, "v-1") },
		},
		"subject": {
			&ops.Subject{
				Meta: meta(), SubjectRef: subject, Fields: map[string]json.RawMessage{"status": raw(`"pending"`)},
				Times: map[string]time.Time{"status": start},
			},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Subject(ctx, subject) },
		},
		"action": {
			&ops.PendingAction{Meta: meta(), ID: "act-1", Detail: raw(`{}`), Status: ops.ActionWaiting},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.PendingAction(ctx, "act-1") },
		},
		"cooldown": {
			&ops.Cooldown{Meta: meta(), ID: "r/booking/bk-1", RuleID: "r"},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.Cooldown(ctx, "r/booking/bk-1") },
		},
		"rule set": {
			&ops.RuleSet{Meta: meta(), PausedReason: "storm"},
			func(ctx context.Context, b bundle) (ops.Record, error) { return b.RuleSet(ctx) },
		},
		"audit entry": {
			&ops.AuditEntry{
				Meta: meta(), ID: "aud-1", Target: ops.Ref{Kind: ops.KindRule, ID: "r"}, Seq: 1, Before: raw(`{"a":1}`),
			},
			func(ctx context.Context, b bundle) (ops.Record, error) {
				return b.LastAudit(ctx, ops.Ref{Kind: ops.KindRule, ID: "r"})
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, open)
			b.save(t, c.record)
			if v := c.record.RecordMeta().V; v != 1 {
				t.Errorf("after the first save V is %d, want 1", v)
			}
			got, err := c.read(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.record) {
				t.Errorf("read\n%s\nwant\n%s", show(got), show(c.record))
			}
		})
	}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func anUnknownIDIsNotFound(t *testing.T, open Open) {
	b := setup(t, open)
	for _, id := range []string{"nothing", "", "a/b#c", strings.Repeat("x", 3000), "\xff"} {
		if _, err := b.Instance(t.Context(), id); ops.ErrorCode(err) != ops.CodeNotFound {
			t.Errorf("instance %.20q: %v, want not_found", id, err)
		}
		if _, err := b.Event(t.Context(), id); ops.ErrorCode(err) != ops.CodeNotFound {
			t.Errorf("event %.20q: %v, want not_found", id, err)
		}
		if _, err := b.Rule(t.Context(), id); ops.ErrorCode(err) != ops.CodeNotFound {
			t.Errorf("rule %.20q: %v, want not_found", id, err)
		}
	}
}

func whatIsNotThereYetIsNoError(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	if s, err := b.Subject(ctx, ops.SubjectRef{Type: "booking", ID: "bk"}); err != nil || s.V != 0 || s.ID != "bk" {
		t.Errorf("subject: %+v, %v", s, err)
	}
	if s, err := b.RuleSet(ctx); err != nil || s.V != 0 {
		t.Errorf("rule set: %+v, %v", s, err)
	}
	if c, err := b.Cooldown(ctx, "c"); err != nil || c != nil {
		t.Errorf("cooldown: %+v, %v", c, err)
	}
	if n, err := b.Count(ctx, "n"); err != nil || n != 0 {
		t.Errorf("counter: %d, %v", n, err)
	}
	if a, err := b.LastAudit(ctx, ops.Ref{Kind: ops.KindRule, ID: "r"}); err != nil || a != nil {
		t.Errorf("audit: %+v, %v", a, err)
	}
}

func aSaveOfWhatSomebodyElseChangedWritesNothingAndNamesIt(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	mine := &ops.Instance{ID: "wf-1", Name: "first", Status: ops.InstanceRunning}
	b.save(t, mine)
	theirs, err := b.Instance(ctx, "wf-1")
	if err != nil {
		t.Fatal(err)
	}
	theirs.Name = "theirs"
	b.save(t, theirs)

	mine.Name = "mine"
	task := &ops.Task{ID: "tsk-1", Status: ops.TaskOpen}
	err = b.Save(ctx, task, mine)
	lost := ops.AsConflict(err)
	if lost == nil || len(lost.Lost) != 1 || !lost.Has(mine.Ref()) {
		t.Fatalf("the save gave %v, want a conflict over %s alone", err, mine.Ref())
	}
	if task.V != 0 || mine.V != 1 {
		t.Errorf("V became %d and %d, want 0 and 1", task.V, mine.V)
	}
	if _, err := b.Task(ctx, "tsk-1"); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("the task of the failed save was stored: %v", err)
	}
	if err := b.Save(ctx, &ops.Instance{ID: "wf-1"}); !ops.AsConflict(err).Has(mine.Ref()) {
		t.Errorf("creating it again gave %v, want a conflict", err)
	}
	if err := b.Delete(ctx, mine); !ops.AsConflict(err).Has(mine.Ref()) {
		t.Errorf("deleting the old version gave %v, want a conflict", err)
	}
	if err := b.Delete(ctx, theirs); err != nil {
		t.Errorf("deleting the new version: %v", err)
	}
	if err := b.Delete(ctx, task); !ops.AsConflict(err).Has(task.Ref()) {
		t.Errorf("deleting what was never stored gave %v, want a conflict", err)
	}
}

func aRequestIsDoneWithItsChangeOrNotAtAll(t *testing.T, open Open) {
	b := setup(t, open)
	request := &ops.KeyedRequest{ID: "req-1"}
	if err := b.Save(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	late := *request // of a sender that somebody takes over from
	ctx := ops.WithRequest(t.Context(), request)
	stored := func() ops.Ref {
		t.Helper()
		r, err := b.KeyedRequest(t.Context(), "req-1")
		if err != nil {
			t.Fatal(err)
		}
		return r.Done
	}
	change := func(n int64) []ops.Record {
		a := &ops.Alert{ID: "alr-" + strconv.FormatInt(n, 10), Status: ops.AlertOpen}
		return []ops.Record{a, &ops.AuditEntry{ID: "aud-" + a.ID, Target: ops.Ref{Kind: ops.KindAlert, ID: "alr-1"}, Seq: n}}
	}
	if err := b.Save(ctx, &ops.Alert{ID: "alr-0", Status: ops.AlertOpen}); err != nil || stored() != (ops.Ref{}) {
		t.Errorf("a Save that no person did: %v, done is %s", err, stored())
	}
	stale := change(1)
	stale[0].RecordMeta().V = 7
	if err := b.Save(ctx, stale...); ops.AsConflict(err) == nil || request.Done != (ops.Ref{}) || stored() != (ops.Ref{}) {
		t.Errorf("a Save that lost: %v, done is %s and %s", err, request.Done, stored())
	}
	if err := b.Save(ctx, change(1)...); err != nil || stored() != (ops.Ref{Kind: ops.KindAlert, ID: "alr-1"}) {
		t.Errorf("the change: %v, done is %s", err, stored())
	}
	if err := b.Save(ctx, change(2)...); err != nil {
		t.Errorf("another change of the same request: %v", err)
	}
	err := b.Save(ops.WithRequest(t.Context(), &late), change(3)...)
	if ops.ErrorCode(err) != ops.CodeConflict || ops.AsConflict(err) != nil {
		t.Errorf("a late sender: %v, want a conflict that is not tried again", err)
	}
	if _, err := b.Alert(t.Context(), "alr-3"); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("the late sender's alert: %v", err)
	}
}

func whatWasExpectedOfARecordHoldsForItsFirstSave(t *testing.T, open Open) {
	b := setup(t, open)
	a := &ops.Alert{ID: "alr-1", Status: ops.AlertOpen}
	for range 2 {
		if err := b.Save(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Save(ops.WithExpected(t.Context(), a.Ref(), 1), a); ops.ErrorCode(err) != ops.CodePreconditionFailed || ops.AsConflict(err) != nil {
		t.Errorf("an old version: %v, want a failure that is not tried again", err)
	}
	ctx := ops.WithExpected(t.Context(), a.Ref(), 2)
	stale := *a
	stale.V = 1
	if err := b.Save(ctx, &stale); ops.ErrorCode(err) != ops.CodePreconditionFailed {
		t.Errorf("made from an old version: %v", err)
	}
	for n, r := range []ops.Record{&ops.Alert{ID: "alr-2", Status: ops.AlertOpen}, a, a} {
		if err := b.Save(ctx, r); err != nil {
			t.Errorf("save %d: %v", n, err)
		}
	}
	if got, err := b.Alert(t.Context(), "alr-1"); err != nil || got.V != 4 {
		t.Errorf("stored is %+v, %v", got, err)
	}
}

func aCounterStopsAtItsMaximumUnderConcurrency(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, lost := 0, 0
	for i := range 20 {
		wg.Go(func() {
			c := &ops.Counter{ID: "rule/r/2096-11-24", Add: 1, Max: 7}
			err := b.Save(ctx, &ops.Cooldown{ID: strconv.Itoa(i)}, c)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case ops.AsConflict(err) != nil && ops.AsConflict(err).Has(c.Ref()):
				lost++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, err := b.Count(ctx, "rule/r/2096-11-24"); err != nil || n != 7 || won != 7 || lost != 13 {
		t.Errorf("counted %d (%v) with %d saved and %d refused, want 7, 7 and 13", n, err, won, lost)
	}
}

func anExpiredRecordCountsAsAbsent(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	c := &ops.Cooldown{ID: "c", EventID: "evt-1"}
	c.ExpiresAt = start.Add(time.Hour)
	b.save(t, c)
	if err := b.Save(ctx, &ops.Cooldown{ID: "c"}); ops.AsConflict(err) == nil {
		t.Errorf("a second cooldown gave %v, want a conflict", err)
	}
	b.clock.advance(time.Hour)
	if got, err := b.Cooldown(ctx, "c"); err != nil || got != nil {
		t.Errorf("an hour later: %+v, %v; want none", got, err)
	}
	b.save(t, &ops.Cooldown{ID: "c", EventID: "evt-2"})
	if got, err := b.Cooldown(ctx, "c"); err != nil || got.EventID != "evt-2" || got.V != 1 {
		t.Errorf("after a new one: %+v, %v", got, err)
	}
}

func aRecordOverTheLimitIsTooLarge(t *testing.T, open Open) {
	b := setup(t, open)
	big := &ops.Event{ID: "evt-1", Detail: raw(`"` + strings.Repeat("x", 400<<10) + `"`)}
	if err := b.Save(t.Context(), big); ops.ErrorCode(err) != ops.CodeTooLarge {
		t.Errorf("saving 400 KB gave %v, want too_large", err)
	}
	many := make([]ops.Record, 101)
	for i := range many {
		many[i] = &ops.Cooldown{ID: strconv.Itoa(i)}
	}
	if err := b.Save(t.Context(), many...); ops.ErrorCode(err) != ops.CodeTooLarge {
		t.Errorf("saving 101 records gave %v, want too_large", err)
	}
}

func anEventIsFoundByTheIDOfAnyDelivery(t *testing.T, open Open) {
	b := setup(t, open)
	b.save(t, &ops.Event{ID: "evt-1", Detail: raw(`{}`)}, &ops.Delivery{ID: "11111111-2222", EventID: "evt-1"})
	e, err := b.Event(t.Context(), "11111111-2222")
	if err != nil || e.ID != "evt-1" {
		t.Errorf("read %+v, %v; want evt-1", e, err)
	}
}

func storedRulesAndTemplatesAreReadWhole(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	for _, id := range []string{"b", "c", "a"} {
		b.save(t, &ops.Rule{ID: id, Version: 5, Actions: []ops.Action{{Type: ops.Notify}}}, &ops.Vendor{ID: id})
	}
	for v := 1; v <= 11; v++ {
		b.save(t, &ops.Template{Name: "refund", Version: v}, &ops.Template{Name: "audit", Version: v})
	}
	rules, err := b.Rules(ctx)
	if err != nil || len(rules) != 3 || rules[0].ID != "a" || rules[2].ID != "c" || len(rules[0].Actions) != 1 ||
		rules[0].Version != 5 || rules[0].V != 1 {
		t.Errorf("rules: %s, %v", show(rules), err)
	}
	templates, err := b.Templates(ctx)
	if err != nil || len(templates) != 22 || templates[0].Ref().ID != "audit@11" || templates[21].Ref().ID != "refund@1" {
		t.Errorf("templates: %s, %v", show(templates), err)
	}
	vendors, err := b.AllVendors(ctx)
	if err != nil || len(vendors) != 3 || vendors[0].ID != "a" {
		t.Errorf("vendors: %s, %v", show(vendors), err)
	}
}

func whatIsPutOffIsDueLaterUntilItIsWritten(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	a := &ops.PendingAction{ID: "act-1", RuleID: "r"}
	a.SetTimer(ops.TimerDue, start.Add(-time.Minute))
	b.save(t, a, &ops.PendingAction{ID: "act-2"})
	due := func(at time.Time) int {
		t.Helper()
		refs, err := b.Due(ctx, ops.ShardOf(a.ID), at, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(refs)
	}
	if err := b.PutOff(ctx, a.Ref(), func(at time.Time) time.Time { return at.Add(time.Hour) }); err != nil {
		t.Fatal(err)
	}
	if now, later := due(start), due(start.Add(time.Hour)); now != 0 || later != 1 {
		t.Errorf("put off, %d are due now, %d in an hour", now, later)
	}
	if err := b.Save(ctx, a); ops.AsConflict(err) == nil {
		t.Errorf("who read it before wrote it: %v", err)
	}
	got, err := b.PendingAction(ctx, a.ID)
	if err != nil || got.RuleID != "r" || !got.Timers[ops.TimerDue].Equal(start.Add(-time.Minute)) {
		t.Fatalf("it reads %+v, %v", got, err)
	}
	if b.save(t, got); due(start) != 1 {
		t.Error("written anew, it is not due")
	}
	for _, id := range []string{"act-2", "act-3"} { // without a timer, and gone
		if err := b.PutOff(ctx, ops.Ref{Kind: ops.KindAction, ID: id}, func(at time.Time) time.Time { return at }); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func dueGivesWhatHasATimerEarliestFirst(t *testing.T, open Open) {
	b, ctx := setup(t, open), t.Context()
	want := map[string]bool{}
	for i := range 40 {
		r := &ops.PendingAction{ID: fmt.Sprintf("act-%02d", i), Detail: raw(`{}`)}
		r.SetTimer(ops.TimerDue, start.Add(time.Duration(i-30)*time.Minute))
		r.SetTimer("later", start.Add(time.Hour))
		b.save(t, r)
		want[r.ID] = i <= 30
	}
	done := &ops.PendingAction{ID: "act-31", Detail: raw(`{}`), Meta: ops.Meta{V: 1}}
	b.save(t, done) // its timers are gone
	got := 0
	for shard := range ops.Shards {
		refs, err := b.Due(ctx, shard, start, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i, ref := range refs {
			if ref.Kind != ops.KindAction || !want[ref.ID] || ops.ShardOf(ref.ID) != shard {
				t.Errorf("shard %d gave %s", shard, ref)
			}
			if i > 0 && refs[i-1].ID > ref.ID {
				t.Errorf("%s came before %s", refs[i-1], ref)
			}
		}
		got += len(refs)
		if few, err := b.Due(ctx, shard, start, 2); err != nil || len(few) != min(2, len(refs)) {
			t.Errorf("shard %d with limit 2: %v, %v", shard, few, err)
		}
	}
	if got != 31 {
		t.Errorf("%d are due, want 31", got)
	}
}
