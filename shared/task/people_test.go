package task_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task"
)

// hire stores active members of Finance; whose name begins with a capital leads it.
func (b bundle) hire(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		m := &ops.Member{ID: strings.ToLower(name), Name: name, Teams: []ops.Team{ops.Finance}, Active: true}
		if m.ID != name {
			m.Leads = m.Teams
		}
		if err := b.store.Save(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

func (b bundle) read(t *testing.T, id string) *ops.Task {
	t.Helper()
	tsk, err := b.store.Task(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return tsk
}

func (b bundle) open(t *testing.T, ids ...string) map[string]int64 {
	t.Helper()
	open, err := b.store.OpenWork(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return open
}

func (b bundle) due(t *testing.T, after time.Duration) {
	t.Helper()
	b.clock.advance(after)
	if err := b.HandleDue(t.Context(), ops.Ref{Kind: ops.KindTask, ID: "tsk-1"}); err != nil {
		t.Fatal(err)
	}
}

// Ninety tasks that are opened at once are shared out evenly among three people, whoever raced whom.
func TestTasksOpenedAtOnceAreSharedOutEvenly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.hire(t, "ann", "bob", "cem")
	var wg sync.WaitGroup
	for n := range 90 {
		wg.Go(func() {
			for {
				tsk := &ops.Task{ID: fmt.Sprintf("t-%d", n), InstanceID: "wf-1", Team: ops.Finance, Kind: ops.StepManual}
				err := task.Assign(t.Context(), b.store, tsk, true)
				if err == nil {
					err = b.store.Save(t.Context(), tsk)
				}
				if ops.AsConflict(err) != nil {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wg.Wait()
	if open := b.open(t, "ann", "bob", "cem"); open["ann"] != 30 || open["bob"] != 30 || open["cem"] != 30 {
		t.Errorf("shared out as %v", open)
	}
}

func TestWhomATaskGoesTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		task ops.Task
		want string
	}{
		{"the only one of the team", ops.Task{Team: ops.Operations, Kind: ops.StepManual}, "olga"},
		{"nobody of a team without members", ops.Task{Team: ops.QualityAssurance, Kind: ops.StepManual}, ""},
		{"not who is away", ops.Task{Team: ops.VendorManagement, Kind: ops.StepManual}, ""},
		{"the one with less to do", ops.Task{Team: ops.Finance, Kind: ops.StepManual}, "cem"},
		{"not who asked for it", ops.Task{Team: ops.Finance, Kind: ops.StepApproval, StartedBy: "cem"}, "ann"},
		{"who started what is no approval", ops.Task{Team: ops.Finance, Kind: ops.StepManual, StartedBy: "cem"}, "cem"},
		{"the queue, for only the asker could", ops.Task{Team: ops.Operations, Kind: ops.StepApproval, StartedBy: "olga"}, ""},
		{"the queue, for several decide", ops.Task{Team: ops.Finance, Kind: ops.StepApproval, Quorum: 2}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Assignee = "ann" })
			b.hire(t, "ann", "cem")
			for _, m := range []*ops.Member{
				{ID: "olga", Name: "Olga", Teams: []ops.Team{ops.Operations}, Active: true},
				{ID: "vic", Name: "Vic", Teams: []ops.Team{ops.VendorManagement}},
			} {
				if err := b.store.Save(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
			tsk := c.task
			tsk.ID = "tsk-2"
			if err := task.Assign(t.Context(), b.store, &tsk, true); err != nil || tsk.Assignee != c.want {
				t.Errorf("went to %q, %v, want %q", tsk.Assignee, err, c.want)
			}
		})
	}
}

func TestATaskExpectedOfOneMayBeClaimedByAnother(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Assignee = "ana" })
	tsk, err := b.Claim(t.Context(), "tsk-1", ben)
	if err != nil || tsk.Assignee != "ben" || tsk.Status != ops.TaskClaimed {
		t.Fatalf("%+v, %v", tsk, err)
	}
	if open := b.open(t, "ana", "ben"); open["ana"] != 0 || open["ben"] != 1 {
		t.Errorf("open work %v", open)
	}
	if _, err := b.Claim(t.Context(), "tsk-1", ana); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("claiming it back: %v", err)
	}
	if _, err := b.Complete(t.Context(), "tsk-1", ben, task.Decision{}); err != nil {
		t.Fatal(err)
	}
	if open := b.open(t, "ben"); open["ben"] != 0 {
		t.Errorf("open work after it was done: %v", open)
	}
}

func TestWhoMayDelegateToWhom(t *testing.T) {
	t.Parallel()
	lea := ops.Actor{ID: "lea", Teams: []ops.Team{ops.Finance}}
	for _, c := range []struct {
		name  string
		edit  func(*ops.Task, *ops.Instance)
		actor ops.Actor
		to    string
		code  ops.Code
	}{
		{"whose it is", nil, ana, "ben", ""},
		{"who leads the team", nil, lea, "ben", ""},
		{"an admin", nil, root, "ben", ""},
		{"a colleague", nil, ben, "ben", ops.CodeForbidden},
		{"another team", nil, other, "ben", ops.CodeForbidden},
		{"to a stranger", nil, ana, "nobody", ops.CodeInvalid},
		{"to who is away", nil, ana, "away", ops.CodeInvalid},
		{"to who asked for it", func(t *ops.Task, _ *ops.Instance) { t.StartedBy = "ben" }, ana, "ben", ops.CodeForbidden},
		{"what several decide", func(t *ops.Task, _ *ops.Instance) { t.Quorum = 2 }, ana, "ben", ops.CodeConflict},
		{"what is decided", func(t *ops.Task, _ *ops.Instance) { t.Status = ops.TaskCompleted }, ana, "ben", ops.CodeAlreadyDecided},
		{"what has expired", func(t *ops.Task, _ *ops.Instance) { t.Status = ops.TaskExpired }, ana, "ben", ops.CodeGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(t *ops.Task, i *ops.Instance) {
				t.Assignee, t.Status = "ana", ops.TaskClaimed
				if c.edit != nil {
					c.edit(t, i)
				}
			})
			b.hire(t, "ana", "ben", "Lea")
			if err := b.store.Save(t.Context(), &ops.Member{ID: "away", Name: "Away", Teams: []ops.Team{ops.Finance}}); err != nil {
				t.Fatal(err)
			}
			tsk, err := b.Delegate(t.Context(), "tsk-1", c.actor, c.to, "holiday")
			if ops.ErrorCode(err) != c.code {
				t.Fatalf("%v, want %q", err, c.code)
			}
			last, aerr := b.store.LastAudit(t.Context(), ops.Ref{Kind: ops.KindTask, ID: "tsk-1"})
			if aerr != nil {
				t.Fatal(aerr)
			}
			if err != nil {
				if last != nil {
					t.Errorf("a refused delegation was written down: %+v", last)
				}
				return
			}
			if tsk.Assignee != "ben" || tsk.Status != ops.TaskOpen {
				t.Errorf("%+v", tsk)
			}
			if last == nil || last.Action != "task.delegate" || last.Reason != "holiday" || last.Actor.ID != c.actor.ID ||
				!strings.Contains(string(last.After), `"assignee":"ben"`) || strings.Contains(string(last.After), "token-1") {
				t.Errorf("audit %+v %s", last, last.After)
			}
		})
	}
}

