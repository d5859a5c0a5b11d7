package rule_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/rule"
)

const watch = `{"name": "watch", "event": "booking_confirmed", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`

func TestTheBuiltInRulesAreValid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rules, err := b.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, r := range rules {
		ids = append(ids, r.ID)
		if faults, err := b.Validate(t.Context(), r); err != nil || len(faults) > 0 {
			t.Errorf("%s: %v, %v", r.ID, faults, err)
		}
		if r.Version != 1 || r.Mode != ops.RuleActive {
			t.Errorf("%s has version %d and is %s", r.ID, r.Version, r.Mode)
		}
	}
	wantEqual(t, "rules", ids, []string{
		"process-booking", "process-payment", "assign-vendor", "payment-sla", "quality-check", "satisfaction-survey",
	})
}

func TestARuleThatIsWrongIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.Create(t.Context(), []byte(`{"name": "watch", "event": "booking_confirmed", "priority": 0, "colour": "red",
		"condition": {"path": "context.a", "op": "exists"},
		"actions": [{"type": "start_workflow", "template": "vanished", "unless": {"any": []}, "input": {"id": "$.detial.booking_id"}},
			{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "$.detail.tags[any]", "once_per": "$.nowhere.id"}]}`), ops.Actor{ID: "ann"})
	e, ok := errors.AsType[*ops.Error](err)
	if !ok || e.Code != ops.CodeInvalid {
		t.Fatalf("got %v", err)
	}
	paths := []string{}
	for _, f := range e.Faults {
		paths = append(paths, f.Path)
	}
	wantEqual(t, "faults", paths, []string{
		"$.colour", "$.priority", "$.condition.path", "$.actions[0].unless.any", "$.actions[0].input.id", "$.actions[0].template",
		"$.actions[1].once_per", "$.actions[1].title",
	})
	if stored, err := b.store.Rules(t.Context()); err != nil || len(stored) != 0 {
		t.Errorf("%d stored, %v", len(stored), err)
	}
}

func TestRulesAreCreatedChangedAndTurnedOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ann := ops.Actor{ID: "ann"}
	r := b.create(t, watch)
	if r.ID != "watch" || r.Version != 1 || r.UpdatedBy != "ann" {
		t.Errorf("got %+v", r)
	}
	if _, err := b.Create(t.Context(), []byte(watch), ann); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("again: %v", err)
	}
	changed := strings.Replace(watch, `"event"`, `"priority": 9, "event"`, 1)
	if _, err := b.Update(t.Context(), "watch", []byte(changed), 7, ann); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("with another version: %v", err)
	}
	r, err := b.Update(t.Context(), "watch", []byte(changed), 1, ann)
	if err != nil || r.Version != 2 || r.Priority != 9 {
		t.Errorf("update: %+v, %v", r, err)
	}
	wantEqual(t, "decisions", outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)), []string{"watch matched"})
	if _, err := b.SetMode(t.Context(), "watch", "asleep", "", ann); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("a mode that isn't one: %v", err)
	}
	r, err = b.SetMode(t.Context(), "watch", ops.RuleOff, " too loud ", ann)
	if err != nil || r.Version != 3 || r.Reason != "too loud" {
		t.Errorf("mode: %+v, %v", r, err)
	}
	wantEqual(t, "decisions", outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`)), []string{})
	got, err := b.Get(t.Context(), "watch")
	if err != nil || got.Mode != ops.RuleOff || got.Version != 3 {
		t.Errorf("get: %+v, %v", got, err)
	}
	for _, err := range []error{
		func() error { _, err := b.Get(t.Context(), "none"); return err }(),
		func() error { _, err := b.Update(t.Context(), "none", []byte(watch), 0, ann); return err }(),
		func() error { _, err := b.SetMode(t.Context(), "none", ops.RuleOff, "", ann); return err }(),
	} {
		if ops.ErrorCode(err) != ops.CodeNotFound {
			t.Errorf("a rule that isn't there: %v", err)
		}
	}
}

func TestAStoredRuleReplacesTheBuiltInOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, err := b.SetMode(t.Context(), "assign-vendor", ops.RuleOff, "by hand today", ops.Actor{ID: "ann"})
	if err != nil || r.Version != 2 {
		t.Fatalf("got %+v, %v", r, err)
	}
	wantEqual(t, "decisions", outcomes(b.deliver(t, "booking_created", booking)), []string{"process-booking matched"})
	rules, err := b.List(t.Context())
	if err != nil || len(rules) != 6 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}

func TestAnotherFunctionSeesAChangedRuleWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := rule.New(rule.Config{Store: b.store, Templates: b.workflows, Clock: b.clock, Random: randomness()})
	b.deliver(t, "booking_confirmed", `{"booking_id": "bk-1"}`)
	if _, err := other.Create(t.Context(), []byte(watch), ops.Actor{ID: "ann"}); err != nil {
		t.Fatal(err)
	}
	b.advance(t, time.Second)
	wantEqual(t, "after a second", outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-2"}`)), []string{})
	b.advance(t, time.Second)
	wantEqual(t, "after two", outcomes(b.deliver(t, "booking_confirmed", `{"booking_id": "bk-3"}`)), []string{"watch matched"})
}

