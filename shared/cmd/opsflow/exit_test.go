package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"opsflow/shared/ops"
)

func TestUnknownIDIsNotFound(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, args := range [][]string{
		{"workflows", "status", "wf-nothing"},
		{"workflows", "watch", "wf-nothing"},
		{"workflows", "start", "nothing"},
		{"tasks", "claim", "tsk-nothing"},
		{"tasks", "complete", "tsk-nothing", "--outcome", "done"},
		{"events", "show", "no such/../event"},
		{"find", "wf-nothing"},
		{"find", "tsk-nothing"},
		{"find", "alr-nothing"},
		{"find", "anything"},
	} {
		r := o.run(args...)
		if r.code != exitNotFound || r.out != "" || strings.Count(r.err, "\n") != 1 {
			t.Errorf("opsflow %s: %+v, want exit code %d and one line", strings.Join(args, " "), r, exitNotFound)
		}
	}
}

func TestInputWithFaultsIsInvalid(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"query.status: expected", []string{"workflows", "list", "--status", "odd"}},
		{"query.team: expected", []string{"tasks", "list", "--team", "nobody"}},
		{"query.limit: expected", []string{"alerts", "list", "--limit", "101"}},
		{"DETAIL: expected a JSON object, got [1]", []string{"events", "put", "booking_created", "[1]"}},
		{"--context: expected a JSON object, got nonsense", []string{"workflows", "start", "booking_processing", "--context", "nonsense"}},
		{"$.source: expected", []string{"events", "put", "booking_created", "{}", "--source", "opsflow"}},
	} {
		if r := o.run(c.args...); r.code != exitInvalid || !line(r.err, c.want) {
			t.Errorf("opsflow %s: %+v, want exit code %d and %q", strings.Join(c.args, " "), r, exitInvalid, c.want)
		}
	}
}

// A system whose faults make no sense does not start.
func TestFaultsOfAFileAreCheckedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	path := file(t, `{"faults":[{"kind":"drop","probability":2}]}`)
	r := typed(t.Context(), "", "dev", "--memory", "--aws-port", "0", "--api-port", "0", "--faults", path)
	if r.code != exitInvalid || r.out != "" || !line(r.err, "$.faults[0].probability: expected a number above 0, at most 1, got 2") {
		t.Errorf("%+v, want exit code %d and the field that is wrong", r, exitInvalid)
	}
	if r := typed(t.Context(), "", "dev", "--memory", "--faults", path+"x"); r.code != exitUsage {
		t.Errorf("without the file: %+v, want exit code %d", r, exitUsage)
	}
}

func TestCommandLineThatMakesNoSenseIsAUsageError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{},
		{"nonsense"},
		{"workflows"},
		{"workflows", "status"},
		{"workflows", "list", "--odd"},
		{"workflows", "list", "--subject", "bk-1"},
		{"tasks", "reject", "tsk-1"},
		{"tasks", "list", "--api", "127.0.0.1:3000"},
		{"tasks", "list", "--api", "ftp://127.0.0.1"},
	} {
		r := typed(t.Context(), "", args...)
		if r.code != exitUsage || r.out != "" || strings.Count(r.err, "\n") != 1 {
			t.Errorf("opsflow %s: %+v, want exit code %d and one line", strings.Join(args, " "), r, exitUsage)
		}
	}
}

func TestHelpIsDataAndNoError(t *testing.T) {
	t.Parallel()
	if r := typed(t.Context(), "", "--help"); r.code != 0 || r.err != "" || !line(r.out, "active-summary", "Count") {
		t.Errorf("--help: %+v", r)
	}
}

func TestAnErrorIsAProblemDocumentWithJSON(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, c := range []struct {
		args   []string
		exit   int
		want   problem
		faults int
	}{
		{[]string{"workflows", "status", "wf-nope"}, exitNotFound, problem{Status: 404, Code: ops.CodeNotFound, Detail: "there is no workflow wf-nope"}, 0},
		{[]string{"workflows", "list", "--status", "odd"}, exitInvalid, problem{Status: 422, Code: ops.CodeInvalid, Detail: "invalid request"}, 1},
		{[]string{"workflows", "start", "x", "--context", "nonsense"}, exitInvalid, problem{Status: 422, Code: ops.CodeInvalid, Detail: "invalid argument"}, 1},
	} {
		r := o.run(append(c.args, "--json")...)
		var got problem
		if err := json.Unmarshal([]byte(r.err), &got); err != nil || r.code != c.exit || r.out != "" {
			t.Errorf("opsflow %s: %+v, %v", strings.Join(c.args, " "), r, err)
		}
		if got.Status != c.want.Status || got.Code != c.want.Code || got.Detail != c.want.Detail || len(got.Errors) != c.faults {
			t.Errorf("opsflow %s tells %+v, want %+v with %d faults", strings.Join(c.args, " "), got, c.want, c.faults)
		}
	}
}

