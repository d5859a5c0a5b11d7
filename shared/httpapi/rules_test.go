package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
)

func TestARulesPastCanBeRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rules = []*ops.Rule{
		{ID: "assign-vendor", Version: 2, Event: ops.BookingCreated, Mode: ops.RuleActive, Actions: []ops.Action{{Template: "vendor_assignment"}}},
		{ID: "other", Version: 1, Event: ops.BookingCreated, Mode: ops.RuleOff},
	}
	var page listBody
	r.call(t, "GET", "/v1/rules?template=vendor_assignment&event=booking_created&mode=active", "").ok(200, &page)
	if len(page.Items) != 1 || page.Items[0]["id"] != "assign-vendor" || page.Items[0]["execution_count"] != 3.0 {
		t.Errorf("rules %+v", page)
	}
	finance := r.as(t, "fay", ops.Finance)
	r.call(t, "GET", "/v1/rules/assign-vendor/versions", "", finance...).ok(200, &page)
	if len(page.Items) != 1 || page.Items[0]["number"] != 2.0 || page.Items[0]["diff"] == nil {
		t.Errorf("versions %+v", page)
	}
	r.next = "more"
	r.call(t, "GET", "/v1/rules/assign-vendor/decisions?outcome=error&limit=7", "", finance...).ok(200, &page)
	if len(page.Items) != 1 || page.Items[0]["outcome"] != "error" || *page.NextCursor != "more" || r.pageRequest.Limit != 7 {
		t.Errorf("decisions %+v", page)
	}
	r.call(t, "GET", "/v1/rules/none/versions", "").problem(404, ops.CodeNotFound)
	r.call(t, "GET", "/v1/rules/none/decisions", "").problem(404, ops.CodeNotFound)
	r.call(t, "GET", "/v1/rules/assign-vendor/decisions?outcome=maybe", "").problem(422, ops.CodeInvalid)
}

func TestTheKillSwitchIsTurnedAndRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var body struct {
		Paused     bool
		Reason, By string
	}
	until := r.clock.Now().Add(time.Hour).Format(time.RFC3339)
	r.call(t, "POST", "/v1/rules/pause-all", `{"reason":"storm","until":"`+until+`"}`, r.as(t, "olga", ops.Operations)...).ok(200, &body)
	if !body.Paused || body.Reason != "storm" || body.By != "olga" {
		t.Errorf("paused: %+v", body)
	}
	finance := r.as(t, "fay", ops.Finance)
	r.call(t, "GET", "/v1/rules/pause-all", "", finance...).ok(200, &body)
	if !body.Paused {
		t.Errorf("read: %+v", body)
	}
	r.call(t, "POST", "/v1/rules/resume-all", `{"reason":"over"}`, finance...).problem(403, ops.CodeForbidden)
	r.call(t, "POST", "/v1/rules/resume-all", `{"reason":"over"}`).ok(200, &body)
	if body.Paused || body.Reason != "over" {
		t.Errorf("resumed: %+v", body)
	}
	r.call(t, "POST", "/v1/rules/pause-all", `{"reason":"storm"}`).problem(422, ops.CodeInvalid)
}

func TestABacktestIsToldInSum(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var sum map[string]any
	const body = `{"rule":{"name":"x","priority":5.10},"from":"2026-11-01T00:00:00Z"}`
	r.call(t, "POST", "/v1/rules/backtest", body).ok(200, &sum)
	if sum["matched"] != 2.0 || sum["from"] != "2026-11-01T00:00:00Z" || r.text != `{"name":"x","priority":5.10}` {
		t.Errorf("%v of %s", sum, r.text)
	}
	r.call(t, "POST", "/v1/rules/backtest", `{"from":"2026-11-01T00:00:00Z"}`).problem(422, ops.CodeInvalid)
	r.fail = ops.Invalid("rule", []ops.Fault{{Path: "$.event", Expected: "an event", Got: "nothing"}})
	r.call(t, "POST", "/v1/rules/backtest", body).problem(422, ops.CodeInvalid)
}

func TestABacktestRunsBesideTheRequestAndIsReadByPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var run map[string]any
	const body = `{"rule":{"name":"x","priority":5.10},"from":"2026-11-01T00:00:00Z"}`
	res := r.call(t, "POST", "/v1/backtests", body)
	if res.ok(202, &run); run["status"] != "running" || r.text != `{"name":"x","priority":5.10}` || res.Header().Get("Location") != "/v1/backtests/bkt-new" {
		t.Errorf("%v of %s", run, r.text)
	}
	r.call(t, "POST", "/v1/backtests", `{}`).problem(422, ops.CodeInvalid)
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	r.backtests["bkt-1"] = &ops.Backtest{
		ID: "bkt-1", Status: ops.BacktestRunning, From: from, To: from.Add(4 * time.Hour), ReadFrom: from, Through: from.Add(time.Hour), Pages: 2,
	}
	if r.call(t, "GET", "/v1/backtests/bkt-1", "").ok(200, &run); run["percent"] != 25.0 || run["pages"] != 2.0 {
		t.Errorf("it is at %v", run)
	}
	for page, want := range map[string]string{"": "bkt-1-0", "?page=2": "bkt-1-1"} {
		res := r.call(t, "GET", "/v1/backtests/bkt-1/events"+page, "")
		if ct := res.Header().Get("Content-Type"); res.Code != 200 || ct != "application/x-ndjson" || !strings.Contains(res.Body.String(), want) {
			t.Errorf("page %q: %d %s: %s", page, res.Code, ct, res.Body)
		}
	}
	r.call(t, "GET", "/v1/backtests/bkt-1/events?page=3", "").problem(422, ops.CodeInvalid)
	r.call(t, "GET", "/v1/backtests/bkt-2/events", "").problem(404, ops.CodeNotFound)
	r.call(t, "GET", "/v1/find/bkt-1", "").ok(200, &run)
}

