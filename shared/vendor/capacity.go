package vendor

import (
	"context"
	"fmt"
	"time"

	"opsflow/shared/ops"
)

// keepLoad is how long after its day a count of bookings is kept.
const keepLoad = 90 * 24 * time.Hour

// Take gives the records to save so that a vendor has a booking on a day ("": no day's capacity is taken): the assignment,
// the day's count, which has room for at most max (0: no limit), and, when another vendor or day had the booking, the place
// given back. The Save fails with a Conflict that names the counter when the last place went to another booking.
// Nothing is to be saved when the vendor has the booking already.
func Take(ctx context.Context, s ops.AssignmentStore, bookingID, vendorID, day string, limit int) ([]ops.Record, error) {
	a, err := s.Assignment(ctx, bookingID)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		a = &ops.Assignment{BookingID: bookingID}
	case a.VendorID == vendorID && a.Day == day:
		return nil, nil
	}
	return move(a, vendorID, day, limit)
}

// Release gives the records to save so that a vendor has a booking no more: the assignment and the place of the day given back;
// none when the vendor does not have it.
func Release(ctx context.Context, s ops.AssignmentStore, bookingID, vendorID string) ([]ops.Record, error) {
	a, err := s.Assignment(ctx, bookingID)
	if err != nil || a == nil || a.VendorID != vendorID {
		return nil, err
	}
	return move(a, "", "", 0)
}

// move gives a booking from the vendor and day that have it to others; none: "".
func move(a *ops.Assignment, vendorID, day string, limit int) ([]ops.Record, error) {
	var records []ops.Record
	for _, place := range []struct {
		day    string
		vendor string
		add    int64
		limit  int
	}{{a.Day, a.VendorID, -1, 0}, {day, vendorID, 1, limit}} {
		if place.day == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, place.day)
		if err != nil {
			return nil, fmt.Errorf("booking %s: read the day: %w", a.BookingID, err)
		}
		records = append(records, &ops.Counter{
			Meta: ops.Meta{ExpiresAt: at.Add(keepLoad)}, ID: ops.LoadID(place.vendor, place.day), Add: place.add, Max: int64(place.limit),
		})
	}
	a.VendorID, a.Day = vendorID, day
	return append(records, a), nil
}

// Booked counts the bookings that a vendor has on a day; none when the day is not known.
func Booked(ctx context.Context, s ops.CounterStore, vendorID, day string) (int, error) {
	if day == "" {
		return 0, nil
	}
	n, err := s.Count(ctx, ops.LoadID(vendorID, day))
	if err != nil {
		return 0, fmt.Errorf("count the bookings of vendor %s on %s: %w", vendorID, day, err)
	}
	return int(max(n, 0)), nil
}

// Load fills in how many bookings each vendor has on the booking's day. Only those that are counted: vendors with a limit
// that nothing else keeps from taking the booking.
func Load(ctx context.Context, s ops.CounterStore, b *Booking, vs []*ops.Vendor) error {
	b.Booked = map[string]int{}
	if b.ScheduledFor.IsZero() {
		return nil
	}
	for _, v := range vs {
		if v.DailyCapacity == 0 || excluded(*b, v) != "" {
			continue
		}
		n, err := Booked(ctx, s, v.ID, Day(b.ScheduledFor))
		if err != nil {
			return err
		}
		b.Booked[v.ID] = n
	}
	return nil
}
