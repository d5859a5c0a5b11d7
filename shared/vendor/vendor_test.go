package vendor_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

func at(x float64) *float64 { return &x }

// good is a vendor that may have any booking in these tests.
func good(id string) *ops.Vendor {
	return &ops.Vendor{
		ID: id, Active: true, Verified: true, Categories: []string{"AC repair"}, Areas: []string{"Marina"},
		Rating: 4.5, Ratings: 50, PriceLevel: 1, ResponseMinutes: 30, DailyCapacity: 2,
	}
}

var booking = vendor.Booking{
	ServiceType: "ac_repair", Area: "marina", Lat: at(25.08), Lng: at(55.14),
	ScheduledFor: time.Date(2026, 12, 3, 1, 0, 0, 0, time.FixedZone("", 4*3600)), // the 2nd in UTC
	Booked:       map[string]int{"full": 2},
}

func TestEveryVendorLeftOutHasItsReason(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 12, d, 0, 0, 0, 0, time.UTC) }
	cases := map[string]struct {
		id     string
		change func(*ops.Vendor)
		reason string // "": it is not left out
	}{
		"fits":            {"a", func(*ops.Vendor) {}, ""},
		"inactive":        {"a", func(v *ops.Vendor) { v.Active = false }, "is not active"},
		"unverified":      {"a", func(v *ops.Vendor) { v.Verified = false }, "is not verified"},
		"category":        {"a", func(v *ops.Vendor) { v.Categories = []string{"cleaning"} }, "does not perform ac_repair"},
		"area":            {"a", func(v *ops.Vendor) { v.Areas = nil }, "does not work in marina"},
		"away that day":   {"a", func(v *ops.Vendor) { v.Blackouts = []ops.DateRange{{From: day(3), To: day(3)}} }, "is away from 2026-12-03"},
		"away until then": {"a", func(v *ops.Vendor) { v.Blackouts = []ops.DateRange{{From: day(1), To: day(3)}} }, "is away from 2026-12-01"},
		"away the day before": {
			"a", func(v *ops.Vendor) { v.Blackouts = []ops.DateRange{{From: day(1), To: day(2)}} }, "",
		},
		"away the day after": {
			"a", func(v *ops.Vendor) { v.Blackouts = []ops.DateRange{{From: day(4), To: day(5)}} }, "",
		},
		"fully booked":         {"full", func(*ops.Vendor) {}, "has its 2 bookings"},
		"no limit of bookings": {"full", func(v *ops.Vendor) { v.DailyCapacity = 0 }, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := good(c.id)
			c.change(v)
			got := vendor.Rank(booking, []*ops.Vendor{v})[0]
			if (c.reason == "") != (got.Excluded == "") || !strings.HasPrefix(got.Excluded, c.reason) {
				t.Errorf("the reason is %q, want %q", got.Excluded, c.reason)
			}
			if (got.Excluded == "") != (got.Score > 0) {
				t.Errorf("left out because %q, the score is %v", got.Excluded, got.Score)
			}
		})
	}
}

func TestABetterVendorInOnePartRanksHigher(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ better, worse func(*ops.Vendor) }{
		vendor.Availability: {func(v *ops.Vendor) { v.ID, v.DailyCapacity = "full", 10 }, func(v *ops.Vendor) { v.ID, v.DailyCapacity = "full", 3 }},
		vendor.Proximity: {
			func(v *ops.Vendor) { v.Lat, v.Lng = at(25.08), at(55.14) },
			func(v *ops.Vendor) { v.Lat, v.Lng = at(25.40), at(55.44) },
		},
		vendor.Rating:         {func(v *ops.Vendor) { v.Rating, v.Ratings = 4.7, 100 }, func(v *ops.Vendor) { v.Rating, v.Ratings = 5, 1 }},
		vendor.Specialisation: {func(*ops.Vendor) {}, func(v *ops.Vendor) { v.Categories = []string{"ac repair", "cleaning"} }},
		vendor.Price:          {func(v *ops.Vendor) { v.PriceLevel = 0.8 }, func(v *ops.Vendor) { v.PriceLevel = 1.2 }},
		vendor.Response:       {func(v *ops.Vendor) { v.ResponseMinutes = 5 }, func(v *ops.Vendor) { v.ResponseMinutes = 60 }},
	}
	for part, c := range cases {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			better, worse := good("z"), good("a") // equal ones go by id: a first
			c.better(better)
			c.worse(worse)
			ranked := vendor.Rank(booking, []*ops.Vendor{worse, better})
			b, w := ranked[0], ranked[1]
			if b.Score <= w.Score || b.Parts[part] <= w.Parts[part] {
				t.Fatalf("%+v is not above %+v", b, w)
			}
			for name := range b.Parts {
				if name != part && b.Parts[name] != w.Parts[name] {
					t.Errorf("they differ in %s, too", name)
				}
			}
		})
	}
}

