package ops

import (
	"context"
	"time"
)

// Vendor is a company or person that performs services.
type Vendor struct {
	Meta
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Email         string   `json:"email,omitempty"`
	Phone         string   `json:"phone,omitempty"`
	Active        bool     `json:"active"`
	Verified      bool     `json:"verified"`
	Categories    []string `json:"categories"` // service types it performs
	Areas         []string `json:"areas"`      // areas it works in
	Skills        []string `json:"skills,omitempty"`
	Lat           *float64 `json:"lat,omitempty"`
	Lng           *float64 `json:"lng,omitempty"`
	DailyCapacity int      `json:"daily_capacity"` // bookings a day; 0: no limit
	PriceLevel    float64  `json:"price_level"`    // 1 is the market's mean
	Rating        float64  `json:"rating"`         // 0 to 5
	Ratings       int      `json:"ratings"`        // how many the rating comes from
	// ResponseMinutes is the typical time to answer an offer.
	ResponseMinutes float64     `json:"response_minutes,omitempty"`
	Blackouts       []DateRange `json:"blackouts,omitempty"`
}

// DateRange is a span of days, both included.
type DateRange struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Ref names the record.
func (v *Vendor) Ref() Ref { return Ref{KindVendor, v.ID} }

// Candidate is a vendor's place in the ranking for one booking.
type Candidate struct {
	VendorID string             `json:"vendor_id"`
	Name     string             `json:"name"`
	Score    float64            `json:"score"` // 0 to 100
	Parts    map[string]float64 `json:"parts,omitempty"`
	Excluded string             `json:"excluded,omitempty"` // why it is left out; Score is 0 then
}

// VendorStore keeps vendors.
type VendorStore interface {
	// Vendor reads one. CodeNotFound.
	Vendor(ctx context.Context, id string) (*Vendor, error)
	// Vendors lists, newest first.
	Vendors(ctx context.Context, p PageRequest) (Page[*Vendor], error)
	// AllVendors reads every vendor whole, ordered by id.
	AllVendors(ctx context.Context) ([]*Vendor, error)
}