func TestWhoIsAwayLosesTheirWorkToOthers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Assignee, t.Status = "ann", ops.TaskClaimed })
	b.hire(t, "ann", "bob")
	ann := ops.Member{ID: "ann", Name: "Ann", Teams: []ops.Team{ops.Finance}}
	m, err := b.PutMember(t.Context(), ann, root)
	if err != nil {
		t.Fatal(err)
	}
	if tsk := b.read(t, "tsk-1"); tsk.Assignee != "bob" || tsk.Status != ops.TaskOpen {
		t.Errorf("the task is %s's, %s", tsk.Assignee, tsk.Status)
	}
	if open := b.open(t, "ann", "bob"); open["ann"] != 0 || open["bob"] != 1 {
		t.Errorf("open work %v", open)
	}
	// One that was on its way to her meanwhile is found by the timer.
	late := &ops.Task{ID: "tsk-2", InstanceID: "wf-1", Team: ops.Finance, Assignee: "ann", Status: ops.TaskOpen}
	if err := b.store.Save(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Minute)
	if err := b.HandleMemberDue(t.Context(), m.Ref()); err != nil {
		t.Fatal(err)
	}
	if tsk := b.read(t, "tsk-2"); tsk.Assignee != "bob" {
		t.Errorf("the late task is %s's", tsk.Assignee)
	}
	m, err = b.store.Member(t.Context(), "ann")
	if err != nil || len(m.Timers) != 0 {
		t.Errorf("timers %v, %v", m.Timers, err)
	}
	if _, err := b.PutMember(ops.WithExpected(t.Context(), ann.Ref(), m.V+1), ann, root); ops.ErrorCode(err) != ops.CodePreconditionFailed {
		t.Errorf("a change of another version: %v", err)
	}
	if last, err := b.store.LastAudit(t.Context(), m.Ref()); err != nil || last == nil || last.Action != "member.write" {
		t.Errorf("audit %+v, %v", last, err)
	}
}

