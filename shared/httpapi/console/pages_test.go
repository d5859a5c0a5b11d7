package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"opsflow/shared/local/clock"
)

// raise warns of something, and gives the alert's id.
func (s system) raise(t *testing.T, title string) string {
	t.Helper()
	var alert struct {
		ID string `json:"id"`
	}
	s.send(t, http.MethodPost, "/v1/alerts", s.token(t, "operations"), map[string]any{
		"type": "performance_issue", "severity": "medium", "title": title,
	}, &alert)
	return alert.ID
}

func TestAlertsResolvedInBulkShowTheRefusedOne(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	slow, down := s.raise(t, "The payments are slow"), s.raise(t, "The map is down")
	over := s.raise(t, "The <b>phone</b> rings")
	s.send(t, http.MethodPost, "/v1/alerts/"+over+"/resolve", s.token(t, "operations"), map[string]any{"resolution": "answered"}, nil)
	s.signIn(t, b, "operations", "/alerts?status=any")
	for _, id := range []string{slow, down, over} {
		b.do(t, chromedp.Click(`input[value="`+id+`"]`))
	}
	b.do(t,
		chromedp.Click("#bulk-alert-resolve summary"),
		chromedp.WaitVisible(resolution),
		chromedp.SetValue(resolution, "restarted"),
		chromedp.Click(`button[value="alert.resolve"]`),
		chromedp.WaitVisible("#"+over),
	)
	s.settle(t)
	b.do(t, chromedp.WaitVisible("#"+slow+" .badge.green"), chromedp.WaitVisible("#"+down+" .badge.green")) // in place
	row := b.text(t, "#"+over)
	if !strings.Contains(row, "The <b>phone</b> rings") || !strings.Contains(row, "Refused") || !strings.Contains(row, "is resolved; it can be resolved only when") {
		t.Errorf("the refused one says %q", row)
	}
	if first := ask(t, b, chromedp.Evaluate[string](`document.querySelector("tbody tr").id`)); first != over {
		t.Error("the refused one is not the first")
	}
	b.clean(t)
}

func TestARuleIsSwitchedToShadowInTheBrowser(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.signIn(t, b, "operations", "/rules/quality-check")
	b.do(t,
		chromedp.Click("#do-shadow summary"),
		chromedp.WaitVisible(`#do-shadow [name="reason"]`),
		chromedp.SetValue(`#do-shadow [name="reason"]`, "too many reviews"),
		chromedp.Click("#do-shadow button"),
		chromedp.WaitVisible("#notices .good"),
	)
	if mode := b.text(t, ".title-line .badge"); mode != "Shadow" {
		t.Errorf("the rule's mode is %s", mode)
	}
	if version := b.text(t, "#v-2"); !strings.Contains(version, "too many reviews") || !strings.Contains(version, "$.mode") {
		t.Errorf("version 2 says %q", version)
	}
	b.clean(t)
}

func TestWhatARulePutOffIsCancelledInTheBrowser(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.send(t, http.MethodPost, "/v1/events", s.token(t, "operations"), map[string]any{
		"type": "payment_received", "detail": map[string]any{"payment_id": "p-1", "booking_id": "bk-1", "amount": 10, "currency": "AED"},
	}, nil)
	s.settle(t)
	s.signIn(t, b, "operations", "/rules/payment-sla")
	if later := b.text(t, `section[aria-labelledby="h-later"]`); !strings.Contains(later, "Raises a high alert") || !strings.Contains(later, "Waiting") {
		t.Errorf("what is put off says %q", later)
	}
	b.do(t,
		chromedp.SetValue(`#cancel-all [name="reason"]`, "they were paid in cash"),
		chromedp.Click("#cancel-all button"),
		chromedp.WaitVisible("#notices .good"),
	)
	if said := b.text(t, "#notices"); !strings.Contains(said, "2 actions were cancelled") {
		t.Errorf("it says %q", said)
	}
	if decisions := b.text(t, `section[aria-labelledby="h-decisions"]`); !strings.Contains(decisions, "dropped: Cancelled") {
		t.Errorf("the decisions say %q", decisions)
	}
	b.clean(t)
}

