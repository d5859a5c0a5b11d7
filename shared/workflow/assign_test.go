package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

func (b *bundle) member(t *testing.T, id string, open int, skills ...string) {
	t.Helper()
	records := []ops.Record{&ops.Member{ID: id, Name: id, Teams: []ops.Team{ops.Operations, ops.Finance}, Active: true, Skills: skills}}
	for n := range open {
		records = append(records, &ops.Task{ID: id + "-" + string(rune('a'+n)), Team: ops.Operations, Assignee: id, Status: ops.TaskOpen, Kind: ops.StepManual})
	}
	if err := b.store.Save(t.Context(), records...); err != nil {
		t.Fatal(err)
	}
}

func TestWorkIsAssignedBySkillThenByPresentLoad(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(`{"id": "assign", "name": "Assign", "kind": "assignment", "action": "assign.team"}`))
	assigned := func(service string) string {
		i := b.start(t, "sample", ops.SubjectRef{}, `{"service_type": "`+service+`"}`)
		return i.AssignedTo
	}
	if got := assigned("cleaning"); got != string(ops.Operations) {
		t.Errorf("without members it is assigned to %q", got)
	}
	b.member(t, "idle", 0)
	b.member(t, "busy", 3, "cleaning")
	b.member(t, "busier", 4, "cleaning")
	b.member(t, "other", 0, "plumbing")
	for service, want := range map[string]string{"cleaning": "busy", "plumbing": "other"} {
		if got := assigned(service); got != want {
			t.Errorf("%s is assigned to %q, want %q", service, got, want)
		}
	}
	if got := assigned("gardening"); got != "idle" && got != "other" {
		t.Errorf("what nobody has a skill for is assigned to %q, want one of those with the least work", got)
	}
}

func TestWhoChangedWhatAWorkflowWorksOnMayNotApproveIt(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{"test.fail": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
		return workflow.ActionResult{}, errors.New("no")
	}})
	b.publish(t, document(`
		{"id": "fail", "name": "Fail", "kind": "automated", "action": "test.fail"},
		{"id": "approve", "name": "Approve", "kind": "approval", "depends_on": ["fail"], "role": "Finance"}`))
	i := b.start(t, "sample", ops.SubjectRef{}, `{"amount": 5}`)
	editor := ops.Actor{ID: "editor", Teams: []ops.Team{ops.Operations, ops.Finance}}
	i, err := b.Retry(t.Context(), i.ID, editor, workflow.Retry{Skip: []string{"fail"}, Context: map[string]json.RawMessage{"amount": []byte("500")}})
	if err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	id := b.openTask(t, i.ID).ID
	if _, err := b.tasks.Complete(t.Context(), id, editor, task.Decision{Outcome: "approved"}); ops.ErrorCode(err) != ops.CodeForbidden {
		t.Errorf("the editor's approval: %v", err)
	}
	if _, err := b.tasks.Complete(t.Context(), id, ops.Actor{ID: "somebody", Teams: []ops.Team{ops.Finance}}, task.Decision{Outcome: "approved"}); err != nil {
		t.Errorf("somebody else's approval: %v", err)
	}
}

func TestTasksGoToTheMembersOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(`
		{"id": "one", "name": "One", "kind": "manual", "assign": "round_robin"},
		{"id": "two", "name": "Two", "kind": "manual", "assign": "round_robin"}`))
	b.member(t, "ann", 5)
	b.member(t, "ben", 0)
	b.member(t, "cem", 0)
	var got []string
	for range 3 {
		i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
		for _, step := range i.Steps {
			tsk, err := b.store.Task(t.Context(), step.TaskID)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, tsk.Assignee)
		}
	}
	if want := []string{"ann", "ben", "cem", "ann", "ben", "cem"}; !slices.Equal(got, want) {
		t.Errorf("the tasks went to %v, want %v", got, want)
	}
}