func TestAScoreIsTheSumOfItsParts(t *testing.T) {
	t.Parallel()
	best := good("a")
	best.Lat, best.Lng, best.Rating, best.Ratings = booking.Lat, booking.Lng, 5, 1_000_000
	best.PriceLevel, best.ResponseMinutes, best.DailyCapacity = 0.5, 0.001, 0
	got := vendor.Rank(booking, []*ops.Vendor{best})[0]
	want := map[string]float64{
		vendor.Availability: 25, vendor.Proximity: 20, vendor.Rating: 20, vendor.Specialisation: 15, vendor.Price: 10,
		vendor.Response: 10,
	}
	if got.Score != 100 || !reflect.DeepEqual(got.Parts, want) {
		t.Errorf("the best there can be has %v of %v, want 100 of %v", got.Score, got.Parts, want)
	}
	unheard := good("b")
	unheard.Ratings, unheard.PriceLevel, unheard.ResponseMinutes = 0, 0, 0
	got = vendor.Rank(booking, []*ops.Vendor{unheard})[0]
	if got.Parts[vendor.Proximity] != 10 || got.Parts[vendor.Price] != 5 || got.Parts[vendor.Response] != 5 ||
		got.Parts[vendor.Rating] != 14 {
		t.Errorf("a vendor that nothing is known of has %v, want the middle", got.Parts)
	}
}

func TestTheOrderDoesNotHangOnTheOrderOfTheVendors(t *testing.T) {
	t.Parallel()
	vs := vendor.Demo()
	for _, id := range []string{"twin-b", "twin-a", "twin-c"} {
		v := good(id)
		v.Categories, v.Areas = []string{"cleaning"}, []string{"Dubai"}
		vs = append(vs, v)
	}
	b := vendor.Booking{ServiceType: "cleaning", Area: "Dubai"}
	want := vendor.Rank(b, vs)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		random.Shuffle(len(vs), func(i, j int) { vs[i], vs[j] = vs[j], vs[i] })
		if got := vendor.Rank(b, vs); !reflect.DeepEqual(got, want) {
			t.Fatalf("ranked %+v, before %+v", got, want)
		}
	}
	twins := slices.DeleteFunc(want, func(c ops.Candidate) bool { return !strings.HasPrefix(c.VendorID, "twin") })
	if twins[0].VendorID != "twin-a" || twins[2].VendorID != "twin-c" {
		t.Errorf("equal vendors come as %+v, want by id", twins)
	}
}

func TestTheDemoVendorsCanTakeBookings(t *testing.T) {
	t.Parallel()
	vs := vendor.Demo()
	seen := map[string]bool{}
	for _, v := range vs {
		if seen[v.ID] || !ops.ValidID(v.ID) || v.Name == "" || v.V != 0 {
			t.Errorf("vendor %+v", v)
		}
		seen[v.ID] = true
	}
	for _, service := range []string{"cleaning", "plumbing", "electrical", "ac_repair", "painting", "pest_control"} {
		best := vendor.Rank(vendor.Booking{ServiceType: service, Area: "Dubai"}, vs)[0]
		if best.Excluded != "" {
			t.Errorf("nobody takes %s in Dubai: %s %s", service, best.Name, best.Excluded)
		}
	}
}
