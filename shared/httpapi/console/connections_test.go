package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"opsflow/shared/local/clock"
)

func TestAConnectionIsAddedInTheBrowserAndItsFaultsAreToldBesideWhatWasTyped(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.signIn(t, b, "admin", "/connections")
	b.do(t,
		chromedp.Click(".head a.button"),
		chromedp.WaitVisible("#connection"),
		chromedp.SetValue(`[name="name"]`, "payments"),
		chromedp.SetValue(`[name="base_url"]`, "payments.example"),
		chromedp.SetValue(`[name="auth"]`, "bearer"),
		chromedp.SetValue(`[name="secret"]`, "payments-key"),
		chromedp.SetValue(`[name="headers"]`, "X-Tenant opsflow"),
		chromedp.SetValue(`[name="timeout"]`, "soon"),
		chromedp.Click("#connection button"),
		chromedp.WaitVisible("#connection .fault"),
	)
	said := b.text(t, `#connection [role="alert"]`)
	for _, path := range []string{"base_url", "headers", "timeout"} {
		if !strings.Contains(said, path) {
			t.Errorf("the form says %q, want the fault of %s", said, path)
		}
	}
	b.do(t,
		chromedp.SetValue(`[name="headers"]`, "X-Tenant: opsflow"),
		chromedp.SetValue(`[name="timeout"]`, "5s"),
		chromedp.SetValue(`[name="base_url"]`, "https://payments.example/v2"),
		chromedp.Click("#connection button"),
		chromedp.WaitVisible(".head a.button"), // to the audit: it is stored
	)
	var stored struct {
		BaseURL string            `json:"base_url"`
		Headers map[string]string `json:"headers"`
		Auth    struct{ Type, Secret string }
		Timeout string
	}
	s.send(t, http.MethodGet, "/v1/connections/payments", s.token(t, "admin"), nil, &stored)
	if stored.BaseURL != "https://payments.example/v2" || stored.Headers["X-Tenant"] != "opsflow" || stored.Auth.Secret != "payments-key" || stored.Timeout != "5s" {
		t.Errorf("stored is %+v", stored)
	}
}

func TestAConnectionTellsWhichTemplatesUseItAndOnlyAdminsMayChangeIt(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	admin := s.token(t, "admin")
	s.send(t, http.MethodPut, "/v1/connections/payments", admin, map[string]any{"base_url": "https://payments.example"}, nil)
	s.send(t, http.MethodPost, "/v1/templates", admin, json.RawMessage(`{"name": "capture", "type": "payment_processing", "trigger": "manual", "team": "Finance",
		"steps": [{"id": "pay", "name": "Pay", "kind": "api_call", "action": {"connection": "payments", "method": "POST", "path": "/captures"}}]}`), nil)
	operations := s.as(t, "operations")
	for _, path := range []string{"/connections", "/connections/payments"} {
		page := operations.get(t, path)
		if page.status != http.StatusOK || !strings.Contains(page.body, `href="/templates/capture/versions/1"`) {
			t.Errorf("%s answers %d, and does not name the template capture", path, page.status)
		}
		if strings.Contains(page.body, "/save") {
			t.Errorf("%s offers operations to change it", path)
		}
	}
	if got := operations.post(t, "/connections/payments/save", "base_url", "https://evil.example"); got.status != http.StatusForbidden {
		t.Errorf("a change by operations answers %d", got.status)
	}
	if again := s.as(t, "admin").post(t, "/connections/new/save", "name", "payments", "base_url", "https://other.example"); again.status != http.StatusUnprocessableEntity {
		t.Errorf("adding one of the same name answers %d", again.status)
	}
}
