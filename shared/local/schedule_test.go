package local_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestTimeBasedTemplateStartsOnceForEachSlot(t *testing.T) {
	t.Parallel()
	s := promised(t)
	weekly := func(cron string) object {
		return object{
			"name": "morning_round", "type": "quality_check", "trigger": "time_based", "team": "Quality_Assurance",
			"schedule": object{"cron": cron, "time_zone": "Asia/Dubai", "context": object{"booking_id": "bk-1"}},
			"steps":    []object{{"id": "round", "name": "Round", "kind": "automated", "action": "booking.validate"}},
		}
	}
	publish := func(version string) {
		s.post("/v1/templates/morning_round/versions/"+version+"/publish", nil, http.StatusOK, nil)
	}
	s.post("/v1/templates", weekly("0 9 ? * MON-FRI *"), http.StatusCreated, nil)
	s.advance("24h")
	if n := len(s.workflows("template=morning_round")); n != 0 {
		t.Fatalf("an unpublished version has started %d workflows", n)
	}
	publish("1") // on Wednesday at 13:00 in Dubai
	s.advance("168h")
	names := func() []string { return pick(s.all("/v1/workflows?template=morning_round&status=completed"), "name") }
	want := []string{
		"morning_round 2026-11-26T05:00:00Z", "morning_round 2026-11-27T05:00:00Z", "morning_round 2026-11-30T05:00:00Z",
		"morning_round 2026-12-01T05:00:00Z", "morning_round 2026-12-02T05:00:00Z",
	}
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("in a week it ran as %v, want %v", got, want)
	}
	s.post("/v1/templates", weekly("30 9 ? * THU *"), http.StatusCreated, nil)
	publish("2") // replaces the first
	s.advance("48h")
	if got := names(); len(got) != 6 || got[5] != "morning_round 2026-12-03T05:30:00Z" {
		t.Errorf("with the second version it ran as %v, want one more, at half past nine", got)
	}

	res := s.request(http.MethodPost, "/v1/templates", s.token, object{
		"name": "odd", "type": "quality_check", "trigger": "time_based", "team": "Operations",
		"schedule": object{"cron": "99 9 * * * *", "time_zone": "Asia/Atlantis"},
		"steps":    []object{{"id": "round", "name": "Round", "kind": "automated", "action": "booking.validate"}},
	})
	if res.status != http.StatusUnprocessableEntity || !strings.Contains(string(res.body), "$.schedule.cron") || !strings.Contains(string(res.body), "$.schedule.time_zone") {
		t.Errorf("a bad schedule: %d %s, want 422 with both faults", res.status, res.body)
	}
}
