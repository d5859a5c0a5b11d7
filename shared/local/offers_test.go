package local_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

type offerTask struct {
	ID       string `json:"id"`
	Assignee string `json:"assignee"`
	Status   string `json:"status"`
	Step     string `json:"step"`
}

// offers lists the open offers that a vendor sees.
func (s *system) offers(vendor string) []offerTask {
	s.t.Helper()
	res := s.request(http.MethodGet, "/v1/tasks", s.tokenFor(vendor, "vendors"), nil)
	var page struct {
		Items []offerTask `json:"items"`
	}
	res.decode(s.t, &page)
	return page.Items
}

func (s *system) answerOffer(id, vendor, outcome string, want int) {
	s.t.Helper()
	res := s.request(http.MethodPost, "/v1/tasks/"+id+"/complete", s.tokenFor(vendor, "vendors"), map[string]string{"outcome": outcome})
	if res.status != want {
		s.t.Errorf("%s says %s: %d %s, want %d", vendor, outcome, res.status, res.body, want)
	}
	s.idle()
}

// gardeners adds vendors that differ only in their price: the first one is the best.
func (s *system) gardeners(ids ...string) {
	s.t.Helper()
	for n, id := range ids {
		res := s.request(http.MethodPut, "/v1/vendors/"+id, s.token, map[string]any{
			"name": id, "active": true, "verified": true, "categories": []string{"pond_care"}, "areas": []string{"Lakes"},
			"price_level": 0.6 + 0.1*float64(n), "daily_capacity": 1,
		})
		if res.status != http.StatusOK {
			s.t.Fatalf("PUT vendor: %d %s", res.status, res.body)
		}
	}
}

func pond(id string) map[string]any {
	b := booking(id)
	b["service_type"], b["location"] = "pond_care", map[string]any{"area": "Lakes"}
	return b
}

func TestOffersGoFromVendorToVendorUntilOneAcceptsOrNobodyIsLeft(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock, o.Demo = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), false
	rt := start(t, o)
	s := newSystem(t, rt)
	s.gardeners("v-1", "v-2", "v-3")

	s.put("booking_created", pond("bk-1"))
	offers := s.offers("v-1")
	if len(offers) != 1 || len(s.offers("v-2")) != 0 {
		t.Fatalf("v-1 sees %+v, v-2 %+v", offers, s.offers("v-2"))
	}
	id := offers[0].ID
	if res := s.request(http.MethodGet, "/v1/tasks/"+id, s.tokenFor("v-2", "vendors"), nil); res.status != http.StatusNotFound {
		t.Errorf("v-2 reads v-1's offer: %d", res.status)
	}
	if res := s.request(http.MethodGet, "/v1/vendors", s.tokenFor("v-1", "vendors"), nil); res.status != http.StatusForbidden {
		t.Errorf("v-1 lists vendors: %d", res.status)
	}
	s.answerOffer(id, "v-2", "accepted", http.StatusNotFound)
	s.answerOffer(id, "v-1", "declined", http.StatusOK)
	if err := rt.Clock().Advance(t.Context(), 22*time.Minute); err != nil { // v-2 lets it pass
		t.Fatal(err)
	}
	s.answerOffer(id, "v-2", "accepted", http.StatusGone)
	s.answerOffer(id, "v-3", "accepted", http.StatusOK)
	if i := s.workflow("vendor_assignment", "booking/bk-1"); i.Status != "completed" {
		t.Errorf("vendor_assignment is %s, want completed", i.Status)
	}

	s.put("booking_created", pond("bk-2")) // the same day: v-3 has its one booking
	var ranked struct {
		Items []struct {
			VendorID string `json:"vendor_id"`
			Excluded string `json:"excluded"`
		} `json:"items"`
	}
	s.get("/v1/vendors?rank_for=bk-2", &ranked)
	if n := len(ranked.Items); n != 3 || ranked.Items[2].VendorID != "v-3" || ranked.Items[2].Excluded != "has its 1 bookings of that day" {
		t.Errorf("ranked for bk-2: %+v", ranked.Items)
	}
	for _, vendor := range []string{"v-1", "v-2"} {
		s.answerOffer(s.offers(vendor)[0].ID, vendor, "declined", http.StatusOK)
	}
	if i := s.workflow("vendor_assignment", "booking/bk-2"); i.WaitingFor == nil || i.WaitingFor.Kind != "task" {
		t.Errorf("vendor_assignment waits for %+v, want the task of Operations", i.WaitingFor)
	}
	var alerts struct {
		Items []struct {
			Type  string `json:"type"`
			Count int    `json:"count"`
		} `json:"items"`
	}
	s.get("/v1/alerts?type=vendor_unavailable", &alerts)
	if len(alerts.Items) != 1 || alerts.Items[0].Count != 1 {
		t.Errorf("alerts: %+v, want one vendor_unavailable", alerts.Items)
	}
}

func TestFinishedWorkBecomesAScoreOverTheBus(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	s.gardeners("v-9")
	for n := range 6 {
		for range 2 { // each is delivered twice
			s.put("service_completed", map[string]any{
				"booking_id": fmt.Sprintf("bk-s%d", n), "vendor_id": "v-9", "completed_at": "2026-11-24T09:00:00Z",
				"promised_at": "2026-11-24T10:00:00Z", "rating": 5,
			})
		}
	}
	var score struct {
		Score        *float64 `json:"score"`
		Insufficient bool     `json:"insufficient"`
		Parts        []struct {
			Type       string `json:"type"`
			Level      string `json:"level"`
			DataPoints int    `json:"data_points"`
		} `json:"parts"`
	}
	s.get("/v1/vendors/v-9/score", &score)
	if score.Score == nil || score.Insufficient || len(score.Parts) != 8 {
		t.Fatalf("the score is %+v", score)
	}
	for _, p := range score.Parts {
		if p.Type == "punctuality" && p.DataPoints != 6 || p.Type == "quality_score" && p.Level != "insufficient" {
			t.Errorf("%+v", p)
		}
	}
}

// An answer that comes too late ends the vendor's turn, before sweep-due has seen it. That is not what the vendor asked for: sent
// again, as by a client that had no answer, the request is refused again, and nothing says that the vendor accepted.
func TestAnswerThatComesTooLateIsRefusedEachTimeThatItIsSent(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock, o.Demo = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 10, 0, time.UTC)), false
	rt := start(t, o)
	s := newSystem(t, rt)
	s.gardeners("v-1", "v-2")
	s.put("booking_created", pond("bk-1"))
	id := s.offers("v-1")[0].ID
	if err := rt.Clock().Advance(t.Context(), 20*time.Minute+5*time.Second); err != nil { // sweep-due looks at the full minute
		t.Fatal(err)
	}
	for range 2 {
		res := s.request(http.MethodPost, "/v1/tasks/"+id+"/complete", s.tokenFor("v-1", "vendors"), object{"outcome": "accepted"}, "Idempotency-Key", "one")
		if res.status != http.StatusGone {
			t.Errorf("accepted late: %d %s, want 410", res.status, res.body)
		}
	}
	if len(s.offers("v-2")) != 1 {
		t.Error("the next vendor is not asked")
	}
	var trail struct{ Items []struct{ Action string } }
	if s.get("/v1/audit?target=task/"+id, &trail); len(trail.Items) != 0 {
		t.Errorf("it is written down as %+v", trail.Items)
	}
}
