package local_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/meter"
	"opsflow/shared/ops"
	"opsflow/shared/table/dynamo/dynamolocal"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultClient.CloseIdleConnections()
		os.Exit(code)
	}), goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// options are those of a system that keeps nothing, on ports that the system chooses.
func options() local.Options {
	return local.Options{
		AWSAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", Clock: clock.Real(), Demo: true,
		Template: filepath.Join("..", "..", "template.yaml"),
	}
}

func start(t testing.TB, o local.Options) *local.Runtime {
	t.Helper()
	if !o.Observed() { // what the system does by itself is allowed by the template
		o.Observe(func(u local.Use) {
			if u.Refused != nil {
				t.Errorf("missing in the template: %v", u.Refused)
			}
		})
	}
	rt, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return rt
}

func TestTheStoryHoldsInProcess(t *testing.T) { //nolint:tparallel // the story is told in order
	t.Parallel()
	story(t, newSystem(t, start(t, options())))
}

func TestTheStoryHoldsOnDisk(t *testing.T) { //nolint:tparallel // the story is told in order
	t.Parallel()
	o := options()
	o.Data = t.TempDir()
	story(t, newSystem(t, start(t, o)))
}

func TestTheStoryHoldsOnDynamoDB(t *testing.T) { //nolint:tparallel // the story is told in order
	t.Parallel()
	endpoint, stop, err := dynamolocal.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	o := options()
	o.TableURL = endpoint
	story(t, newSystem(t, start(t, o)))
}

func TestTheStoryHoldsWithRealBootstraps(t *testing.T) { //nolint:tparallel // the story is told in order
	t.Parallel()
	o := options()
	o.Processes = true
	rt := start(t, o)
	story(t, newSystem(t, rt))
	// A bootstrap's requests are its own process's: by their trace they are counted for the workflow that invoked it.
	used := map[string]meter.Use{}
	for _, a := range rt.Meter().Accounts(meter.Prices{}) {
		used[a.Name] = a.Use
	}
	for _, name := range []string{"opsflow-payment_processing-v1", "opsflow-booking_processing-v1", "opsflow-match-payments"} {
		if u := used[name]; u.Invocations == 0 || u.WriteUnits == 0 || u.ReadUnits == 0 {
			t.Errorf("for %s is counted %+v", name, u)
		}
	}
	if u := used["opsflow-run-steps"]; u.WriteUnits != 0 {
		t.Errorf("what run-steps does for workflows is counted for itself: %+v", u)
	}
}

func TestPaymentAlarmGoesOffAfterADayOfVirtualTime(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	s.put("payment_received", payment("pay-late"))
	alerts := func() int {
		var page struct {
			Items []struct {
				Title string `json:"title"`
			} `json:"items"`
		}
		s.get("/v1/alerts?type=sla_violation&severity=high&subject=payment/pay-late", &page)
		n := 0
		for _, a := range page.Items { // its workflow, which nobody approves, is overdue too
			if a.Title == "Payment pending for more than 24 hours" {
				n++
			}
		}
		return n
	}
	s.advance("23h")
	if n := alerts(); n != 0 {
		t.Fatalf("%d high sla_violation alerts after 23 hours, want none", n)
	}
	s.advance("2h")
	if n := alerts(); n != 1 {
		t.Fatalf("%d high sla_violation alerts after 25 hours, want 1", n)
	}
}

func TestSurveyIsSentTwoHoursAfterTheService(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	s.put("service_completed", map[string]any{"booking_id": "bk-s", "vendor_id": "vn-1", "completed_at": "2026-11-24T09:00:00Z"})
	count := func() int { return len(s.workflows("limit=100&template=customer_follow_up")) }
	s.advance("1h55m")
	if n := count(); n != 0 {
		t.Fatalf("%d follow-ups after 1 h 55 min, want none", n)
	}
	s.advance("10m")
	if i := s.workflow("customer_follow_up", "booking/bk-s"); i.Status != "completed" {
		t.Fatalf("the follow-up is %s, want completed", i.Status)
	}
}

// advance moves virtual time on and returns when the system is idle again.
func (s *system) advance(d string) {
	s.t.Helper()
	if res := s.request(http.MethodPost, "/dev/clock", "", map[string]string{"advance": d}); res.status != http.StatusOK {
		s.t.Fatalf("advance %s: %d %s", d, res.status, res.body)
	}
	s.token = s.tokenFor("ada", "admin") // the old one may have expired meanwhile
}

func TestWaitingTaskOutlivesARestart(t *testing.T) {
	t.Parallel()
	o := options()
	o.Data = t.TempDir()
	rt, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	first := newSystem(t, rt)
	first.put("payment_received", payment("pay-r"))
	i := first.awaitsApproval("pay-r")
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	s := newSystem(t, start(t, o))
	s.approve(i, http.StatusOK)
	if i := s.workflow("payment_processing", "payment/pay-r"); i.Status != "completed" {
		t.Fatalf("after the restart and the approval it is %s, want completed", i.Status)
	}
}

