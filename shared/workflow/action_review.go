package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// vendorRecord is what a performance review goes by.
type vendorRecord struct {
	VendorID string        `json:"vendor_id"`
	Name     string        `json:"name"`
	Active   bool          `json:"active"`
	Rating   float64       `json:"rating"` // 0 to 5
	Ratings  int           `json:"ratings"`
	Measures []measureLine `json:"metrics"` // one line a type of which anything is observed
	Summary  []string      `json:"summary"` // for the reviewer
}

// measureLine is what one of the vendor's metrics says now.
type measureLine struct {
	Type       ops.MetricType `json:"type"`
	Percent    float64        `json:"percent"`
	Level      ops.Level      `json:"level"` // insufficient: too little was observed to say
	DataPoints int            `json:"data_points"`
	Confidence float64        `json:"confidence"` // 0 to 1
}

// vendorGather puts the vendor's record together: rating, and what is observed of it, as its score has it. A vendor that
// does not exist cannot be reviewed.
func vendorGather(ctx context.Context, in ActionInput) (ActionResult, error) {
	id := in.id(ops.SubjectVendor)
	v, err := readVendor(ctx, in.Store, id)
	if err != nil {
		return ActionResult{}, fmt.Errorf("review vendor %q: %w", id, err)
	}
	t, err := in.Store.Tally(ctx, id)
	if err != nil {
		return ActionResult{}, &Unavailable{Err: fmt.Errorf("read what is observed of vendor %s: %w", id, err)}
	}
	r := vendorRecord{VendorID: v.ID, Name: v.Name, Active: v.Active, Rating: v.Rating, Ratings: v.Ratings, Measures: []measureLine{}}
	r.Summary = []string{v.Name, fmt.Sprintf("rated %.1f of 5 by %d", v.Rating, v.Ratings)}
	for _, m := range vendor.ScoreOf(t, in.Now).Parts {
		if m.DataPoints == 0 {
			continue
		}
		r.Measures = append(r.Measures, measureLine{m.Type, m.Value, m.Level, m.DataPoints, m.Confidence})
		what := strings.ReplaceAll(string(m.Type), "_", " ")
		if m.Level == ops.Insufficient {
			r.Summary = append(r.Summary, fmt.Sprintf("%s: too little data (%d)", what, m.DataPoints))
			continue
		}
		r.Summary = append(r.Summary, fmt.Sprintf("%s %.0f %% (%d)", what, m.Value, m.DataPoints))
	}
	return ActionResult{Output: r}, nil
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
