package workflow

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"opsflow/shared/ops"
)

// vendorRecord is what a performance review goes by.
type vendorRecord struct {
	VendorID string        `json:"vendor_id"`
	Name     string        `json:"name"`
	Active   bool          `json:"active"`
	Rating   float64       `json:"rating"` // 0 to 5
	Ratings  int           `json:"ratings"`
	Measures []measureLine `json:"metrics"` // by type; one line a type that was measured
	Summary  []string      `json:"summary"` // for the reviewer
}

// measureLine sums up the newest measures of a type.
type measureLine struct {
	Type     ops.MetricType `json:"type"`
	Percent  float64        `json:"percent"` // the mean, of the highest value that can be
	Level    ops.Level      `json:"level"`
	Measures int            `json:"measures"`
	Latest   time.Time      `json:"latest"`
}

// vendorGather puts the vendor's record together: rating, and what was measured lately (the newest measures, at most
// ops.MaxPageLimit). A vendor that does not exist cannot be reviewed.
func vendorGather(ctx context.Context, in ActionInput) (ActionResult, error) {
	id := in.id(ops.SubjectVendor)
	v, err := readVendor(ctx, in.Store, id)
	if err != nil {
		return ActionResult{}, fmt.Errorf("review vendor %q: %w", id, err)
	}
	page, err := in.Store.Metrics(ctx, id, ops.PageRequest{Limit: ops.MaxPageLimit})
	if err != nil {
		return ActionResult{}, &Unavailable{Err: fmt.Errorf("read the metrics of vendor %s: %w", id, err)}
	}
	r := vendorRecord{
		VendorID: v.ID, Name: v.Name, Active: v.Active, Rating: v.Rating, Ratings: v.Ratings, Measures: measureLines(page.Items),
	}
	r.Summary = []string{v.Name, fmt.Sprintf("rated %.1f of 5 by %d", v.Rating, v.Ratings)}
	for _, m := range r.Measures {
		r.Summary = append(r.Summary, fmt.Sprintf("%s %.0f %% (%d)", strings.ReplaceAll(string(m.Type), "_", " "), m.Percent, m.Measures))
	}
	return ActionResult{Output: r}, nil
}

func measureLines(metrics []*ops.Metric) []measureLine {
	sums := map[ops.MetricType]*measureLine{}
	for _, m := range metrics {
		if !(m.MaxValue > 0) {
			continue
		}
		l := sums[m.Type]
		if l == nil {
			l = &measureLine{Type: m.Type}
			sums[m.Type] = l
		}
		l.Percent += 100 * m.Value / m.MaxValue
		l.Measures++
		if m.PeriodEnd.After(l.Latest) {
			l.Latest = m.PeriodEnd
		}
	}
	lines := make([]measureLine, 0, len(sums))
	for _, l := range sums {
		l.Percent /= float64(l.Measures)
		l.Level = ops.LevelOf(l.Percent)
		lines = append(lines, *l)
	}
	slices.SortFunc(lines, func(a, b measureLine) int { return cmp.Compare(a.Type, b.Type) })
	return lines
}

// vendorReport is the review's document. What came of the review is noted on the vendor's subject too. Measures are part of
// it as agreed only when they were approved.
func vendorReport(ctx context.Context, in ActionInput) (ActionResult, error) {
	var record vendorRecord
	if err := json.Unmarshal(in.Params["record"], &record); err != nil {
		return ActionResult{}, fmt.Errorf("read the vendor's record: %w", err)
	}
	var review struct {
		Score    float64  `json:"score"`
		Findings string   `json:"findings"`
		Measures []string `json:"measures"`
	}
	if err := json.Unmarshal(in.Params["review"], &review); err != nil {
		return ActionResult{}, fmt.Errorf("read the review: %w", err)
	}
	level := ops.LevelOf(review.Score)
	decision := text(in.Params["measures_decision"])
	if decision == "" {
		decision = "not_needed"
	}
	report := map[string]any{
		"title": "Performance review of " + record.Name, "vendor_id": record.VendorID, "record": record,
		"score": review.Score, "max_score": fullScore, "level": level, "findings": review.Findings,
		"reviewed_by": text(in.Params["reviewed_by"]), "reviewed_at": in.Now.Format(time.RFC3339),
		"measures": review.Measures, "measures_decision": decision, "measures_decided_by": text(in.Params["measures_decided_by"]),
	}
	s, err := in.Read(ctx, ops.SubjectRef{Type: ops.SubjectVendor, ID: record.VendorID})
	if err != nil {
		return ActionResult{}, err
	}
	fields := map[string]any{"review_score": review.Score, "review_level": level, "reviewed_at": in.Now}
	if decision == "approved" {
		fields["measures"] = review.Measures
	}
	for name, v := range fields {
		if err := in.set(s, name, v); err != nil {
			return ActionResult{}, err
		}
	}
	return ActionResult{Output: map[string]any{"report": report}, Writes: []ops.Record{s}}, nil
}
