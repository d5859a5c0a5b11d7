package httpapi_test

import (
	"context"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

// fakeVendors answers for the vendors that the fakes have.
type fakeVendors fakes

func (f *fakeVendors) Put(_ context.Context, v ops.Vendor, _ ops.Actor) (*ops.Vendor, error) {
	if err := ops.Invalid("vendor", v.Faults()); err != nil {
		return nil, err
	}
	v.V++
	return &v, nil
}

func (f *fakeVendors) Score(_ context.Context, id string) (*vendor.Score, error) {
	if _, err := one((*fakes)(f), f.vendors, id); err != nil {
		return nil, err
	}
	return &vendor.Score{VendorID: id, Level: ops.Insufficient, Insufficient: true}, nil
}

func (f *fakeVendors) Add(_ context.Context, id string, m vendor.Measurement, _ ops.Actor) (*ops.Metric, error) {
	_, err := one((*fakes)(f), f.vendors, id)
	return &ops.Metric{ID: "met-1", VendorID: id, Type: m.Type, Value: m.Value}, err
}

func (f *fakeVendors) Metrics(_ context.Context, q ops.MetricFilter) (ops.Page[*ops.Metric], error) {
	f.metricFilter = q
	_, err := one((*fakes)(f), f.vendors, q.VendorID)
	return ops.Page[*ops.Metric]{}, err
}

func (f *fakeVendors) RankFor(context.Context, string) ([]ops.Candidate, error) {
	return []ops.Candidate{{VendorID: "x", Excluded: "is not active"}}, nil
}
