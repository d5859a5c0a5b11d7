package console_test

import (
	"net/http"
	"testing"

	"opsflow/shared/local/clock"
)

func TestAPeriodIsReplayedAfterItsPreview(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.as(t, "operations")
	v.get(t, "/events").shows(t, http.StatusOK, `href="/events/replay"`)
	s.as(t, "finance").get(t, "/events/replay").shows(t, http.StatusForbidden)
	v.after(t, v.post(t, "/rules/pause", "for", "1h", "reason", "storm"))
	s.send(t, http.MethodPost, "/v1/events", s.token(t, "operations"), map[string]any{
		"type": "service_completed", "detail": map[string]any{"booking_id": "bk-1", "vendor_id": "v-1", "service_value": 500},
	}, nil)
	s.settle(t)
	v.after(t, v.post(t, "/rules/resume", "reason", "over"))
	v.get(t, "/events/replay").shows(t, http.StatusOK, `name="from" value="2`)
	v.get(t, "/events/replay?from=yesterday").shows(t, http.StatusUnprocessableEntity, "From is no time")
	v.get(t, "/events/replay?from=2020-01-01T00:00&to=2020-01-02T00:00").shows(t, http.StatusOK, "No event arrived then.")
	v.get(t, "/events/replay?from=2020-01-01T00:00").shows(t, http.StatusOK, "Service completed</a>", "quality-check", "Replay</button>")
	begun := v.post(t, "/events/replay/begin", "from", "2020-01-01T00:00")
	s.settle(t)
	v.after(t, begun).shows(t, http.StatusOK, "Replay events", "quality-check")
	v.get(t, "/events/replay?from=2020-01-01T00:00").shows(t, http.StatusOK, "1 event leads to nothing new.")
}
