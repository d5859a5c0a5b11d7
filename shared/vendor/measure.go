package vendor

import (
	"math"

	"opsflow/shared/ops"
)

// availability is the share of the day's capacity that is left.
func availability(b Booking, v *ops.Vendor) (float64, bool) {
	if v.DailyCapacity <= 0 {
		return 1, true
	}
	return clamp(1 - float64(b.Booked[v.ID])/float64(v.DailyCapacity)), true
}

// farKm is the distance from which on nearness counts nothing.
const farKm = 50

func proximity(b Booking, v *ops.Vendor) (float64, bool) {
	if b.Lat == nil || b.Lng == nil || v.Lat == nil || v.Lng == nil {
		return 0, false
	}
	return clamp(1 - kilometres(*b.Lat, *b.Lng, *v.Lat, *v.Lng)/farKm), true
}

// kilometres is the distance of two points on a sphere of the earth's mean radius, by the haversine formula (R. W.
// Sinnott, "Virtues of the Haversine", 1984).
func kilometres(lat1, lng1, lat2, lng2 float64) float64 {
	const radius, degree = 6371.0088, math.Pi / 180
	a := haversine((lat2-lat1)*degree) + math.Cos(lat1*degree)*math.Cos(lat2*degree)*haversine((lng2-lng1)*degree)
	return 2 * radius * math.Asin(math.Sqrt(min(a, 1)))
}

func haversine(angle float64) float64 {
	s := math.Sin(angle / 2)
	return s * s
}

// A rating counts as if priorRatings customers more had given priorStars: one five-star rating does not outrank a hundred
// of 4.7, and no rating is neither good nor bad.
const (
	priorRatings = 10
	priorStars   = 3.5
	maxStars     = 5
)

func rating(_ Booking, v *ops.Vendor) (float64, bool) {
	n := float64(max(v.Ratings, 0))
	return clamp((v.Rating*n + priorStars*priorRatings) / (n + priorRatings) / maxStars), true
}

// specialisation is the share of the asked-for skills that the vendor has. When none are asked for, a vendor with the
// service type as a skill is a specialist, and any other is the less of one the more categories it has.
func specialisation(b Booking, v *ops.Vendor) (float64, bool) {
	switch {
	case len(b.Skills) > 0:
		has := 0
		for _, s := range b.Skills {
			if among(s, v.Skills) {
				has++
			}
		}
		return float64(has) / float64(len(b.Skills)), true
	case b.ServiceType == "" || len(v.Categories) == 0:
		return 0, false
	case among(b.ServiceType, v.Skills):
		return 1, true
	}
	return 1 / float64(len(v.Categories)), true
}

// price is 1 at half the market's mean, 0 at half as much again.
func price(_ Booking, v *ops.Vendor) (float64, bool) {
	return clamp(1.5 - v.PriceLevel), v.PriceLevel > 0
}

// slowMinutes is the response time from which on quickness counts nothing.
const slowMinutes = 120

func response(_ Booking, v *ops.Vendor) (float64, bool) {
	return clamp(1 - v.ResponseMinutes/slowMinutes), v.ResponseMinutes > 0
}

func clamp(x float64) float64 { return min(max(x, 0), 1) }
