package vendor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// Store is what scoring reads and writes.
type Store interface {
	ops.Saver
	Reader
	ops.MetricStore
	ops.AuditStore
	ops.CounterStore
	ops.SubjectStore
}

// Reader is what Records reads.
type Reader interface {
	ops.EvidenceStore
	ops.VendorStore
	ops.AlertStore
	ops.WatchStore
}

// alerted are the metrics of which a fall below average raises an alert.
var alerted = []ops.MetricType{ops.QualityScore, ops.CustomerSatisfaction, ops.CompletionRate, ops.Punctuality}

// sureEnough is how sure a metric must be to raise one.
const sureEnough = 0.5

// Records gives what to save so that facts are known of a piece of evidence: the evidence, and for every vendor to whom it
// makes a difference the tally, the month's metrics, the vendor's own figures, and an alert when a level falls. Nothing when
// all of it is known. A conflict in the Save: read and decide again.
func Records(ctx context.Context, s Reader, id string, facts map[string]ops.Fact, now time.Time) ([]ops.Record, error) {
	e, err := s.Evidence(ctx, id)
	if err != nil {
		return nil, err
	}
	change := observe(e)
	for p, s := range change {
		change[p] = ops.Sums{N: -s.N, W: -s.W, S: -s.S}
	}
	learned := false
	for key, f := range facts {
		learned = e.Learn(key, f) || learned
	}
	if !learned {
		return nil, nil
	}
	byVendor := map[string]observations{}
	for p, s := range observe(e) {
		change[p] = plus(change[p], s)
	}
	for p, d := range change {
		if d == (ops.Sums{}) {
			continue
		}
		if byVendor[p.vendor] == nil {
			byVendor[p.vendor] = observations{}
		}
		byVendor[p.vendor][p] = d
	}
	records := []ops.Record{e}
	for _, vendorID := range slices.Sorted(maps.Keys(byVendor)) {
		more, err := tally(ctx, s, vendorID, byVendor[vendorID], now)
		if err != nil {
			return nil, fmt.Errorf("score vendor %s: %w", vendorID, err)
		}
		records = append(records, more...)
	}
	return records, nil
}

func plus(a, b ops.Sums) ops.Sums { return ops.Sums{N: a.N + b.N, W: a.W + b.W, S: a.S + b.S} }

// tally adds a change to a vendor's tally and brings up to date what follows from it.
func tally(ctx context.Context, s Reader, vendorID string, change observations, now time.Time) ([]ops.Record, error) {
	t, err := s.Tally(ctx, vendorID)
	if err != nil {
		return nil, err
	}
	kinds := map[ops.MetricType]bool{}
	for p, d := range change {
		switch p.kind { //nolint:exhaustive // the others are metrics
		case stars:
			t.Stars = plus(t.Stars, d)
			continue
		case minutes:
			t.Minutes = plus(t.Minutes, d)
			continue
		}
		kinds[p.kind] = true
		if t.Months == nil {
			t.Months = map[string]map[ops.MetricType]ops.Sums{}
		}
		if t.Months[p.month] == nil {
			t.Months[p.month] = map[ops.MetricType]ops.Sums{}
		}
		t.Months[p.month][p.kind] = plus(t.Months[p.month][p.kind], d)
	}
	t.UpdatedAt = now
	records := []ops.Record{t}
	v, err := s.Vendor(ctx, vendorID)
	if err != nil && ops.ErrorCode(err) != ops.CodeNotFound {
		return nil, fmt.Errorf("read vendor: %w", err)
	}
	if err == nil && keepUp(v, t) {
		v.UpdatedAt = now
		if err := watch(ctx, s, v, now); err != nil {
			return nil, err
		}
		records = append(records, v)
	}
	for _, kind := range ops.MetricTypes() {
		if !kinds[kind] {
			continue
		}
		m := Measure(t, kind, now)
		old, err := s.Metric(ctx, m.ID)
		switch {
		case err == nil:
			m.Meta = old.Meta
		case ops.ErrorCode(err) != ops.CodeNotFound:
			return nil, fmt.Errorf("read metric %s: %w", m.ID, err)
		default:
			m.CreatedAt = now
		}
		m.UpdatedAt = now
		records = append(records, m)
		a, err := fallen(ctx, s, t, m, now)
		if err != nil {
			return nil, err
		}
		if a != nil {
			records = append(records, a)
		}
	}
	return records, nil
}

// keepUp brings the vendor's own figures, by which it is ranked, up to date with its evidence.
func keepUp(v *ops.Vendor, t *ops.Tally) bool {
	if t.Base == nil {
		t.Base = &ops.TallyBase{Rating: v.Rating, Ratings: v.Ratings, ResponseMinutes: v.ResponseMinutes}
	}
	before := ops.TallyBase{Rating: v.Rating, Ratings: v.Ratings, ResponseMinutes: v.ResponseMinutes}
	after := *t.Base
	if n := t.Stars.N; n > 0 {
		base := float64(t.Base.Ratings)
		after.Ratings = t.Base.Ratings + int(n)
		after.Rating = round((t.Base.Rating*base + float64(t.Stars.S)/100) / (base + float64(n)))
	}
	if n := float64(t.Minutes.N); n > 0 {
		base := priorWeight
		if t.Base.ResponseMinutes == 0 {
			base = 0
		}
		after.ResponseMinutes = round((t.Base.ResponseMinutes*base + float64(t.Minutes.S)/100) / (base + n))
	}
	v.Rating, v.Ratings, v.ResponseMinutes = after.Rating, after.Ratings, after.ResponseMinutes
	return after != before
}

// fallen gives the alert to raise when a metric has fallen below average, once each time that it falls.
func fallen(ctx context.Context, s ops.AlertStore, t *ops.Tally, m *ops.Metric, now time.Time) (*ops.Alert, error) {
	if !slices.Contains(alerted, m.Type) || m.Level == ops.Insufficient || m.Confidence < sureEnough {
		return nil, nil
	}
	before := t.Levels[m.Type]
	if t.Levels == nil {
		t.Levels = map[ops.MetricType]ops.Level{}
	}
	t.Levels[m.Type] = m.Level
	if !low(m.Level) || low(before) {
		return nil, nil
	}
	severity := ops.SeverityMedium
	if m.Level == ops.Poor {
		severity = ops.SeverityHigh
	}
	return alert.Next(ctx, s, alert.Spec{
		Type: ops.AlertQualityDrop, Severity: severity, Key: string(m.Type),
		Title:   fmt.Sprintf("%s of vendor %s is %s", strings.ReplaceAll(string(m.Type), "_", " "), t.VendorID, strings.ReplaceAll(string(m.Level), "_", " ")),
		Detail:  fmt.Sprintf("It is %g of 100, from %d data points.", m.Value, m.DataPoints),
		Subject: ops.SubjectRef{Type: ops.SubjectVendor, ID: t.VendorID},
	}, now)
}

func low(l ops.Level) bool { return l == ops.BelowAverage || l == ops.Poor }
