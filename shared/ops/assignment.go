package ops

import "context"

// Assignment says which vendor has a booking, and whose capacity of which day it takes. There is one record per booking: a
// booking that changes hands gives the place back.
type Assignment struct {
	Meta
	BookingID string `json:"booking_id"`
	VendorID  string `json:"vendor_id"`     // empty: it gave the booking back
	Day       string `json:"day,omitempty"` // YYYY-MM-DD; empty: it takes no day's capacity
}

// Ref names the record.
func (a *Assignment) Ref() Ref { return Ref{KindAssignment, a.BookingID} }

// AssignmentStore keeps assignments.
type AssignmentStore interface {
	// Assignment reads a booking's, consistently; nil when nobody has the booking.
	Assignment(ctx context.Context, bookingID string) (*Assignment, error)
}

// LoadID is the id of the counter of the bookings that a vendor has on a day.
func LoadID(vendorID, day string) string { return "vendor/" + vendorID + "/" + day }
