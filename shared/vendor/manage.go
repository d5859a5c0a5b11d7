package vendor

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"opsflow/shared/audit"
	"opsflow/shared/ops"
)

// Put stores a vendor whole. What is kept up from evidence (rating, ratings, response_minutes) is given only when the vendor is new, as what it begins with; later it
// must be absent or as it is. CodeInvalid with every fault.
func (s *Scorer) Put(ctx context.Context, v ops.Vendor, actor ops.Actor) (*ops.Vendor, error) {
	if err := ops.Invalid("vendor", v.Faults()); err != nil {
		return nil, err
	}
	for range maxConflicts {
		now := s.Clock.Now()
		next := v
		next.Meta = ops.Meta{CreatedAt: now, UpdatedAt: now}
		change := audit.Change{Actor: actor, Action: "vendor.write", Target: v.Ref(), After: &next}
		old, err := s.Store.Vendor(ctx, v.ID)
		switch {
		case err == nil:
			if err := ops.Invalid("vendor", keptUp(&next, old)); err != nil {
				return nil, err
			}
			next.Meta, next.UpdatedAt, next.Watched, change.Before = old.Meta, now, old.Watched, old
		case ops.ErrorCode(err) != ops.CodeNotFound:
			return nil, fmt.Errorf("store vendor %s: %w", v.ID, err)
		}
		if err := watch(ctx, s.Store, &next, now); err != nil {
			return nil, err
		}
		entry, err := audit.Entry(ctx, s.Store, change, now)
		if err != nil {
			return nil, err
		}
		err = s.Store.Save(ctx, &next, entry)
		if err == nil {
			return &next, nil
		}
		if ops.AsConflict(err) == nil {
			return nil, fmt.Errorf("store vendor %s: %w", v.ID, err)
		}
	}
	return nil, ops.Errorf(ops.CodeUnavailable, "vendor %s is being changed too often; try again", v.ID)
}

// keptUp takes over what nobody writes by hand, and finds what was tried to be.
func keptUp(v, old *ops.Vendor) []ops.Fault {
	var faults []ops.Fault
	for _, f := range []struct {
		path     string
		got, was float64
	}{
		{"$.rating", v.Rating, old.Rating},
		{"$.ratings", float64(v.Ratings), float64(old.Ratings)},
		{"$.response_minutes", v.ResponseMinutes, old.ResponseMinutes},
	} {
		if f.got != 0 && f.got != f.was {
			faults = append(faults, ops.Fault{
				Path: f.path, Expected: fmt.Sprintf("absent or %v: it is kept up from evidence", f.was), Got: fmt.Sprint(f.got),
			})
		}
	}
	v.Rating, v.Ratings, v.ResponseMinutes = old.Rating, old.Ratings, old.ResponseMinutes
	return faults
}

// Score computes how good a vendor is now. CodeNotFound.
func (s *Scorer) Score(ctx context.Context, vendorID string) (*Score, error) {
	if _, err := s.Store.Vendor(ctx, vendorID); err != nil {
		return nil, err
	}
	t, err := s.Store.Tally(ctx, vendorID)
	if err != nil {
		return nil, err
	}
	score := ScoreOf(t, s.Clock.Now())
	return &score, nil
}

// Measurement is what somebody measured by hand.
type Measurement struct {
	Type       ops.MetricType
	Value      float64
	MaxValue   float64
	DataPoints int // observations that it stands for
	Method     string
}

// MaxMeasured is the most observations that one measurement can stand for.
const MaxMeasured = 1000

// Add takes over a measurement: it is kept as a metric of its own and counts in the vendor's score. CodeInvalid with every
// fault, CodeNotFound.
func (s *Scorer) Add(ctx context.Context, vendorID string, in Measurement, actor ops.Actor) (*ops.Metric, error) {
	if _, err := s.Store.Vendor(ctx, vendorID); err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	id, err := ops.RandomID("met-", s.Random)
	if err != nil {
		return nil, err
	}
	m := &ops.Metric{
		Meta: ops.Meta{CreatedAt: now, UpdatedAt: now}, ID: id, VendorID: vendorID, Type: in.Type,
		Value: in.Value, MaxValue: in.MaxValue, CalculationMethod: in.Method, DataPoints: max(1, in.DataPoints), PeriodStart: now, PeriodEnd: now,
		Level: ops.Insufficient,
	}
	faults := m.Faults()
	if in.DataPoints < 0 || in.DataPoints > MaxMeasured {
		faults = append(faults, ops.Fault{Path: "$.data_points", Expected: fmt.Sprintf("1 to %d", MaxMeasured), Got: strconv.Itoa(in.DataPoints)})
	}
	if err := ops.Invalid("metric", faults); err != nil {
		return nil, err
	}
	Weigh(m, float64(m.DataPoints))
	fact := ops.Fact{At: now, By: m.ID, VendorID: vendorID, Done: now, Type: in.Type, Percent: in.Value / in.MaxValue * 100, Points: m.DataPoints}
	entry, err := audit.First(ctx, audit.Change{Actor: actor, Action: "vendor.measure", Target: m.Ref(), After: m}, now)
	if err != nil {
		return nil, err
	}
	return m, s.Record(ctx, "metric/"+m.ID, map[string]ops.Fact{factMeasured: fact}, m, entry)
}

// Metrics lists a vendor's metrics, newest first. CodeNotFound.
func (s *Scorer) Metrics(ctx context.Context, f ops.MetricFilter) (ops.Page[*ops.Metric], error) {
	if _, err := s.Store.Vendor(ctx, f.VendorID); err != nil {
		return ops.Page[*ops.Metric]{}, err
	}
	return s.Store.Metrics(ctx, f)
}

// RankFor ranks all vendors for a booking, by what its events say of it; those left out have their reason. CodeNotFound
// when no event has named the booking.
func (s *Scorer) RankFor(ctx context.Context, bookingID string) ([]ops.Candidate, error) {
	subject, err := s.Store.Subject(ctx, ops.SubjectRef{Type: ops.SubjectBooking, ID: bookingID})
	if err != nil {
		return nil, err
	}
	if subject.V == 0 {
		return nil, ops.Errorf(ops.CodeNotFound, "there is no booking %s", bookingID)
	}
	b := BookingOf(func(name string) json.RawMessage { return subject.Fields[name] })
	all, err := s.Store.AllVendors(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the vendors: %w", err)
	}
	if err := Load(ctx, s.Store, &b, all); err != nil {
		return nil, err
	}
	return Rank(b, all), nil
}
