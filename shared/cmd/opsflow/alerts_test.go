package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

// The whole way of a failed workflow's alert on a running system: it is announced to its team, taken care of and resolved
// from the command line, and written down.
func TestAlertIsAcknowledgedAndResolvedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	o := setup(t)
	_, task := o.awaitsApproval()
	o.must("tasks", "reject", task, "--comment", "no such payment")
	o.idle()

	var open struct {
		Items []ops.Alert `json:"items"`
	}
	o.read(&open, "alerts", "list", "--status", "open", "--type", "workflow_failed", "--subject", "payment/pay-1", "--severity", "high")
	if len(open.Items) != 1 || open.Items[0].Team != ops.Finance || open.Items[0].LadderStep != 1 {
		t.Fatalf("the open alerts are %+v, want one, that Finance was told of", open.Items)
	}
	id := open.Items[0].ID
	var box struct {
		Items []struct {
			Body struct {
				Template string        `json:"template"`
				To       ops.Recipient `json:"to"`
				Title    string        `json:"title"`
			} `json:"body"`
		} `json:"items"`
	}
	o.get("/dev/outbox", &box)
	told := 0
	for _, m := range box.Items {
		if m.Body.Template == "alert_raised" && m.Body.To.Team == ops.Finance && strings.Contains(m.Body.Title, "[high] Workflow payment_processing failed") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("Finance has %d messages of it, want 1: %+v", told, box.Items)
	}

	if out := o.must("alerts", "ack", id); !line(out, "status", "acknowledged") || !line(out, "acknowledged by", "admin") {
		t.Errorf("the acknowledged alert:\n%s", out)
	}
	if r := o.run("alerts", "ack", id); r.code != exitConflict || !strings.Contains(r.err, "is acknowledged") {
		t.Errorf("acknowledged again: %+v, want exit code %d", r, exitConflict)
	}
	if out := o.must("alerts", "start", id); !line(out, "status", "in_progress") {
		t.Errorf("the started alert:\n%s", out)
	}
	if r := o.run("alerts", "resolve", id, "--resolution", "asked the bank"); r.code != exitInvalid || !strings.Contains(r.err, "is still failed") {
		t.Errorf("resolved although the workflow is failed: %+v, want exit code %d", r, exitInvalid)
	}
	out := o.must("alerts", "resolve", id, "--resolution", "asked the bank", "--reason", "it is never to be paid")
	if !line(out, "status", "resolved") || !line(out, "reason", "never to be paid") {
		t.Errorf("the resolved alert:\n%s", out)
	}
	if r := o.run("alerts", "ack", "alr-none"); r.code != exitNotFound {
		t.Errorf("an alert that is not there: exit code %d, want %d", r.code, exitNotFound)
	}
	var audit struct {
		Items []ops.AuditEntry `json:"items"`
		Chain struct {
			Verified bool `json:"verified"`
		} `json:"chain"`
	}
	o.get("/v1/audit?target=alert/"+id, &audit)
	if len(audit.Items) != 3 || audit.Items[2].Action != "alert.resolve" || audit.Items[2].Reason == "" || !audit.Chain.Verified {
		t.Errorf("the audit trail is %+v", audit)
	}

	o.must("alerts", "reopen", id, "--reason", "it is to be paid after all")
	if out := o.must("alerts", "show", id); !line(out, "id", id) || !line(out, "status", "open") {
		t.Errorf("the alert that was opened again:\n%s", out)
	}
	o.must("alerts", "resolve", id, "--resolution", "paid by hand", "--reason", "it is to stay failed")
	if out := o.must("alerts", "close", id); !line(out, "status", "closed") {
		t.Errorf("the closed alert:\n%s", out)
	}
}

// get reads something that no command shows.
func (o *operator) get(path string, v any) {
	o.t.Helper()
	fetch := func(path, token string, v any) {
		o.t.Helper()
		req, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.rt.APIURL()+path, nil)
		if err != nil {
			o.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			o.t.Fatal(err)
		}
		defer res.Body.Close() //nolint:errcheck // what was read of it stays read
		if err := json.NewDecoder(res.Body).Decode(v); err != nil || res.StatusCode != http.StatusOK {
			o.t.Fatalf("GET %s: %s, %v", path, res.Status, err)
		}
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	fetch("/dev/token?user=ada&groups=admin", "", &token)
	fetch(path, token.AccessToken, v)
}
