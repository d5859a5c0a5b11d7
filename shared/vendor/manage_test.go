package vendor_test

import (
	"testing"

	"opsflow/shared/ops"
	"opsflow/shared/vendor"
)

var vera = ops.Actor{ID: "vera", Teams: []ops.Team{ops.VendorManagement}}

func TestAMeasurementCountsAndIsWrittenDown(t *testing.T) {
	t.Parallel()
	s, ctx := scorer(t), t.Context()
	if _, err := s.Put(ctx, *named(good("v-1")), vera); err != nil {
		t.Fatal(err)
	}
	in := vendor.Measurement{Type: ops.ExpertiseLevel, Value: 9, MaxValue: 10, DataPoints: 6, Method: "test"}
	added, err := s.Add(ctx, "v-1", in, vera)
	if err != nil {
		t.Fatal(err)
	}
	if m := metric(score(t, s, "v-1"), ops.ExpertiseLevel); m.DataPoints != 6 {
		t.Errorf("it counts as %d data points, want 6", m.DataPoints)
	}
	trail, err := s.Store.AuditTrail(ctx, ops.AuditFilter{Target: added.Ref()})
	if err != nil || len(trail.Items) != 1 || trail.Items[0].Actor.ID != "vera" {
		t.Errorf("written down is %+v, %v", trail.Items, err)
	}
	in.Value = 11
	if _, err := s.Add(ctx, "v-1", in, vera); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("11 of 10 gave %v", err)
	}
	if _, err := s.Add(ctx, "v-2", in, vera); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("an unknown vendor gave %v", err)
	}
}

func TestWhatEvidenceKeepsUpIsNotWrittenByHand(t *testing.T) {
	t.Parallel()
	s, ctx := scorer(t), t.Context()
	v, err := s.Put(ctx, *named(good("v-1")), vera)
	if err != nil {
		t.Fatal(err)
	}
	changed := *v
	changed.Rating = 5
	if _, err := s.Put(ctx, changed, vera); ops.ErrorCode(err) != ops.CodeInvalid {
		t.Errorf("a made-up rating gave %v", err)
	}
	changed.Rating, changed.Active = 0, false
	if got, err := s.Put(ctx, changed, vera); err != nil || got.Rating != 4.5 || got.Active {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := s.Put(ops.WithExpected(ctx, v.Ref(), v.V), changed, vera); ops.ErrorCode(err) != ops.CodePreconditionFailed {
		t.Errorf("an old version gave %v", err)
	}
}

func named(v *ops.Vendor) *ops.Vendor {
	v.Name = "Named"
	return v
}
