package vendor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/store/storetest"
	"opsflow/shared/vendor"
)

var now = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

type fixedClock struct{ ops.Clock }

func (fixedClock) Now() time.Time { return now }

func scorer(t *testing.T) *vendor.Scorer {
	t.Helper()
	s := storetest.InMemory(t, fixedClock{}.Now)
	return &vendor.Scorer{Store: s, Clock: fixedClock{}, Random: rand.NewChaCha8([32]byte{2}), Logger: slog.New(slog.DiscardHandler), Bus: silent{}}
}

// silent is a bus that nobody listens to.
type silent struct{ ops.Bus }

func (silent) Put(_ context.Context, _ ...ops.OutEvent) error { return nil }

func happened(id string, t ops.EventType, daysAgo int, detail string) ops.Envelope {
	return ops.Envelope{ID: id, DetailType: string(t), Time: now.AddDate(0, 0, -daysAgo), Detail: json.RawMessage(detail)}
}

func score(t *testing.T, s *vendor.Scorer, vendorID string) vendor.Score {
	t.Helper()
	tally, err := s.Store.Tally(t.Context(), vendorID)
	if err != nil {
		t.Fatal(err)
	}
	return vendor.ScoreOf(tally, now)
}

func handle(t *testing.T, s *vendor.Scorer, events ...ops.Envelope) {
	t.Helper()
	for _, e := range events {
		if err := s.HandleEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

// life is what may happen to some bookings of two vendors, corrections and handovers included.
func life(random *rand.Rand) []ops.Envelope {
	var events []ops.Envelope
	for n := range 6 {
		b, v := fmt.Sprintf("bk-%d", n), fmt.Sprintf("v-%d", random.IntN(2))
		day := random.IntN(300)
		events = append(
			events,
			happened("", ops.VendorAssigned, day+2, fmt.Sprintf(`{"booking_id":%q,"vendor_id":"v-0"}`, b)),
			happened("", ops.VendorAssigned, day+1, fmt.Sprintf(`{"booking_id":%q,"vendor_id":%q}`, b, v)),
			happened("", ops.CustomerComplaint, day, fmt.Sprintf(`{"booking_id":%q,"complaint_id":"c-%d","text":"x","severity":"high"}`, b, n)),
		)
		for fix := range 1 + random.IntN(2) { // the second one corrects the first
			done := now.AddDate(0, 0, -day).Add(time.Duration(fix) * time.Hour)
			events = append(events, happened("", ops.ServiceCompleted, day-fix, fmt.Sprintf(
				`{"booking_id":%q,"vendor_id":%q,"completed_at":%q,"promised_at":%q,"rating":%d,"service_value":%d}`,
				b, v, done.Format(time.RFC3339), now.AddDate(0, 0, -day).Format(time.RFC3339), 1+random.IntN(5), 50+random.IntN(500))))
		}
		events = append(events, happened(fmt.Sprintf("eb-%d", n), ops.QualityScoreUpdated, day, fmt.Sprintf(
			`{"vendor_id":%q,"score":%d,"max_score":10}`, v, random.IntN(11))))
	}
	return events
}

func TestNeitherOrderNorDuplicatesOfEventsChangeAScore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		events := life(random)
		once, mixed := scorer(t), scorer(t)
		handle(t, once, events...)
		again := append(append([]ops.Envelope{}, events...), events[:len(events)/2]...)
		random.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		handle(t, mixed, again...)
		for _, v := range []string{"v-0", "v-1"} {
			if a, b := score(t, once, v), score(t, mixed, v); !reflect.DeepEqual(a, b) {
				t.Fatalf("seed %d: %s has %s in order and %s otherwise", seed, v, show(a), show(b))
			}
		}
	}
}

func show(s vendor.Score) string {
	b, _ := json.Marshal(s) //nolint:errchkjson // numbers and texts
	return string(b)
}

func done(booking, vendorID string, rating float64, daysAgo int) ops.Envelope {
	at := now.AddDate(0, 0, -daysAgo).Format(time.RFC3339)
	return happened("", ops.ServiceCompleted, daysAgo, fmt.Sprintf(
		`{"booking_id":%q,"vendor_id":%q,"completed_at":%q,"promised_at":%q,"rating":%v}`, booking, vendorID, at, at, rating))
}

func TestOneOfOneNeverOutranksNinetyFiveOfAHundred(t *testing.T) {
	t.Parallel()
	s := scorer(t)
	handle(t, s, done("bk-new", "new", 5, 0))
	for n := range 100 {
		stars := 5.0
		if n < 5 {
			stars = 0
		}
		handle(t, s, done(fmt.Sprintf("bk-%d", n), "old", stars, 1))
	}
	for _, kind := range ops.MetricTypes() {
		if one, many := metric(score(t, s, "new"), kind), metric(score(t, s, "old"), kind); one.Value > many.Value {
			t.Errorf("%s is %v from one and %v from a hundred", kind, one.Value, many.Value)
		}
	}
	if got := score(t, s, "new"); !got.Insufficient || got.Value != nil || got.Level != ops.Insufficient {
		t.Errorf("one service gives %s, want insufficient and no score", show(got))
	}
	got := score(t, s, "old")
	if got.Insufficient || got.Value == nil || *got.Value < 80 || got.Confidence < 0.4 {
		t.Errorf("a hundred services give %s", show(got))
	}
}

func metric(s vendor.Score, kind ops.MetricType) *ops.Metric {
	for _, m := range s.Parts {
		if m.Type == kind {
			return m
		}
	}
	return nil
}

func TestOldWorkWeighsLess(t *testing.T) {
	t.Parallel()
	s := scorer(t)
	for n := range 20 {
		handle(t, s, done(fmt.Sprintf("a-%d", n), "better", 1, 300), done(fmt.Sprintf("b-%d", n), "better", 5, 5))
		handle(t, s, done(fmt.Sprintf("c-%d", n), "worse", 5, 300), done(fmt.Sprintf("d-%d", n), "worse", 1, 5))
	}
	better, worse := metric(score(t, s, "better"), ops.CustomerSatisfaction), metric(score(t, s, "worse"), ops.CustomerSatisfaction)
	if better.Value < 85 || worse.Value > 40 {
		t.Errorf("who got better has %v, who got worse %v", better.Value, worse.Value)
	}
}

func TestAFallBelowAverageRaisesOneAlertAndTheRatingIsKeptUp(t *testing.T) {
	t.Parallel()
	s, ctx := scorer(t), t.Context()
	if err := s.Store.Save(ctx, &ops.Vendor{ID: "v-1", Rating: 4, Ratings: 10}); err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		handle(t, s, done(fmt.Sprintf("bk-%d", n), "v-1", 1, 0), done(fmt.Sprintf("bk-%d", n), "v-1", 1, 0))
	}
	v, err := s.Store.Vendor(ctx, "v-1")
	if err != nil || v.Rating != 2.5 || v.Ratings != 20 {
		t.Errorf("the vendor has %v from %d ratings, %v; want 2.5 from 20", v.Rating, v.Ratings, err)
	}
	page, err := s.Store.Alerts(ctx, ops.AlertFilter{})
	if err != nil || len(page.Items) != 1 || page.Items[0].Type != ops.AlertQualityDrop || page.Items[0].Count != 1 {
		t.Errorf("alerts: %+v, %v; want one quality_drop", page.Items, err)
	}
}
