package vendor

import (
	"math"
	"time"

	"opsflow/shared/ops"
)

// The months that the demo vendors have worked before they are first seen, and how much of that there is at most.
const (
	pastMonths  = 6
	mostPerPast = 12  // services a month
	pastValue   = 150 // of each
	starWorth   = 24  // percent of a metric for each star of the rating
	pastRatings = 10  // who has fewer has no past to tell of
)

// DemoTrend gives what the demo vendors' metrics were at the end of each of the months of a past that DemoPast gave.
func DemoTrend(past []*ops.Tally, now time.Time) []ops.Record {
	var list []ops.Record
	for ago := pastMonths - 1; ago >= 0; ago-- {
		end := monthOf(now.UTC()).AddDate(0, -ago, 0).Add(-time.Hour)
		for _, t := range past {
			for _, kind := range ops.MetricTypes() {
				m := Measure(t, kind, end)
				m.CreatedAt = end
				list = append(list, m)
			}
		}
	}
	return list
}

// DemoPast gives what the demo vendors' work of the months before now comes to, so that their metrics have something to show:
// some get better, some worse, and each is about as good as its rating says. It depends on nothing but now.
func DemoPast(now time.Time) []*ops.Tally {
	var list []*ops.Tally
	for i, v := range Demo() {
		if v.Ratings < pastRatings {
			continue
		}
		t := &ops.Tally{VendorID: v.ID, Months: map[string]map[ops.MetricType]ops.Sums{}, Levels: map[ops.MetricType]ops.Level{}}
		jobs := int64(min(mostPerPast, 2+v.Ratings/20))
		share := 100 - starWorth*(maxStars-v.Rating)
		for ago := pastMonths; ago >= 1; ago-- {
			drift := 2 * float64(i%3-1) * float64(pastMonths-ago)
			sums := map[ops.MetricType]ops.Sums{}
			for kind, value := range map[ops.MetricType]float64{
				ops.QualityScore: share + drift, ops.CustomerSatisfaction: share + drift/2, ops.CompletionRate: 100 - (100-share)/2,
				ops.Punctuality: share - 2 + drift, ops.ResponseTime: 100 * (1 - min(v.ResponseMinutes, slowMinutes)/slowMinutes),
				ops.Availability: 95 - float64(i), ops.CostEffectiveness: share, ops.ExpertiseLevel: 100,
			} {
				weight := jobs
				if kind == ops.CostEffectiveness {
					weight *= pastValue
				}
				sums[kind] = ops.Sums{N: jobs, W: weight, S: weight * int64(math.Round(100*min(max(value, 0), 100)))}
			}
			t.Months[monthOf(now.UTC()).AddDate(0, -ago, 0).Format(monthLayout)] = sums
		}
		for _, kind := range ops.MetricTypes() {
			t.Levels[kind] = Measure(t, kind, now).Level
		}
		list = append(list, t)
	}
	return list
}
