package local_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/ops"
)

// measured is what a metric says.
type measured struct {
	Value      float64   `json:"value"`
	Level      ops.Level `json:"level"`
	DataPoints int       `json:"data_points"`
	Confidence float64   `json:"confidence"`
}

// metrics are a vendor's, by their type.
func (s *system) metrics(vendor string) map[ops.MetricType]measured {
	s.t.Helper()
	var page struct {
		Items []struct {
			Type      ops.MetricType `json:"type"`
			Method    string         `json:"calculation_method"`
			Max       float64        `json:"max_value"`
			PeriodEnd time.Time      `json:"period_end"`
			measured
		} `json:"items"`
	}
	s.get("/v1/vendors/"+vendor+"/metrics?limit=100", &page)
	all := map[ops.MetricType]measured{}
	for _, m := range page.Items {
		if _, twice := all[m.Type]; twice || m.Method == "" || m.Max != 100 || m.PeriodEnd.IsZero() {
			s.t.Errorf("%s of %s is %+v, want one of its type in this month, with its method, of 100, for a period", m.Type, vendor, m)
		}
		all[m.Type] = m.measured
	}
	return all
}

// repair is a booking for which only CoolAir comes into question, on a day of its own.
func repair(id string, day int) object {
	b := booking(id)
	b["service_type"], b["location"], b["scheduled_for"] = "ac_repair", object{"area": "Business Bay"}, fmt.Sprintf("2030-01-%02dT09:00:00Z", day)
	return b
}

// offered answers the offer of a booking after so many minutes.
func (s *system) offered(booking, vendor string, minutes int, outcome ops.Outcome) {
	s.t.Helper()
	s.advance(fmt.Sprintf("%dm", minutes))
	var offer ops.Task
	s.get("/v1/tasks/"+s.workflow("vendor_assignment", "booking/"+booking).WaitingFor.Ref, &offer)
	if offer.Assignee != vendor {
		s.t.Fatalf("%s is offered to %s, want %s", booking, offer.Assignee, vendor)
	}
	s.ask(http.MethodPost, "/v1/tasks/"+offer.ID+"/complete", s.tokenFor(vendor, "vendors"), object{"outcome": outcome}, http.StatusOK, nil)
}

func TestVendorMetricsOfEightTypesFollowFromWhatVendorsDid(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 10, 9, 0, 0, 0, time.UTC)) // so early in a month nothing has aged yet
	s := newSystem(t, start(t, o))
	const coolair = "vendor-coolair"
	twice := func(event string, detail object) {
		s.put(event, detail)
		s.put(event, detail)
	}
	for n := range 8 {
		id := fmt.Sprintf("bk-%d", n)
		twice("booking_created", repair(id, n+1))
		s.offered(id, coolair, 6, ops.OutcomeAccepted)
		done := object{
			"booking_id": id, "vendor_id": coolair, "service_type": "ac_repair", "service_value": 120, "rating": 5,
			"promised_at": "2026-11-10T09:00:00Z", "started_at": "2026-11-10T09:15:00Z", "completed_at": "2026-11-10T10:30:00Z",
		}
		if n < 2 {
			done["started_at"] = "2026-11-10T09:15:01Z"
		}
		if n == 7 {
			done["service_value"] = 360
		}
		twice("service_completed", done)
		twice("quality_score_updated", object{"event_id": "review-" + id, "vendor_id": coolair, "booking_id": id, "score": 45, "max_score": 50})
	}
	twice("customer_complaint", object{"complaint_id": "cp-1", "booking_id": "bk-7", "text": "it drips", "severity": "high"})
	twice("booking_created", repair("bk-no-time", 20))
	s.offered("bk-no-time", coolair, 6, ops.OutcomeDeclined)
	s.put("vendor_assigned", object{"booking_id": "bk-lost", "vendor_id": coolair})
	s.advance("1m")
	s.put("vendor_assigned", object{"booking_id": "bk-lost", "vendor_id": "vendor-brightspark"})

	// Each is (sum of observations + 5 x 75) / (observations + 5).
	if got, want := s.metrics(coolair), map[ops.MetricType]measured{
		ops.QualityScore:         {84.23, ops.Good, 8, .62},    // 8 x 90
		ops.ResponseTime:         {87.86, ops.Good, 9, .64},    // 9 x 95: 6 of 120 minutes
		ops.CompletionRate:       {83.93, ops.Good, 9, .64},    // 8 x 100, and one given to somebody else
		ops.CustomerSatisfaction: {84.23, ops.Good, 8, .62},    // 7 x 100, and 20 for what was complained of
		ops.Punctuality:          {75, ops.Average, 8, .62},    // 6 x 100, and two that began too late
		ops.CostEffectiveness:    {75.62, ops.Average, 8, .62}, // 8 x 76: the satisfaction by value, (7 x 120 x 100 + 360 x 20) / 1200
		ops.Availability:         {83.93, ops.Good, 9, .64},    // 8 x 100, and one refusal
		ops.ExpertiseLevel:       {44.44, ops.Poor, 8, .62},    // 8 of (8 + 10) jobs
	}; !reflect.DeepEqual(got, want) {
		for _, kind := range ops.MetricTypes() {
			if got[kind] != want[kind] {
				t.Errorf("%s is %+v, want %+v", kind, got[kind], want[kind])
			}
		}
	}

	s.put("service_completed", object{
		"booking_id": "bk-once", "vendor_id": "vendor-bluepipe", "rating": 5, "promised_at": "2026-11-10T09:00:00Z", "completed_at": "2026-11-10T08:30:00Z",
	})
	if m := s.metrics("vendor-bluepipe")[ops.CustomerSatisfaction]; m != (measured{79.17, ops.Insufficient, 1, .17}) {
		t.Errorf("after one rating the satisfaction is %+v, want insufficient data", m)
	}
	var score struct {
		Value        *float64  `json:"score"`
		Level        ops.Level `json:"level"`
		Insufficient bool      `json:"insufficient"`
	}
	if s.get("/v1/vendors/vendor-bluepipe/score", &score); score.Value != nil || !score.Insufficient || score.Level != ops.Insufficient {
		t.Errorf("after one rating the score is %+v, want none for too little data", score)
	}
	if s.get("/v1/vendors/"+coolair+"/score", &score); score.Value == nil || *score.Value != 80.73 || score.Insufficient || score.Level != ops.Good {
		t.Errorf("after eight services the score is %+v", score)
	}
}

