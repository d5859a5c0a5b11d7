package workflow_test

import (
	"strings"
	"sync"
	"testing"

	"opsflow/shared/ops"
)

// draft stores versions of a template and gives what starts it.
func drafts(t *testing.T, b *bundle, name string, versions int) (starts func() int) {
	t.Helper()
	for range versions {
		if _, err := b.CreateTemplate(t.Context(), []byte(strings.Replace(document(oneTask), "sample", name, 1)), admin); err != nil {
			t.Fatal(err)
		}
	}
	return func() int {
		i, err := b.Plan(t.Context(), ops.StartRequest{Template: name})
		if ops.ErrorCode(err) == ops.CodeNotFound {
			return 0
		}
		if err != nil {
			t.Fatal(err)
		}
		return i.TemplateVersion
	}
}

func TestANewVersionIsTriedOnOneInstanceBeforeItStartsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	starts := drafts(t, b, "sample", 2)
	for version, activate := range map[int]bool{1: true, 2: false} {
		tpl, err := b.Publish(t.Context(), "sample", version, admin, activate)
		if err != nil || !tpl.Published || tpl.Active != activate {
			t.Fatalf("published: %+v, %v", tpl, err)
		}
	}
	tried, err := b.Start(t.Context(), ops.StartRequest{Template: "sample", Version: 2}, ops.Actor{ID: "starter"})
	if err != nil || tried.TemplateVersion != 2 || tried.StateMachine != machinePrefix+"sample-v2" {
		t.Fatalf("the one instance: %+v, %v", tried, err)
	}
	if got := starts(); got != 1 {
		t.Errorf("version %d starts before the new one is activated", got)
	}
	if _, err := b.Activate(t.Context(), "sample", 2, admin, "it works"); err != nil || starts() != 2 {
		t.Errorf("activated: version %d starts, %v", starts(), err)
	}
	last, err := b.store.LastAudit(t.Context(), ops.Ref{Kind: ops.KindTemplate, ID: "sample@2"})
	if err != nil || last.Action != "template.activate" || last.Reason != "it works" {
		t.Errorf("the audit: %+v, %v", last, err)
	}
}

func TestAVersionThatIsWithdrawnStartsNothingByItselfAndWhatRunsGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	starts := drafts(t, b, "payment_processing", 2) // versions 2 and 3 beside the built-in one
	for version := 2; version <= 3; version++ {
		if _, err := b.Publish(t.Context(), "payment_processing", version, admin, true); err != nil {
			t.Fatal(err)
		}
	}
	running := b.start(t, "payment_processing", ops.SubjectRef{}, `{}`)
	for _, step := range []struct {
		withdraw, starts int
	}{{3, 2}, {3, 2}, {2, 1}} {
		if _, err := b.Deactivate(t.Context(), "payment_processing", step.withdraw, admin, ""); err != nil {
			t.Fatal(err)
		}
		if got := starts(); got != step.starts {
			t.Errorf("version %d withdrawn: version %d starts, want %d", step.withdraw, got, step.starts)
		}
	}
	b.complete(t, running.ID, "", "")
	if i := b.instance(t, running.ID); i.Status != ops.InstanceCompleted || i.TemplateVersion != 3 {
		t.Errorf("what ran on it is %s, on version %d", i.Status, i.TemplateVersion)
	}
	if _, err := b.Activate(t.Context(), "payment_processing", 2, admin, ""); err != nil || starts() != 2 {
		t.Errorf("activated again: version %d starts, %v", starts(), err)
	}
	for what, c := range map[string]struct {
		version int
		code    ops.Code
	}{"a built-in one": {1, ops.CodeIllegalMove}, "one that is not there": {9, ops.CodeNotFound}} {
		if _, err := b.Deactivate(t.Context(), "payment_processing", c.version, admin, ""); ops.ErrorCode(err) != c.code {
			t.Errorf("withdrawing %s: %v", what, err)
		}
	}
	drafts(t, b, "other", 1)
	if _, err := b.Activate(t.Context(), "other", 1, admin, ""); ops.ErrorCode(err) != ops.CodeIllegalMove {
		t.Errorf("activating a draft: %v", err)
	}
}

func TestTheNewestActiveVersionStartsAfterManyChangesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const versions = 8
	starts := drafts(t, b, "sample", versions)
	var changing sync.WaitGroup
	for version := 1; version <= versions; version++ {
		changing.Go(func() {
			if _, err := b.Publish(t.Context(), "sample", version, admin, true); err != nil {
				t.Error(err)
			}
			if version > 3 {
				if _, err := b.Deactivate(t.Context(), "sample", version, admin, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	changing.Wait()
	if got := starts(); got != 3 {
		t.Errorf("version %d starts, want 3", got)
	}
}

func TestTheScheduleOfTheVersionThatStartsIsTheOneThatCounts(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	daily := strings.Replace(document(oneTask), `"trigger": "manual"`, `"trigger": "time_based", "schedule": {"cron": "0 9 * * ? *"}`, 1)
	armed := func(version int) bool {
		t.Helper()
		tpl, err := b.store.Template(t.Context(), "sample", version)
		if err != nil {
			t.Fatal(err)
		}
		return !tpl.Timers[ops.TimerSchedule].IsZero()
	}
	for version := 1; version <= 2; version++ {
		if _, err := b.CreateTemplate(t.Context(), []byte(daily), admin); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Publish(t.Context(), "sample", version, admin, version == 1); err != nil {
			t.Fatal(err)
		}
	}
	if !armed(1) || armed(2) {
		t.Error("a version that is only to be tried has slots")
	}
	if _, err := b.Activate(t.Context(), "sample", 2, admin, ""); err != nil || !armed(2) {
		t.Errorf("activated, it has none: %v", err)
	}
	b.machine.advance(t.Context(), 25*60*60*1e9)
	if err := b.HandleSlot(t.Context(), ops.Ref{Kind: ops.KindTemplate, ID: "sample@1"}); err != nil || armed(1) {
		t.Errorf("the earlier version still has slots: %v", err)
	}
	if _, err := b.Deactivate(t.Context(), "sample", 2, admin, ""); err != nil || armed(2) || !armed(1) {
		t.Errorf("withdrawn: slots of 1: %v, of 2: %v; %v", armed(1), armed(2), err)
	}
}
