package rule_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

func TestAnInvalidEventIsCorrectedAndReplayed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := ops.Actor{ID: "ann"}
	wrong := b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": "4", "max_score": 5}`)
	_, err := b.Replay(t.Context(), wrong.ID, rule.Correction{}, ann)
	if ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("as it is: %v", err)
	}
	b.create(t, `{"name": "watch", "event": "quality_score_updated", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`)
	b.advance(t, 2*time.Hour)
	right := json.RawMessage(`{"vendor_id": "v-1", "score": 4, "max_score": 5}`)
	e, err := b.Replay(t.Context(), wrong.ID, rule.Correction{Detail: right}, ann)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "decisions", outcomes(e), []string{"watch matched"})
	if e.Status != ops.EventValid || e.CorrectionOf != wrong.ID || !e.Time.Equal(now) || e.Envelopes[0].Replay != "ann" {
		t.Errorf("got %+v", e)
	}
	old, err := b.store.Event(t.Context(), wrong.ID)
	if err != nil || old.Status != ops.EventCorrected || old.CorrectedBy != e.ID {
		t.Errorf("the invalid one: %+v, %v", old, err)
	}
	if page, err := b.store.Events(t.Context(), ops.EventFilter{Status: ops.EventInvalid}); err != nil || len(page.Items) != 0 {
		t.Errorf("%d are listed as invalid, %v", len(page.Items), err)
	}
	if _, err := b.Replay(t.Context(), wrong.ID, rule.Correction{}, ann); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("again: %v", err)
	}
	trail, err := b.store.AuditTrail(t.Context(), ops.AuditFilter{Target: old.Ref()})
	if err != nil || len(trail.Items) != 1 || trail.Items[0].Actor.ID != "ann" {
		t.Errorf("audit: %+v, %v", trail.Items, err)
	}
}

func TestAReplayedEventDoesNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "watch", "event": "quality_score_updated", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`)
	for _, c := range []struct{ kind, detail string }{
		{"booking_created", booking},
		{"quality_score_updated", `{"vendor_id": "v-1", "score": 4, "max_score": 5}`}, // identified by its envelope alone
	} {
		before := b.deliver(t, c.kind, c.detail)
		starts := b.workflows.starts()
		e, err := b.Replay(t.Context(), before.ID, rule.Correction{}, ops.Actor{ID: "ann"})
		if err != nil || e.ID != before.ID || e.Delivered != 2 || e.Envelopes[1].Replay != "ann" {
			t.Errorf("%s: %+v, %v", c.kind, e, err)
			continue
		}
		if last := e.Decisions[len(e.Decisions)-1]; last.Reason != ops.ReasonDuplicate {
			t.Errorf("%s: %v", c.kind, outcomes(e))
		}
		wantEqual(t, "starts", b.workflows.starts(), starts)
		if _, err := b.Replay(t.Context(), before.ID, rule.Correction{Detail: json.RawMessage(`{}`)}, ops.Actor{ID: "ann"}); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("with another detail: %v", err)
		}
	}
	if _, err := b.Replay(t.Context(), "none", rule.Correction{}, ops.Actor{ID: "ann"}); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("of nothing: %v", err)
	}
}

const watching = `{"name": "watch", "event": "quality_score_updated", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`

func TestAReplayMakesUpForWhatAPauseKeptFromHappening(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := ops.Actor{ID: "ann"}
	b.create(t, watching)
	if _, err := b.PauseAll(t.Context(), now.Add(time.Hour), "storm", ann); err != nil {
		t.Fatal(err)
	}
	e := b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": 4, "max_score": 5}`)
	wantEqual(t, "while paused", outcomes(e), []string{"watch suppressed paused"})
	if _, err := b.ResumeAll(t.Context(), "", ann); err != nil {
		t.Fatal(err)
	}
	b.advance(t, time.Minute)
	note, err := b.ReplayOne(t.Context(), e.ID, ann)
	if err != nil || note != "matched watch" {
		t.Fatalf("the replay says %q, %v", note, err)
	}
	if note, err = b.ReplayOne(t.Context(), e.ID, ann); err != nil || note != "" {
		t.Errorf("a second one says %q, %v", note, err)
	}
	e, err = b.store.Event(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "at the end", outcomes(e), []string{"watch suppressed paused", "watch matched", "watch suppressed duplicate"})
	wantEqual(t, "starts", b.workflows.starts(), []string{"quality_assurance"})
	first, second := e.Decisions[0], e.Decisions[1]
	if second.Replay != "ann" || first.Replay != "" || second.Delivery == first.Delivery || second.Delivery != e.Envelopes[1].ID {
		t.Errorf("decisions %+v, arrivals %+v", e.Decisions, e.Envelopes)
	}
	if found, err := b.store.Event(t.Context(), second.Delivery); err != nil || found.ID != e.ID {
		t.Errorf("the replay's id leads to %v, %v", found, err)
	}
}

