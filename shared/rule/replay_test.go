package rule_test

import (
	"encoding/json"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestAnInvalidEventIsCorrectedAndReplayed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := ops.Actor{ID: "ann"}
	wrong := b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": "4", "max_score": 5}`)
	_, err := b.Replay(t.Context(), wrong.ID, nil, ann)
	if ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("as it is: %v", err)
	}
	b.create(t, `{"name": "watch", "event": "quality_score_updated", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`)
	b.advance(t, 2*time.Hour)
	right := json.RawMessage(`{"vendor_id": "v-1", "score": 4, "max_score": 5}`)
	e, err := b.Replay(t.Context(), wrong.ID, right, ann)
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
	if _, err := b.Replay(t.Context(), wrong.ID, nil, ann); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("again: %v", err)
	}
	trail, err := b.store.AuditTrail(t.Context(), old.Ref(), ops.PageRequest{})
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
		e, err := b.Replay(t.Context(), before.ID, nil, ops.Actor{ID: "ann"})
		if err != nil || e.ID != before.ID || e.Delivered != 2 || e.Envelopes[1].Replay != "ann" {
			t.Errorf("%s: %+v, %v", c.kind, e, err)
			continue
		}
		if last := e.Decisions[len(e.Decisions)-1]; last.Reason != ops.ReasonDuplicate {
			t.Errorf("%s: %v", c.kind, outcomes(e))
		}
		wantEqual(t, "starts", b.workflows.starts(), starts)
		if _, err := b.Replay(t.Context(), before.ID, json.RawMessage(`{}`), ops.Actor{ID: "ann"}); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("with another detail: %v", err)
		}
	}
	if _, err := b.Replay(t.Context(), "none", nil, ops.Actor{ID: "ann"}); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("of nothing: %v", err)
	}
}
