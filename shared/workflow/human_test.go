package workflow_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// What nobody decides in time is taken as the template says; only a refusal is for on_reject to take.
func TestAnExpiredTaskIsTakenAsItsTemplateSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		way  ops.OnExpire
		want ops.InstanceStatus
		step ops.StepStatus
	}{
		{ops.OnExpireApprove, ops.InstanceCompleted, ops.StepCompleted},
		{ops.OnExpireReject, ops.InstanceCompleted, ops.StepSkipped},
		{ops.OnExpireFail, ops.InstanceFailed, ops.StepFailed},
	} {
		t.Run(string(c.way), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.publish(t, fmt.Sprintf(`{"name": "ask", "type": "quality_check", "team": "Finance", "trigger": "manual", "priority": 5, "steps": [
				{"id": "ask", "name": "Ask", "kind": "approval", "expires": "2bh", "on_expire": %q, "on_reject": "skip"}]}`, c.way))
			i := b.start(t, "ask", ops.SubjectRef{}, `{}`)
			tsk := b.openTask(t, i.ID)
			if want := time.Date(2026, 11, 24, 11, 0, 0, 0, time.UTC); !tsk.LapsesAt.Equal(want) {
				t.Fatalf("two business hours from %s end at %s, want %s", start, tsk.LapsesAt, want)
			}
			b.machine.advance(t.Context(), 3*time.Hour)
			if err := b.tasks.HandleDue(t.Context(), tsk.Ref()); err != nil {
				t.Fatal(err)
			}
			b.machine.run(t.Context())
			if i = b.instance(t, i.ID); i.Status != c.want || i.Steps[0].Status != c.step {
				t.Errorf("%s, its step %s (%+v), want %s and %s", i.Status, i.Steps[0].Status, i.Error, c.want, c.step)
			}
		})
	}
}

func TestAWorkflowWaitsForItsQuorum(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, `{"name": "ask", "type": "quality_check", "team": "Finance", "trigger": "manual", "priority": 5, "steps": [
		{"id": "ask", "name": "Ask", "kind": "approval", "quorum": 2}]}`)
	i := b.start(t, "ask", ops.SubjectRef{}, `{}`)
	for _, who := range []string{"ann", "bob"} {
		if i = b.instance(t, i.ID); i.Status != ops.InstanceWaitingApproval {
			t.Fatalf("before %s decided it is %s", who, i.Status)
		}
		actor := ops.Actor{ID: who, Teams: []ops.Team{ops.Finance}}
		if _, err := b.tasks.Complete(t.Context(), ops.TaskID(i.ID, "ask", 0), actor, task.Decision{}); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
	}
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("it is %s", i.Status)
	}
}

// However it came about, a decision that can't be kept fails its step, which can be tried again, with a new task.
func TestADecisionThatCannotBeKeptFailsItsStepWhichCanBeRetried(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, `{"name": "ask", "type": "quality_check", "team": "Finance", "trigger": "manual", "priority": 5, "steps": [
		{"id": "ask", "name": "Ask", "kind": "manual"}]}`)
	i := b.start(t, "ask", ops.SubjectRef{}, `{}`)
	tsk := b.openTask(t, i.ID)
	answers, err := json.Marshal(map[string]string{"text": strings.Repeat("x", 300<<10)})
	if err != nil {
		t.Fatal(err)
	}
	tsk.Status, tsk.Outcome, tsk.Answers, tsk.DecidedBy = ops.TaskCompleted, "done", answers, "ann"
	if err := b.store.Save(t.Context(), tsk); err != nil {
		t.Fatal(err)
	}
	if _, err := ops.Wake(t.Context(), b.store, b.machine, i.ID, "ask"); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	i = b.instance(t, i.ID)
	if s := i.Step("ask"); i.Status != ops.InstanceFailed || i.Error.Code != "too_large" || s.Status != ops.StepFailed || i.Lease.Owner != "" {
		t.Fatalf("it is %s: %+v, the step %s, the lease %+v", i.Status, i.Error, s.Status, i.Lease)
	}
	if _, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	b.complete(t, i.ID, "done", `{"text": "short"}`)
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("after the retry it is %s: %+v", i.Status, i.Error)
	}
}

// Whoever retries from a step wants its people asked again, also when they had answered and the workflow failed before it
// took that up; a retry that names no step takes their answer.
func TestARetryTakesUpADecisionUnlessItIsFromItsStep(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]ops.InstanceStatus{"": ops.InstanceCompleted, "ask": ops.InstanceWaitingApproval} {
		b := setup(t, nil)
		b.publish(t, `{"name": "ask", "type": "quality_check", "team": "Finance", "trigger": "manual", "priority": 5, "steps": [
			{"id": "ask", "name": "Ask", "kind": "manual"}]}`)
		i := b.start(t, "ask", ops.SubjectRef{}, `{}`)
		if _, err := b.tasks.Complete(t.Context(), b.openTask(t, i.ID).ID, member(ops.Finance), task.Decision{}); err != nil {
			t.Fatal(err)
		}
		payload := fmt.Sprintf(`{"instance_id": %q, "attempt": 1, "error": {"Error": "States.Runtime", "Cause": "broken"}}`, i.ID)
		if err := b.RecordOutcome(t.Context(), json.RawMessage(payload)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{FromStep: from}); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
		if i = b.instance(t, i.ID); i.Status != want {
			t.Errorf("retried from %q it is %s", from, i.Status)
		}
	}
}

// The two tasks of one invocation are written together, and go to two people.
func TestTasksOfOneInvocationGoToDifferentPeople(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, id := range []string{"ann", "bob"} {
		if err := b.store.Save(t.Context(), &ops.Member{ID: id, Name: id, Teams: []ops.Team{ops.Finance}, Active: true}); err != nil {
			t.Fatal(err)
		}
	}
	b.publish(t, `{"name": "both", "type": "quality_check", "team": "Finance", "trigger": "manual", "priority": 5, "steps": [
		{"id": "one", "name": "One", "kind": "manual"}, {"id": "two", "name": "Two", "kind": "manual"}]}`)
	i := b.start(t, "both", ops.SubjectRef{}, `{}`)
	open, err := b.store.OpenWork(t.Context(), []string{"ann", "bob"})
	if err != nil || open["ann"] != 1 || open["bob"] != 1 {
		t.Errorf("open work %v, %v", open, err)
	}
	for _, step := range []string{"one", "two"} {
		tsk, err := b.store.Task(t.Context(), ops.TaskID(i.ID, step, 0))
		if err != nil || tsk.Status != ops.TaskOpen || tsk.Assignee == "" {
			t.Errorf("%+v, %v", tsk, err)
		}
	}
}
