// Package vendor chooses vendors: it ranks them for a booking, and says why it left any out.
package vendor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// Booking is what the ranking knows of a booking. What is empty or nil is not asked of vendors.
type Booking struct {
	ServiceType  string
	Area         string
	Lat, Lng     *float64 // degrees
	ScheduledFor time.Time
	Skills       []string
	// Booked is how many bookings each vendor, by id, has on that day already.
	Booked map[string]int
}

// BookingOf reads what is known of a booking, by field as its events name them. What is of another shape says nothing.
func BookingOf(field func(name string) json.RawMessage) Booking {
	var place struct {
		Area string   `json:"area"`
		Lat  *float64 `json:"lat"`
		Lng  *float64 `json:"lng"`
	}
	var b Booking
	for name, into := range map[string]any{
		"location": &place, "service_type": &b.ServiceType, "scheduled_for": &b.ScheduledFor, "skills": &b.Skills,
	} {
		if v := field(name); len(v) > 0 {
			_ = json.Unmarshal(v, into) //nolint:errcheck // see above
		}
	}
	b.Area, b.Lat, b.Lng = place.Area, place.Lat, place.Lng
	return b
}

// The parts of a score. Those of the weights add up to 1.
const (
	Availability   = "availability"
	Proximity      = "proximity"
	Rating         = "rating"
	Specialisation = "specialisation"
	Price          = "price"
	Response       = "response_time"
)

// part is one thing that vendors are measured by.
type part struct {
	name   string
	weight float64
	// measure gives 0 to 1 and true, or false when the vendor or the booking says nothing about it.
	measure func(Booking, *ops.Vendor) (float64, bool)
}

func parts() []part {
	return []part{
		{Availability, .25, availability},
		{Proximity, .20, proximity},
		{Rating, .20, rating},
		{Specialisation, .15, specialisation},
		{Price, .10, price},
		{Response, .10, response},
	}
}

// unknown is what a vendor gets for a part that nothing is known about: the middle, neither a merit nor a fault.
const unknown = 0.5

// Rank orders vendors for a booking: the best first, then those left out, each with the reason. A score is the sum of its
// parts, 0 to 100. The order depends on nothing but the arguments: equal scores go by id.
func Rank(b Booking, vs []*ops.Vendor) []ops.Candidate {
	ranked := make([]ops.Candidate, 0, len(vs))
	for _, v := range vs {
		c := ops.Candidate{VendorID: v.ID, Name: v.Name, Excluded: excluded(b, v)}
		if c.Excluded == "" {
			c.Score, c.Parts = score(b, v)
		}
		ranked = append(ranked, c)
	}
	slices.SortFunc(ranked, func(x, y ops.Candidate) int {
		return cmp.Or(
			cmp.Compare(btoi(x.Excluded != ""), btoi(y.Excluded != "")),
			cmp.Compare(y.Score, x.Score),
			strings.Compare(x.VendorID, y.VendorID),
		)
	})
	return ranked
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func score(b Booking, v *ops.Vendor) (float64, map[string]float64) {
	points := map[string]float64{}
	sum := 0.0
	for _, p := range parts() {
		value, known := p.measure(b, v)
		if !known {
			value = unknown
		}
		points[p.name] = round(100 * p.weight * value)
		sum += points[p.name]
	}
	return round(sum), points
}

// round keeps two decimals: so that scores read well, and that nothing hangs on the last bit of a floating-point sum.
func round(x float64) float64 { return math.Round(100*x) / 100 }

// excluded gives the reason why a vendor cannot take a booking, or "".
func excluded(b Booking, v *ops.Vendor) string {
	reason := Unfit(v)
	switch {
	case reason != "":
		return reason
	case b.ServiceType != "" && !among(b.ServiceType, v.Categories):
		return fmt.Sprintf("does not perform %s", b.ServiceType)
	case b.Area != "" && !among(b.Area, v.Areas):
		return fmt.Sprintf("does not work in %s", b.Area)
	}
	if !b.ScheduledFor.IsZero() {
		for _, r := range v.Blackouts {
			if day := Day(b.ScheduledFor); Day(r.From) <= day && day <= Day(r.To) {
				return fmt.Sprintf("is away from %s to %s", Day(r.From), Day(r.To))
			}
		}
	}
	return Full(v, b.Booked[v.ID])
}

// Unfit is the reason why a vendor gets no bookings at all, or "".
func Unfit(v *ops.Vendor) string {
	switch {
	case !v.Active:
		return "is not active"
	case !v.Verified:
		return "is not verified"
	}
	return ""
}

// Full is the reason why a vendor that has booked bookings on a day takes no more, or "".
func Full(v *ops.Vendor, booked int) string {
	if v.DailyCapacity > 0 && booked >= v.DailyCapacity {
		return fmt.Sprintf("has its %d bookings of that day", v.DailyCapacity)
	}
	return ""
}

// Day is a time's calendar day where it was written: a booking at 01:00+04:00 is on that day, whatever day it is in UTC.
func Day(t time.Time) string { return t.Format(time.DateOnly) }

// among reports whether a list names something, however it is spelt: "AC repair", "ac_repair" and "ac-repair" are one.
func among(name string, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return plain(s) == plain(name) })
}

func plain(s string) string {
	return strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(strings.TrimSpace(s)))
}
