package main

import (
	"strings"
	"testing"

	"opsflow/shared/ops"
)

type trials struct {
	Items []trial `json:"items"`
}

func TestEveryTemplateCanBeTriedAndRunsToItsEnd(t *testing.T) {
	t.Parallel()
	o := setup(t)
	var got trials
	o.read(&got, "test-engine", "--advance")
	types := map[ops.WorkflowType]bool{}
	for _, r := range got.Items {
		types[r.Type] = true
		if r.Status != ops.InstanceCompleted || r.Progress != 100 || r.Error != "" || r.Waits != "" {
			t.Errorf("%s: %+v, want it completed", r.Template, r)
		}
	}
	if len(got.Items) != 10 || len(types) != len(ops.WorkflowTypes()) {
		t.Errorf("%d templates of %d types were tried, want 10 of %d", len(got.Items), len(types), len(ops.WorkflowTypes()))
	}
}

func TestTrialSaysWhatATemplateWaitsForAndWhatFailed(t *testing.T) {
	t.Parallel()
	o := setup(t)
	var got trials
	if o.read(&got, "test-engine", "customer_onboarding"); len(got.Items) != 1 || !strings.HasPrefix(got.Items[0].Waits, "timer until 20") {
		t.Errorf("it waits for three days, the trial says %+v", got.Items)
	}

	broken := file(t, `{"name":"broken","type":"quality_check","trigger":"manual","team":"Operations",
		"steps":[{"id":"score","name":"Score","kind":"automated","action":"quality.score"}]}`)
	o.must("templates", "create", broken)
	if r := o.run("test-engine", "broken"); r.code != exitNotFound {
		t.Errorf("an unpublished template: exit code %d, want %d", r.code, exitNotFound)
	}
	o.must("templates", "create", broken, "--publish")
	r := o.run("test-engine", "broken")
	if r.code != exitFailed || !line(r.out, "broken@2", "failed") || !strings.Contains(r.err, "1 of 1 templates") {
		t.Errorf("a template that fails: %+v, want exit code %d", r, exitFailed)
	}
}
