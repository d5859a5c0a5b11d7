package ops

import (
	"context"
	"fmt"
	"strconv"
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
	// AutoAccept says that the vendor takes every booking that is offered to it, at once.
	AutoAccept bool `json:"auto_accept,omitempty"`
	// Watched is what condition_based templates last saw of it.
	Watched map[string]WatchState `json:"watched,omitempty"`
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

// VendorFilter narrows a list of vendors. Zero fields match everything.
type VendorFilter struct {
	Active   *bool
	Category string // a service type that they perform
	Area     string // where they work
	PageRequest
}

// VendorStore keeps vendors.
type VendorStore interface {
	// Vendor reads one. CodeNotFound.
	Vendor(ctx context.Context, id string) (*Vendor, error)
	// Vendors lists, newest first.
	Vendors(ctx context.Context, f VendorFilter) (Page[*Vendor], error)
	// AllVendors reads every vendor whole, ordered by id.
	AllVendors(ctx context.Context) ([]*Vendor, error)
}

// maxName is the longest name of a vendor, in bytes.
const maxName = 200

// Faults tells everything that is wrong with a vendor.
func (v *Vendor) Faults() []Fault {
	c := &checker{}
	c.id("$.id", v.ID)
	c.text("$.name", v.Name, maxName)
	if len(v.Categories) == 0 {
		c.fault("$.categories", "at least one service type", "none")
	}
	if len(v.Areas) == 0 {
		c.fault("$.areas", "at least one area", "none")
	}
	if (v.Lat == nil) != (v.Lng == nil) {
		c.fault("$.lat", "given together with lng, or not at all", "one of the two")
	}
	if v.Lat != nil {
		c.between("$.lat", *v.Lat, -90, 90)
	}
	if v.Lng != nil {
		c.between("$.lng", *v.Lng, -180, 180)
	}
	if v.DailyCapacity < 0 {
		c.fault("$.daily_capacity", "0 or more bookings a day", strconv.Itoa(v.DailyCapacity))
	}
	c.between("$.price_level", v.PriceLevel, 0, 100)
	c.between("$.rating", v.Rating, 0, 5)
	if v.Ratings < 0 {
		c.fault("$.ratings", "0 or more", strconv.Itoa(v.Ratings))
	}
	for i, b := range v.Blackouts {
		if b.To.Before(b.From) {
			c.fault(fmt.Sprintf("$.blackouts[%d].to", i), "not before from", b.To.String())
		}
	}
	return c.faults
}
