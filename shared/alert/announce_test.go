package alert_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// sweep does what is due, as sweep-due does it.
func (b bundle) sweep(t *testing.T) {
	t.Helper()
	for shard := range ops.Shards {
		due, err := b.store.Due(t.Context(), shard, b.clock.Now(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, ref := range due {
			if err := b.HandleDue(t.Context(), ref); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// raisedBy saves a cause as a rule or a workflow does, and crashes before it announces it.
func (b bundle) raisedBy(t *testing.T, spec alert.Spec) *ops.Alert {
	t.Helper()
	a, err := alert.Next(t.Context(), b.store, spec, b.clock.Now())
	if err == nil {
		err = b.store.Save(t.Context(), a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b bundle) stored(t *testing.T, id string) *ops.Alert {
	t.Helper()
	a, err := b.store.Alert(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAlertIsAnnouncedWhenItOpensAndNotWhenItIsCounted(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	a := b.raise(t, late)
	b.raise(t, late)
	first := b.bus.ids(ops.AlertRaised)
	if len(first) != 1 || !slices.Equal(b.bus.told(t), []ops.Team{ops.Finance}) {
		t.Fatalf("two causes gave the events %v and messages to %v, want one of each, to Finance", first, b.bus.told(t))
	}
	var detail struct {
		AlertID  string         `json:"alert_id"`
		Severity string         `json:"severity"`
		Subject  ops.SubjectRef `json:"subject"`
		Team     ops.Team       `json:"team"`
	}
	if err := json.Unmarshal(b.bus.sent[0].Detail, &detail); err != nil {
		t.Fatal(err)
	}
	if detail.AlertID != a.ID || detail.Severity != "medium" || detail.Subject != late.Subject || detail.Team != ops.Finance {
		t.Errorf("the event says %s", b.bus.sent[0].Detail)
	}
	if _, err := b.Resolve(ctx, a.ID, ann, alert.Resolution{Resolution: "paid"}); err != nil {
		t.Fatal(err)
	}
	b.raise(t, late)
	if _, err := b.Resolve(ctx, a.ID, ann, alert.Resolution{Resolution: "paid"}); err != nil {
		t.Fatal(err)
	}
	if a, err := b.Reopen(ctx, a.ID, ann, "it is not"); err != nil || a.Opened != 3 || a.Reason != "it is not" {
		t.Errorf("reopened it is %+v, %v", a, err)
	}
	if ids := b.bus.ids(ops.AlertRaised); len(ids) != 3 {
		t.Errorf("opened three times it was announced as %v", ids)
	}
}

func TestWhatACrashLeftUnannouncedTheSweepAnnouncesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.raisedBy(t, late)
	b.sweep(t)
	if ids := b.bus.ids(ops.AlertRaised); len(ids) != 0 {
		t.Errorf("the sweep announced at once, not leaving it to who raised it: %v", ids)
	}
	b.wait(t, 2*time.Minute)
	b.bus.down = true
	if err := b.HandleDue(t.Context(), a.Ref()); err == nil {
		t.Error("with the bus down it was announced")
	}
	b.bus.down = false
	b.sweep(t)
	b.sweep(t)
	if ids := b.bus.ids(ops.AlertRaised); len(ids) != 1 || len(b.bus.told(t)) != 1 || len(b.bus.sent) != 2 {
		t.Errorf("it was announced as %v and told to %v", ids, b.bus.told(t))
	}
	b.Announce(t.Context(), a) // whoever raised it comes late, with what it saved
	if ids := b.bus.ids(ops.AlertRaised); len(ids) != 1 || len(b.bus.told(t)) != 1 {
		t.Errorf("after a late announcement: %v and %v", ids, b.bus.told(t))
	}
	if got := b.stored(t, a.ID); got.LadderStep != 1 || got.Opened != 1 {
		t.Errorf("stored is %+v", got)
	}
	if b.HandleDue(t.Context(), ops.Ref{Kind: ops.KindAlert, ID: "alr-none"}) != nil {
		t.Error("a stale index row is a failure")
	}
}

func TestAnOpenAlertClimbsItsLadderToTheAdmins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := alert.Spec{Type: ops.AlertVendorUnavailable, Severity: ops.SeverityCritical, Title: "Nobody comes", Key: "k"}
	a := b.raise(t, spec)
	for range 90 {
		b.wait(t, time.Minute)
		b.sweep(t)
	}
	if told := b.bus.told(t); !slices.Equal(told, []ops.Team{ops.VendorManagement, ops.VendorManagement, ops.Admin}) {
		t.Errorf("it was told to %v", told)
	}
	if got := b.stored(t, a.ID); got.LadderStep != 3 || len(got.Timers) != 0 {
		t.Errorf("at the top it is %+v", got)
	}
}

func TestAnAcknowledgementStopsTheLadderUntilItLapses(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	spec := alert.Spec{Type: ops.AlertQualityDrop, Severity: ops.SeverityCritical, Title: "Bad", Key: "k"}
	a := b.raise(t, spec)
	if _, err := b.Acknowledge(ctx, a.ID, ann); err != nil {
		t.Fatal(err)
	}
	b.wait(t, 2*time.Hour-time.Minute)
	b.sweep(t)
	if told := b.bus.told(t); len(told) != 1 {
		t.Errorf("acknowledged it was told to %v", told)
	}
	b.wait(t, time.Minute)
	b.sweep(t)
	if got := b.stored(t, a.ID); got.Status != ops.AlertOpen || got.AcknowledgedBy != "" || got.LadderStep != 1 {
		t.Errorf("when the acknowledgement has lapsed it is %+v, want open again", got)
	}
	if told := b.bus.told(t); len(told) != 2 || told[1] != ops.QualityAssurance {
		t.Errorf("the ladder did not start again: %v", told)
	}
	if _, err := b.Start(ctx, a.ID, ann); err != nil {
		t.Fatal(err)
	}
	b.wait(t, 30*24*time.Hour)
	b.sweep(t)
	if told := b.bus.told(t); len(told) != 2 {
		t.Errorf("while somebody works on it it was told to %v", told)
	}
	if ids := b.bus.ids(ops.AlertRaised); len(ids) != 1 {
		t.Errorf("it was announced as %v", ids)
	}
}

func TestAHigherSeverityHastensTheLadder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := alert.Spec{Type: ops.AlertSystemError, Severity: ops.SeverityLow, Title: "Slow", Key: "k"}
	b.raise(t, spec)
	spec.Severity = ops.SeverityCritical
	b.raise(t, spec)
	b.wait(t, 15*time.Minute)
	b.sweep(t)
	if told := b.bus.told(t); len(told) != 2 {
		t.Errorf("it was told to %v", told)
	}
}

func TestWhoeverTellsTheTeamByItselfIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := late
	spec.Severity, spec.Told = ops.SeverityHigh, true
	b.Announce(t.Context(), b.raisedBy(t, spec))
	if told := b.bus.told(t); len(told) != 0 || len(b.bus.ids(ops.AlertRaised)) != 1 {
		t.Errorf("it was told to %v", told)
	}
	b.wait(t, 2*time.Hour)
	b.sweep(t)
	if told := b.bus.told(t); !slices.Equal(told, []ops.Team{ops.Finance}) {
		t.Errorf("unattended it was told to %v", told)
	}
}

func TestOfManyWhoAcknowledgeAtOnceOneWinsAndOneIsWrittenDown(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	a := b.raise(t, late)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		wins []string
	)
	for _, id := range strings.Split("abcdefghijklmnopqrst", "") {
		wg.Go(func() {
			_, err := b.Acknowledge(ctx, a.ID, ops.Actor{ID: id})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins = append(wins, id)
			} else if ops.ErrorCode(err) != ops.CodeIllegalMove {
				t.Errorf("%s lost with %v, want illegal_move", id, err)
			}
		})
	}
	wg.Wait()
	if got := b.stored(t, a.ID); len(wins) != 1 || got.AcknowledgedBy != wins[0] {
		t.Fatalf("%v won, stored is %+v", wins, got)
	}
	trail, err := b.store.AuditTrail(ctx, ops.AuditFilter{Target: a.Ref()})
	if err != nil || len(trail.Items) != 2 {
		t.Fatalf("written down is %+v, %v; want raising and acknowledging", trail.Items, err)
	}
	if err := ops.VerifyTrail(trail.Items); err != nil {
		t.Error(err)
	}
	e := trail.Items[1]
	if e.Action != "alert.acknowledge" || e.Actor.ID != wins[0] || !strings.Contains(string(e.Before), `"status":"open"`) ||
		!strings.Contains(string(e.After), `"status":"acknowledged"`) {
		t.Errorf("written down is %s: %s -> %s", e.Action, e.Before, e.After)
	}
}

func TestResolvingWhileTheCauseHoldsNeedsAReason(t *testing.T) {
	t.Parallel()
	running := &ops.Instance{ID: "wf-1", Status: ops.InstanceRunning, DueAt: start.Add(-time.Hour)}
	cases := map[string]struct {
		kind     ops.AlertType
		instance func(i *ops.Instance)
		holds    bool
	}{
		"a workflow that is failed":         {ops.AlertWorkflowFailed, func(i *ops.Instance) { i.Status = ops.InstanceFailed }, true},
		"a workflow that was taken up":      {ops.AlertWorkflowFailed, func(*ops.Instance) {}, false},
		"an overdue workflow":               {ops.AlertSLAViolation, func(*ops.Instance) {}, true},
		"an overdue workflow that ended":    {ops.AlertSLAViolation, func(i *ops.Instance) { i.Status = ops.InstanceCompleted }, false},
		"a workflow with a later deadline":  {ops.AlertSLAViolation, func(i *ops.Instance) { i.DueAt = start.Add(time.Hour) }, false},
		"what is not known to hold":         {ops.AlertCustomerComplaint, func(i *ops.Instance) { i.Status = ops.InstanceFailed }, false},
		"a workflow that is not there more": {ops.AlertWorkflowFailed, func(i *ops.Instance) { i.ID = "wf-2" }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ctx := setup(t), t.Context()
			i := *running
			c.instance(&i)
			if err := b.store.Save(ctx, &i); err != nil {
				t.Fatal(err)
			}
			a := b.raise(t, alert.Spec{Type: c.kind, Severity: ops.SeverityHigh, Title: "x", InstanceID: "wf-1", Key: "wf-1"})
			_, err := b.Resolve(ctx, a.ID, ann, alert.Resolution{Resolution: "done"})
			if !c.holds {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if ops.ErrorCode(err) != ops.CodeInvalid || !strings.Contains(err.Error(), "$.reason") || !strings.Contains(err.Error(), "wf-1 is still") {
				t.Errorf("without a reason: %v", err)
			}
			got, err := b.Resolve(ctx, a.ID, ann, alert.Resolution{Resolution: "done", Reason: "by hand"})
			if err != nil || got.Status != ops.AlertResolved || got.Reason != "by hand" {
				t.Errorf("with a reason: %+v, %v", got, err)
			}
		})
	}
}

func TestTheLaddersLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, s := range ops.Severities() {
		if !slices.Contains(alert.Ladders(), string(s)) {
			t.Errorf("severity %s has no ladder", s)
		}
	}
	for _, kind := range ops.AlertTypes() {
		if team := alert.Team(kind, ops.SubjectRef{}); !slices.Contains(ops.Teams(), team) {
			t.Errorf("%s is for %q", kind, team)
		}
	}
	if alert.Team(ops.AlertSLAViolation, ops.SubjectRef{Type: ops.SubjectPayment, ID: "p"}) != ops.Finance {
		t.Error("a payment is not for Finance")
	}
}
