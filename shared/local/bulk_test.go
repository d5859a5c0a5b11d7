package local_test

import (
	"fmt"
	"net/http"
	"testing"

	"opsflow/shared/ops"
)

type bulkOperation struct {
	ID     string         `json:"id"`
	Status string         `json:"status"`
	Total  int            `json:"total"`
	Counts ops.BulkCounts `json:"counts"`
	Items  []ops.BulkItem `json:"items"`
}

func (s *system) bulk(want int, body map[string]any) bulkOperation {
	s.t.Helper()
	res := s.request(http.MethodPost, "/v1/bulk", s.token, body)
	if res.status != want {
		s.t.Fatalf("POST /v1/bulk: %d %s, want %d", res.status, res.body, want)
	}
	var b bulkOperation
	res.decode(s.t, &b)
	if want != http.StatusAccepted {
		return b
	}
	s.idle()
	s.get("/v1/bulk/"+b.ID, &b)
	return b
}

func (s *system) alertStatus(id string) string {
	s.t.Helper()
	var a struct {
		Status string `json:"status"`
	}
	s.get("/v1/alerts/"+id, &a)
	return a.Status
}

// alerting is a system with three open alerts.
func alerting(t *testing.T) (s *system, ids []string) {
	t.Helper()
	s = newSystem(t, start(t, options()))
	for i := range 3 {
		res := s.request(http.MethodPost, "/v1/alerts", s.token, map[string]any{
			"type": "system_error", "severity": "high", "title": "The printer is on fire",
			"subject": map[string]any{"type": "printer", "id": fmt.Sprint("pr-", i)},
		})
		if res.status != http.StatusCreated {
			t.Fatalf("POST /v1/alerts: %d %s", res.status, res.body)
		}
		var a struct {
			ID string `json:"id"`
		}
		res.decode(t, &a)
		ids = append(ids, a.ID)
	}
	return s, ids
}

func TestBulkResolveOfAlertsWithOneRefusedGivesOneOutcomePerItem(t *testing.T) {
	t.Parallel()
	s, ids := alerting(t)
	params := map[string]any{"resolution": "called the fire brigade"}
	first := s.bulk(http.StatusAccepted, map[string]any{"action": "alert.resolve", "ids": ids[1:2], "params": params})
	if first.Status != "completed" || first.Counts.Done != 1 || s.alertStatus(ids[1]) != "resolved" {
		t.Fatalf("the first operation is %+v", first)
	}

	preview := s.bulk(http.StatusOK, map[string]any{"action": "alert.resolve", "ids": ids, "params": params, "preview": true})
	if preview.ID != "" || preview.Counts != (ops.BulkCounts{Done: 2, Refused: 1}) {
		t.Errorf("the preview is %+v", preview)
	}
	if a, b := s.alertStatus(ids[0]), s.alertStatus(ids[2]); a != "open" || b != "open" {
		t.Fatalf("after the preview the alerts are %s and %s", a, b)
	}

	all := s.bulk(http.StatusAccepted, map[string]any{"action": "alert.resolve", "ids": ids, "params": params})
	if all.Status != "completed" || all.Total != 3 || all.Counts != (ops.BulkCounts{Done: 2, Refused: 1}) {
		t.Fatalf("the operation is %+v", all)
	}
	for i, item := range all.Items {
		want := ops.BulkDone
		if i == 1 {
			want = ops.BulkRefused
		}
		if item.ID != ids[i] || item.Outcome != want || (i == 1) != (item.Code == ops.CodeIllegalMove && item.Reason != "") {
			t.Errorf("item %d is %+v, want %s", i, item, want)
		}
		if got := s.alertStatus(item.ID); got != "resolved" {
			t.Errorf("alert %s is %s", item.ID, got)
		}
	}

	// Step Functions may deliver a chunk again at any later time.
	again := s.invoke("opsflow-process-bulk", fmt.Sprintf(`{"bulk":%q,"chunk":0}`, all.ID))
	if again.status != http.StatusOK {
		t.Errorf("the chunk again: %d %s", again.status, again.body)
	}
	var after bulkOperation
	if s.get("/v1/bulk/"+all.ID, &after); fmt.Sprint(after) != fmt.Sprint(all) {
		t.Errorf("after the chunk was delivered again: %+v, want %+v", after, all)
	}
}

// invoke calls a function as any client of Lambda's API does.
func (s *system) invoke(function, payload string) response {
	s.t.Helper()
	aws := *s
	aws.apiURL = s.awsURL
	return aws.request(http.MethodPost, "/2015-03-31/functions/"+function+"/invocations", "", payload)
}

func TestBulkActsAsWhoAskedForIt(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	s.put("payment_received", payment("pay-bulk"))
	task := s.awaitsApproval("pay-bulk").WaitingFor.Ref
	admin := s.token
	s.token = s.tokenFor("oscar", "operations")
	b := s.bulk(http.StatusAccepted, map[string]any{"action": "task.complete", "ids": []string{task}, "params": map[string]any{"outcome": "approved"}})
	if b.Counts.Refused != 1 || b.Items[0].Code != ops.CodeForbidden {
		t.Errorf("approved by Operations: %+v, want it refused", b)
	}
	s.token = s.tokenFor("fiona", "finance")
	b = s.bulk(http.StatusAccepted, map[string]any{
		"action": "task.complete", "filter": map[string]any{"team": "Finance"}, "params": map[string]any{"outcome": "approved"},
	})
	if b.Counts != (ops.BulkCounts{Done: 1}) || b.Items[0].ID != task {
		t.Errorf("approved by Finance: %+v, want it done", b)
	}
	s.token = admin
	if i := s.workflow("payment_processing", "payment/pay-bulk"); i.Status != "completed" {
		t.Errorf("after the approval the workflow is %s", i.Status)
	}
}

func TestBulkCancelOfWorkflowsIsPreviewedWithoutATrace(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	s.put("payment_received", payment("pay-a"))
	s.put("payment_received", payment("pay-b"))
	body := map[string]any{"action": "workflow.cancel", "filter": map[string]any{"template": "payment_processing"}, "params": map[string]any{"reason": "a test"}}
	body["preview"] = true
	if p := s.bulk(http.StatusOK, body); p.Counts != (ops.BulkCounts{Done: 2}) {
		t.Errorf("the preview is %+v", p)
	}
	s.idle()
	s.awaitsApproval("pay-a")
	s.awaitsApproval("pay-b")
	delete(body, "preview")
	if b := s.bulk(http.StatusAccepted, body); b.Counts != (ops.BulkCounts{Done: 2}) {
		t.Errorf("the operation is %+v", b)
	}
	if b := s.bulk(http.StatusAccepted, body); b.Counts != (ops.BulkCounts{Refused: 2}) || b.Items[0].Code != ops.CodeIllegalMove {
		t.Errorf("the operation again is %+v", b)
	}
	for _, id := range []string{"pay-a", "pay-b"} {
		if i := s.workflow("payment_processing", "payment/"+id); i.Status != "cancelled" {
			t.Errorf("the workflow of %s is %s", id, i.Status)
		}
	}
}
