package main

import (
	"strings"
	"testing"
)

func TestTasksAreClaimedInBulkFromTheCommandLine(t *testing.T) {
	t.Parallel()
	o := setup(t)
	_, task := o.awaitsApproval()
	claim := []string{"bulk", "run", "task.claim", "--ids", task + ",tsk-none"}
	if out := o.must(append(claim, "--preview")...); !line(out, "status", "preview") || !line(out, task, "done") || !line(out, "tsk-none", "refused", "not_found") {
		t.Errorf("the preview:\n%s", out)
	}
	var b struct{ ID, Status string }
	if o.read(&b, append(claim, "--wait")...); b.Status != "completed" {
		t.Errorf("the operation is %+v", b)
	}
	if out := o.must("bulk", "show", b.ID, "--outcome", "refused"); !line(out, "items", "1 done, 1 refused") || strings.Contains(out, task) {
		t.Errorf("what was refused:\n%s", out)
	}
	if out := o.must("find", b.ID); !line(out, "action", "task.claim") {
		t.Errorf("found:\n%s", out)
	}
	if r := o.run("bulk", "run", "task.claim", "--filter", "severity=high"); r.code != exitInvalid || !strings.Contains(r.err, "$.filter.severity") {
		t.Errorf("a filter that tasks do not have: %+v", r)
	}
	if out := o.must("bulk", "run", "task.reject", "--filter", "team=Finance;status=claimed", "--params", `{"comment":"no"}`, "--wait"); !line(out, task, "done") {
		t.Errorf("rejected by filter:\n%s", out)
	}
}
