package local_test

import (
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

func TestAPeriodThatWasPausedIsReplayedAsAPreviewSays(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	s.post("/v1/rules/pause-all", map[string]any{"for": "1h", "reason": "storm"}, http.StatusOK, nil)
	for _, id := range []string{"bk-1", "bk-2", "bk-3"} {
		s.put("service_completed", map[string]any{"booking_id": id, "vendor_id": "v-1", "service_value": 500})
	}
	s.idle()
	s.post("/v1/rules/resume-all", map[string]any{"reason": "over"}, http.StatusOK, nil)
	if n := len(s.workflows("template=quality_assurance")); n != 0 {
		t.Fatalf("%d workflows were started in the pause", n)
	}
	request := map[string]any{
		"action": "event.replay", "filter": map[string]any{"from": "2020-01-01T00:00:00Z", "type": "service_completed"}, "preview": true,
	}
	preview := s.bulk(http.StatusOK, request)
	if preview.Counts != (ops.BulkCounts{Done: 3}) || !strings.HasPrefix(preview.Items[0].Note, "matched ") || !strings.Contains(preview.Items[0].Note, "quality-check") {
		t.Errorf("the preview is %+v", preview)
	}
	if n := len(s.workflows("template=quality_assurance")); n != 0 {
		t.Fatalf("the preview started %d workflows", n)
	}
	delete(request, "preview")
	for range 2 { // the second time everything is done already
		did := s.bulk(http.StatusAccepted, request)
		if did.Status != "completed" || did.Counts != (ops.BulkCounts{Done: 3}) {
			t.Errorf("the replay is %+v", did)
		}
		if n := len(s.workflows("template=quality_assurance")); n != 3 {
			t.Errorf("%d workflows, want 3", n)
		}
	}
}
