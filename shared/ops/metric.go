package ops

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// MetricType says what a vendor metric measures.
type MetricType string

// The metric types.
const (
	QualityScore         MetricType = "quality_score"
	ResponseTime         MetricType = "response_time"
	CompletionRate       MetricType = "completion_rate"
	CustomerSatisfaction MetricType = "customer_satisfaction"
	Punctuality          MetricType = "punctuality"
	CostEffectiveness    MetricType = "cost_effectiveness"
	Availability         MetricType = "availability"
	ExpertiseLevel       MetricType = "expertise_level"
)

// MetricTypes lists the metric types.
func MetricTypes() []MetricType {
	return []MetricType{
		QualityScore, ResponseTime, CompletionRate, CustomerSatisfaction,
		Punctuality, CostEffectiveness, Availability, ExpertiseLevel,
	}
}

// Level puts a metric into words.
type Level string

// The levels.
const (
	Excellent    Level = "excellent"
	Good         Level = "good"
	Average      Level = "average"
	BelowAverage Level = "below_average"
	Poor         Level = "poor"
	Insufficient Level = "insufficient" // too little data to say; not a bad score
)

// LevelOf is excellent from 90 percent, good from 80, average from 70, below_average from 60, else poor.
func LevelOf(percent float64) Level {
	switch {
	case percent >= 90:
		return Excellent
	case percent >= 80:
		return Good
	case percent >= 70:
		return Average
	case percent >= 60:
		return BelowAverage
	}
	return Poor
}

// Metric is one measure of a vendor over a period.
type Metric struct {
	Meta
	ID                string     `json:"id"`
	VendorID          string     `json:"vendor_id"`
	Type              MetricType `json:"type"`
	Value             float64    `json:"value"`
	MaxValue          float64    `json:"max_value"`
	CalculationMethod string     `json:"calculation_method"`
	DataPoints        int        `json:"data_points"`
	Confidence        float64    `json:"confidence"` // 0 to 1
	Level             Level      `json:"level"`
	PeriodStart       time.Time  `json:"period_start"`
	PeriodEnd         time.Time  `json:"period_end"`
}

// Ref names the record.
func (m *Metric) Ref() Ref { return Ref{KindMetric, m.ID} }

// Period is the month that a metric is of, in UTC: "2026-11".
func (m *Metric) Period() string { return m.PeriodStart.UTC().Format("2006-01") }

// MetricFilter narrows a list of a vendor's metrics. Zero fields but the vendor match everything.
type MetricFilter struct {
	VendorID string
	Type     MetricType
	Period   string // a month, "2026-11"
	PageRequest
}

// MetricStore keeps vendor metrics.
type MetricStore interface {
	// Metrics lists a vendor's metrics, newest first.
	Metrics(ctx context.Context, f MetricFilter) (Page[*Metric], error)
}

// Faults tells everything that is wrong with a metric.
func (m *Metric) Faults() []Fault {
	c := &checker{}
	c.id("$.id", m.ID)
	c.id("$.vendor_id", m.VendorID)
	member(c, "$.type", m.Type, MetricTypes())
	if !(m.MaxValue > 0) {
		c.fault("$.max_value", "a number above 0", fmt.Sprint(m.MaxValue))
	} else {
		c.between("$.value", m.Value, 0, m.MaxValue)
	}
	if m.DataPoints < 0 {
		c.fault("$.data_points", "0 or more", strconv.Itoa(m.DataPoints))
	}
	c.between("$.confidence", m.Confidence, 0, 1)
	member(c, "$.level", m.Level, []Level{Excellent, Good, Average, BelowAverage, Poor, Insufficient})
	if m.PeriodEnd.Before(m.PeriodStart) {
		c.fault("$.period_end", "not before period_start", m.PeriodEnd.String())
	}
	return c.faults
}
