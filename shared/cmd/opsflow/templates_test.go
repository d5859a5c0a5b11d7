package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

const refund = `{"name": "deposit_refund", "type": "payment_processing", "team": "Finance", "trigger": "manual", "priority": 5, "steps": [
	{"id": "approve", "name": "Approve the refund", "kind": "approval", "role": "Finance", "due": "8bh"},
	{"id": "tell", "name": "Tell the customer", "kind": "notification", "depends_on": ["approve"], "template": "survey_request", "to": {"role": "customer"}}]}`

// broken has seven faults.
const broken = `{"name": "deposit_refund", "type": "nothing", "team": "Finance", "trigger": "manual", "priority": 50, "steps": [
	{"id": "check", "name": "Check", "kind": "automated", "action": "no.such.action", "estimated": 5, "depend_on": ["approve"], "due": "soon"},
	{"id": "approve", "name": "Approve", "kind": "approval", "role": "Finance", "depends_on": ["nowhere"]}]}`

var brokenFaults = []string{
	"$.steps[0].depend_on: unknown field; did you mean depends_on?", "$.steps[0].estimated: unknown field", "$.steps[0].due: expected a duration",
	"$.type: expected", "$.priority: expected", "$.steps[0].action: expected", "$.steps[1].depends_on[0]: expected",
}

func TestTemplateIsCreatedPublishedAndStarted(t *testing.T) {
	t.Parallel()
	o := setup(t)
	path := file(t, refund)
	if out := o.must("templates", "create", path); !line(out, "state", "draft") {
		t.Errorf("the new template:\n%s", out)
	}
	if r := o.run("workflows", "start", "deposit_refund"); r.code != exitNotFound {
		t.Errorf("start of a draft: %+v, want exit code %d", r, exitNotFound)
	}
	if out := o.must("templates", "create", path, "--publish"); !line(out, "state", "published") || !line(out, "version", "2") {
		t.Errorf("the published template:\n%s", out)
	}
	if out := o.must("templates", "list", "--limit", "100"); !line(out, "deposit_refund", "1", "draft") || !line(out, "deposit_refund", "2", "published") {
		t.Errorf("the templates:\n%s", out)
	}
	if r := o.run("workflows", "start", "deposit_refund", "--wait"); r.code != 0 || !line(r.out, "status", "waiting_approval") {
		t.Errorf("start: %+v", r)
	}
}

func TestAVersionIsTriedActivatedAndWithdrawn(t *testing.T) {
	t.Parallel()
	o := setup(t)
	path := file(t, refund)
	o.must("templates", "create", path, "--publish")
	o.must("templates", "create", path)
	if out := o.must("templates", "publish", "deposit_refund", "2", "--try"); !line(out, "state", "inactive") {
		t.Errorf("the version to try:\n%s", out)
	}
	starts := func(want string, more ...string) {
		t.Helper()
		if out := o.must(append([]string{"workflows", "start", "deposit_refund"}, more...)...); !line(out, "template", "deposit_refund@"+want) {
			t.Errorf("%v starts, want version %s:\n%s", more, want, out)
		}
	}
	starts("1")
	starts("2", "--version", "2")
	o.must("templates", "activate", "deposit_refund", "2")
	starts("2")
	if out := o.must("templates", "deactivate", "deposit_refund", "2", "--reason", "it asks too much"); !line(out, "state", "inactive") {
		t.Errorf("the version that was withdrawn:\n%s", out)
	}
	starts("1")
	if r := o.run("templates", "deactivate", "payment_processing", "1"); r.code != exitConflict {
		t.Errorf("withdrawing a built-in version: %+v", r)
	}
}

func TestInvalidTemplateIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()
	o := setup(t)
	path := file(t, broken)
	before := o.must("templates", "list", "--limit", "100")
	for _, command := range []string{"create", "validate", "compile"} {
		r := o.run("templates", command, path)
		if r.code != exitInvalid || r.out != "" {
			t.Errorf("%s: exit code %d and output %q, want %d and none", command, r.code, r.out, exitInvalid)
		}
		for _, fault := range brokenFaults {
			if !line(r.err, fault) {
				t.Errorf("%s does not tell %q:\n%s", command, fault, r.err)
			}
		}
		if n := strings.Count(r.err, "\n"); n != 1+len(brokenFaults) {
			t.Errorf("%s prints %d lines, want one and one for each of %d faults:\n%s", command, n, len(brokenFaults), r.err)
		}
	}
	if after := o.must("templates", "list", "--limit", "100"); after != before {
		t.Errorf("something was stored:\n%s", after)
	}
}

func TestValidateAndCompileNeedNoAPI(t *testing.T) {
	t.Parallel()
	path := file(t, refund)
	nowhere := []string{"--api", "http://127.0.0.1:1", "templates"}
	if r := typed(t.Context(), "", append(nowhere, "validate", path)...); r.code != 0 || !line(r.out, "is valid", "deposit_refund", "2 steps") {
		t.Errorf("validate: %+v", r)
	}
	odd := strings.Replace(refund, "survey_request", "survey_requst", 1)
	if r := typed(t.Context(), odd, append(nowhere, "validate", "-")...); r.code != 0 || !line(r.out, "states per run", "2") ||
		!line(r.out, "warning", "$.steps[1].template", "did you mean survey_request?") {
		t.Errorf("validate of an odd one: %+v", r)
	}
	r := typed(t.Context(), refund, append(nowhere, "compile", "-")...)
	var machine struct {
		States map[string]struct{ Type string }
	}
	if err := json.Unmarshal([]byte(r.out), &machine); r.code != 0 || err != nil || machine.States["Approve the refund"].Type != "Task" {
		t.Errorf("compile: %+v, %v; want a state machine that waits for the approval", r, err)
	}

	for text, valid := range map[string]bool{refund: true, broken: false} {
		r := typed(t.Context(), text, append(nowhere, "validate", "-", "--json")...)
		var verdict struct {
			Valid  bool `json:"valid"`
			Errors []struct {
				Path     string `json:"path"`
				Expected string `json:"expected"`
			} `json:"errors"`
		}
		if err := json.Unmarshal([]byte(r.out), &verdict); err != nil || verdict.Valid != valid || (len(verdict.Errors) == 0) != valid {
			t.Errorf("validate --json: %+v, %v; want valid %v", r, err, valid)
		}
		if want := map[bool]int{true: 0, false: exitInvalid}[valid]; r.code != want {
			t.Errorf("validate --json: exit code %d, want %d", r.code, want)
		}
	}
}

func TestMissingFileIsOneLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nothing.json")
	r := typed(t.Context(), "", "templates", "validate", path)
	if r.code != exitFailed || !strings.Contains(r.err, path) || strings.Count(r.err, "\n") != 1 {
		t.Errorf("%+v, want exit code 1 and one line that names the file", r)
	}
}
