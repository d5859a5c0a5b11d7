package vendor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"opsflow/shared/alert"
	"opsflow/shared/ops"
)

// maxConflicts is how often a write is tried again because others wrote what it had read.
const maxConflicts = 20

// Scorer keeps vendors' metrics up with what happens. Safe for concurrent use.
type Scorer struct {
	Store  Store
	Bus    ops.Bus // takes alert_raised
	Clock  ops.Clock
	Random io.Reader // names what is measured by hand
	Logger *slog.Logger
}

// HandleEvent takes over what a domain event says about a vendor. A duplicate changes nothing, and a late one counts for its
// time. What breaks its schema is match-rules' to keep and to show: here it says nothing.
func (s *Scorer) HandleEvent(ctx context.Context, env ops.Envelope) error {
	id, facts := factsOf(env)
	if id == "" {
		return nil
	}
	if err := s.Record(ctx, id, facts); err != nil {
		return fmt.Errorf("take over %s %s: %w", env.DetailType, env.ID, err)
	}
	return nil
}

// Record makes facts known, with more records in the same transaction, and announces the alerts that follow.
func (s *Scorer) Record(ctx context.Context, id string, facts map[string]ops.Fact, more ...ops.Record) error {
	for range maxConflicts {
		records, err := Records(ctx, s.Store, id, facts, s.Clock.Now())
		if err != nil {
			return err
		}
		if records = append(records, more...); len(records) == 0 {
			return nil
		}
		err = s.Store.Save(ctx, records...)
		if err == nil {
			alert.Announcer{Store: s.Store, Bus: s.Bus, Clock: s.Clock, Logger: s.Logger}.Announce(ctx, records...)
			return nil
		}
		if ops.AsConflict(err) == nil {
			return fmt.Errorf("store the evidence %s: %w", id, err)
		}
	}
	return ops.Errorf(ops.CodeUnavailable, "the evidence %s is being changed too often; try again", id)
}

// factsOf reads what an event says, and of which piece of evidence; "" when it says nothing.
func factsOf(env ops.Envelope) (string, map[string]ops.Fact) {
	var d struct {
		BookingID    string     `json:"booking_id"`
		VendorID     string     `json:"vendor_id"`
		ComplaintID  string     `json:"complaint_id"`
		Severity     string     `json:"severity"`
		CompletedAt  *time.Time `json:"completed_at"`
		PromisedAt   time.Time  `json:"promised_at"`
		StartedAt    time.Time  `json:"started_at"`
		ServiceValue float64    `json:"service_value"`
		Rating       *float64   `json:"rating"`
		Score        *float64   `json:"score"`
		MaxScore     float64    `json:"max_score"`
	}
	if json.Unmarshal(env.Detail, &d) != nil || d.VendorID != "" && !ops.ValidID(d.VendorID) {
		return "", nil
	}
	identity, _ := ops.IdentifyEvent(env)
	f := ops.Fact{At: env.Time.UTC(), By: identity, VendorID: d.VendorID, Done: env.Time.UTC()}
	id := "booking/" + d.BookingID
	known := ops.ValidID(d.BookingID)
	switch t := ops.EventType(env.DetailType); {
	case t == ops.ServiceCompleted && known && d.VendorID != "":
		if d.CompletedAt != nil {
			f.Done = d.CompletedAt.UTC()
		}
		f.Promised, f.Started, f.Value = d.PromisedAt.UTC(), d.StartedAt.UTC(), min(max(0, d.ServiceValue), maxValue)
		if d.Rating != nil && *d.Rating >= 0 && *d.Rating <= maxStars {
			f.Rating = d.Rating
		}
		return id, map[string]ops.Fact{factCompleted: f}
	case t == ops.VendorAssigned && known && d.VendorID != "":
		return id, map[string]ops.Fact{factAssigned + d.VendorID: f}
	case t == ops.CustomerComplaint && known && ops.ValidID(d.ComplaintID):
		f.Severity = d.Severity
		return id, map[string]ops.Fact{factComplaint + d.ComplaintID: f}
	case t == ops.QualityScoreUpdated && d.VendorID != "" && d.Score != nil && d.MaxScore > 0 && *d.Score >= 0 && *d.Score <= d.MaxScore:
		f.Percent = *d.Score / d.MaxScore * 100
		return "event/" + ops.EventID(identity), map[string]ops.Fact{factReview: f}
	}
	return "", nil
}

// maxValue is the most that one service weighs, in major units.
const maxValue = 1e7
