package rule

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"opsflow/shared/ops"
)

// writtenFields are what workflows note on a subject, besides what its events say, and what is kept of a vendor by hand.
var writtenFields = map[string][]string{
	ops.SubjectBooking: {"status", "confirmed_at", "ready_at", "vendor_id", "completed_at", "quality_score", "quality_level"},
	ops.SubjectPayment: {"status", "recorded_at", "approved_by"},
	ops.SubjectVendor: {
		"review_score", "review_level", "reviewed_at", "measures",
		"name", "email", "phone", "active", "verified", "categories", "areas", "skills", "lat", "lng", "daily_capacity", "price_level",
		"rating", "ratings", "response_minutes", "blackouts", "auto_accept", // kept by hand
	},
	ops.SubjectComplaint: {"resolution", "refund_amount", "currency"},
}

// subjectFields lists the fields that the records of a type of subject can have, as far as schemas tell.
func subjectFields(subjectType string) ([]string, error) {
	names := map[string]bool{"type": true, "id": true}
	for _, name := range writtenFields[subjectType] {
		names[name] = true
	}
	for _, t := range ops.EventTypes() {
		if t.SubjectType() != subjectType {
			continue
		}
		text, _ := ops.EventSchema(t)
		var schema struct {
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if err := json.Unmarshal(text, &schema); err != nil {
			return nil, fmt.Errorf("read the schema of %s: %w", t, err)
		}
		for name := range schema.Properties {
			if t.Tells(name) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}