func TestRulesCreatedAtTheSameTimeAreAllKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Engine = rule.New(rule.Config{Store: b.store, Templates: b.workflows, Clock: restless{b.clock}, Random: randomness()})
	var people sync.WaitGroup
	for n := range 4 {
		people.Go(func() {
			text := strings.Replace(watch, `"watch"`, fmt.Sprintf(`"watch %d"`, n), 1)
			if _, err := b.Create(t.Context(), []byte(text), ops.Actor{ID: "ann"}); err != nil {
				t.Error(err)
			}
		})
	}
	people.Wait()
	rules, err := b.store.Rules(t.Context())
	if err != nil || len(rules) != 4 {
		t.Errorf("%d rules, %v", len(rules), err)
	}
}

func TestTheKillSwitchHoldsDelayedActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	if _, err := b.PauseAll(t.Context(), now.Add(5*time.Hour), "storm", ops.Actor{ID: "ann"}); err != nil {
		t.Fatal(err)
	}
	b.advance(t, 3*time.Hour)
	b.sweep(t)
	wantEqual(t, "starts in the pause", b.workflows.starts(), []string{})
	b.advance(t, 2*time.Hour)
	b.sweep(t)
	wantEqual(t, "starts after it", b.workflows.starts(), []string{"customer_follow_up"})
}

func TestTwoSweepsDoAnActionOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.deliver(t, "service_completed", `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	effects := decision(t, e, "satisfaction-survey").Effects
	if err := b.HandleDue(t.Context(), effects[0].Ref()); err != nil { // as from a stale row of the index
		t.Fatal(err)
	}
	wantEqual(t, "starts before its time", b.workflows.starts(), []string{})
	b.advance(t, 2*time.Hour)
	var sweeps sync.WaitGroup
	for range 8 {
		sweeps.Go(func() {
			if err := b.HandleDue(t.Context(), effects[0].Ref()); err != nil {
				t.Error(err)
			}
		})
	}
	sweeps.Wait()
	for key, n := range b.workflows.launched {
		if n != 1 {
			t.Errorf("%s was launched %d times", key, n)
		}
	}
	a, err := b.store.PendingAction(t.Context(), effects[0].ID)
	if err != nil || a.Status != ops.ActionDone || a.Effect == nil || len(a.Timers) != 0 {
		t.Errorf("got %+v, %v", a, err)
	}
	if !slices.Equal(b.workflows.starts(), []string{"customer_follow_up"}) {
		t.Errorf("started %v", b.workflows.starts())
	}
}

func TestEachActionOfARuleHasItsAlertAndItIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.create(t, `{"name": "loud", "event": "quality_score_updated", "actions": [
		{"type": "raise_alert", "alert": "quality_drop", "severity": "low", "title": "Low"},
		{"type": "raise_alert", "alert": "quality_drop", "severity": "medium", "title": "Still low", "delay": "1h"},
		{"type": "escalate", "ladder": "managers", "severity": "critical"}]}`)
	for range 2 {
		b.deliver(t, "quality_score_updated", `{"vendor_id": "v-1", "score": 1, "max_score": 5}`)
		b.advance(t, time.Hour)
		b.sweep(t)
	}
	page, err := b.store.Alerts(t.Context(), ops.AlertFilter{Status: ops.AlertOpen})
	if err != nil || len(page.Items) != 3 {
		t.Fatalf("%d alerts, %v", len(page.Items), err)
	}
	for _, a := range page.Items {
		if a.Count != 2 {
			t.Errorf("%s was counted %d times", a.Title, a.Count)
		}
	}
	if critical := page.Items[0]; critical.Ladder != "managers" || critical.LadderStep != 1 || critical.Severity != ops.SeverityCritical {
		t.Errorf("got %+v", critical)
	}
}