func TestAQuorumCountsPeopleNotClicks(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Quorum = 2 })
	if _, err := b.Claim(t.Context(), "tsk-1", ana); ops.ErrorCode(err) != ops.CodeConflict {
		t.Errorf("claiming what several decide: %v", err)
	}
	first := task.Decision{Form: json.RawMessage(`{"score":7}`), Comment: "fine"}
	tsk, err := b.Complete(t.Context(), "tsk-1", ana, first)
	if err != nil || tsk.Status != ops.TaskOpen || len(b.exec.told) != 0 {
		t.Fatalf("after one of two: %+v, %v", tsk, err)
	}
	if _, err := b.Complete(t.Context(), "tsk-1", ana, first); ops.ErrorCode(err) != ops.CodeAlreadyDecided {
		t.Errorf("a second click: %v", err)
	}
	if _, err := b.Reject(t.Context(), "tsk-1", ana, "no"); ops.ErrorCode(err) != ops.CodeAlreadyDecided {
		t.Errorf("a second thought: %v", err)
	}
	tsk, err = b.Complete(t.Context(), "tsk-1", ben, task.Decision{Form: json.RawMessage(`{"score":9}`)})
	if err != nil || tsk.Status != ops.TaskCompleted || tsk.DecidedBy != "ben" || len(b.exec.told) != 1 {
		t.Fatalf("after two of two: %+v, %v", tsk, err)
	}
	var said []string
	for _, d := range tsk.Decisions {
		said = append(said, d.By+" "+d.Outcome+" "+string(d.Answers)+d.Comment)
	}
	if want := []string{`ana approved {"score":7}fine`, `ben approved {"score":9}`}; !slices.Equal(said, want) {
		t.Errorf("decisions %q, want %q", said, want)
	}
}

func TestHowManyRefusalsRefuse(t *testing.T) {
	t.Parallel()
	for needed, want := range map[int]ops.TaskStatus{0: ops.TaskRejected, 1: ops.TaskRejected, 2: ops.TaskOpen} {
		b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Quorum, t.RejectQuorum = 3, needed })
		if tsk, err := b.Reject(t.Context(), "tsk-1", ana, "no"); err != nil || tsk.Status != want {
			t.Errorf("one refusal, %d needed: %+v, %v", needed, tsk, err)
		}
		if want == ops.TaskOpen {
			if tsk, err := b.Reject(t.Context(), "tsk-1", ben, "no"); err != nil || tsk.Status != ops.TaskRejected {
				t.Errorf("two refusals of two: %+v, %v", tsk, err)
			}
		}
	}
}

// Of twenty people who decide at once in a quorum of five, five are counted and the task is decided once.
func TestAQuorumIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, _ *ops.Instance) { t.Quorum = 5 })
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			actor := ops.Actor{ID: fmt.Sprintf("p-%d", n), Teams: []ops.Team{ops.Finance}}
			_, err := b.Complete(t.Context(), "tsk-1", actor, task.Decision{})
			if err != nil && ops.ErrorCode(err) != ops.CodeAlreadyDecided {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tsk := b.read(t, "tsk-1"); len(tsk.Decisions) != 5 || tsk.Status != ops.TaskCompleted || len(b.exec.told) != 1 {
		t.Errorf("%d decisions, %s, told %d times", len(tsk.Decisions), tsk.Status, len(b.exec.told))
	}
}

