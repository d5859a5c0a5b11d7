package local_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/local"
	"opsflow/shared/ops"
)

var errDown = errors.New("the payment provider's table is gone")

// broken is a running system, one function of which fails until mend is called.
func broken(t *testing.T, function string) (rt *local.Runtime, s *system, mend func()) {
	t.Helper()
	rt = start(t, options())
	mend, err := rt.Break(function, errDown)
	if err != nil {
		t.Fatal(err)
	}
	return rt, newSystem(t, rt), mend
}

func (s *system) undelivered(query string) []ops.Undelivered {
	s.t.Helper()
	var list struct{ Items []ops.Undelivered }
	s.get("/v1/undelivered?"+query, &list)
	return list.Items
}

// lost is the one thing that could not be delivered.
func (s *system) lost() ops.Undelivered {
	s.t.Helper()
	all := s.undelivered("")
	if len(all) != 1 {
		s.t.Fatalf("%d undelivered, want one: %+v", len(all), all)
	}
	var one ops.Undelivered
	s.get("/v1/undelivered/"+all[0].ID, &one)
	return one
}

func (s *system) systemErrors() []ops.Alert {
	s.t.Helper()
	var list struct{ Items []ops.Alert }
	s.get("/v1/alerts?type=system_error", &list)
	return list.Items
}

func TestPoisonEventIsListedAndWorksOnceWhenSentAgain(t *testing.T) {
	t.Parallel()
	rt, s, mend := broken(t, "match-rules")
	sent := s.put("payment_received", payment("pay-u"))
	if all := s.undelivered(""); len(all) != 0 {
		t.Fatalf("given up at the first failure: %+v", all)
	}
	s.advance("5m") // Lambda tries again after one minute, and after two more
	u := s.lost()
	if u.Source != "opsflow-match-payments" || u.Status != ops.UndeliveredOpen || u.Tries != 3 || u.Failures != 1 ||
		!strings.Contains(u.Message, errDown.Error()) || u.EventType != "payment_received" || u.Queue != "opsflow-payments-dead-letters" ||
		!strings.Contains(string(u.Event), `"pay-u"`) {
		t.Fatalf("listed as %+v", u)
	}
	alerts := s.systemErrors()
	if len(alerts) != 1 || alerts[0].Status != ops.AlertOpen || alerts[0].Team != ops.Operations {
		t.Fatalf("alerts: %+v", alerts)
	}

	s.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusOK, nil) // it is still broken
	if got := s.lost(); got.Status != ops.UndeliveredResent || got.ResentBy != "ada" {
		t.Fatalf("after it was resent: %+v", got)
	}
	s.advance("5m")
	if got := s.lost(); got.ID != u.ID || got.Status != ops.UndeliveredOpen || got.Failures != 2 || got.Resends != 1 {
		t.Fatalf("after it failed again: %+v", got)
	}

	mend()
	s.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusOK, nil)
	s.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusOK, nil) // an impatient click
	if got := s.workflows("subject=payment/pay-u"); len(got) != 1 {
		t.Fatalf("%d workflows, want one", len(got))
	}
	if e := s.event(sent); e.Status != "valid" || len(e.Decisions) == 0 {
		t.Errorf("under the id that its sender was given the event is %+v", e)
	}
	if got := s.lost(); got.Status != ops.UndeliveredResent || got.Resends != 3 {
		t.Errorf("in the end: %+v", got)
	}
	if alerts := s.systemErrors(); len(alerts) != 1 || alerts[0].Status != ops.AlertResolved {
		t.Errorf("alerts in the end: %+v", alerts)
	}
	if n, err := rt.InQueue(t.Context(), "opsflow-payments-dead-letters"); n != 0 || err != nil {
		t.Errorf("%d messages in the queue, %v", n, err)
	}
	var trail struct{ Items []ops.AuditEntry }
	s.get("/v1/audit?target=undelivered/"+u.ID, &trail)
	if len(trail.Items) != 3 || trail.Items[0].Action != "undelivered.resend" {
		t.Errorf("audit: %+v", trail.Items)
	}
}

