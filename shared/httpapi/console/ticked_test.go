package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"opsflow/shared/local/clock"
)

// resolution is the field of the bulk form in which one says how alerts came to their end.
const resolution = `#bulk-alert-resolve [name="alert.resolve:resolution"]`

func TestWhatWasTickedAndTypedStaysWhenOtherAlertsArrive(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	slow, down := s.raise(t, "The payments are slow"), s.raise(t, "The map is down")
	s.signIn(t, b, "operations", "/alerts")
	b.do(t,
		chromedp.Click(`input[value="`+slow+`"]`),
		chromedp.Click("#bulk-alert-resolve summary"),
		chromedp.WaitVisible(resolution),
		chromedp.SendKeys(resolution, "resta"),
	)
	ask(t, b, chromedp.Evaluate[bool](`window.sameLoad = true`))
	s.settle(t)
	late := s.raise(t, "The door is open")
	b.do(t, chromedp.WaitVisible("#"+late), chromedp.SendKeys(resolution, "rted"))
	for what, holds := range map[string]string{
		"the text":          `document.querySelector('` + resolution + `').value === "restarted"`,
		"the open fields":   `document.querySelector("#bulk-alert-resolve").open`,
		"the tick":          `document.querySelector('input[value="` + slow + `"]').checked`,
		"no other tick":     `!document.querySelector('input[value="` + down + `"]').checked && !document.querySelector('input[value="` + late + `"]').checked`,
		"the focus":         `document.activeElement === document.querySelector('` + resolution + `')`,
		"the number ticked": `document.querySelector("output[data-count]").textContent === "1 ticked"`,
		"the page":          `window.sameLoad === true`,
	} {
		if !ask(t, b, chromedp.Evaluate[bool](holds)) {
			t.Errorf("%s did not stay as it was", what)
		}
	}
	b.do(t, chromedp.Click(`[data-all]`))
	if said := b.text(t, "output[data-count]"); said != "3 ticked" {
		t.Errorf("after ticking all: %s", said)
	}
	b.clean(t)
}

func TestEnterInTheReasonResolvesAndDoesNothingElse(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	id := s.raise(t, "The map is down")
	s.signIn(t, b, "operations", "/alerts")
	const reason = `#bulk-alert-resolve [name="alert.resolve:reason"]`
	b.do(t,
		chromedp.Click(`input[value="`+id+`"]`),
		chromedp.Click("#bulk-alert-resolve summary"),
		chromedp.WaitVisible(reason),
		chromedp.SendKeys(reason, "it went away"+kb.Enter),
		chromedp.WaitVisible(".told"),
	)
	kept := `document.querySelector('input[value="` + id + `"]').checked && document.querySelector('` + reason + `').value === "it went away"`
	if !ask(t, b, chromedp.Evaluate[bool](kept)) {
		t.Error("the tick or the reason is lost")
	}
	b.do(t, chromedp.SendKeys(resolution, "restarted"), chromedp.SendKeys(reason, kb.Enter), chromedp.WaitVisible("#h-items"))
	s.settle(t)
	var alert struct{ Status, Resolution, Reason string }
	s.send(t, http.MethodGet, "/v1/alerts/"+id, s.token(t, "operations"), nil, &alert)
	if alert.Status != "resolved" || alert.Resolution != "restarted" || alert.Reason != "it went away" {
		t.Errorf("the alert is %+v", alert)
	}
}

func TestABulkFormWithoutAScriptKeepsWhatIsInIt(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	id, v := s.raise(t, "The map is down"), s.as(t, "operations")
	const path, checked = "/alerts/bulk?severity=medium", `" aria-label="Tick The map is down" checked>`
	v.post(t, path, "id", id, "alert.resolve:reason", "why").shows(t, http.StatusUnprocessableEntity,
		"Nothing was done yet: resolution is missing.", id+checked, `value="why"`, `<option value="medium" selected>`)
	v.post(t, path, "id", id).shows(t, http.StatusUnprocessableEntity, "Choose what to do with the alerts.", id+checked)
	v.post(t, path, "action", "alert.acknowledge").shows(t, http.StatusUnprocessableEntity, "Tick at least one of the alerts.")
	v.post(t, path, "action", "everything").shows(t, http.StatusForbidden)
	done := v.post(t, path, "id", id, "alert.resolve:resolution", "restarted") // as Enter sends it
	s.settle(t)
	v.after(t, done).shows(t, http.StatusOK, "Resolve alerts", "restarted")
}

func TestWhatOneWroteStaysOnThePageWhenSomebodyElseDecidesTheTask(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	id := s.taskOf(t, s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1")))
	s.signIn(t, b, "finance", "/tasks/"+id)
	b.do(t, chromedp.SendKeys(`[name="comment"]`, "the amount differs from the invoice"))
	s.send(t, http.MethodPost, "/v1/tasks/"+id+"/complete", s.token(t, "carla&groups=finance"), map[string]any{"outcome": "approved"}, nil)
	b.do(t, chromedp.WaitVisible(".kept"))
	if said := b.text(t, ".kept"); !strings.Contains(said, "the amount differs from the invoice") || !strings.Contains(said, "nothing was sent") {
		t.Errorf("the page says %q", said)
	}
	v := s.as(t, "finance")
	v.post(t, "/tasks/"+id+"/complete", "outcome", "approved", "comment", "my words").shows(t, http.StatusConflict, "decided by carla", "my words")
	b.clean(t)
}

func TestAFilterWorksInPlace(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	one, other := s.raise(t, "The map is down"), s.raise(t, "The door is open")
	s.send(t, http.MethodPost, "/v1/alerts/"+other+"/acknowledge", s.token(t, "operations"), map[string]any{}, nil)
	s.signIn(t, b, "operations", "/alerts?status=open")
	ask(t, b, chromedp.Evaluate[bool](`window.sameLoad = true; document.querySelector("[name=status]").focus(), true`))
	b.do(t, chromedp.SetValue(`[name="status"]`, "acknowledged"))
	ask(t, b, chromedp.Evaluate[bool](`document.querySelector("[name=status]").dispatchEvent(new Event("change", {bubbles: true}))`))
	b.do(t, chromedp.WaitVisible("#"+other), chromedp.WaitNotPresent("#"+one))
	address := ask(t, b, chromedp.Evaluate[string](`location.pathname + location.search`))
	if query, err := url.Parse(address); err != nil || query.Query().Get("status") != "acknowledged" {
		t.Errorf("the address is %s (%v)", address, err)
	}
	if !ask(t, b, chromedp.Evaluate[bool](`window.sameLoad === true && document.activeElement.name === "status"`)) {
		t.Error("the page was loaded again, or the focus is lost")
	}
	b.clean(t)
}
