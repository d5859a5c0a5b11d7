package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// untidy looks through the page for texts that lie upon each other, and for words that are broken in their middle. What is
// cut off at an edge on purpose, and what is there for screen readers only, does not count; nor do ids, which have no words.
const untidy = `(() => {
  const found = [], boxes = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode());) {
    const at = text.parentElement;
    if (!text.data.trim() || at.closest("svg, .sr, select, textarea, option, progress, [hidden]") || !at.checkVisibility()) continue;
    if (getComputedStyle(at).clipPath !== "none") continue;
    const range = document.createRange();
    if (!at.closest("code, pre, .id, .subject, .mono, th, dd, .strong, h1")) {
      for (const word of text.data.matchAll(/[A-Za-z]{2,18}/g)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const tops = new Set([...range.getClientRects()].filter((r) => r.width > 0).map((r) => Math.round(r.top)));
        if (tops.size > 1) found.push("broken: " + word[0] + " in " + text.data.trim().slice(0, 60));
      }
    }
    range.selectNodeContents(text);
    for (const r of range.getClientRects()) {
      let box = { left: r.left, top: r.top, right: r.right, bottom: r.bottom, said: text.data.trim().slice(0, 40), text };
      for (let up = at; up && up !== document.body; up = up.parentElement) {
        if (getComputedStyle(up).overflow === "visible") continue;
        const edge = up.getBoundingClientRect();
        box.left = Math.max(box.left, edge.left); box.right = Math.min(box.right, edge.right);
        box.top = Math.max(box.top, edge.top); box.bottom = Math.min(box.bottom, edge.bottom);
      }
      if (box.right - box.left > 2 && box.bottom - box.top > 2) boxes.push(box);
    }
  }
  boxes.sort((a, b) => a.top - b.top);
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length && boxes[j].top < boxes[i].bottom - 3; j++) {
      const a = boxes[i], b = boxes[j];
      if (a.text !== b.text && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
        found.push("overlap: " + a.said + " / " + b.said);
    }
  }
  return found.slice(0, 8).join("\n");
})()`

// tidy fails the test if the page that shows is not.
func (b *browser) tidy(t *testing.T, name, look string) {
	t.Helper()
	if found := ask(t, b, chromedp.Evaluate[string](untidy)); found != "" {
		t.Errorf("%s, %s:\n%s", name, look, found)
	}
}

// longID is as long as an id can be.
var longID = strings.Repeat("a-very-long-booking-id-", 6)[:128]

// marketplace plays the tour, and adds what else there can be on pages: an invalid event, an event that could not be
// delivered, a bulk operation, an offer, and records with the longest ids and names. It gives the addresses of those that no
// list leads to first.
func (s system) marketplace(t *testing.T) map[string]string {
	t.Helper()
	if err := s.PlayDay(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	admin := s.token(t, "admin")
	s.send(t, "POST", "/v1/events", admin, map[string]any{
		"type": "quality_score_updated", "detail": map[string]any{"vendor_id": "v 1", "score": 7, "max_score": 10},
	}, nil)
	s.send(t, "POST", "/v1/events", admin, map[string]any{"type": "booking_created", "detail": map[string]any{
		"booking_id": longID, "customer_id": longID, "service_type": "cleaning", "location": map[string]any{"area": "Dubai Marina"},
		"scheduled_for": "2026-12-04T09:00:00Z", "service_value": 120, strings.Repeat("an_unusually_long_key_", 5): map[string]any{"of": "a system", "with": []int{1, 2}},
	}}, nil)
	s.send(t, "POST", "/v1/alerts", admin, map[string]any{
		"type": "performance_issue", "severity": "critical", "title": "Nothing has come in from " + longID,
		"subject": map[string]any{"type": "booking", "id": longID},
	}, nil)
	s.send(t, "PUT", "/v1/connections/payments", admin, map[string]any{
		"base_url": "https://payments.example/v2", "auth": map[string]string{"type": "header", "header": "X-Api-Key", "secret": "payments-key"},
		"headers": map[string]string{"X-Tenant": "opsflow"}, "timeout": "5s",
	}, nil)
	s.invokeLater(t, "opsflow-deliver-notification", `"no event"`)
	if err := s.Clock().Advance(t.Context(), 10*time.Minute); err != nil { // Lambda tries three times
		t.Fatal(err)
	}
	var started workflow
	s.send(t, "POST", "/v1/workflows", admin, map[string]any{
		"template": "payment_processing", "subject": map[string]string{"type": "payment", "id": longID},
		"context": map[string]any{"payment_id": longID, "booking_id": "bk-1", "amount": 120.5, "currency": "AED"},
	}, &started)
	s.settle(t)
	var operation struct {
		ID string `json:"id"`
	}
	s.send(t, "POST", "/v1/bulk", admin, map[string]any{
		"action": "alert.acknowledge", "filter": map[string]any{"severity": "high"},
	}, &operation)
	s.settle(t)
	var backtest struct {
		ID string `json:"id"`
	}
	s.send(t, "POST", "/v1/backtests", admin, map[string]any{
		"rule": "process-booking", "from": "2026-11-20T00:00:00Z", "to": s.Clock().Now(),
	}, &backtest)
	s.settle(t)
	return map[string]string{"backtest": "/backtests/" + backtest.ID, "long": "/workflows/" + started.ID, "bulk": "/bulk/" + operation.ID}
}
