package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/task"
	"opsflow/shared/workflow"
)

// attempts gives the entries of a workflow's history about a step, as people see them.
func (b *bundle) attempts(t *testing.T, id, what string) []ops.HistoryEntry {
	t.Helper()
	i := b.instance(t, id)
	if err := b.store.Load(t.Context(), i, 0); err != nil {
		t.Fatal(err)
	}
	all, err := b.store.History(t.Context(), i, 0, i.Happened(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []ops.HistoryEntry
	for _, h := range all {
		if h.What == what {
			found = append(found, i.Masked().Whole(h))
		}
	}
	return found
}

func TestEveryAttemptAtAStepStaysInTheHistory(t *testing.T) {
	t.Parallel()
	fails := true
	b := setup(t, map[string]workflow.Action{"test.act": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
		if fails {
			return workflow.ActionResult{}, errors.New("not today")
		}
		return workflow.ActionResult{Output: map[string]any{"for": in.Params["amount"]}}, nil
	}})
	b.publish(t, document(
		`{"id": "ask", "name": "Ask", "kind": "manual"}`,
		`{"id": "act", "name": "Act", "kind": "automated", "action": "test.act", "depends_on": ["ask"], "parameters": {"amount": "$.context.amount"}}`,
	))
	i := b.start(t, "sample", ops.SubjectRef{}, `{"amount": 7}`)
	b.complete(t, i.ID, "done", `{"text": "first"}`)
	fails = false
	if _, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{FromStep: "ask", Context: map[string]json.RawMessage{"amount": []byte("8")}}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	b.complete(t, i.ID, "done", `{"text": "second"}`)
	for what, want := range map[string][]string{
		"step_redone": {
			`"step":"ask"`, `"text":"first"`, `"by":"m-Operations"`,
			`"step":"act"`, `"input":{"amount":7}`, `"message":"not today"`,
		},
		"step_completed": {`"text":"second"`, `"input":{"amount":8},"output":{"for":8}`},
	} {
		said, err := json.Marshal(b.attempts(t, i.ID, what))
		for _, w := range want {
			if err != nil || !strings.Contains(string(said), w) {
				t.Errorf("%s: there is no %s in %s, %v", what, w, said, err)
			}
		}
	}
}

// Steps work on secrets, and nobody sees them.
func TestSecretsAreSeenByNobody(t *testing.T) {
	t.Parallel()
	seen := ""
	b := setup(t, map[string]workflow.Action{"test.act": func(_ context.Context, in workflow.ActionInput) (workflow.ActionResult, error) {
		said, err := json.Marshal(in.Params)
		seen = string(said)
		return workflow.ActionResult{Output: map[string]string{"access_token": "hunter4"}}, err
	}})
	tpl := document(
		`{"id": "ask", "name": "Ask", "kind": "manual", "parameters": {"who": "$.context.password", "where": "$.context.area"},
			"form": {"type": "object", "properties": {"code": {"type": "string", "writeOnly": true}, "text": {"type": "string"}}}}`,
		`{"id": "tell", "name": "Tell", "kind": "notification", "template": "x", "depends_on": ["ask"]}`,
		`{"id": "act", "name": "Act", "kind": "automated", "action": "test.act", "depends_on": ["tell"], "when": {"path": "context.note", "op": "exists"},
			"parameters": {"a": "$.context.password", "b": "$.steps.ask.output.form.code", "c": "$.context.note"}}`,
		`{"id": "over", "name": "Over", "kind": "manual", "depends_on": ["act"], "when": {"path": "context.password", "op": "eq", "value": "x"}}`,
	)
	b.publish(t, strings.Replace(tpl, `"steps":`, `"secrets": ["$.context.note"], "steps":`, 1))
	i := b.start(t, "sample", ops.SubjectRef{}, `{"password": "hunter1", "note": "hunter2", "area": "Marina", "cards": [{"number": "hunter5"}]}`)
	tsk := b.openTask(t, i.ID)
	if tsk.Title != "Ask: Marina, ***" && tsk.Title != "Ask: Marina: ***" {
		t.Errorf("the title is %q", tsk.Title)
	}
	if _, err := b.tasks.Complete(t.Context(), tsk.ID, member(tsk.Team), task.Decision{Form: []byte(`{"code": "hunter3", "text": "shown"}`)}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	for _, secret := range []string{"hunter1", "hunter2", "hunter3"} {
		if !strings.Contains(seen, secret) {
			t.Errorf("the step sees %s", seen)
		}
	}
	i = b.instance(t, i.ID)
	tsk, err := b.store.Task(t.Context(), tsk.ID)
	if err != nil {
		t.Fatal(err)
	}
	if i.Status != ops.InstanceCompleted {
		t.Fatalf("it is %s: %+v", i.Status, i.Error)
	}
	trail, err := b.store.AuditTrail(t.Context(), ops.AuditFilter{Target: tsk.Ref()})
	if err != nil {
		t.Fatal(err)
	}
	whole := append(b.attempts(t, i.ID, "step_completed"), i.History...)
	said, err := json.Marshal([]any{i.Masked(), whole, tsk.Masked(), trail.Items, b.bus.events})
	if err != nil || strings.Contains(string(said), "hunter") {
		t.Errorf("a secret is told: %s, %v", said, err)
	}
	for _, w := range []string{`"text":"shown"`, `"area":"Marina"`, `"where":"Marina"`} {
		if !strings.Contains(string(said), w) {
			t.Errorf("there is no %s in %s", w, said)
		}
	}
}
