package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

// Every route with the teams that may use it, written out: O, V, Q, F for the four teams. Admins may use all.
func TestEachTeamMayDoWhatTheTableSays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.instances["x"] = &ops.Instance{ID: "x", Steps: []ops.StepRecord{{ID: "y"}}}
	r.tasks["x"] = &ops.Task{ID: "x"}
	r.events["x"] = &ops.Event{ID: "x"}
	r.alerts["x"] = &ops.Alert{ID: "x"}
	booking := ops.SubjectRef{Type: ops.SubjectBooking, ID: "x"}
	r.subjects[booking] = &ops.Subject{SubjectRef: booking, Meta: ops.Meta{V: 1}}
	r.bulks["x"] = &ops.Bulk{ID: "x"}
	r.actions = map[string]*ops.PendingAction{"x": {ID: "x"}}
	r.backtests["x"] = &ops.Backtest{ID: "x"}
	r.lost["x"] = &ops.Undelivered{ID: "x"}
	r.vendors["x"] = &ops.Vendor{ID: "x"}
	r.metrics["met-1"] = &ops.Metric{ID: "met-1", VendorID: "x"}
	r.notifications["x"] = &ops.Notification{ID: "x"}
	r.members["x"] = &ops.Member{ID: "x"}
	r.connections["x"] = &ops.Connection{Name: "x"}
	r.templates = []*ops.Template{{Name: "x", Version: 1}}
	r.rules = []*ops.Rule{{ID: "x", Version: 1}}
	letters := map[string]ops.Team{"O": ops.Operations, "V": ops.VendorManagement, "Q": ops.QualityAssurance, "F": ops.Finance}
	routes := []struct{ method, path, body, teams string }{
		{"GET", "/v1/workflows", "", "OVQF"},
		{"POST", "/v1/workflows", `{"template":"x"}`, "OVQF"},
		{"GET", "/v1/workflows/x", "", "OVQF"},
		{"GET", "/v1/workflows/x/history", "", "OVQF"},
		{"GET", "/v1/workflows/x/steps/y", "", "OVQF"},
		{"POST", "/v1/workflows/x/pause", "", "OVQF"},
		{"POST", "/v1/workflows/x/resume", `{"reason":"x"}`, "OVQF"},
		{"POST", "/v1/workflows/x/cancel", "", "OVQF"},
		{"POST", "/v1/workflows/x/retry", "", "OVQF"},
		{"GET", "/v1/tasks", "", "OVQF"},
		{"GET", "/v1/tasks/x", "", "OVQF"},
		{"POST", "/v1/tasks/x/claim", "", "OVQF"},
		{"POST", "/v1/tasks/x/release", "", "OVQF"},
		{"POST", "/v1/tasks/x/complete", `{"outcome":"done"}`, "OVQF"},
		{"POST", "/v1/tasks/x/reject", `{"comment":"no"}`, "OVQF"},
		{"POST", "/v1/tasks/x/delegate", `{"to":"ann"}`, "OVQF"},
		{"GET", "/v1/members", "", "OVQF"},
		{"GET", "/v1/notifications", "", "OVQF"},
		{"GET", "/v1/notifications/x", "", "OVQF"},
		{"POST", "/v1/notifications/x/resend", "", "O"},
		{"GET", "/v1/members/x", "", "OVQF"},
		{"PUT", "/v1/members/x", `{"name":"X","teams":[],"active":true}`, ""},
		{"GET", "/v1/connections", "", "O"},
		{"GET", "/v1/connections/x", "", "O"},
		{"PUT", "/v1/connections/x", `{"base_url":"https://x.example"}`, ""},
		{"GET", "/v1/events", "", "OVQF"},
		{"GET", "/v1/events/invalid", "", "OVQF"},
		{"GET", "/v1/events/x", "", "OVQF"},
		{"POST", "/v1/events", `{"type":"x","detail":{}}`, "O"},
		{"POST", "/v1/events/x/replay", "", "O"},
		{"GET", "/v1/templates", "", "OVQF"},
		{"POST", "/v1/templates", `{}`, "O"},
		{"POST", "/v1/templates/validate", `{}`, "OVQF"},
		{"GET", "/v1/templates/x/versions/1", "", "OVQF"},
		{"GET", "/v1/templates/x/versions/1/graph", "", "OVQF"},
		{"POST", "/v1/templates/x/versions/1/publish", "", ""},
		{"POST", "/v1/templates/x/versions/1/activate", "", ""},
		{"POST", "/v1/templates/x/versions/1/deactivate", "", ""},
		{"GET", "/v1/rules", "", "OVQF"},
		{"POST", "/v1/rules", `{}`, "O"},
		{"GET", "/v1/rules/x", "", "OVQF"},
		{"PUT", "/v1/rules/x", `{}`, "O"},
		{"POST", "/v1/rules/x/mode", `{"mode":"off","reason":"x"}`, "O"},
		{"GET", "/v1/rules/x/versions", "", "OVQF"},
		{"GET", "/v1/rules/x/decisions", "", "OVQF"},
		{"GET", "/v1/rules/x/actions", "", "OVQF"},
		{"POST", "/v1/rules/x/actions/cancel", `{"reason":"x"}`, "O"},
		{"GET", "/v1/actions/x", "", "OVQF"},
		{"POST", "/v1/actions/x/cancel", `{"reason":"x"}`, "O"},
		{"POST", "/v1/actions/x/retry", `{"reason":"x"}`, "O"},
		{"POST", "/v1/rules/backtest", `{"rule":"x"}`, "OVQF"},
		{"POST", "/v1/backtests", `{"rule":"x"}`, "OVQF"},
		{"GET", "/v1/backtests", "", "OVQF"},
		{"GET", "/v1/backtests/x", "", "OVQF"},
		{"GET", "/v1/backtests/x/events", "", "OVQF"},
		{"GET", "/v1/rules/pause-all", "", "OVQF"},
		{"POST", "/v1/rules/pause-all", `{"reason":"x","until":"2027-01-01T00:00:00Z"}`, "O"},
		{"POST", "/v1/rules/resume-all", `{"reason":"x"}`, "O"},
		{"GET", "/v1/alerts", "", "OVQF"},
		{"GET", "/v1/alerts/x", "", "OVQF"},
		{"GET", "/v1/bulk", "", "OVQF"},
		{"POST", "/v1/bookings/x/timeline-link", "", "O"},
		{"GET", "/v1/bulk/x", "", "OVQF"},
		{"POST", "/v1/bulk", `{"action":"task.claim","ids":["x"]}`, "OVQF"},
		{"POST", "/v1/alerts", `{"type":"system_error","severity":"low","title":"x"}`, "OVQF"},
		{"POST", "/v1/alerts/x/acknowledge", "", "OVQF"},
		{"POST", "/v1/alerts/x/start", "", "OVQF"},
		{"POST", "/v1/alerts/x/resolve", `{"resolution":"x"}`, "OVQF"},
		{"POST", "/v1/alerts/x/close", "", "OVQF"},
		{"POST", "/v1/alerts/x/reopen", "", "OVQF"},
		{"GET", "/v1/undelivered", "", "O"},
		{"GET", "/v1/find/x", "", "OVQF"},
		{"GET", "/v1/undelivered/x", "", "O"},
		{"POST", "/v1/undelivered/x/resend", "", "O"},
		{"POST", "/v1/undelivered/x/close", `{"reason":"x"}`, "O"},
		{"GET", "/v1/audit", "", "OVQF"},
		{"GET", "/v1/vendors", "", "OVQF"},
		{"GET", "/v1/vendors/x", "", "OVQF"},
		{"PUT", "/v1/vendors/x", `{"name":"X","active":true,"verified":true,"categories":["a"],"areas":["b"]}`, "V"},
		{"GET", "/v1/vendors/x/score", "", "OVQF"},
		{"GET", "/v1/vendors/x/metrics", "", "OVQF"},
		{"GET", "/v1/vendors/x/metrics/met-1", "", "OVQF"},
		{"POST", "/v1/vendors/x/metrics", `{"type":"quality_score","value":80,"calculation_method":"visit"}`, "VQ"},
		{"GET", "/v1/schemas/booking_created", "", "OVQF"},
	}
	for _, c := range routes {
		what := c.method + " " + c.path
		allowed := func(res *response) {
			if res.Code >= 300 {
				t.Errorf("%s: %s", res.what, res.Body)
			}
		}
		for letter, team := range letters {
			res := r.call(t, c.method, c.path, c.body, r.as(t, "eve", team)...)
			if strings.Contains(c.teams, letter) {
				allowed(res)
				continue
			}
			if p := res.problem(403, ops.CodeForbidden); !strings.Contains(p.Detail, "Admin") {
				t.Errorf("%s for %s: %q", what, team, p.Detail)
			}
		}
		allowed(r.call(t, c.method, c.path, c.body, r.as(t, "root", ops.Admin)...))
		r.call(t, c.method, c.path, c.body, r.as(t, "stranger")...).problem(403, ops.CodeForbidden)
		res := r.call(t, c.method, c.path, c.body, "Authorization", "")
		res.problem(401, ops.CodeUnauthenticated)
		if got := res.Header().Get("WWW-Authenticate"); got != "Bearer" {
			t.Errorf("%s: WWW-Authenticate %q", what, got)
		}
	}
	documented := 0
	var doc struct {
		Paths map[string]map[string]struct{ Security []any }
	}
	r.call(t, http.MethodGet, "/openapi.json", "").ok(200, &doc)
	for _, methods := range doc.Paths {
		for _, op := range methods {
			documented += len(op.Security) // those without are public
		}
	}
	if documented != len(routes) {
		t.Errorf("the API has %d operations, this test knows %d", documented, len(routes))
	}
}
