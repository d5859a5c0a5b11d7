package vendor_test

import (
	"fmt"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

func ExampleRank() {
	at := func(x float64) *float64 { return &x }
	day := time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
	vendors := []*ops.Vendor{
		{
			ID: "v-old", Name: "Old Hands", Active: true, Verified: true, Categories: []string{"cleaning"},
			Areas: []string{"Marina"}, Lat: at(25.08), Lng: at(55.14), Rating: 4.7, Ratings: 100, PriceLevel: 1,
			ResponseMinutes: 30, DailyCapacity: 4,
		},
		{
			ID: "v-new", Name: "New Broom", Active: true, Verified: true, Categories: []string{"cleaning", "laundry"},
			Areas: []string{"Marina"}, Lat: at(25.20), Lng: at(55.27), Rating: 5, Ratings: 1, PriceLevel: 0.8,
			ResponseMinutes: 10, DailyCapacity: 4,
		},
		{
			ID: "v-away", Name: "Gone Fishing", Active: true, Verified: true, Categories: []string{"cleaning"},
			Areas: []string{"Marina"}, Blackouts: []ops.DateRange{{From: day, To: day.AddDate(0, 0, 7)}},
		},
		{ID: "v-pipes", Name: "Pipes", Active: true, Verified: true, Categories: []string{"plumbing"}, Areas: []string{"Marina"}},
	}
	booking := vendor.Booking{
		ServiceType: "cleaning", Area: "Marina", Lat: at(25.08), Lng: at(55.14),
		ScheduledFor: time.Date(2026, 12, 3, 9, 0, 0, 0, time.UTC),
		Booked:       map[string]int{"v-old": 1},
	}
	for _, c := range vendor.Rank(booking, vendors) {
		if c.Excluded != "" {
			fmt.Printf("%s %s\n", c.Name, c.Excluded)
			continue
		}
		fmt.Printf("%s %.2f\n", c.Name, c.Score)
	}
	// Output:
	// Old Hands 84.61
	// New Broom 75.74
	// Gone Fishing is away from 2026-12-02 to 2026-12-09
	// Pipes does not perform cleaning
}