func TestWhatCannotStartSaysWhyAndTouchesNothing(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	corrupt := t.TempDir()
	for _, name := range dataFiles(t) {
		if err := os.WriteFile(filepath.Join(corrupt, name), []byte(strings.Repeat("this is no data file ", 4000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*local.Options)
		want   string
	}{
		{"a port in use", func(o *local.Options) { o.AWSAddr = taken.Addr().String() }, "address already in use"},
		{"no template", func(o *local.Options) { o.Template = "nothing.yaml" }, "nothing.yaml"},
		{"a data folder that is a file", func(o *local.Options) { o.Data = file }, file},
		{"a corrupt data file", func(o *local.Options) { o.Data = corrupt }, corrupt},
		{"bootstraps on a virtual clock", func(o *local.Options) {
			o.Processes = true
			o.Clock = clock.Virtual(time.Now())
		}, "--processes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options()
			c.change(&o)
			rt, err := local.Start(context.Background(), o)
			if err == nil {
				t.Fatal("it started", rt.Close())
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q", err, c.want)
			}
		})
	}
	t.Cleanup(func() {
		for _, name := range dataFiles(t) {
			if b, err := os.ReadFile(filepath.Join(corrupt, name)); err != nil || !strings.HasPrefix(string(b), "this is no data file") {
				t.Errorf("the corrupt file was changed: %v", err)
			}
		}
	})
}

// dataFiles are the names of the files that a data folder holds.
func dataFiles(t *testing.T) []string {
	t.Helper()
	o := options()
	o.Data = t.TempDir()
	rt, err := local.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(o.Data)
	if err != nil || len(entries) == 0 {
		t.Fatalf("the data folder holds %v, %v", entries, err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDeadLettersAfterAnUnknownOneAreNotFound(t *testing.T) {
	t.Parallel()
	rt := start(t, options())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, rt.APIURL()+"/dev/dead-letters?after=none", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusNotFound {
		t.Errorf("got %d, %v", res.StatusCode, err)
	}
}

func TestTheDoorsOfThisMachineRefuseAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	s := newSystem(t, start(t, options()))
	for _, c := range []struct {
		method, path, body string
		status             int
		code               ops.Code
		fault              ops.Fault
	}{
		{"GET", "/dev/nope", "", 404, ops.CodeNotFound, ops.Fault{}},
		{"DELETE", "/dev/clock", "", 405, "method_not_allowed", ops.Fault{}},
		{"DELETE", "/dev/token", "", 405, "method_not_allowed", ops.Fault{}},
		{"GET", "/dev/dead-letters?after=none", "", 404, ops.CodeNotFound, ops.Fault{}},
		{"POST", "/dev/clock", "", 422, ops.CodeInvalid, ops.Fault{Path: "$", Expected: `an object like {"advance":"24h"}`, Got: `""`}},
		{"POST", "/dev/clock", "{}", 422, ops.CodeInvalid, ops.Fault{Path: "$.advance", Expected: "a duration like 90m or 24h", Got: "nothing"}},
		{"POST", "/dev/clock", `{"advance":5}`, 422, ops.CodeInvalid, ops.Fault{Path: "$.advance", Expected: "a duration like 90m or 24h", Got: "5"}},
		{"POST", "/dev/clock", `{"advance":"-1h"}`, 422, ops.CodeInvalid, ops.Fault{Path: "$.advance", Expected: "a duration like 90m or 24h", Got: `"-1h"`}},
		{"POST", "/dev/clock", `{"advance":"1h","to":1}`, 422, ops.CodeInvalid, ops.Fault{Path: "$.to", Expected: "absent: there is no such field", Got: "1"}},
		{"POST", "/dev/outbox", "no JSON", 422, ops.CodeInvalid, ops.Fault{Path: "$", Expected: "one JSON value of at most 1 MB", Got: `"no JSON"`}},
		{"POST", "/dev/faults", `{"faults":[{"kind":"x"}]}`, 422, ops.CodeInvalid, ops.Fault{
			Path: "$.faults[0].kind", Expected: "drop, delay, duplicate, reorder, throttle or answer_lost", Got: `"x"`,
		}},
		{"PUT", "/dev/outbox", `{"down":["pigeon"]}`, 422, ops.CodeInvalid, ops.Fault{Path: "$.down[0]", Expected: "email, sms or webhook", Got: `"pigeon"`}},
	} {
		var body any
		if c.method == http.MethodPost || c.method == http.MethodPut {
			body = c.body
		}
		res := s.request(c.method, c.path, "", body)
		var p struct {
			Code      ops.Code
			RequestID string `json:"request_id"`
			Errors    []ops.Fault
		}
		res.decode(t, &p)
		if res.status != c.status || p.Code != c.code || res.header.Get("Content-Type") != "application/problem+json" ||
			p.RequestID == "" || p.RequestID != res.header.Get("X-Request-Id") || p.Errors == nil {
			t.Errorf("%s %s %s: %d %s %v", c.method, c.path, c.body, res.status, res.body, res.header)
		}
		if (c.fault != ops.Fault{}) && (len(p.Errors) != 1 || p.Errors[0] != c.fault) {
			t.Errorf("%s %s %s: faults %+v", c.method, c.path, c.body, p.Errors)
		}
	}
}