func TestARuleMadeLaterActsOnAReplayedEventWithinItsLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []string
	for range 3 {
		ids = append(ids, b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": 4, "max_score": 5}`).ID)
	}
	b.create(t, `{"name": "late", "event": "quality_score_updated", "max_executions_per_day": 2,
		"actions": [{"type": "notify", "template": "x", "to": {"team": "Finance"}}]}`)
	b.create(t, `{"name": "never", "event": "quality_score_updated", "condition": {"path": "detail.score", "op": "gt", "value": 4},
		"actions": [{"type": "notify", "template": "x", "to": {"team": "Finance"}}]}`)
	var notes []string
	for range 2 {
		for _, id := range ids {
			note, err := b.ReplayOne(t.Context(), id, ops.Actor{ID: "ann"})
			if err != nil {
				t.Fatal(err)
			}
			notes = append(notes, note)
		}
	}
	wantEqual(t, "notes", notes, []string{"matched late", "matched late", "cap late", "", "", "cap late"})
	sent := 0
	for _, out := range b.bus.sent {
		if strings.Contains(string(out.Detail), `"template":"x"`) {
			sent++
		}
	}
	if sent != 2 {
		t.Errorf("%d messages were sent, want 2", sent)
	}
	e, err := b.store.Event(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "decisions", outcomes(e), []string{"late matched", "never not_matched", "late suppressed duplicate"})
}

// What the replays of old events do is counted, though those events were summed up before.
func TestWhatAReplayDoesIsCountedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": 4, "max_score": 5}`)
	b.create(t, watching)
	for n, at := range []time.Duration{0, time.Hour, time.Minute, time.Hour} {
		b.advance(t, at)
		if n == 2 {
			if _, err := b.ReplayOne(t.Context(), e.ID, ops.Actor{ID: "ann"}); err != nil {
				t.Fatal(err)
			}
		}
		did, err := b.Activity(t.Context())
		if want := int64(min(n/2, 1)); err != nil || did.Of("watch").Executions != want {
			t.Errorf("after %d: counted %d, want %d, %v", n, did.Of("watch").Executions, want, err)
		}
	}
}

func TestTheTypeOfAnInvalidEventIsCorrected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, watching)
	wrong := b.deliver(t, "quality_score", `{"vendor_id": "v-1", "score": 4, "max_score": 5}`)
	ann := ops.Actor{ID: "ann"}
	if _, err := b.Replay(t.Context(), wrong.ID, rule.Correction{Type: "still wrong"}, ann); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("to another unknown type: %v", err)
	}
	e, err := b.Replay(t.Context(), wrong.ID, rule.Correction{Type: "quality_score_updated", Time: now.Add(-time.Hour)}, ann)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "decisions", outcomes(e), []string{"watch matched"})
	if e.Type != "quality_score_updated" || !e.Time.Equal(now.Add(-time.Hour)) || e.CorrectionOf != wrong.ID {
		t.Errorf("got %+v", e)
	}
	_, err = b.Replay(t.Context(), e.ID, rule.Correction{Type: "quality_score_updated"}, ann)
	if told, ok := errors.AsType[*ops.Error](err); !ok || told.Code != ops.CodeInvalid || told.Faults[0].Path != "$.type" {
		t.Errorf("of a valid event: %v", err)
	}
}
