package local_test

import (
	"net/http"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

// Two deposits are waited for: one that was paid before anybody waited, one that is paid twice over after it; a third is
// never paid, and its workflow goes on without it after three days.
func TestAWorkflowWaitsForItsPayment(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	res := s.request(http.MethodPost, "/v1/templates", s.token, map[string]any{
		"name": "deposit", "type": "service_delivery", "trigger": "manual", "team": "Operations", "steps": []any{
			map[string]any{
				"id": "paid", "name": "Deposit is paid", "kind": "await_event", "event": "payment_received", "key": "$.context.booking_id",
				"lookback": "24h", "timeout": "72h", "on_timeout": "skip",
			},
			map[string]any{"id": "later", "name": "A little later", "kind": "delay", "depends_on": []string{"paid"}, "for": "1m"},
		},
	})
	if res.status != http.StatusCreated {
		t.Fatalf("create: %d %s", res.status, res.body)
	}
	if res := s.request(http.MethodPost, "/v1/templates/deposit/versions/1/publish", s.token, nil); res.status != http.StatusOK {
		t.Fatalf("publish: %d %s", res.status, res.body)
	}
	pay := func(id, booking string) {
		detail := payment(id)
		detail["booking_id"] = booking
		s.put("payment_received", detail)
		s.idle()
	}
	pay("pay-early", "bk-early")
	ids := map[string]string{}
	for _, booking := range []string{"bk-early", "bk-late", "bk-never"} {
		var i instance
		res := s.request(http.MethodPost, "/v1/workflows", s.token, map[string]any{
			"template": "deposit", "context": map[string]string{"booking_id": booking},
		})
		res.decode(t, &i)
		ids[booking] = i.ID
	}
	s.idle()
	pay("pay-late", "bk-late")
	pay("pay-late", "bk-late")
	s.advance("5m")
	status := func(booking string) string {
		var i instance
		s.get("/v1/workflows/"+ids[booking], &i)
		return i.Status + " " + i.Steps[0].Status
	}
	for booking, want := range map[string]string{
		"bk-early": "completed completed", "bk-late": "completed completed", "bk-never": "running in_progress",
	} {
		if got := status(booking); got != want {
			t.Errorf("%s: %s, not %s", booking, got, want)
		}
	}
	s.advance("72h")
	s.advance("5m")
	s.token = s.tokenFor("ada", "admin") // three days are longer than a token lives
	if got := status("bk-never"); got != "completed skipped" {
		t.Errorf("bk-never: %s", got)
	}
}
