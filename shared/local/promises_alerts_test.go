package local_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"opsflow/shared/ops"
)

func TestAlertsOfAllTypesAndSeveritiesGoThroughTheirFiveStatuses(t *testing.T) {
	t.Parallel()
	s := promised(t)
	var last ops.Alert
	for n, kind := range ops.AlertTypes() {
		severity := ops.Severities()[n%len(ops.Severities())]
		body := object{"type": kind, "severity": severity, "title": "Look at this", "subject": object{"type": "booking", "id": "bk-1"}}
		s.post("/v1/alerts", body, http.StatusCreated, &last)
		s.post("/v1/alerts", body, http.StatusCreated, &last)
		if last.Count != 2 {
			t.Errorf("%s, raised twice for one cause, counts %d", kind, last.Count)
		}
	}
	if n := len(s.all("/v1/alerts")); n != len(ops.AlertTypes()) {
		t.Errorf("there are %d alerts, want one of each of %d types", n, len(ops.AlertTypes()))
	}
	ranks := []int{}
	for _, a := range s.all("/v1/alerts?status=open") {
		ranks = append(ranks, ops.Severity(fmt.Sprint(a["severity"])).Rank())
	}
	if !slices.IsSortedFunc(ranks, func(a, b int) int { return b - a }) {
		t.Errorf("the open alerts have the severities %v, want the most severe first", ranks)
	}

	at := "/v1/alerts/" + last.ID
	olivia := s.tokenFor("olivia", "operations")
	move := func(name string, want int) {
		t.Helper()
		body := any(nil)
		if name == "resolve" {
			body = object{"resolution": "done"}
		}
		s.ask(http.MethodPost, at+"/"+name, olivia, body, want, nil)
	}
	move("acknowledge", http.StatusOK)
	move("acknowledge", http.StatusConflict)
	move("start", http.StatusOK)
	move("close", http.StatusConflict)
	move("resolve", http.StatusOK)
	move("acknowledge", http.StatusConflict)
	move("close", http.StatusOK)
	s.get(at, &last)
	if last.Status != ops.AlertClosed || last.AcknowledgedBy != "olivia" || last.ResolvedBy != "olivia" || last.ResolvedAt.IsZero() {
		t.Errorf("at the end it is %+v, want closed, with who and when", last)
	}
	s.post("/v1/alerts", object{"type": "nothing", "severity": "loud", "title": "", "colour": "red"}, http.StatusUnprocessableEntity, nil)
}

func TestNotificationsGoByEmailSMSAndWebhookToTheOutbox(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.ask(http.MethodPut, "/v1/members/olivia", s.token, object{
		"name": "Olivia", "teams": []string{"Operations"}, "active": true, "email": "olivia@example.com", "phone": "+971501234567",
	}, http.StatusOK, nil)
	s.post("/v1/alerts", object{
		"type": "system_error", "severity": "critical", "title": "The lights went out", "subject": object{"type": "booking", "id": "bk-1"},
	}, http.StatusCreated, nil)
	var box struct {
		Items []struct {
			Channel string `json:"channel"`
			To      string `json:"to"`
			Title   string `json:"title"`
		} `json:"items"`
	}
	s.get("/dev/outbox", &box)
	to := map[string]string{}
	for _, m := range box.Items {
		to[m.Channel] = m.To
	}
	if to["email"] != "olivia@example.com" || to["sms"] != "+971501234567" {
		t.Errorf("the outbox has %v, want an e-mail and an SMS to Olivia", to)
	}
	if _, ok := to["webhook"]; !ok {
		t.Errorf("the outbox has %v, want the webhook, too", to)
	}
	for _, n := range s.all("/v1/notifications") {
		if n["status"] != "sent" {
			t.Errorf("notification %v is %v", n["id"], n["status"])
		}
	}
}
