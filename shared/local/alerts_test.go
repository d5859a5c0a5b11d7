package local_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

// An alert that a person raises climbs to the admins on the running system, by the minute's sweep alone; acknowledged, it
// stays where it is until the acknowledgement lapses.
func TestAnUnattendedAlertClimbsToTheAdmins(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	told := func() (teams []string) {
		t.Helper()
		var box struct {
			Items []struct {
				Body struct {
					Template string `json:"template"`
					To       struct {
						Team string `json:"team"`
					} `json:"to"`
				} `json:"body"`
			} `json:"items"`
		}
		s.idle()
		s.get("/dev/outbox", &box)
		for i := len(box.Items) - 1; i >= 0; i-- {
			teams = append(teams, box.Items[i].Body.To.Team+" "+box.Items[i].Body.Template)
		}
		return teams
	}
	expect := func(when string, want ...string) {
		t.Helper()
		if got := told(); strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Fatalf("%s it was told to %v, want %v", when, got, want)
		}
	}
	const body = `{"type":"vendor_unavailable","severity":"critical","title":"Nobody comes","subject":{"type":"booking","id":"bk-1"}}`
	var alert struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Count  int    `json:"count"`
	}
	vera := s.tokenFor("vera", "vendor_management")
	for n := 1; n <= 2; n++ {
		res := s.request(http.MethodPost, "/v1/alerts", vera, body)
		if res.decode(t, &alert); res.status != http.StatusCreated || alert.Count != n {
			t.Fatalf("raised the %d. time: %d %s", n, res.status, res.body)
		}
	}
	const raised, unattended = "Vendor_Management alert_raised", "Vendor_Management alert_unattended"
	expect("at once", raised)
	s.advance("16m")
	expect("after a quarter of an hour", raised, unattended)
	s.advance("16m")
	expect("after half an hour", raised, unattended, "Admin alert_unattended")
	s.advance("24h")
	expect("after a day", raised, unattended, "Admin alert_unattended")

	if res := s.request(http.MethodPost, "/v1/alerts/"+alert.ID+"/acknowledge", s.tokenFor("vera", "vendor_management"), nil); res.status != http.StatusOK {
		t.Fatalf("acknowledge: %d %s", res.status, res.body)
	}
	s.advance("2h1m")
	expect("when the acknowledgement lapsed", raised, unattended, "Admin alert_unattended", raised)
	s.get("/v1/alerts/"+alert.ID, &alert)
	if alert.Status != "open" {
		t.Errorf("then it is %s, want open", alert.Status)
	}
	var page struct {
		Items []struct {
			Action string `json:"action"`
		} `json:"items"`
		Chain struct {
			Verified bool `json:"verified"`
		} `json:"chain"`
	}
	s.get("/v1/audit?target=alert/"+alert.ID, &page)
	if len(page.Items) != 3 || page.Items[2].Action != "alert.acknowledge" || !page.Chain.Verified {
		t.Errorf("the audit trail is %+v", page)
	}
}
