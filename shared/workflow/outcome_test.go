package workflow_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

const oneTask = `{"id": "h", "name": "H", "kind": "manual"}`

func (b *bundle) waiting(t *testing.T) *ops.Instance {
	t.Helper()
	b.publish(t, document(oneTask))
	return b.start(t, "sample", ops.SubjectRef{}, `{}`)
}

func TestTheOutcomeOfTheCurrentAttemptFailsTheWorkflow(t *testing.T) {
	t.Parallel()
	change := func(name, status string) string {
		return fmt.Sprintf(`{"detail-type": "Step Functions Execution Status Change", "source": "aws.states",
			"detail": {"name": %q, "status": %q, "stateMachineArn": "x"}}`, name, status)
	}
	for _, tt := range []struct {
		name    string
		payload func(i *ops.Instance) string
		code    string // empty: ignored
	}{
		{"a Catch", func(i *ops.Instance) string {
			return fmt.Sprintf(`{"instance_id": %q, "attempt": 1, "error": {"Error": "Boom", "Cause": "{\"errorMessage\": \"it broke\"}"}}`, i.ID)
		}, "execution_failed"},
		{"timed out", func(i *ops.Instance) string { return change(i.ID+"-1", "TIMED_OUT") }, "execution_timed_out"},
		{"aborted", func(i *ops.Instance) string { return change(i.ID+"-1", "ABORTED") }, "execution_aborted"},
		{"another attempt", func(i *ops.Instance) string { return change(i.ID+"-2", "FAILED") }, ""},
		{"still running", func(i *ops.Instance) string { return change(i.ID+"-1", "RUNNING") }, ""},
		{"no workflow of ours", func(*ops.Instance) string { return change("nightly", "FAILED") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			i := b.waiting(t)
			task := i.Step("h").TaskID
			for range 2 { // the second changes nothing
				if err := b.RecordOutcome(t.Context(), json.RawMessage(tt.payload(i))); err != nil {
					t.Fatal(err)
				}
			}
			i = b.instance(t, i.ID)
			if tt.code == "" {
				if i.Status != ops.InstanceWaitingApproval {
					t.Errorf("the workflow is %s", i.Status)
				}
				return
			}
			if i.Status != ops.InstanceFailed || i.Error.Code != tt.code || i.Error.Message == "" {
				t.Errorf("the workflow is %s: %+v", i.Status, i.Error)
			}
			_, err := b.tasks.Complete(t.Context(), task, member(ops.Operations), taskDecision("done"))
			if ops.ErrorCode(err) != ops.CodeGone {
				t.Errorf("deciding its task: %v", err)
			}
			if ids := b.bus.ids(ops.WorkflowFailed); len(ids) != 1 {
				t.Errorf("workflow_failed was sent as %v", ids)
			}
		})
	}
}

func TestAPayloadThatNamesNothingIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, payload := range []string{`{}`, `[]`, `{"instance_id": "wf-1"}`} {
		if err := b.RecordOutcome(t.Context(), json.RawMessage(payload)); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestSweepStartsWhatWasPlannedButNeverLaunched(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.publish(t, document(oneTask))
	i, err := b.Plan(t.Context(), ops.StartRequest{Template: "sample"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Save(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	due := func() {
		if err := b.HandleDue(t.Context(), i.Ref()); err != nil {
			t.Fatal(err)
		}
		b.machine.run(t.Context())
	}
	if due(); b.instance(t, i.ID).Status != ops.InstancePending {
		t.Error("it was started before its timer came")
	}
	b.machine.advance(t.Context(), time.Minute)
	if due(); b.instance(t, i.ID).Status != ops.InstanceWaitingApproval {
		t.Errorf("it is %s", b.instance(t, i.ID).Status)
	}
}

func TestSweepRecordsAnExecutionThatDiedSilently(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.waiting(t)
	b.machine.executions[i.ExecutionName()].status = ops.ExecutionAborted
	b.machine.advance(t.Context(), 25*time.Hour)
	for range 2 {
		if err := b.HandleDue(t.Context(), i.Ref()); err != nil {
			t.Fatal(err)
		}
	}
	if i = b.instance(t, i.ID); i.Status != ops.InstanceFailed || i.Error.Code != "execution_aborted" {
		t.Errorf("it is %s: %+v", i.Status, i.Error)
	}
}

func TestSweepLeavesAWaitingWorkflowAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.waiting(t)
	b.machine.advance(t.Context(), 25*time.Hour)
	if err := b.HandleDue(t.Context(), i.Ref()); err != nil {
		t.Fatal(err)
	}
	b.complete(t, i.ID, "done", "")
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("it is %s", i.Status)
	}
}

func TestALaterAttemptTakesUpWhatWasDecidedBefore(t *testing.T) {
	t.Parallel()
	b := setup(t, map[string]workflow.Action{})
	i := b.waiting(t)
	id := i.Step("h").TaskID
	i.Attempt = 2
	if err := b.store.Save(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tasks.Complete(t.Context(), id, member(ops.Operations), taskDecision("done")); err != nil {
		t.Fatal(err)
	}
	if err := b.Launch(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	if i = b.instance(t, i.ID); i.Status != ops.InstanceCompleted {
		t.Errorf("it is %s", i.Status)
	}
	tsk, err := b.store.Task(t.Context(), id)
	if err != nil || len(tsk.Timers) != 0 {
		t.Errorf("the task's timers are %v, %v", tsk.Timers, err)
	}
	if x := b.machine.executions[i.ID+"-1"]; x.err == "" && x.status == ops.ExecutionFailed {
		t.Errorf("the first execution ends %s", x.status)
	}
}