func TestAnInvalidEventIsCorrectedInTheBrowser(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.send(t, http.MethodPost, "/v1/events", s.token(t, "operations"), map[string]any{
		"type": "quality_score_updated", "detail": map[string]any{"vendor_id": "v 1", "score": 7, "max_score": 10},
	}, nil)
	s.settle(t)
	var page struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	s.send(t, http.MethodGet, "/v1/events/invalid", s.token(t, "operations"), nil, &page)
	if len(page.Items) != 1 {
		t.Fatalf("invalid events: %+v", page.Items)
	}
	s.signIn(t, b, "operations", "/events/"+page.Items[0].ID)
	b.do(t, chromedp.SetValue(`[name="detail"]`, `{"vendor_id": 3}`), chromedp.Click("#correct button"), chromedp.WaitVisible(`#correct [role="alert"]`))
	if faults := b.text(t, `#correct [role="alert"]`); !strings.Contains(faults, "$.detail.vendor_id") {
		t.Errorf("the faults are %q", faults)
	}
	b.do(t,
		chromedp.SetValue(`[name="detail"]`, `{"vendor_id": "v-1", "score": 7, "max_score": 10}`),
		chromedp.Click("#correct button"),
		chromedp.WaitVisible(".title-line .badge.green"),
	)
}

func TestTheKillSwitchIsTurnedInTheBrowser(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.signIn(t, b, "operations", "/rules")
	b.do(t,
		chromedp.Click("#do-pause summary"),
		chromedp.WaitVisible(`#do-pause [name="reason"]`),
		chromedp.SetValue(`#do-pause [name="reason"]`, "a storm"),
		chromedp.Click("#do-pause button"),
		chromedp.WaitVisible(".wrong"),
	)
	if said := b.text(t, ".wrong"); !strings.Contains(said, "a storm") {
		t.Errorf("the pause says %q", said)
	}
	b.do(t, chromedp.Click(".wrong button"), chromedp.WaitVisible("#do-pause"))
	b.clean(t)
}

// buttons are the forms of a page that change something, by their addresses; a backtest changes nothing.
func (b *browser) buttons(t *testing.T) []string {
	t.Helper()
	return ask(t, b, chromedp.Evaluate[[]string](`[...document.querySelectorAll("main form[method=post]")].map((f) => f.getAttribute("action")).filter((a) => !a.endsWith("/backtest"))`))
}

func TestWhatARoleMayNotDoHasNoButtonAndIsRefused(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.signIn(t, b, "finance", "/rules/quality-check")
	for _, path := range []string{"/rules/quality-check", "/rules", "/members", "/templates/booking_processing/versions/1", "/delivery"} {
		b.do(t, chromedp.Navigate(s.APIURL()+path), chromedp.WaitVisible("main h1"))
		if found := b.buttons(t); len(found) > 0 {
			t.Errorf("%s offers finance %v", path, found)
		}
	}
	for _, path := range []string{"/rules/quality-check/mode", "/rules/pause", "/rules/new", "/members/new/save", "/connections/new/save", "/events/evt-1/replay", "/delivery/ntf-1/resend"} {
		status := ask(t, b, chromedp.Evaluate[int](`(() => { const r = new XMLHttpRequest(); r.open("POST", "`+path+`", false);
			r.setRequestHeader("Content-Type", "application/x-www-form-urlencoded"); r.send("reason=x&mode=off&for=1h"); return r.status })()`))
		if status != http.StatusForbidden {
			t.Errorf("POST %s by finance: %d", path, status)
		}
	}
	b.do(t, chromedp.Navigate(s.APIURL()+"/rules/new"))
	if code := b.text(t, ".message .code"); code != "403" {
		t.Errorf("GET /rules/new by finance: %s", code)
	}
	s.raise(t, "The map is down")
	b.do(t, chromedp.Navigate(s.APIURL()+"/alerts"), chromedp.WaitVisible("#ticked"))
	if found := b.buttons(t); !slices.Contains(found, "/alerts/bulk") {
		t.Errorf("finance may work on alerts, and finds %v", found)
	}
}

func TestAMessageThatWasSentIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.raise(t, "The map is down")
	s.settle(t)
	s.signIn(t, b, "operations", "/delivery")
	b.do(t, chromedp.Click("tbody a.strong"), chromedp.WaitVisible(".title-line .badge.green"))
	if found := b.buttons(t); len(found) > 0 {
		t.Errorf("a message that was sent offers %v", found)
	}
	ask(t, b, chromedp.Evaluate[bool](`(() => { const f = document.createElement("form"); f.method = "post";
		f.action = location.pathname + "/resend"; document.body.append(f); f.submit(); return true })()`))
	b.do(t, chromedp.WaitVisible("#notices .bad"), chromedp.WaitVisible(".title-line .badge.green"))
	b.clean(t)
}
