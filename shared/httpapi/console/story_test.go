package console_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"opsflow/shared/local/clock"
)

var morning = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func payment(id string) map[string]any {
	return map[string]any{"payment_id": id, "booking_id": "bk-1", "amount": 120.5, "currency": "AED"}
}

func TestFinanceApprovesAPaymentInTheBrowser(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	w := s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	id := s.taskOf(t, w)
	s.signIn(t, b, "finance", "/tasks/"+id)
	b.do(t,
		chromedp.SetValue(`[name="form.reference"]`, "bank transfer 17"),
		chromedp.Click(`button[value="approved"]`),
		chromedp.WaitVisible("#notices .good"),
	)
	if said := b.text(t, "#notices"); said != "Approve the payment: 120.5, AED: Approved." {
		t.Errorf("the notice says %q", said)
	}
	s.settle(t)
	b.do(t, chromedp.Navigate(s.APIURL()+"/workflows/"+w.ID))
	if status := b.text(t, ".title-line .badge"); status != "Completed" {
		t.Errorf("the workflow is %s", status)
	}
	b.clean(t)
}

func TestAWorkflowMovesOnThePageWithoutALoad(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	w := s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	s.signIn(t, b, "operations", "/workflows/"+w.ID)
	if status := b.text(t, ".title-line .badge"); status != "Waiting approval" {
		t.Fatalf("the workflow is %s", status)
	}
	ask(t, b, chromedp.Evaluate[bool](`window.sameLoad = true;
		document.querySelector("#out-validation").open = true;
		document.querySelector("#out-validation summary").focus({preventScroll: true});
		window.scrollTo(0, 90), true`))
	// Somebody else than who started it, at another desk.
	s.send(t, "POST", "/v1/tasks/"+s.taskOf(t, w)+"/complete", s.token(t, "finance"), map[string]any{"outcome": "approved"}, nil)
	b.do(t, chromedp.WaitVisible(".title-line .badge.green"))
	kept := ask(t, b, chromedp.Evaluate[bool](`window.sameLoad === true && document.querySelector("#out-validation").open &&
		document.activeElement === document.querySelector("#out-validation summary") && window.scrollY === 90`))
	if !kept {
		t.Error("the page was loaded again, or lost what was open, its focus or its place")
	}
	b.clean(t)
}
