package workflow_test

import (
	"testing"

	"opsflow/shared/ops"
)

func TestOneReviewIsTooLittleToSayWhatAVendorIsLike(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	i := b.start(t, "quality_assurance", ops.SubjectRef{Type: "booking", ID: "bk-1"}, `{"booking_id": "bk-1", "vendor_id": "v-1"}`)
	b.complete(t, i.ID, "done", `{"score": 91}`)
	page, err := b.store.Metrics(t.Context(), ops.MetricFilter{VendorID: "v-1"})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the vendor has the metrics %+v, %v", page.Items, err)
	}
	if m := page.Items[0]; m.Type != ops.QualityScore || m.Value != 91 || m.DataPoints != 1 || m.Confidence != 0.17 || m.Level != ops.Insufficient {
		t.Errorf("the review is the metric %+v, want one observation of 91, a confidence of 1/(1+5), insufficient", m)
	}
	if got := b.field(t, ops.SubjectRef{Type: "booking", ID: "bk-1"}, "quality_level"); got != `"excellent"` {
		t.Errorf("the booking's own quality is %s, want excellent", got)
	}
}
