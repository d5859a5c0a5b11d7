package main

import (
	"testing"

	"opsflow/shared/ops"
)

// The management command: everything that was promised of it, from a template of one's own to the state of the whole.
func TestTheManagementCommandMakesStartsListsAndTries(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.must("templates", "create", "--publish", file(t, `{"name": "greeting", "type": "customer_onboarding", "team": "Operations", "trigger": "manual", "steps": [
		{"id": "greet", "name": "Greet", "kind": "notification", "template": "customer_welcome"},
		{"id": "call", "name": "Call", "kind": "manual", "depends_on": ["greet"]}]}`))
	o.must("rules", "create", file(t, `{"name": "greet-all", "type": "trigger", "event": "booking_created", "mode": "active", "priority": 2,
		"condition": {"path": "detail.customer_id", "op": "exists"}, "actions": [{"type": "start_workflow", "template": "greeting"}]}`))
	var started ops.Instance
	o.read(&started, "workflows", "start", "greeting", "--subject", "customer/cu-1", "--wait")
	if started.Status != ops.InstanceWaitingApproval || started.Progress != 50 {
		t.Errorf("started: %s at %d %%", started.Status, started.Progress)
	}
	if out := o.must("workflows", "list", "--template", "greeting"); !line(out, started.ID, "greeting", "waiting_approval") {
		t.Errorf("the list:\n%s", out)
	}
	if out := o.must("workflows", "status", started.ID); !line(out, "greet", "notification", "completed") || !line(out, "call", "manual", "in_progress") {
		t.Errorf("the status:\n%s", out)
	}
	if out := o.must("active-summary"); !line(out, "waiting_approval", "1") || !line(out, "completed", "0") {
		t.Errorf("the summary:\n%s", out)
	}
	var tried trials
	if o.read(&tried, "test-engine", "greeting", "--advance"); len(tried.Items) != 1 || tried.Items[0].Status != ops.InstanceCompleted {
		t.Errorf("the trial: %+v", tried.Items)
	}
	if out := o.must("active-summary"); !line(out, "completed", "1") {
		t.Errorf("the summary after the trial:\n%s", out)
	}
}