// candidate is a vendor in a ranking.
type candidate struct {
	VendorID string             `json:"vendor_id"`
	Score    float64            `json:"score"`
	Parts    map[string]float64 `json:"parts"`
	Excluded string             `json:"excluded"`
}

func (s *system) ranked(booking string) (fit []candidate, excluded map[string]string) {
	s.t.Helper()
	var page struct {
		Items []candidate `json:"items"`
	}
	s.get("/v1/vendors?rank_for="+booking, &page)
	excluded = map[string]string{}
	for n, c := range page.Items {
		if c.Excluded == "" {
			fit = append(fit, c)
			continue
		}
		excluded[c.VendorID] = c.Excluded
		if n < len(fit) {
			s.t.Errorf("%s, who is left out, stands at %d, before %d who fit", c.VendorID, n, len(fit))
		}
	}
	return fit, excluded
}

func TestVendorAssignmentRanksOffersCascadesAndTellsWhenNobodyIsLeft(t *testing.T) {
	t.Parallel()
	s := promised(t)
	heard := s.listen("vendor_assigned")
	paint := func(id string) object {
		b := booking(id)
		b["service_type"], b["location"] = "painting", object{"area": "Downtown", "lat": 25.1972, "lng": 55.2744}
		return b
	}
	for id, change := range map[string]object{
		"vendor-asleep":    {"active": false},
		"vendor-elsewhere": {"areas": []string{"Hatta"}},
		"vendor-away":      {"blackouts": []object{{"from": "2029-12-24T00:00:00Z", "to": "2030-01-01T00:00:00Z"}}},
	} {
		v := object{"name": id, "active": true, "verified": true, "categories": []string{"painting"}, "areas": []string{"Downtown"}}
		for name, value := range change {
			v[name] = value
		}
		s.ask(http.MethodPut, "/v1/vendors/"+id, s.token, v, http.StatusOK, nil)
	}

	s.put("booking_created", paint("bk-1"))
	part := func(availability, proximity, rating, specialisation, price, response float64) map[string]float64 {
		return map[string]float64{
			"availability": availability, "proximity": proximity, "rating": rating,
			"specialisation": specialisation, "price": price, "response_time": response,
		}
	}
	fit, excluded := s.ranked("bk-1")
	if want := []candidate{ // the weights are 25, 20, 20, 15, 10, 10
		{"vendor-freshcoat", 79.42, part(25, 15.63, 17.79, 15, 3.5, 2.5), ""},
		{"vendor-allfix", 72.53, part(25, 16.48, 15.55, 3, 7.5, 5), ""},
		{"vendor-slowhand", 69.68, part(25, 15.1, 13.66, 7.5, 8, .42), ""},
	}; !reflect.DeepEqual(fit, want) {
		t.Errorf("ranked for bk-1 are %+v, want %+v", fit, want)
	}
	no := "does not perform painting"
	if want := map[string]string{
		"vendor-sparkle": no, "vendor-marina-maids": no, "vendor-bluepipe": no, "vendor-coolair": no, "vendor-brightspark": no,
		"vendor-nobugs": no, "vendor-greenleaf": no, "vendor-newcomer": "is not verified", "vendor-asleep": "is not active",
		"vendor-elsewhere": "does not work in Downtown", "vendor-away": "is away from 2029-12-24 to 2030-01-01",
	}; !maps.Equal(excluded, want) {
		t.Errorf("left out for bk-1 are %v, want %v", excluded, want)
	}

	s.offered("bk-1", "vendor-freshcoat", 0, ops.OutcomeDeclined)
	s.advance("21m") // AllFix lets its 20 minutes pass
	s.offered("bk-1", "vendor-slowhand", 0, ops.OutcomeAccepted)
	if i := s.workflow("vendor_assignment", "booking/bk-1"); i.Status != "completed" {
		t.Errorf("vendor_assignment is %s, want completed", i.Status)
	}
	told := heard()
	if len(told) != 1 {
		t.Fatalf("vendor_assigned is told %d times: %v", len(told), told)
	}
	var detail struct {
		BookingID string  `json:"booking_id"`
		VendorID  string  `json:"vendor_id"`
		Score     float64 `json:"score"`
	}
	if err := json.Unmarshal(told[0].Detail, &detail); err != nil || detail.BookingID != "bk-1" || detail.VendorID != "vendor-slowhand" || detail.Score != 69.68 {
		t.Errorf("vendor_assigned says %s, want bk-1, vendor-slowhand and its score", told[0].Detail)
	}

	s.put("booking_created", paint("bk-2")) // on the same day: how they answered counts, and what they have
	fit, _ = s.ranked("bk-2")
	if want := []candidate{
		{"vendor-freshcoat", 80.67, part(25, 15.63, 17.79, 15, 3.5, 3.75), ""},
		{"vendor-allfix", 71.7, part(25, 16.48, 15.55, 3, 7.5, 4.17), ""},
		{"vendor-slowhand", 62.93, part(16.67, 15.1, 13.66, 7.5, 8, 2), ""},
	}; !reflect.DeepEqual(fit, want) {
		t.Errorf("ranked for bk-2 are %+v, want %+v", fit, want)
	}
	s.offered("bk-2", "vendor-freshcoat", 0, ops.OutcomeAccepted)

	s.put("booking_created", paint("bk-3"))
	if _, excluded = s.ranked("bk-3"); excluded["vendor-freshcoat"] != "has its 1 bookings of that day" {
		t.Errorf("left out for bk-3 are %v, want vendor-freshcoat, whose day is full", excluded)
	}
	s.offered("bk-3", "vendor-allfix", 0, ops.OutcomeDeclined)
	offer := s.workflow("vendor_assignment", "booking/bk-3").WaitingFor.Ref
	s.advance("21m") // Slowhand lets it pass
	if got := pick(s.all("/v1/tasks?status=expired"), "id"); !slices.Equal(got, []string{offer}) {
		t.Errorf("expired are %v, want the offer of bk-3", got)
	}
	for who, group := range map[string]string{"vendor-slowhand": "vendors", "vikram": "vendor_management"} {
		s.ask(http.MethodPost, "/v1/tasks/"+offer+"/complete", s.tokenFor(who, group), object{"outcome": "accepted"}, http.StatusGone, nil)
	}
	alerts := s.all("/v1/alerts?type=vendor_unavailable")
	if len(alerts) != 1 || alerts[0]["status"] != "open" || fmt.Sprint(alerts[0]["subject"]) != "map[id:bk-3 type:booking]" {
		t.Errorf("the alerts are %v, want an open one about bk-3", alerts)
	}
	var choose ops.Task
	s.get("/v1/tasks/"+s.workflow("vendor_assignment", "booking/bk-3").WaitingFor.Ref, &choose)
	if choose.Team != ops.Operations || choose.Step != "choose" || choose.Status != ops.TaskOpen {
		t.Errorf("it waits for %+v, want the open task of Operations to choose", choose)
	}
	s.answer(choose.ID, map[string]ops.Answer{"choose": {Form: json.RawMessage(`{"vendor_id":"vendor-allfix"}`)}})
	if i := s.workflow("vendor_assignment", "booking/bk-3"); i.Status != "completed" || len(heard()) != 3 {
		t.Errorf("after the choice it is %s, and vendor_assigned was told %d times", i.Status, len(heard()))
	}
}
