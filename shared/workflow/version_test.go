package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/workflow"
)

const (
	checkStep  = `{"id": "check", "name": "Check", "kind": "automated", "action": "test.count"}`
	brokenStep = `{"id": "pay", "name": "Pay", "kind": "automated", "depends_on": ["check"], "action": "test.break"}`
	laterStep  = `{"id": "later", "name": "Later", "kind": "manual", "depends_on": ["pay"]}`
)

// failedOnVersionOne gives an instance whose second step has failed on version 1, and how often its first was done.
func failedOnVersionOne(t *testing.T) (*bundle, *ops.Instance, *int) {
	t.Helper()
	counted := new(int)
	b := setup(t, map[string]workflow.Action{
		"test.count": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
			*counted++
			return workflow.ActionResult{Output: map[string]int{"n": *counted}}, nil
		},
		"test.break": func(context.Context, workflow.ActionInput) (workflow.ActionResult, error) {
			return workflow.ActionResult{}, errors.New("out of order")
		},
	})
	b.publish(t, document(checkStep, brokenStep, laterStep))
	i := b.start(t, "sample", ops.SubjectRef{}, `{}`)
	if i.Status != ops.InstanceFailed {
		t.Fatalf("it is %s", i.Status)
	}
	return b, i, counted
}

func TestAFailedWorkflowGoesOnWithANewerVersion(t *testing.T) {
	t.Parallel()
	b, i, counted := failedOnVersionOne(t)
	b.publish(t, document(checkStep,
		`{"id": "look", "name": "Look", "kind": "manual", "depends_on": ["check"]}`,
		`{"id": "pay", "name": "Pay at last", "kind": "automated", "depends_on": ["look"], "action": "test.count"}`))
	if _, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{Version: 2, Reason: "mended"}); err != nil {
		t.Fatal(err)
	}
	b.machine.run(t.Context())
	b.complete(t, i.ID, "", "")
	i = b.instance(t, i.ID)
	var steps []string
	for _, rec := range i.Steps {
		steps = append(steps, rec.ID+" "+string(rec.Status))
	}
	if i.Status != ops.InstanceCompleted || i.TemplateVersion != 2 || i.StateMachine != machinePrefix+"sample-v2" ||
		!slices.Equal(steps, []string{"check completed", "look completed", "pay completed"}) || *counted != 2 {
		t.Errorf("it is %s on version %d (%s) with steps %q; counted %d", i.Status, i.TemplateVersion, i.StateMachine, steps, *counted)
	}
	at := slices.IndexFunc(i.History, func(h ops.HistoryEntry) bool { return h.What == "retried" })
	var said struct {
		From int `json:"from_version"`
		To   int `json:"to_version"`
	}
	if err := json.Unmarshal(i.History[at].Detail, &said); err != nil || said.From != 1 || said.To != 2 {
		t.Errorf("the history says %s, %v", i.History[at].Detail, err)
	}
	last, err := b.store.LastAudit(t.Context(), i.Ref())
	if err != nil || !strings.Contains(string(last.After), `"template_version":2`) {
		t.Errorf("the audit: %+v, %v", last, err)
	}
}

func TestAVersionThatWouldLoseWhatWasDoneIsRefused(t *testing.T) {
	t.Parallel()
	b, i, _ := failedOnVersionOne(t)
	b.publish(t, document(`{"id": "check", "name": "Check", "kind": "manual"}`)) // another kind, and no step pay
	if _, err := b.CreateTemplate(t.Context(), []byte(document(checkStep, brokenStep)), admin); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		version int
		faults  []string
	}{
		"other steps":     {2, []string{"step check is of kind automated", "has step pay: it is failed"}},
		"a draft":         {3, []string{"published"}},
		"none that is":    {7, []string{"a version that there is"}},
		"below the first": {-1, []string{"1, on which it ran, or newer"}},
	} {
		_, err := b.Retry(t.Context(), i.ID, admin, workflow.Retry{Version: c.version})
		invalid, ok := errors.AsType[*ops.Error](err)
		if !ok || invalid.Code != ops.CodeInvalid || len(invalid.Faults) != len(c.faults) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for n, f := range invalid.Faults {
			if f.Path != "$.version" || !strings.Contains(f.Expected, c.faults[n]) {
				t.Errorf("%s: fault %+v, want %q", name, f, c.faults[n])
			}
		}
	}
	if now := b.instance(t, i.ID); now.Status != ops.InstanceFailed || now.TemplateVersion != 1 || now.V != i.V {
		t.Errorf("it was changed: %+v", now)
	}
}
