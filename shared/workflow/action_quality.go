package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

const fullScore = 100

// qualityAssess gathers what the reviewer needs to see.
func qualityAssess(_ context.Context, in ActionInput) (ActionResult, error) {
	facts := map[string]json.RawMessage{}
	for _, name := range []string{
		"booking_id", "vendor_id", "service_type", "service_value", "promised_at", "started_at", "completed_at", "rating",
	} {
		if v := in.value(name); present(v) {
			facts[name] = v
		}
	}
	return ActionResult{Output: map[string]any{"facts": facts}}, nil
}

// qualityScore makes the reviewer's score a metric of the vendor and tells the world.
func qualityScore(_ context.Context, in ActionInput) (ActionResult, error) {
	var score float64
	if err := json.Unmarshal(in.Params["score"], &score); err != nil || score < 0 || score > fullScore {
		return ActionResult{}, fmt.Errorf("the score must be a number from 0 to %d", fullScore)
	}
	level := ops.LevelOf(score)
	out := ActionResult{Output: map[string]any{"score": score, "max_score": fullScore, "level": level}}
	who := in.id("vendor")
	if !ops.ValidID(who) {
		return out, nil // nobody's score: it stays with the instance
	}
	m := &ops.Metric{
		ID:       ops.HashID("met-", in.Key),
		VendorID: who, Type: ops.QualityScore, Value: score, MaxValue: fullScore,
		CalculationMethod: "review", DataPoints: 1, PeriodStart: in.Instance.CreatedAt, PeriodEnd: in.Now,
	}
	vendor.Weigh(m, 1) // what the vendor is like, one review alone does not say
	out.Writes = []ops.Record{m}
	detail := map[string]any{"vendor_id": who, "score": score, "max_score": fullScore}
	if booking := in.id("booking"); ops.ValidID(booking) {
		detail["booking_id"] = booking
	}
	e, err := event(ops.QualityScoreUpdated, detail)
	if err != nil {
		return ActionResult{}, err
	}
	out.Emit = []ops.OutEvent{e}
	return out, nil
}

// qualityReport writes the report of a review, and notes the result on what was reviewed.
func qualityReport(ctx context.Context, in ActionInput) (ActionResult, error) {
	report := map[string]any{
		"title": "Quality review", "score": in.Params["score"], "max_score": fullScore, "level": in.Params["level"],
		"facts": in.Params["facts"], "notes": text(in.Params["notes"]), "reviewed_by": text(in.Params["reviewed_by"]),
		"reported_at": in.Now.Format(time.RFC3339),
	}
	for _, kind := range []string{"booking", "vendor"} {
		if id := in.id(kind); ops.ValidID(id) {
			report[kind+"_id"] = id
		}
	}
	out := ActionResult{Output: map[string]any{"score": in.Params["score"], "level": in.Params["level"], "report": report}}
	s, err := in.subject(ctx, "booking")
	if err != nil || s == nil {
		return out, err
	}
	s.Set("quality_score", in.Params["score"], in.Now)
	s.Set("quality_level", in.Params["level"], in.Now)
	out.Writes = []ops.Record{s}
	return out, nil
}
