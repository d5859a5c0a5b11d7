package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/clock"
)

func TestADraftIsTriedOnStoredEventsAndGoesBackIntoItsForm(t *testing.T) {
	t.Parallel()
	c := clock.Virtual(morning)
	s := startSystem(t, c)
	for _, id := range []string{"bk-1", "bk-2"} {
		s.send(t, http.MethodPost, "/v1/events", s.token(t, "operations"), map[string]any{
			"type": "service_completed", "detail": map[string]any{"booking_id": id, "vendor_id": "v-1", "service_value": 500},
		}, nil)
	}
	s.settle(t)
	if err := c.Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	v := s.as(t, "operations")
	draft := `{"name": "Draft", "event": "service_completed", "condition": {"path": "detail.booking_id", "op": "eq", "value": "bk-2"},
		"actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`
	v.post(t, "/rules/quality-check/edit", "do", "test", "text", "no rule", "days", "1").shows(t, http.StatusUnprocessableEntity, "JSON object")
	begun := v.post(t, "/rules/quality-check/edit", "do", "test", "text", draft, "days", "1")
	s.settle(t)
	page := v.after(t, begun)
	page.shows(t, http.StatusOK, "<b>2</b><span>Events of its type</span>", "<b>1</b><span>It would have acted</span>",
		"<dt>As version 1</dt><dd>1</dd>", "<dt>Only version 1</dt><dd>1</dd>", `href="/rules/quality-check/edit?backtest=bkt-`, ">part 1</a>")
	v.get(t, strings.Replace(begun.to, "/backtests/", "/rules/quality-check/edit?backtest=", 1)).shows(t, http.StatusOK, "&#34;bk-2&#34;")
	v.get(t, begun.to+"/parts/1").shows(t, http.StatusOK, `"outcome":"matched"`, `"outcome":"not_matched"`)
	v.get(t, begun.to+"/parts/2").shows(t, http.StatusNotFound)

	begun = v.post(t, "/rules/quality-check/backtest", "days", "7")
	s.settle(t)
	v.after(t, begun).shows(t, http.StatusOK, "<b>2</b><span>It would have acted</span>")
}

func TestAChangeOfARuleNeedsItsReasonWhichIsKept(t *testing.T) {
	t.Parallel()
	s := startSystem(t, clock.Virtual(morning))
	v := s.as(t, "operations")
	text := `{"name": "Quality check", "event": "service_completed", "actions": [{"type": "start_workflow", "template": "quality_assurance"}]}`
	v.post(t, "/rules/quality-check/edit", "do", "save", "text", text).shows(t, http.StatusUnprocessableEntity, "$.reason")
	v.post(t, "/rules/quality-check/edit", "do", "save", "text", "{", "reason", "all of them").shows(t, http.StatusUnprocessableEntity, `value="all of them"`)
	v.after(t, v.post(t, "/rules/quality-check/edit", "do", "save", "text", text, "reason", "all of them")).
		shows(t, http.StatusOK, "<blockquote>all of them</blockquote>")
	v.get(t, "/templates/quality_assurance/versions/1").shows(t, http.StatusOK, "Rules that start it", `href="/rules/quality-check"`)
}
