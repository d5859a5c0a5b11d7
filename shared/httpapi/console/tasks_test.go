package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"opsflow/shared/local/clock"
)

func TestTasksOfAllTeamsAreListedByUrgencyAndDoneInBulk(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	pay := s.taskOf(t, s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1")))
	onboard := s.taskOf(t, s.startWorkflow(t, "vendor_onboarding", "vendor/vn-1", map[string]any{
		"vendor_id": "vn-1", "name": "Example Cleaning", "categories": []string{"cleaning"}, "areas": []string{"JBR"},
	}))
	later := s.taskOf(t, s.startWorkflow(t, "payment_processing", "payment/pay-2", payment("pay-2")))
	if later < pay { // due at the same moment, they stand in the order of their ids
		pay, later = later, pay
	}
	v := s.as(t, "finance")
	all := v.get(t, "/tasks?team=all")
	all.shows(t, http.StatusOK, "The most urgent come first.", "Approve the payment: 120.5, AED", "Verify the vendor: Example Cleaning", "3 tasks")
	first, second, third := strings.Index(all.body, `id="`+pay), strings.Index(all.body, `id="`+later), strings.Index(all.body, `id="`+onboard)
	if first < 0 || second < 0 || max(first, second) > third { // what is due in 8 hours of business, then what is due in 16
		t.Errorf("the tasks are at %d, %d and %d", first, second, third)
	}
	v.post(t, "/tasks/bulk?team=all", "action", "task.reject", "id", pay).shows(t, http.StatusUnprocessableEntity, "why is missing", "Why is needed.")
	done := v.post(t, "/tasks/bulk?team=all", "action", "task.complete", "id", pay, "id", onboard, "task.complete:comment", "both")
	s.settle(t)
	v.after(t, done).shows(t, http.StatusOK, "Complete tasks", ">Done</span>", ">Refused</span>", "is for team Vendor_Management")
	if left := v.get(t, "/tasks?team=all"); strings.Contains(left.body, `id="`+pay) {
		t.Error("what is decided is still to be done")
	}
	v.get(t, "/tasks?team=all&status=completed").shows(t, http.StatusOK, "The newest come first.", pay)
	v.get(t, "/tasks?team=all&assignee=nobody").shows(t, http.StatusOK, "No task here.")
}

func TestOperationsChooseAVendorFromTheRanking(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.send(t, http.MethodPost, "/v1/events", s.token(t, "operations"), map[string]any{"type": "booking_created", "detail": map[string]any{
		"booking_id": "bk-1", "customer_id": "cu-1", "service_type": "piano_tuning", "location": map[string]any{"area": "JBR"},
		"scheduled_for": "2026-11-26T09:00:00Z", "service_value": 120,
	}}, nil)
	s.settle(t)
	var page struct {
		Items []struct{ ID, Title string } `json:"items"`
	}
	s.send(t, http.MethodGet, "/v1/tasks?team=Operations", s.token(t, "operations"), nil, &page)
	id := ""
	for _, one := range page.Items {
		if one.Title == "Choose a vendor" {
			id = one.ID
		}
	}
	s.signIn(t, b, "operations", "/tasks/"+id)
	b.do(t, chromedp.Click(`button[value="done"]`), chromedp.WaitVisible("#f-vendor_id-fault"))
	said := b.text(t, "#decide")
	if !strings.Contains(said, "One field is not right yet.") || !strings.Contains(said, "Vendor is needed.") {
		t.Errorf("without a vendor the form says %q", said)
	}
	if !ask(t, b, chromedp.Evaluate[bool](`document.activeElement.id === "f-vendor_id" && document.activeElement.getAttribute("aria-describedby") === "f-vendor_id-fault"`)) {
		t.Error("the wrong field is not the one to go on with")
	}
	others := ask(t, b, chromedp.Evaluate[string](`document.querySelector("#f-vendor_id optgroup").textContent`))
	if !strings.Contains(others, "Sparkle Home Care: ") {
		t.Errorf("the vendors that are left out: %s", others)
	}
	b.do(t,
		chromedp.SetValue("#f-vendor_id", "vendor-sparkle"),
		chromedp.Click(`button[value="done"]`),
		chromedp.WaitVisible("#notices .good"),
	)
	s.settle(t)
	var task struct {
		Answers map[string]any `json:"answers"`
	}
	s.send(t, http.MethodGet, "/v1/tasks/"+id, s.token(t, "operations"), nil, &task)
	if task.Answers["vendor_id"] != "vendor-sparkle" {
		t.Errorf("the answers are %v", task.Answers)
	}
}
