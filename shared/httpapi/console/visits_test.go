package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"opsflow/shared/local/clock"
)

func TestWhoIsNotSignedInIsLedToTheSignInAndBack(t *testing.T) {
	t.Parallel()
	v := startSystem(t, clock.Virtual(morning)).visitor(t)
	if got := v.get(t, "/workflows?status=failed"); got.status != http.StatusSeeOther || got.to != "/sign-in?to=%2Fworkflows%3Fstatus%3Dfailed" {
		t.Errorf("a page: %d %s", got.status, got.to)
	}
	v.post(t, "/tasks/tsk-1/claim").shows(t, http.StatusUnauthorized, "Your session has ended")
	v.get(t, "/tasks", "X-Opsflow-Refresh", "1").shows(t, http.StatusUnauthorized)
}

func TestRefusalsArePages(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	stranger, finance := s.as(t, "eve"), s.as(t, "finance")
	stranger.get(t, "/workflows").shows(t, http.StatusForbidden, "Forbidden", "This is for Operations, Vendor Management, Quality Assurance, Finance, Admin. You are signed in as eve.")
	finance.get(t, "/nowhere").shows(t, http.StatusNotFound, "There is nothing at /nowhere.", "Request <code>req-")
	finance.get(t, "/workflows/wf-none").shows(t, http.StatusNotFound)
	finance.get(t, "/workflows?cursor=broken").shows(t, http.StatusUnprocessableEntity)
	finance.get(t, "/workflows?subject=nothing").shows(t, http.StatusUnprocessableEntity, "type/id, like booking/bk-1")
	finance.post(t, "/workflows").shows(t, http.StatusMethodNotAllowed)
	finance.send(t, "POST", "/workflows/start", "", "Sec-Fetch-Site", "cross-site").shows(t, http.StatusForbidden, "another site")
	finance.send(t, "POST", "/workflows/start", "context="+strings.Repeat("x", 2<<20)).shows(t, http.StatusRequestEntityTooLarge)
}

func TestSessionsAreSealedCookiesThatEnd(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.visitor(t)
	callback := v.get(t, strings.TrimPrefix(v.get(t, "/sign-in?to=/tasks").to, v.base)+"&user=finance").to
	in := v.get(t, strings.TrimPrefix(callback, v.base))
	if in.to != "/tasks" {
		t.Errorf("signing in leads to %s", in.to)
	}
	var session *http.Cookie
	for _, c := range in.cookies {
		if c.Name == "opsflow_session" {
			session = c
		}
	}
	if session == nil || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.MaxAge <= 0 || session.MaxAge > 12*3600 || session.Path != "/" {
		t.Fatalf("the session's cookie is %+v", session)
	}
	if again := v.get(t, strings.TrimPrefix(callback, v.base)); again.status != http.StatusUnauthorized {
		t.Errorf("the same answer of the issuer again: %d", again.status)
	}
	tampered := []byte(session.Value)
	tampered[len(tampered)/2] ^= 1
	for name, value := range map[string]string{"tampered with": string(tampered), "not ours": "x", "empty": ""} {
		got := s.visitor(t).get(t, "/tasks", "Cookie", session.Name+"="+value)
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.to, "/sign-in") {
			t.Errorf("a session that is %s: %d %s", name, got.status, got.to)
		}
	}
	s.visitor(t).get(t, "/tasks", "Cookie", session.Name+"="+session.Value).shows(t, http.StatusOK)
	if out := v.post(t, "/sign-out"); out.to != "/sign-out" {
		t.Errorf("signing out leads to %s", out.to)
	}
	if got := v.get(t, "/tasks"); got.status != http.StatusSeeOther {
		t.Errorf("after signing out: %d", got.status)
	}
	for _, to := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/sign-out"} {
		v := s.visitor(t)
		callback := v.get(t, strings.TrimPrefix(v.get(t, "/sign-in?to="+to).to, v.base)+"&user=finance").to
		if got := v.get(t, strings.TrimPrefix(callback, v.base)); got.to != "/" {
			t.Errorf("to %s: signing in leads to %s", to, got.to)
		}
	}
}

