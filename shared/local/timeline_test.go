package local_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

// link makes a link to a booking's timeline, as Operations, and gives its path.
func (s *system) link(booking, body string, want int) string {
	s.t.Helper()
	res := s.request(http.MethodPost, "/v1/bookings/"+booking+"/timeline-link", s.tokenFor("oscar", "operations"), body)
	if res.status != want {
		s.t.Fatalf("a link for %s: %d %s, want %d", booking, res.status, res.body, want)
	}
	if want != http.StatusCreated {
		return ""
	}
	var out struct {
		URL  string `json:"url"`
		Path string `json:"path"`
	}
	res.decode(s.t, &out)
	if out.URL != s.apiURL+out.Path {
		s.t.Errorf("the link is %s, want it at %s", out.URL, s.apiURL)
	}
	return out.Path
}

func TestCustomerSeesWhatHappenedToTheBooking(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	b := booking("bk-1")
	b["customer"] = map[string]any{"email": "mona@example.com", "phone": "+971500000000"}
	s.put("booking_created", b)
	s.put("payment_received", payment("pay-1"))
	s.put("vendor_assigned", map[string]any{"booking_id": "bk-1", "vendor_id": "vn-secret"})
	path := s.link("bk-1", `{"valid_for":"48h"}`, http.StatusCreated)

	got, body := s.timeline(path)
	if want := []string{
		"booking_received: We received your booking.",
		"booking_confirmed: Your booking is confirmed.",
		"provider_assigned: A provider was assigned to your booking.", // by us
		"provider_assigned: A provider was assigned to your booking.", // by the booking system
		"payment_received: We received your payment of 120.5 AED.",
	}; got.Stage != "assigned" || !slices.Equal(got.told(), want) {
		t.Errorf("the timeline is %s: %q, want %q", got.Stage, got.told(), want)
	}
	for _, secret := range []string{"vn-secret", "cu-1", "pay-1", "mona", "97150", "wf-", "evt-"} {
		if strings.Contains(body, secret) {
			t.Errorf("the timeline tells %s: %s", secret, body)
		}
	}

	s.approve(s.awaitsApproval("pay-1"), http.StatusOK)
	approved, body := s.timeline(path)
	if last := approved.told()[5:]; !slices.Equal(last, []string{"payment_confirmed: Your payment of 120.5 AED is confirmed."}) ||
		strings.Contains(body, "fiona") {
		t.Errorf("after the approval: %s", body)
	}

	page, header := s.browse(path)
	if header.Get("Content-Type") != "text/html; charset=utf-8" || header.Get("Referrer-Policy") != "no-referrer" ||
		!strings.Contains(page, "<li><p>We received your booking.</p><time datetime=") || !strings.Contains(page, got.Summary) {
		t.Errorf("the page, with %v:\n%s", header, page)
	}

	s.advance("48h")
	if res := s.request(http.MethodGet, path, "", nil); res.status != http.StatusGone {
		t.Errorf("after it expired: %d %s, want 410", res.status, res.body)
	}
	if page, _ := s.browse(path); !strings.Contains(page, "this link has expired") {
		t.Errorf("the page after it expired:\n%s", page)
	}
}

// told is a timeline as its customer gets it.
type told struct {
	Stage   string `json:"stage"`
	Summary string `json:"summary"`
	Entries []struct {
		At   time.Time `json:"at"`
		What string    `json:"what"`
		Text string    `json:"text"`
	} `json:"entries"`
}

// told is what happened, in its order.
func (t told) told() []string {
	var all []string
	for _, e := range t.Entries {
		all = append(all, e.What+": "+e.Text)
	}
	return all
}

func (s *system) timeline(path string) (told, string) {
	s.t.Helper()
	res := s.request(http.MethodGet, path, "", nil)
	if res.status != http.StatusOK {
		s.t.Fatalf("the timeline: %d %s", res.status, res.body)
	}
	var got told
	res.decode(s.t, &got)
	return got, string(res.body)
}

func TestTimelineTellsTheWholeStoryInItsOrder(t *testing.T) {
	t.Parallel()
	s := promised(t)
	s.put("customer_complaint", object{"complaint_id": "cp-1", "booking_id": "bk-1", "text": "wet"}) // the first to arrive, at the same second
	s.put("service_completed", object{"booking_id": "bk-1", "vendor_id": "vendor-sparkle", "completed_at": "2026-11-24T09:00:00Z"})
	s.put("payment_received", payment("pay-1"))
	s.put("booking_created", booking("bk-1"))
	task := s.awaitsApproval("pay-1").WaitingFor.Ref
	s.advance("1h")
	s.ask(http.MethodPost, "/v1/tasks/"+task+"/reject", s.tokenFor("fay", "finance"), object{"comment": "the card was stolen"}, http.StatusOK, nil)
	got, body := s.timeline(s.link("bk-1", "", http.StatusCreated))
	if want := []string{
		"booking_received: We received your booking.",
		"booking_confirmed: Your booking is confirmed.",
		"provider_assigned: A provider was assigned to your booking.",
		"payment_received: We received your payment of 120.5 AED.",
		"service_done: The service was done.",
		"complaint_received: We received your complaint and will look into it.",
		"payment_failed: Your payment of 120.5 AED did not go through.",
	}; got.Stage != "done" || !slices.Equal(got.told(), want) || strings.Contains(body, "stolen") {
		t.Errorf("the timeline is %s: %q, want %q", got.Stage, got.told(), want)
	}
	if last := got.Entries[len(got.Entries)-1].At; !last.Equal(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("the payment failed at %v, want when Finance rejected it", last)
	}
}

// browse gets a page as a browser does.
func (s *system) browse(path string) (string, http.Header) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.apiURL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b), res.Header
}

func TestTimelineLinksAreRefusedWhenTheyMustBe(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	s.put("booking_created", booking("bk-1"))
	path := s.link("bk-1", "", http.StatusCreated)
	s.link("bk-none", "", http.StatusNotFound)
	s.link("bk-1", `{"valid_for":"1m"}`, http.StatusUnprocessableEntity)
	s.link("bk-1", `{"valid_until":"x"}`, http.StatusUnprocessableEntity)
	if res := s.request(http.MethodPost, "/v1/bookings/bk-1/timeline-link", s.tokenFor("fiona", "finance"), nil); res.status != http.StatusForbidden {
		t.Errorf("a link for Finance: %d, want 403", res.status)
	}
	last := map[bool]string{true: "B", false: "A"}[strings.HasSuffix(path, "A")]
	for _, bad := range []string{path[:len(path)-1] + last, path + "A", "/v1/timeline/x"} {
		if res := s.request(http.MethodGet, bad, "", nil); res.status != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", bad, res.status, res.body)
		}
	}
	if res := s.request(http.MethodPost, path, "", nil); res.status != http.StatusMethodNotAllowed {
		t.Errorf("POST to the timeline: %d, want 405", res.status)
	}
}

func TestTimelineLinkOutlivesARestart(t *testing.T) {
	t.Parallel()
	o := options()
	o.Data = t.TempDir()
	rt, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := newSystem(t, rt)
	s.put("booking_created", booking("bk-1"))
	path := s.link("bk-1", "", http.StatusCreated)
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	s = newSystem(t, start(t, o))
	res := s.request(http.MethodGet, path, "", nil)
	if res.status != http.StatusOK || !json.Valid(res.body) {
		t.Errorf("after the restart: %d %s", res.status, res.body)
	}
}
