package vendor

import (
	"fmt"
	"math"
	"time"

	"opsflow/shared/ops"
)

// A metric is the mean of its observations, each worth half as much after halfLife and nothing after window, pulled toward
// prior as if there were priorWeight observations of that more: shrinkage, so that 1 of 1 never outranks 95 of 100.
const (
	prior       = 75.0
	priorWeight = 5.0
	halfLife    = 90 * 24 * time.Hour
	window      = 365 * 24 * time.Hour
	monthLayout = "2006-01"
	// minPoints is below how many observations nothing can be said.
	minPoints = 5
	// halfExpertise is how many jobs it takes to be half way to a full level of expertise.
	halfExpertise = 10.0
)

// weights are the metrics' parts in the overall score; together 1.
var weights = map[ops.MetricType]float64{
	ops.QualityScore: .25, ops.CustomerSatisfaction: .20, ops.CompletionRate: .15, ops.Punctuality: .15,
	ops.ResponseTime: .10, ops.Availability: .05, ops.CostEffectiveness: .05, ops.ExpertiseLevel: .05,
}

// minWeight is how much of the weights must be known for an overall score.
const minWeight = 0.4

// Score is how good a vendor is, and how sure that is.
type Score struct {
	VendorID string `json:"vendor_id"`
	// Value is 0 to 100; absent when there is too little data to say.
	Value        *float64      `json:"score"`
	Level        ops.Level     `json:"level"`
	Insufficient bool          `json:"insufficient"`
	Confidence   float64       `json:"confidence"` // 0 to 1
	DataPoints   int           `json:"data_points"`
	Parts        []*ops.Metric `json:"parts"` // one per metric type; what is insufficient does not count
}

// ScoreOf computes a vendor's score at a time. It depends on nothing but its arguments.
func ScoreOf(t *ops.Tally, now time.Time) Score {
	s := Score{VendorID: t.VendorID, Level: ops.Insufficient, Insufficient: true}
	sum, known, sure := 0.0, 0.0, 0.0
	for _, kind := range ops.MetricTypes() {
		m := Measure(t, kind, now)
		s.Parts = append(s.Parts, m)
		s.DataPoints += m.DataPoints
		sure += weights[kind] * m.Confidence
		if m.Level != ops.Insufficient {
			sum += weights[kind] * m.Value
			known += weights[kind]
		}
	}
	s.Confidence = round(sure)
	if known >= minWeight-1e-9 {
		value := round(sum / known)
		s.Value, s.Level, s.Insufficient = &value, ops.LevelOf(value), false
	}
	return s
}

// Measure computes one metric of a vendor at a time; its level is insufficient when there is too little data, and its value
// then hardly more than the prior.
func Measure(t *ops.Tally, kind ops.MetricType, now time.Time) *ops.Metric {
	m := &ops.Metric{
		ID: ops.HashID("met-", t.VendorID, string(kind), now.UTC().Format(monthLayout)), VendorID: t.VendorID, Type: kind,
		MaxValue: 100, PeriodStart: now, PeriodEnd: now,
		CalculationMethod: fmt.Sprintf("mean of 12 months, half-life %d days, with %g observations of %g", int(halfLife.Hours()/24), priorWeight, prior),
	}
	n, weight, sum := 0.0, 0.0, 0.0
	for at := now.UTC(); now.Sub(at) < window; at = monthOf(at).AddDate(0, -1, 0) {
		s, ok := t.Months[at.Format(monthLayout)][kind]
		if !ok || s.N == 0 {
			continue
		}
		m.DataPoints += int(s.N)
		m.PeriodStart = monthOf(at)
		decay := math.Exp2(-float64(max(0, now.Sub(monthOf(at).AddDate(0, 0, 15)))) / float64(halfLife))
		n += decay * float64(s.N)
		weight += decay * float64(s.W)
		sum += decay * float64(s.S) / 100
	}
	m.Value = prior
	switch {
	case kind == ops.ExpertiseLevel:
		m.Value = round(100 * n / (n + halfExpertise))
		m.CalculationMethod = fmt.Sprintf("completed services of 12 months, half-life %d days; %g are half of a full level", int(halfLife.Hours()/24), halfExpertise)
	case weight > 0:
		m.Value = round((sum/weight*n + prior*priorWeight) / (n + priorWeight))
	}
	Weigh(m, n)
	return m
}

// Weigh says how sure a metric is that stands on n observations, of which older ones may count in part, and its level:
// insufficient when its data points are too few to say.
func Weigh(m *ops.Metric, n float64) {
	m.Confidence, m.Level = round(n/(n+priorWeight)), ops.Insufficient
	if m.DataPoints >= minPoints {
		m.Level = ops.LevelOf(m.Value / m.MaxValue * 100)
	}
}

func monthOf(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }
