package httpapi_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"opsflow/shared/httpapi"
	"opsflow/shared/ops"
)

func TestARequestWithoutARouteIsAProblem(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.call(t, "GET", "/v1/nothing", "").problem(404, ops.CodeNotFound)
	r.call(t, "GET", "/", "", "Authorization", "").problem(404, ops.CodeNotFound)
	res := r.call(t, "DELETE", "/v1/workflows", "")
	p := res.problem(405, "method_not_allowed")
	if allow := res.Header().Get("Allow"); allow != "GET, HEAD, POST" || !strings.Contains(p.Detail, "DELETE") {
		t.Errorf("Allow %q, detail %q", allow, p.Detail)
	}
}

func TestABodyThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const path = "/v1/workflows"
	for name, c := range map[string]struct {
		path, body string
		headers    []string
		status     int
		code       ops.Code
	}{
		"malformed":            {path, `{"template":`, nil, 400, "malformed"},
		"malformed, raw":       {"/v1/templates", `{"name":`, nil, 400, "malformed"},
		"two values":           {path, `{} {}`, nil, 400, "malformed"},
		"empty":                {path, ``, nil, 400, "malformed"},
		"empty, raw":           {"/v1/rules", ``, nil, 400, "malformed"},
		"a form":               {path, `template=x`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		"a broken media type":  {path, `{}`, []string{"Content-Type", "application/json; ="}, 415, "unsupported_media_type"},
		"too large":            {path, `{"name":"` + strings.Repeat("x", httpapi.MaxBody) + `"}`, nil, 413, ops.CodeTooLarge},
		"too large, raw":       {"/v1/templates", `{"name":"` + strings.Repeat("x", httpapi.MaxBody) + `"}`, nil, 413, ops.CodeTooLarge},
		"not in UTF-8":         {path, "{\"template\":\"t\",\"name\":\"\xff\xfe\"}", nil, 400, "malformed"},
		"an endless number":    {path, `{"template":"t","context":{"n":[1,1e400]}}`, nil, 422, ops.CodeInvalid},
		"not an object":        {path, `[]`, nil, 422, ops.CodeInvalid},
		"null":                 {path, `null`, nil, 422, ops.CodeInvalid},
		"needless, with field": {"/v1/tasks/tsk-1/claim", `{"by":"eve"}`, nil, 422, ops.CodeInvalid},
	} {
		res := r.call(t, "POST", c.path, c.body, c.headers...)
		res.what = name
		res.problem(c.status, c.code)
	}
	if len(r.started) != 0 || r.text != "" {
		t.Errorf("started %v, text %q", r.started, r.text)
	}
}

func TestABodyOfTheLargestSizeIsTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	frame := `{"template":"t","context":{"x":""}}`
	body := strings.Replace(frame, `""`, `"`+strings.Repeat("x", httpapi.MaxBody-len(frame))+`"`, 1)
	if len(body) != httpapi.MaxBody {
		t.Fatal(len(body))
	}
	var i ops.Instance
	r.call(t, "POST", "/v1/workflows", body).ok(201, &i)
}

func TestEachFaultIsToldWithItsPathAndWhatWasExpected(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, c := range map[string]struct {
		method, path, body string
		want               ops.Fault
	}{
		"unknown field":      {"POST", "/v1/workflows", `{"template":"x","colour":"red"}`, ops.Fault{Path: "$.colour", Expected: "absent: there is no such field", Got: `"red"`}},
		"nested unknown":     {"POST", "/v1/workflows", `{"template":"x","subject":{"type":"a","id":"b","v":1}}`, ops.Fault{Path: "$.subject.v", Expected: "absent: there is no such field", Got: "1"}},
		"missing field":      {"POST", "/v1/workflows", `{}`, ops.Fault{Path: "$.template", Expected: "present", Got: "nothing"}},
		"wrong type":         {"POST", "/v1/workflows", `{"template":7}`, ops.Fault{Path: "$.template", Expected: "a string", Got: "7"}},
		"too small":          {"POST", "/v1/workflows", `{"template":"x","version":0}`, ops.Fault{Path: "$.version", Expected: "a number >= 1", Got: "0"}},
		"bad id":             {"POST", "/v1/workflows", `{"template":"x","subject":{"type":"booking","id":"a b"}}`, ops.Fault{Path: "$.subject", Expected: "a type and an id, each 1 to 128 characters of A-Z a-z 0-9 . _ : -", Got: `{"type":"booking","id":"a b"}`}},
		"no comment":         {"POST", "/v1/tasks/t/reject", `{"comment":""}`, ops.Fault{Path: "$.comment", Expected: "of length >= 1", Got: `""`}},
		"unknown mode":       {"POST", "/v1/rules/r/mode", `{"mode":"on","reason":"x"}`, ops.Fault{Path: "$.mode", Expected: `one of "active, shadow, off"`, Got: `"on"`}},
		"not a time":         {"POST", "/v1/events", `{"type":"x","detail":{},"time":"now"}`, ops.Fault{Path: "$.time", Expected: "RFC 3339 date-time", Got: `"now"`}},
		"detail no object":   {"POST", "/v1/events", `{"type":"x","detail":[]}`, ops.Fault{Path: "$.detail", Expected: "an object", Got: "[]"}},
		"limit too large":    {"GET", "/v1/workflows?limit=101", "", ops.Fault{Path: "query.limit", Expected: "a number <= 100", Got: "101"}},
		"limit no number":    {"GET", "/v1/tasks?limit=many", "", ops.Fault{Path: "query.limit", Expected: "an integer", Got: `"many"`}},
		"unknown status":     {"GET", "/v1/workflows?status=sleeping", "", ops.Fault{Path: "query.status", Expected: `one of "pending, running, waiting_approval, paused, completed, failed, cancelled"`, Got: `"sleeping"`}},
		"unknown team":       {"GET", "/v1/tasks?team=sales", "", ops.Fault{Path: "query.team", Expected: "one of Operations, Vendor_Management, Quality_Assurance, Finance", Got: `"sales"`}},
		"subject without id": {"GET", "/v1/alerts?subject=booking", "", ops.Fault{Path: "query.subject", Expected: "type/id, like booking/bk-1", Got: `"booking"`}},
		"unknown parameter":  {"GET", "/v1/vendors?colour=red", "", ops.Fault{Path: "query.colour", Expected: "absent: there is no such parameter", Got: `"red"`}},
		"foreign cursor":     {"GET", "/v1/rules?cursor=abc", "", ops.Fault{Path: "query.cursor", Expected: "a next_cursor of this list with the same filter", Got: `"abc"`}},
		"version no number":  {"GET", "/v1/templates/a/versions/one", "", ops.Fault{Path: "path.version", Expected: "an integer", Got: `"one"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := r.call(t, c.method, c.path, c.body).problem(422, ops.CodeInvalid)
			if len(p.Errors) != 1 || p.Errors[0] != c.want {
				t.Errorf("errors %+v, want %+v", p.Errors, c.want)
			}
		})
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	p := r.call(t, "GET", "/v1/workflows?limit=0&status=x&type=y", "").problem(422, ops.CodeInvalid)
	if len(p.Errors) != 3 {
		t.Errorf("%+v", p.Errors)
	}
	p = r.call(t, "GET", "/v1/workflows?subject=x&team=y", "").problem(422, ops.CodeInvalid)
	if len(p.Errors) != 2 {
		t.Errorf("%+v", p.Errors)
	}
}

func TestEachCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for code, status := range map[ops.Code]int{
		ops.CodeInvalid: 422, ops.CodeUnauthenticated: 401, ops.CodeForbidden: 403, ops.CodeNotFound: 404,
		ops.CodeConflict: 409, ops.CodeAlreadyDecided: 409, ops.CodeIllegalMove: 409, ops.CodeWorkflowPaused: 409,
		ops.CodeGone: 410, ops.CodeTooLarge: 413, ops.CodeThrottled: 429, ops.CodeUnavailable: 503,
	} {
		r.fail = fmt.Errorf("deeper: %w", ops.Errorf(code, "told to the caller: %w", errors.New("because")))
		res := r.call(t, "POST", "/v1/tasks/tsk-1/complete", `{}`)
		if p := res.problem(status, code); p.Detail != "told to the caller: because" {
			t.Errorf("%s: detail %q", code, p.Detail)
		}
		if later := res.Header().Get("Retry-After") != ""; later != (status == 429 || status == 503) {
			t.Errorf("%s: Retry-After %q", code, res.Header().Get("Retry-After"))
		}
	}
	r.fail = &ops.Conflict{Lost: []ops.Ref{{Kind: ops.KindRule, ID: "r"}}}
	r.call(t, "POST", "/v1/rules", `{}`).problem(409, ops.CodeConflict)
	r.fail = ops.Invalid("template", []ops.Fault{{Path: "$.steps[0].id", Expected: "present", Got: "nothing"}})
	p := r.call(t, "POST", "/v1/templates", `{}`).problem(422, ops.CodeInvalid)
	if p.Detail != "invalid template" || len(p.Errors) != 1 || p.Errors[0].Path != "$.steps[0].id" {
		t.Errorf("%+v", p)
	}
}

func TestADefectIsLoggedWholeAndShownToNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, err := range []error{errors.New("the disk is on fire"), ops.Errorf(ops.CodeInternal, "the disk is on fire")} {
		r.fail = err
		r.log.Reset()
		p := r.call(t, "GET", "/v1/tasks", "").problem(500, ops.CodeInternal)
		if strings.Contains(p.Detail, "disk") {
			t.Errorf("detail %q", p.Detail)
		}
		if log := r.log.String(); !strings.Contains(log, "the disk is on fire") || !strings.Contains(log, p.RequestID) {
			t.Errorf("log %q", log)
		}
	}
}

func TestAPanicIsLoggedWholeAndShownToNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.instances = nil // so that the fake panics when it takes the new one in
	p := r.call(t, "POST", "/v1/workflows", `{"template":"x"}`).problem(500, ops.CodeInternal)
	if log := r.log.String(); !strings.Contains(log, "nil map") || !strings.Contains(log, p.RequestID) || strings.Contains(p.Detail, "map") {
		t.Errorf("log %q, detail %q", log, p.Detail)
	}
}

func TestTheRequestIDIsTheCallersIfItIsGood(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for given, kept := range map[string]bool{"abc-123": true, "with space": false, strings.Repeat("x", 200): false, "": false} {
		res := r.call(t, "GET", "/v1/nothing", "", "X-Request-Id", given)
		id := res.Header().Get("X-Request-Id")
		if (id == given) != kept || id == "" {
			t.Errorf("given %q, answered %q", given, id)
		}
	}
}

// A body of unknown length is measured while it is read.
func TestAnEndlessBodyIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server := httptest.NewServer(r.handler)
	defer server.Close()
	body := io.MultiReader(strings.NewReader(`{"template":"`), &letters{left: 4 * httpapi.MaxBody})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/workflows", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token(t, "ada", ops.Admin))
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", res.StatusCode)
	}
}

type letters struct{ left int }

func (l *letters) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.EOF
	}
	for i := range b {
		b[i] = 'x'
	}
	l.left -= len(b)
	return len(b), nil
}

func TestNoRandomnessIsAnInternalError(t *testing.T) {
	t.Parallel()
	h := httpapi.New(httpapi.Config{
		Store: apiStore{fakes: newFakes()}, Rules: (*fakeRules)(newFakes()), Random: strings.NewReader(""), Logger: slog.New(slog.DiscardHandler),
	})
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", nil))
	if rec.Code != http.StatusInternalServerError {
		t.Errorf("status %d", rec.Code)
	}
}