func TestUndeliveredRequestOfOursIsSentAgainUnderItsId(t *testing.T) {
	t.Parallel()
	_, s, mend := broken(t, "deliver-notification")
	s.put("payment_received", payment("pay-n"))
	s.advance("25h") // the payment is late: an alert and a message
	var mine []ops.Undelivered
	for _, u := range s.undelivered("status=open&limit=100") {
		if u.Source != "opsflow-deliver-notification" || u.EventSource != ops.Source {
			t.Fatalf("listed: %+v", u)
		}
		mine = append(mine, u)
	}
	if len(mine) == 0 {
		t.Fatal("no notification is missing")
	}
	if alerts := s.systemErrors(); len(alerts) != 1 {
		t.Errorf("%d alerts for %d undelivered, want one", len(alerts), len(mine))
	}
	mend()
	for range 2 {
		for _, u := range mine {
			s.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusOK, nil)
		}
	}
	var list struct{ Items []ops.Notification }
	s.get("/v1/notifications?limit=100", &list)
	sent := 0
	for _, n := range list.Items {
		if n.Status == ops.NotificationSent {
			sent++
		}
	}
	if sent < len(mine) || s.messagesOf(list.Items) > sent {
		t.Errorf("%d of %d sent, %d messages", sent, len(mine), s.messagesOf(list.Items))
	}
}

// messagesOf counts what the outbox got under the ids of notifications.
func (s *system) messagesOf(list []ops.Notification) int {
	s.t.Helper()
	var box struct{ Items []local.Message }
	s.get("/dev/outbox", &box)
	ids := map[string]bool{}
	for _, n := range list {
		ids[n.ID] = true
	}
	count := 0
	for _, m := range box.Items {
		if ids[m.ID] {
			count++
		}
	}
	return count
}

func TestDeadLettersWaitWhileNobodyCanKeepThem(t *testing.T) {
	t.Parallel()
	rt, s, mend := broken(t, "keep-undelivered")
	if err := rt.Letters(t.Context(), "opsflow-background-dead-letters", `{"left":"by hand"}`, "no JSON at all"); err != nil {
		t.Fatal(err)
	}
	s.advance("1h")
	if n, err := rt.InQueue(t.Context(), "opsflow-background-dead-letters"); n != 2 || err != nil {
		t.Fatalf("%d messages wait, want 2 (%v)", n, err)
	}
	mend()
	s.advance("5m")
	all := s.undelivered("status=open")
	if len(all) != 2 {
		t.Fatalf("listed: %+v", all)
	}
	for _, u := range all {
		s.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusConflict, nil) // nobody knows whom to send it to
		s.post("/v1/undelivered/"+u.ID+"/close", map[string]string{}, http.StatusUnprocessableEntity, nil)
		s.post("/v1/undelivered/"+u.ID+"/close", map[string]string{"reason": "a test"}, http.StatusOK, nil)
		s.post("/v1/undelivered/"+u.ID+"/close", map[string]string{"reason": "a test"}, http.StatusConflict, nil)
	}
	if alerts := s.systemErrors(); len(alerts) != 1 || alerts[0].Status != ops.AlertResolved {
		t.Errorf("alerts: %+v", alerts)
	}
}

func TestFindAnswersWhatHasAnId(t *testing.T) {
	t.Parallel()
	rt := start(t, options())
	s := newSystem(t, rt)
	if err := rt.Letters(t.Context(), "opsflow-background-dead-letters", "nothing"); err != nil {
		t.Fatal(err)
	}
	delivery := s.put("payment_received", payment("pay-f"))
	waiting := s.awaitsApproval("pay-f")
	event := s.event(delivery)
	lost := s.lost()
	for id, want := range map[string][2]string{
		waiting.ID:             {"workflow", "/v1/workflows/" + waiting.ID},
		waiting.WaitingFor.Ref: {"task", "/v1/tasks/" + waiting.WaitingFor.Ref},
		event.ID:               {"event", "/v1/events/" + event.ID},
		delivery:               {"event", "/v1/events/" + delivery},
		lost.ID:                {"undelivered", "/v1/undelivered/" + lost.ID},
		s.systemErrors()[0].ID: {"alert", "/v1/alerts/" + s.systemErrors()[0].ID},
		"payment-sla":          {"rule", "/v1/rules/payment-sla"},
		"payment_processing":   {"template", "/v1/templates/payment_processing/versions/1"},
		"pay-f":                {"payment", "/v1/events?subject=payment%2Fpay-f"},
	} {
		var found struct {
			Kind, ID, Path string
			Record         map[string]any
		}
		s.get("/v1/find/"+id, &found)
		if found.Kind != want[0] || found.ID != id || found.Path != want[1] || len(found.Record) == 0 {
			t.Errorf("find %s: %+v, want %v", id, found, want)
		}
		s.get(found.Path, new(any))
	}
	if res := s.request(http.MethodGet, "/v1/find/nobody", s.token, nil); res.status != http.StatusNotFound {
		t.Errorf("find nobody: %d %s", res.status, res.body)
	}
	finance := s.tokenFor("fay", "finance") // may not read it
	if res := s.request(http.MethodGet, "/v1/find/"+lost.ID, finance, nil); res.status != http.StatusNotFound {
		t.Errorf("find for finance: %d %s", res.status, res.body)
	}
}