func TestTheVersionIsToldAsCommandAndAsFlag(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"version", "--version"} {
		if r := typed(t.Context(), "", how); r.code != 0 || !line(r.out, "go", runtime.Version()) {
			t.Errorf("%s: %+v", how, r)
		}
	}
}

func TestAPIThatIsDownIsOneLine(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "a-token"} {
		r := typed(t.Context(), "", "workflows", "list", "--api", free, "--token", token)
		if r.code != exitFailed || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, free+" does not answer") {
			t.Errorf("%+v, want exit code 1 and one line", r)
		}
	}
}

func TestWhatIsNotTheAPIIsOneLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		token  string
		code   int
		want   string
	}{
		"no local runtime":      {http.NotFound, "", exitFailed, "OPSFLOW_TOKEN is not set"},
		"another web server":    {http.NotFound, "t", exitNotFound, "404"},
		"a page":                {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>\n") }, "t", exitFailed, "no JSON"},
		"a gateway that failed": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "t", exitFailed, "502"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.answer)
			defer s.Close()
			r := typed(t.Context(), "", "tasks", "list", "--api", s.URL, "--token", c.token)
			if r.code != c.code || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, c.want) {
				t.Errorf("%+v, want exit code %d and a line with %q", r, c.code, c.want)
			}
		})
	}
}

func TestNoTokenLeavesThisMachineUnasked(t *testing.T) {
	t.Parallel()
	r := typed(t.Context(), "", "tasks", "list", "--api", "http://opsflow.invalid", "--token", "")
	if r.code != exitFailed || !strings.Contains(r.err, "OPSFLOW_TOKEN is not set") {
		t.Errorf("%+v, want that the token is missing", r)
	}
}

func TestTokenOfAnOperatorIsUsed(t *testing.T) {
	t.Parallel()
	o := setup(t)
	_, task := o.awaitsApproval()
	if r := o.run("tasks", "claim", task, "--token", "nonsense"); r.code != exitFailed || strings.Count(r.err, "\n") != 1 || !strings.Contains(r.err, "OPSFLOW_TOKEN") {
		t.Errorf("with a token that is none: %+v, want exit code 1 and one line", r)
	}
	if out := o.must("tasks", "list"); !line(out, task, "open") {
		t.Errorf("the task was claimed:\n%s", out)
	}
}

func TestExpiredLocalTokenIsRenewed(t *testing.T) {
	t.Parallel()
	given := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/dev/token":
			given++
			_, _ = io.WriteString(w, `{"access_token":"`+strings.Repeat("t", given)+`"}`)
		case r.Header.Get("Authorization") == "Bearer tt":
			_, _ = io.WriteString(w, `{"items":[],"next_cursor":null,"count":{"value":0,"exact":true}}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer s.Close()
	if r := typed(t.Context(), "", "tasks", "list", "--api", s.URL, "--token", ""); r.code != 0 || given != 2 {
		t.Errorf("%+v after %d tokens, want success with the second", r, given)
	}
}

func TestInterruptedWatchIsNoSuccess(t *testing.T) {
	t.Parallel()
	o := setup(t)
	id, _ := o.awaitsApproval()
	ctx, cancel := context.WithCancel(t.Context())
	lines := writerFunc(func(b []byte) (int, error) {
		if strings.Contains(string(b), "workflow: waiting_approval") {
			cancel()
		}
		return len(b), nil
	})
	var errs strings.Builder
	code := run(ctx, []string{"--api", o.rt.APIURL(), "--token", "", "workflows", "watch", id}, streams{out: lines, err: &errs})
	if code != exitFailed || errs.String() != "opsflow: interrupted\n" {
		t.Errorf("exit code %d, %q; want 1 and that it was interrupted", code, errs.String())
	}
}

// writerFunc writes by calling itself.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestTextOfOthersDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[31mb\nc\u202ed"); got != "a [31mb c d" {
		t.Errorf("printable gives %q", got)
	}
}
