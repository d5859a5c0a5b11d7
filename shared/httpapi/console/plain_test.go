package console_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"opsflow/shared/local/clock"
)

func TestAVendorSignsInAndAnswersItsOffersAndSeesNothingElse(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	s.send(t, http.MethodPost, "/v1/events", s.token(t, "operations"), map[string]any{"type": "booking_created", "detail": map[string]any{
		"booking_id": "bk-1", "customer_id": "cu-1", "service_type": "plumbing", "location": map[string]any{"area": "Deira"},
		"scheduled_for": "2026-11-26T09:00:00Z", "service_value": 120,
	}}, nil)
	s.settle(t)
	others := s.taskOf(t, s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1")))
	house := s.visitor(t)
	house.get(t, strings.TrimPrefix(house.get(t, "/sign-in").to, house.base)).shows(t, http.StatusOK, `id="as-vendor-bluepipe"`, "Blue Pipe Plumbing")
	v := s.as(t, "vendor-bluepipe")
	if home := v.get(t, "/"); home.to != "/tasks" {
		t.Errorf("the first page leads to %q", home.to)
	}
	list := v.get(t, "/tasks?team=all")
	list.shows(t, http.StatusOK, "My offers", "Offer the booking: bk-1", "1 offer<")
	if strings.Contains(list.body, others) {
		t.Error("a vendor sees a payment")
	}
	v.get(t, "/tasks/"+others).shows(t, http.StatusNotFound)
	v.get(t, "/workflows").shows(t, http.StatusForbidden, "You are signed in as vendor-bluepipe")
	path := regexp.MustCompile(`/tasks/tsk-[a-z0-9]+`).FindString(list.body)
	offer := v.get(t, path)
	offer.shows(t, http.StatusOK, "Your answer, until", "Accept the booking", "Decline", "Deira")
	if strings.Contains(offer.body, "vendor-allfix") {
		t.Error("a vendor sees who else is asked")
	}
	v.after(t, v.post(t, path+"/complete", "outcome", "accepted")).shows(t, http.StatusOK, "Your answer is recorded.")
	s.settle(t)
	v.get(t, path).shows(t, http.StatusOK, ">Completed</span>")
}

func TestAFailedWorkflowIsRetriedFromAStepWithAnotherContext(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	w := s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	finance, v := s.as(t, "finance"), s.as(t, "admin")
	finance.post(t, "/tasks/"+s.taskOf(t, w)+"/reject", "comment", "a wrong amount")
	s.settle(t)
	path := "/workflows/" + w.ID
	v.get(t, path).shows(t, http.StatusOK, "Not reached", "where it failed", "Outcome: Rejected", "Payment processing pay-1")
	v.post(t, path+"/retry", "context", "[1]", "reason", "my words").shows(t, http.StatusUnprocessableEntity, "$.context", "my words")
	v.post(t, path+"/retry", "from_step", "nowhere").shows(t, http.StatusUnprocessableEntity, "from_step")
	again := v.post(t, path+"/retry", "from_step", "validation", "context", `{"amount": 99}`, "reason", "corrected")
	s.settle(t)
	v.after(t, again).shows(t, http.StatusOK, "goes on.", ">Waiting approval</span>", "<dd>99</dd>")
}

func TestPagesAndAssetsAreCompressedForWhoReadsThat(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.as(t, "operations")
	plain := v.get(t, "/workflows/start", "Accept-Encoding", "identity")
	style := regexp.MustCompile(`/assets/console\.[0-9a-f]+\.css`).FindString(plain.body)
	for _, path := range []string{"/workflows/start", style} {
		packed := v.get(t, path, "Accept-Encoding", "gzip, br")
		r, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		text, err := io.ReadAll(r)
		if whole := v.get(t, path, "Accept-Encoding", "identity").body; err != nil || string(text) != whole || len(packed.body) > len(whole)/2 {
			t.Errorf("%s: %d bytes of %d, %v", path, len(packed.body), len(whole), err)
		}
	}
	v.get(t, "/workflows/start", "Accept-Encoding", "gzip;q=0").shows(t, http.StatusOK, "Choose a template.")
}
