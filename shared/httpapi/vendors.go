package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

func (a *api) vendorRoutes() {
	handle(a, route{
		id: "list-vendors", method: http.MethodGet, path: "/v1/vendors", action: readVendors,
		summary: "List vendors, newest first; with rank_for, all of them as candidates for a booking, the best first",
		refuses: []ops.Code{ops.CodeNotFound}, // the booking
	}, a.listVendors)
	handle(a, route{
		id: "get-vendor", method: http.MethodGet, path: "/v1/vendors/{id}", action: readVendors,
		summary: "Read a vendor",
	}, a.getVendor)
	handle(a, route{
		id: "put-vendor", method: http.MethodPut, path: "/v1/vendors/{id}", record: byID(a.Store.Vendor), action: writeVendors,
		summary: "Add a vendor or replace one",
	}, a.putVendor)
	handle(a, route{
		id: "get-vendor-score", method: http.MethodGet, path: "/v1/vendors/{id}/score", action: readVendors,
		summary: "Read how good a vendor is, in all and by part, and how sure that is",
	}, a.vendorScore)
	handle(a, route{
		id: "list-vendor-metrics", method: http.MethodGet, path: "/v1/vendors/{id}/metrics", action: readVendors,
		summary: "List a vendor's metrics, newest first: one of each type and month, and what was measured by hand",
	}, a.listMetrics)
	handle(a, route{
		id: "get-vendor-metric", method: http.MethodGet, path: "/v1/vendors/{id}/metrics/{metric}", action: readVendors,
		summary: "Read one of a vendor's metrics",
	}, a.getMetric)
	handle(a, route{
		id: "add-vendor-metric", method: http.MethodPost, path: "/v1/vendors/{id}/metrics", action: measureVendors,
		summary: "Record what was measured by hand; it counts in the vendor's score", status: http.StatusCreated,
	}, a.addMetric)
}

type vendorsQuery struct {
	PageQuery
	Active   string `query:"active" enum:"true,false" doc:"Whether they get bookings."`
	Category string `query:"category" maxLength:"128" doc:"A service type that they perform."`
	Area     string `query:"area" maxLength:"128" doc:"Where they work."`
	RankFor  string `query:"rank_for" maxLength:"128" doc:"A booking's id: the items are candidates for it, each that is left out with its reason."`
}

// listedVendor is a *ops.Vendor, or with rank_for an ops.Candidate.
type listedVendor any

// vendorOrCandidate describes a listedVendor.
type vendorOrCandidate struct{}

// Schema tells both forms.
func (vendorOrCandidate) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[ops.Vendor](), true, ""), r.Schema(reflect.TypeFor[ops.Candidate](), true, ""),
	}}
}

func (a *api) listVendors(ctx context.Context, q *vendorsQuery) (*listOutput[listedVendor], error) {
	if q.RankFor != "" {
		ranked, err := a.Vendors.RankFor(ctx, q.RankFor)
		if err != nil {
			return nil, fmt.Errorf("rank vendors: %w", err)
		}
		page, err := numbered(ctx, a.Store, ops.List{Name: "candidates", Filter: q.RankFor}, ranked, q.request())
		if err != nil {
			return nil, err
		}
		return listOf(page, func(c ops.Candidate) listedVendor { return c }), nil
	}
	f := ops.VendorFilter{Category: q.Category, Area: q.Area, PageRequest: q.request()}
	if q.Active != "" {
		active := q.Active == "true"
		f.Active = &active
	}
	page, err := a.Store.Vendors(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list vendors: %w", err)
	}
	return listOf(page, func(v *ops.Vendor) listedVendor { return v }), nil
}

func (a *api) getVendor(ctx context.Context, in *IDPath) (*oneOutput[*ops.Vendor], error) {
	return oneVendor("read", func() (*ops.Vendor, error) { return a.Store.Vendor(ctx, in.ID) })
}

type putVendorInput struct {
	IDPath
	Body struct {
		Name            string          `json:"name" minLength:"1" maxLength:"200"`
		Email           string          `json:"email,omitempty" maxLength:"254"`
		Phone           string          `json:"phone,omitempty" maxLength:"40"`
		Active          bool            `json:"active" doc:"false: it gets no bookings."`
		Verified        bool            `json:"verified" doc:"false: it gets no bookings yet."`
		Categories      []string        `json:"categories" nullable:"false" doc:"Service types that it performs."`
		Areas           []string        `json:"areas" nullable:"false" doc:"Areas that it works in."`
		Skills          []string        `json:"skills,omitempty" nullable:"false"`
		Lat             *float64        `json:"lat,omitempty"`
		Lng             *float64        `json:"lng,omitempty"`
		DailyCapacity   int             `json:"daily_capacity,omitempty" doc:"Bookings a day; 0: no limit."`
		PriceLevel      float64         `json:"price_level,omitempty" doc:"1 is the market's mean."`
		Rating          float64         `json:"rating,omitempty" doc:"Only of a new vendor: what it begins with."`
		Ratings         int             `json:"ratings,omitempty" doc:"Likewise."`
		ResponseMinutes float64         `json:"response_minutes,omitempty" doc:"Likewise."`
		Blackouts       []ops.DateRange `json:"blackouts,omitempty" nullable:"false" doc:"Days on which it works for nobody."`
		AutoAccept      bool            `json:"auto_accept,omitempty" doc:"It takes every booking that is offered to it, at once."`
	} `nameHint:"PutVendor"`
}