func TestAnAnswerOfTheIssuerForAnotherBrowserSignsNobodyIn(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	attacker, victim := s.visitor(t), s.visitor(t)
	callback := attacker.get(t, strings.TrimPrefix(attacker.get(t, "/sign-in").to, attacker.base)+"&user=admin").to
	victim.get(t, strings.TrimPrefix(callback, victim.base)).shows(t, http.StatusUnauthorized, "another browser")
	victim.get(t, "/sign-in")
	victim.get(t, strings.TrimPrefix(callback, victim.base)).shows(t, http.StatusUnauthorized, "another attempt")
}

// hidden is the key of the start form.
var hidden = regexp.MustCompile(`name="key" value="([^"]+)"`)

func TestAWorkflowIsStartedOnceByItsForm(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.as(t, "operations")
	const path = "/workflows/start?template=payment_processing"
	v.get(t, "/workflows/start?template=none").shows(t, http.StatusNotFound)
	form := v.get(t, path)
	form.shows(t, http.StatusOK, "Start Payment processing", "pay-example")
	key := hidden.FindStringSubmatch(form.body)
	if key == nil {
		t.Fatalf("the form has no key: %s", form.body)
	}
	v.post(t, path, "key", key[1], "subject", "payment/pay-1", "context", "[1]").shows(t, http.StatusUnprocessableEntity,
		"<code>context</code> must be a JSON object", ">[1]</textarea>", `value="payment/pay-1"`)
	fields := []string{"key", key[1], "name", "By hand", "subject", "payment/pay-1", "context", `{"payment_id":"pay-1","amount":1,"currency":"AED"}`}
	first, second := v.post(t, path, fields...), v.post(t, path, fields...)
	if first.to == "" || first.to != second.to {
		t.Errorf("the form sent twice leads to %q and %q", first.to, second.to)
	}
	v.after(t, first).shows(t, http.StatusOK, "By hand has been started.", "<h1>By hand</h1>")
	if page := v.get(t, first.to); strings.Contains(page.body, "has been started") {
		t.Error("the notice shows a second time")
	}
}

func TestATaskIsClaimedReleasedAndRejected(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	w := s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	path := "/tasks/" + s.taskOf(t, w)
	finance, operations := s.as(t, "finance"), s.as(t, "operations")
	finance.after(t, finance.post(t, path+"/claim")).shows(t, http.StatusOK, "The task is yours.", "Release")
	finance.get(t, "/tasks").shows(t, http.StatusOK, path)
	finance.after(t, finance.post(t, path+"/release")).shows(t, http.StatusOK, "open to its team again")
	operations.get(t, path).shows(t, http.StatusOK, "This task is for Finance.")
	operations.post(t, path+"/claim").shows(t, http.StatusForbidden)
	finance.after(t, finance.post(t, path+"/reject")).shows(t, http.StatusOK, "notice bad", "why you reject it")
	finance.after(t, finance.post(t, path+"/reject", "comment", "a wrong amount")).shows(t, http.StatusOK, "Approve the payment: 120.5, AED: Rejected.", "a wrong amount")
	finance.after(t, finance.post(t, path+"/claim")).shows(t, http.StatusOK, "notice bad")
	s.settle(t)
	finance.get(t, "/workflows/"+w.ID).shows(t, http.StatusOK, "Why it failed", "a wrong amount", "/retry")
}

func TestFaultsOfAFormStandAtTheirFields(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	w := s.startWorkflow(t, "quality_assurance", "booking/bk-1", map[string]any{"booking_id": "bk-1", "vendor_id": "vendor-allfix"})
	path := "/tasks/" + s.taskOf(t, w)
	v := s.as(t, "quality_assurance")
	v.post(t, path+"/complete", "outcome", "done", "form.score", "<b>much</b>", "comment", "my words").shows(t, http.StatusUnprocessableEntity,
		`id="f-score-fault"`, `aria-invalid="true"`, "&lt;b&gt;much&lt;/b&gt;", "my words")
}

func TestAWorkflowIsControlled(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	w := s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	path := "/workflows/" + w.ID
	v := s.as(t, "admin")
	move := func(name string, texts ...string) {
		t.Helper()
		changed := v.post(t, path+"/"+name, "reason", "to see")
		s.settle(t)
		v.after(t, changed).shows(t, http.StatusOK, texts...)
	}
	move("pause", "notice good", ">Paused</span>", path+"/resume")
	move("pause", "notice bad")
	move("resume", "goes on.", ">Waiting approval</span>")
	move("retry", "notice bad")
	move("cancel", "notice good", ">Cancelled</span>")
	move("resume", "notice bad")
}

func TestListsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	for range 26 {
		s.startWorkflow(t, "customer_follow_up", "booking/bk-1", map[string]any{"booking_id": "bk-1"})
	}
	s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	v := s.as(t, "operations")
	rows := regexp.MustCompile(`<tr id="wf-[a-z0-9]+">`)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	page := v.get(t, "/workflows?subject=booking/bk-1&status=")
	link := next.FindStringSubmatch(page.body)
	if n := len(rows.FindAllString(page.body, -1)); n != 25 || link == nil {
		t.Fatalf("the first page has %d rows, next %v", n, link)
	}
	page = v.get(t, strings.ReplaceAll(link[1], "&amp;", "&"))
	page.shows(t, http.StatusOK, "First page")
	if n := len(rows.FindAllString(page.body, -1)); n != 1 {
		t.Errorf("the second page has %d rows, want 1", n)
	}
	page = v.get(t, "/workflows?template=payment_processing&status=waiting_approval")
	page.shows(t, http.StatusOK, "pay-1</a>", `<option value="waiting_approval" selected>`)
	if n := len(rows.FindAllString(page.body, -1)); n != 1 {
		t.Errorf("filtered: %d rows, want 1", n)
	}
	v.get(t, "/workflows?subject=booking/none").shows(t, http.StatusOK, "No workflow matches.")
}

func TestAPageThatHasNotChangedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.as(t, "operations")
	v.get(t, "/workflows", "X-Opsflow-Refresh", "1", "If-None-Match", `"other"`).shows(t, http.StatusOK)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.base+"/workflows", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Opsflow-Refresh", "1")
	res, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	tag := res.Header.Get("ETag")
	v.get(t, "/workflows", "X-Opsflow-Refresh", "1", "If-None-Match", tag).shows(t, http.StatusNotModified)
	s.startWorkflow(t, "payment_processing", "payment/pay-1", payment("pay-1"))
	v.get(t, "/workflows", "X-Opsflow-Refresh", "1", "If-None-Match", tag).shows(t, http.StatusOK, "payment")
}

func TestADayIsPlayedFromTheConsoleAndItsMessagesLandInTheOutbox(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.as(t, "operations")
	v.get(t, "/outbox").shows(t, http.StatusOK, "Nothing has been sent yet.")
	v.after(t, v.post(t, "/play-a-day")).shows(t, http.StatusOK, "A day of a small marketplace is being played.", "disabled")
	v.after(t, v.post(t, "/play-a-day")).shows(t, http.StatusOK, "notice bad", "A day is being played already")
}

func TestMessagesThatLandHereAreReadByChannel(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	if err := s.PlayDay(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	v := s.as(t, "finance") // still good: sessions end by the machine's time
	v.get(t, "/outbox?channel=email").shows(t, http.StatusOK, ">Email</span>", "@customer.example")
	if page := v.get(t, "/outbox?channel=webhook"); strings.Contains(page.body, ">Email</span>") {
		t.Error("an e-mail is among the webhooks")
	}
}

func TestAWorkflowTellsWhenItIsExpectedToEndUntilItHas(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	admin := s.token(t, "admin")
	var started workflow
	s.send(t, http.MethodPost, "/v1/workflows", admin, map[string]any{
		"template": "payment_processing", "subject": map[string]string{"type": "payment", "id": "pay-1"},
		"context": map[string]any{"payment_id": "pay-1", "booking_id": "bk-1", "amount": 120.5, "currency": "AED"},
	}, &started)
	s.settle(t)
	visitor := s.as(t, "admin")
	visitor.get(t, "/workflows/"+started.ID).shows(t, http.StatusOK, "Expected to end")
	s.send(t, http.MethodPost, "/v1/workflows/"+started.ID+"/cancel", admin, map[string]any{"reason": "a test"}, nil)
	s.settle(t)
	if page := visitor.get(t, "/workflows/"+started.ID); page.status != http.StatusOK || strings.Contains(page.body, "Expected to end") {
		t.Errorf("after its end: %d, and it still tells when it should end", page.status)
	}
}