func TestWhatIsOverdueIsRemindedOf(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, _ *ops.Instance) {
		t.Assignee, t.DueAt = "ana", start.Add(time.Hour)
		t.SetTimer(ops.TimerRemind, t.DueAt)
	})
	b.due(t, 59*time.Minute)
	if len(b.bus.events) != 0 {
		t.Fatal("reminded before it was due")
	}
	b.due(t, time.Minute)
	b.due(t, 0)
	if len(b.bus.events) != 1 || !strings.Contains(string(b.bus.events[0].Detail), `"to":{"member":"ana"}`) {
		t.Fatalf("%+v", b.bus.events)
	}
	for range 5 {
		b.due(t, 24*time.Hour)
	}
	ids := map[string]bool{}
	for _, e := range b.bus.events {
		ids[e.ID] = true
	}
	if tsk := b.read(t, "tsk-1"); len(ids) != 3 || tsk.Reminders != 3 || len(tsk.Timers) != 0 {
		t.Errorf("%d different reminders, %+v", len(ids), tsk)
	}
}

func TestWhatBecomesOfATaskThatNobodyDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		way     ops.OnExpire
		outcome string
	}{
		{"", "expired"},
		{ops.OnExpireFail, "expired"},
		{ops.OnExpireReject, task.Rejected},
		{ops.OnExpireApprove, task.Approved},
	} {
		b := setup(t, func(t *ops.Task, _ *ops.Instance) {
			t.OnExpire, t.LapsesAt, t.Assignee = c.way, start.Add(time.Hour), "ana"
			t.SetTimer(ops.TimerExpire, t.LapsesAt)
		})
		b.due(t, time.Hour)
		tsk := b.read(t, "tsk-1")
		if tsk.Status != ops.TaskExpired || tsk.Outcome != c.outcome || tsk.DecidedBy != "opsflow" || len(b.exec.told) != 1 {
			t.Errorf("%q: %+v, told %d times", c.way, tsk, len(b.exec.told))
		}
		if _, err := b.Complete(t.Context(), "tsk-1", ana, task.Decision{}); ops.ErrorCode(err) != ops.CodeGone {
			t.Errorf("%q: deciding after that: %v", c.way, err)
		}
		if open := b.open(t, "ana"); open["ana"] != 0 {
			t.Errorf("%q: open work %v", c.way, open)
		}
	}
}

func TestAnEscalatedTaskGoesToWhoLeadsTheTeam(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, _ *ops.Instance) {
		t.OnExpire, t.LapsesAt, t.Assignee, t.Status = ops.OnExpireEscalate, start.Add(time.Hour), "ana", ops.TaskClaimed
		t.SetTimer(ops.TimerExpire, t.LapsesAt)
	})
	b.hire(t, "ana", "Lea")
	b.due(t, time.Hour)
	b.due(t, 0)
	tsk := b.read(t, "tsk-1")
	if tsk.Status != ops.TaskOpen || tsk.Assignee != "lea" || !tsk.Escalated || tsk.Priority != 10 {
		t.Errorf("%+v", tsk)
	}
	alerts, err := b.store.Alerts(t.Context(), ops.AlertFilter{Status: ops.AlertOpen})
	if err != nil || len(alerts.Items) != 1 || alerts.Items[0].Count != 1 || alerts.Items[0].Severity != ops.SeverityHigh {
		t.Errorf("%+v, %v", alerts.Items, err)
	}
	if _, err := b.Complete(t.Context(), "tsk-1", ops.Actor{ID: "lea", Teams: []ops.Team{ops.Finance}}, task.Decision{}); err != nil {
		t.Errorf("deciding what was escalated: %v", err)
	}
}

func TestTimeDoesNotRunOutWhileTheWorkflowIsPaused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(t *ops.Task, i *ops.Instance) {
		i.Status = ops.InstancePaused
		t.SetTimer(ops.TimerExpire, start.Add(time.Hour))
	})
	b.due(t, time.Hour)
	if tsk := b.read(t, "tsk-1"); tsk.Status != ops.TaskOpen || !tsk.Timers[ops.TimerExpire].After(b.clock.Now()) {
		t.Errorf("%+v", tsk)
	}
}