func TestAnEventIsReplayedWithItsCorrectedDetail(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.events["evt-1"] = &ops.Event{ID: "evt-1", Status: ops.EventValid, CorrectionOf: "evt-0"}
	var body map[string]any
	r.call(t, "POST", "/v1/events/evt-1/replay", `{"detail": {"score": 4.50}}`).ok(200, &body)
	if r.text != `{"score":4.50}` || r.actor.ID != "ada" || body["correction_of"] != "evt-0" {
		t.Errorf("%q by %s: %v", r.text, r.actor.ID, body)
	}
	r.call(t, "POST", "/v1/events/evt-1/replay", "").ok(200, &body)
	if r.text != "" {
		t.Errorf("detail %q", r.text)
	}
	r.call(t, "POST", "/v1/events/none/replay", "").problem(404, ops.CodeNotFound)
	r.call(t, "POST", "/v1/events/evt-1/replay", `{"detail": 7}`).problem(422, ops.CodeInvalid)
	r.fail = ops.Errorf(ops.CodeConflict, "corrected")
	r.call(t, "POST", "/v1/events/evt-1/replay", "").problem(409, ops.CodeConflict)
}

func TestThePauseOfAllRulesIsTimedByTheServersClock(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var body struct{ Until time.Time }
	r.call(t, "POST", "/v1/rules/pause-all", `{"reason":"storm","for":"90m"}`).ok(200, &body)
	if want := r.clock.Now().Add(90 * time.Minute); !body.Until.Equal(want) {
		t.Errorf("until %s, want %s", body.Until, want)
	}
	for _, wrong := range []string{`{"reason":"storm","for":"8bh"}`, `{"reason":"storm","for":"1h","until":"2090-01-01T00:00:00Z"}`} {
		r.call(t, "POST", "/v1/rules/pause-all", wrong).problem(422, ops.CodeInvalid)
	}
}

func TestWhatARulePutOffIsReadCancelledAndTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rules = []*ops.Rule{{ID: "payment-sla", Version: 1}}
	r.actions = map[string]*ops.PendingAction{"act-1": {
		Meta: ops.Meta{V: 2}, ID: "act-1", RuleID: "payment-sla", Status: ops.ActionDropped, Reason: ops.DroppedUnless,
		Leaf: &ops.Leaf{Path: "subject.status", Op: ops.OpNe}, Detail: []byte(`{"secret": 1}`),
	}}
	finance := r.as(t, "fay", ops.Finance)
	var body map[string]any
	r.call(t, "GET", "/v1/actions/act-1", "", finance...).ok(200, &body)
	if body["status"] != "dropped" || body["reason"] != "unless" || body["leaf"] == nil || body["detail"] != nil {
		t.Errorf("action %+v", body)
	}
	var found struct{ Kind, Path string }
	r.call(t, "GET", "/v1/find/act-1", "", finance...).ok(200, &found)
	if found.Kind != "action" || found.Path != "/v1/actions/act-1" {
		t.Errorf("found %+v", found)
	}
	var page listBody
	r.call(t, "GET", "/v1/rules/payment-sla/actions?status=failed", "", finance...).ok(200, &page)
	if len(page.Items) != 1 || r.actionFilter.Status != ops.ActionFailed || r.actionFilter.RuleID != "payment-sla" {
		t.Errorf("actions %+v of %+v", page, r.actionFilter)
	}
	r.call(t, "GET", "/v1/rules/payment-sla/actions", "", finance...).ok(200, &page)
	if r.actionFilter.Status != ops.ActionWaiting {
		t.Errorf("filter %+v", r.actionFilter)
	}
	r.call(t, "GET", "/v1/rules/payment-sla/actions?status=done", "").problem(422, ops.CodeInvalid)
	r.call(t, "POST", "/v1/actions/act-1/cancel", `{"reason":"wrong"}`, finance...).problem(403, ops.CodeForbidden)
	for _, path := range []string{"/v1/actions/act-1/cancel", "/v1/actions/act-1/retry", "/v1/rules/payment-sla/actions/cancel"} {
		r.call(t, "POST", path, `{}`).problem(422, ops.CodeInvalid)
		r.call(t, "POST", path, `{"reason":"`+path+`"}`).ok(200, &body)
		if r.reason != path || r.actor.ID != "ada" {
			t.Errorf("%s: reason %q of %q", path, r.reason, r.actor.ID)
		}
	}
}

func TestATemplateNamesTheRulesThatStartIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.templates = []*ops.Template{{Name: "refund", Version: 1}}
	starts := []ops.Action{{Type: ops.Notify, Template: "refund"}, {Type: ops.StartWorkflow, Template: "refund"}}
	r.rules = []*ops.Rule{{ID: "a", Actions: starts[:1]}, {ID: "b", Actions: starts}, {ID: "c", Actions: starts[1:], Mode: ops.RuleOff}}
	var body struct {
		UsedBy []string `json:"used_by"`
	}
	r.call(t, "GET", "/v1/templates/refund/versions/1", "").ok(200, &body)
	if got := strings.Join(body.UsedBy, " "); got != "b c" {
		t.Errorf("used by %s, want b c", got)
	}
}