func (a *api) putVendor(ctx context.Context, in *putVendorInput) (*oneOutput[*ops.Vendor], error) {
	b := in.Body
	v := ops.Vendor{
		ID: in.ID, Name: b.Name, Email: b.Email, Phone: b.Phone, Active: b.Active, Verified: b.Verified, Categories: b.Categories,
		Areas: b.Areas, Skills: b.Skills, Lat: b.Lat, Lng: b.Lng, DailyCapacity: b.DailyCapacity, PriceLevel: b.PriceLevel, Rating: b.Rating,
		Ratings: b.Ratings, ResponseMinutes: b.ResponseMinutes, Blackouts: b.Blackouts, AutoAccept: b.AutoAccept,
	}
	return oneVendor("write", func() (*ops.Vendor, error) { return a.Vendors.Put(ctx, v, actorOf(ctx)) })
}

func oneVendor(what string, do func() (*ops.Vendor, error)) (*oneOutput[*ops.Vendor], error) {
	v, err := do()
	if err != nil {
		return nil, fmt.Errorf("%s vendor: %w", what, err)
	}
	return &oneOutput[*ops.Vendor]{ETag: etag(v), Body: v}, nil
}

type scoreOutput struct{ Body *vendor.Score }

func (a *api) vendorScore(ctx context.Context, in *IDPath) (*scoreOutput, error) {
	s, err := a.Vendors.Score(ctx, in.ID)
	if err != nil {
		return nil, fmt.Errorf("score vendor: %w", err)
	}
	return &scoreOutput{Body: s}, nil
}

type metricsQuery struct {
	IDPath
	PageQuery
	Type   metricType `query:"type" doc:"Only those of this type."`
	Period string     `query:"period" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"A month." example:"2026-11"`
}

func (a *api) listMetrics(ctx context.Context, in *metricsQuery) (*listOutput[*ops.Metric], error) {
	page, err := a.Vendors.Metrics(ctx, ops.MetricFilter{
		VendorID: in.ID, Type: ops.MetricType(in.Type), Period: in.Period, PageRequest: in.request(),
	})
	if err != nil {
		return nil, fmt.Errorf("list metrics: %w", err)
	}
	return listOf(page, same[*ops.Metric]), nil
}

type metricPath struct {
	IDPath
	Metric string `path:"metric" maxLength:"128" doc:"The metric's id."`
}

func (a *api) getMetric(ctx context.Context, in *metricPath) (*oneOutput[*ops.Metric], error) {
	m, err := a.Store.Metric(ctx, in.Metric)
	if err != nil {
		return nil, fmt.Errorf("read metric: %w", err)
	}
	if m.VendorID != in.ID {
		return nil, ops.Errorf(ops.CodeNotFound, "vendor %s has no metric %s", in.ID, in.Metric)
	}
	return &oneOutput[*ops.Metric]{ETag: etag(m), Body: m}, nil
}

func metricURL(m *ops.Metric) string { return "/v1/vendors/" + m.VendorID + "/metrics/" + m.ID }

type metricType string

// Schema names the values.
func (metricType) Schema(huma.Registry) *huma.Schema { return oneOf(ops.MetricTypes()...) }

type addMetricInput struct {
	IDPath
	Body struct {
		Type       metricType `json:"type"`
		Value      float64    `json:"value" minimum:"0"`
		MaxValue   float64    `json:"max_value,omitempty" default:"100"`
		DataPoints int        `json:"data_points,omitempty" default:"1" minimum:"1" maximum:"1000" doc:"How many observations it stands for."`
		Method     string     `json:"calculation_method" minLength:"1" maxLength:"200" doc:"How it was measured."`
	} `nameHint:"AddMetric"`
}

func (a *api) addMetric(ctx context.Context, in *addMetricInput) (*madeOutput[*ops.Metric], error) {
	b := in.Body
	m, err := a.Vendors.Add(ctx, in.ID, vendor.Measurement{
		Type: ops.MetricType(b.Type), Value: b.Value, MaxValue: b.MaxValue, DataPoints: b.DataPoints, Method: b.Method,
	}, actorOf(ctx))
	if err != nil {
		return nil, fmt.Errorf("add metric: %w", err)
	}
	return &madeOutput[*ops.Metric]{
		Status: http.StatusCreated, ETag: etag(m), Location: metricURL(m), Body: m,
	}, nil
}
