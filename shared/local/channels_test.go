package local_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

// message is the one message about a subject.
func (s *system) message(subject string) (n ops.Notification) {
	s.t.Helper()
	all := s.pages("/v1/notifications?subject="+subject, 100)
	if len(all) != 1 {
		s.t.Fatalf("%d messages about %s, want one", len(all), subject)
	}
	s.get(fmt.Sprintf("/v1/notifications/%v", all[0]["id"]), &n)
	return n
}

func TestWhatAChannelThatIsDownDidNotTakeIsListedAndSentAgainOnce(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"notifications", "undelivered"} {
		for _, channel := range []string{"email", "sms", "webhook"} {
			t.Run(way+" "+channel, func(t *testing.T) {
				t.Parallel()
				s := promised(t)
				s.ask(http.MethodPut, "/v1/members/fay", s.token, object{
					"name": "Fay", "teams": []string{"Finance"}, "active": true, "email": "fay@opsflow.example", "phone": "+971501234567",
				}, http.StatusOK, nil)
				s.ask(http.MethodPut, "/dev/outbox", "", object{"down": []string{channel}}, http.StatusNoContent, nil)
				var alert ops.Alert
				s.post("/v1/alerts", object{
					"type": "sla_violation", "severity": "critical", "title": "The bank is closed", "subject": object{"type": "payment", "id": "pay-1"},
				}, http.StatusCreated, &alert)
				s.post("/v1/alerts/"+alert.ID+"/acknowledge", nil, http.StatusOK, nil) // or more people would be told
				s.advance("5m")                                                        // Lambda has tried three times
				failed := func(when string) {
					t.Helper()
					n := s.message("payment/pay-1")
					if n.Status != ops.NotificationFailed || !strings.Contains(n.Error, "is down") {
						t.Errorf("%s the message is %s: %s; want failed, with the reason", when, n.Status, n.Error)
					}
					for _, d := range n.Deliveries {
						if (d.Status == ops.DeliverySent) != (d.Channel != channel) {
							t.Errorf("%s by %s it is %s: %s", when, d.Channel, d.Status, d.Error)
						}
					}
				}
				failed("at first")
				lost := s.lostOf("payment/pay-1")
				if lost.Status != ops.UndeliveredOpen || !strings.Contains(lost.Message, "is down") {
					t.Errorf("undelivered is %+v, want it open, with the reason", lost)
				}
				path := map[string]string{"notifications": s.message("payment/pay-1").ID, "undelivered": lost.ID}[way] + "/resend"
				s.post("/v1/"+way+"/"+path, nil, http.StatusOK, nil)
				s.advance("5m")
				failed("while it is still down")

				s.ask(http.MethodPut, "/dev/outbox", "", object{"down": []string{}}, http.StatusNoContent, nil)
				s.post("/v1/"+way+"/"+path, nil, http.StatusOK, nil)
				if n := s.message("payment/pay-1"); n.Status != ops.NotificationSent {
					t.Errorf("sent again the message is %s: %s", n.Status, n.Error)
				}
				for _, u := range s.undelivered("status=open&limit=100") { // which sends nothing a second time
					s.post("/v1/undelivered/"+u.ID+"/resend", nil, http.StatusOK, nil)
				}
				s.advance("5m")
				took := map[string]int{}
				for _, m := range s.outbox() {
					if strings.Contains(m.Title+m.Text, "The bank is closed") {
						took[m.Channel]++
					}
				}
				if !maps.Equal(took, map[string]int{"email": 1, "sms": 1, "webhook": 1}) {
					t.Errorf("the channels took it %v times, want once each", took)
				}
				if open := s.undelivered("status=open"); len(open) != 0 {
					t.Errorf("in the end %d are undelivered", len(open))
				}
				if alerts := s.systemErrors(); len(alerts) != 1 || alerts[0].Status != ops.AlertResolved {
					t.Errorf("in the end the alerts are %+v, want the one, resolved", alerts)
				}
			})
		}
	}
}

// lostOf is the request for the message about a subject, as it could not be delivered.
func (s *system) lostOf(subject string) (u ops.Undelivered) {
	s.t.Helper()
	for _, lost := range s.undelivered("limit=100") {
		s.get("/v1/undelivered/"+lost.ID, &u)
		if strings.Contains(u.Message, s.message(subject).ID) {
			return u
		}
	}
	s.t.Fatalf("no message about %s is undelivered", subject)
	return u
}

func TestOnlyChannelsThatThereAreCanBeDown(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.ask(http.MethodPut, "/dev/outbox", "", object{"down": []string{"pigeon"}}, http.StatusUnprocessableEntity, nil)
	s.ask(http.MethodPut, "/dev/outbox", "", object{"up": []string{"email"}}, http.StatusUnprocessableEntity, nil)
	s.ask(http.MethodPut, "/dev/outbox", "", object{"down": []string{"sms"}}, http.StatusNoContent, nil)
	var box struct {
		Down []string `json:"down"`
	}
	if s.get("/dev/outbox", &box); !slices.Equal(box.Down, []string{"sms"}) {
		t.Errorf("down are %v", box.Down)
	}
}
