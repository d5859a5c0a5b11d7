package local_test

import (
	"net/http"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

func TestRealTimeCanBeMovedAndStaysMovedAfterARestart(t *testing.T) {
	t.Parallel()
	o := options()
	o.Data = t.TempDir()
	rt := start(t, o)
	s := newSystem(t, rt)
	s.put("payment_received", payment("pay-late"))
	s.advance("25h")
	var alerts struct {
		Items []struct {
			Type string `json:"type"`
		} `json:"items"`
	}
	if s.get("/v1/alerts?type=sla_violation", &alerts); len(alerts.Items) == 0 {
		t.Fatal("25 hours later the payment is not late")
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	o.Clock = clock.Real()
	again := start(t, o)
	if ahead := again.Clock().Ahead(); ahead < 24*time.Hour || ahead > 26*time.Hour {
		t.Errorf("after the restart the clock is %s ahead, want 25 h: what is kept would be from the future", ahead)
	}
	if res := newSystem(t, again).request(http.MethodPost, "/dev/clock", "", map[string]string{"advance": "-1h"}); res.status != http.StatusUnprocessableEntity {
		t.Errorf("moved back: %d, want 422", res.status)
	}
}
