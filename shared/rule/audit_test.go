package rule_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestEveryChangeOfARuleIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := ops.Actor{ID: "ann"}
	r := b.create(t, watch)
	if _, err := b.Update(t.Context(), r.ID, []byte(strings.Replace(watch, `"event"`, `"priority": 9, "event"`, 1)), 1, ann); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetMode(t.Context(), r.ID, ops.RuleOff, "too loud", ann); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetMode(t.Context(), r.ID, "sideways", "", ann); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("a mode that there is not gave %v", err)
	}
	if _, err := b.PauseAll(t.Context(), b.clock.Now().Add(time.Hour), "storm", ann); err != nil {
		t.Fatal(err)
	}
	trail := func(ref ops.Ref) []*ops.AuditEntry {
		p, err := b.store.AuditTrail(t.Context(), ops.AuditFilter{Target: ref})
		if err != nil {
			t.Fatal(err)
		}
		if err := ops.VerifyTrail(p.Items); err != nil {
			t.Error(err)
		}
		return p.Items
	}
	entries := trail(r.Ref())
	actions := []string{}
	for _, e := range entries {
		actions = append(actions, e.Actor.ID+" "+e.Action)
	}
	wantEqual(t, "entries", actions, []string{"ann rule.create", "ann rule.update", "ann rule.mode"})
	if last := entries[2]; last.Reason != "too loud" || !strings.Contains(string(last.Before), `"mode":"active"`) ||
		!strings.Contains(string(last.After), `"mode":"off"`) {
		t.Errorf("switching it off is told as %+v", last)
	}
	if e := trail(ops.Ref{Kind: ops.KindRuleSet, ID: "rules"}); len(e) != 1 || e[0].Action != "rule.pause_all" || e[0].Reason != "storm" {
		t.Errorf("the kill switch is told as %+v", e)
	}
}
