package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/logs"
)

type answer struct {
	PID   int
	Value string
}

// machine is functions that run as bootstraps.
type machine struct {
	t         *testing.T
	functions *lambda.Registry
	processes *lambda.Processes
	logs      *logs.Store
}

// echoProgram is the function of testdata.
func echoProgram() lambda.Program {
	return lambda.Program{
		Function: lambda.Function{Name: "opsflow-echo", ARN: arn, Timeout: 10 * time.Second, MemoryMB: 128},
		Dir:      "echo", Env: map[string]string{"TABLE_NAME": "opsflow"},
	}
}

func newMachine(t *testing.T, o lambda.ProcessOptions, programs ...lambda.Program) *machine {
	t.Helper()
	store, err := logs.Open(logs.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	o.Root, o.Endpoint, o.Logs = "testdata", "http://127.0.0.1:1", store
	p, err := lambda.NewProcesses(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t, lambda.New(lambda.Options{Clock: clock.Real(), Logs: store}), p, store}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	m.deploy(programs...)
	return m
}

// deploy gives the names of the functions that were changed.
func (m *machine) deploy(programs ...lambda.Program) []string {
	m.t.Helper()
	changed, err := m.processes.Deploy(m.t.Context(), programs)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, p := range programs {
		m.functions.Register(p.Function, m.processes.Runner(p.Name))
	}
	return changed
}

func (m *machine) invoke(payload string) (answer, *lambda.FunctionError) {
	m.t.Helper()
	out, failed, err := m.functions.Invoke(m.t.Context(), "opsflow-echo", []byte(payload))
	if err != nil {
		m.t.Fatal(err)
	}
	var a answer
	if failed == nil {
		if err := json.Unmarshal(out, &a); err != nil {
			m.t.Fatalf("%s: %v", out, err)
		}
	}
	return a, failed
}

// said is all that is in the log, without times and streams.
func (m *machine) said() string {
	m.t.Helper()
	lines, _, err := m.logs.Read(logs.Query{})
	if err != nil {
		m.t.Fatal(err)
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Message + "\n")
	}
	return b.String()
}

func (m *machine) wantSaid(patterns ...string) {
	m.t.Helper()
	for _, p := range patterns {
		if said := m.said(); !regexp.MustCompile(p).MatchString(said) {
			m.t.Errorf("nothing like %s in the log:\n%s", p, said)
		}
	}
}

func TestBootstrapsHaveTheEnvironmentOfLambda(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	for name, want := range map[string]string{
		"TABLE_NAME": "^opsflow$", "AWS_ACCESS_KEY_ID": "^opsflow-opsflow-echo$", "AWS_SESSION_TOKEN": ".", "AWS_ENDPOINT_URL": "^http://127.0.0.1:1$",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "^128$", "AWS_LAMBDA_INITIALIZATION_TYPE": "^on-demand$",
		"AWS_LAMBDA_LOG_GROUP_NAME": "^/aws/lambda/opsflow-echo$", "AWS_LAMBDA_LOG_STREAM_NAME": `^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$`,
		"_X_AMZN_TRACE_ID": "^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$", "HOME": "^$", "AWS_EXECUTION_ENV": "^$",
	} {
		if a, failed := m.invoke(`{"Env":"` + name + `"}`); failed != nil || !regexp.MustCompile(want).MatchString(a.Value) {
			t.Errorf("%s is %q %v, want %s", name, a.Value, failed, want)
		}
	}
}

func TestWarmProcessesServeTheNextInvocation(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	first, _ := m.invoke(`{"Say":"one"}`)
	if again, _ := m.invoke(`{"Say":"two"}`); again.PID != first.PID {
		t.Error("an idle process was not used again")
	}
	if _, failed := m.invoke(`{"Fail":true}`); failed == nil || failed.Type != "OutOfStock" || failed.Message != "no tea left" {
		t.Errorf("an error: %+v", failed)
	}
	if again, _ := m.invoke(`{}`); again.PID != first.PID {
		t.Error("a process that answered with an error was not used again")
	}
	m.wantSaid(
		`^INIT_START Runtime Version: provided:al2023\nSTART RequestId: \S{36} Version: \$LATEST\none\nEND RequestId: \S{36}\n`+
			`REPORT RequestId: \S{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n`+
			`START RequestId: \S{36} Version: \$LATEST\ntwo\nEND RequestId: \S{36}\n`+
			`REPORT RequestId: \S{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t\n`,
		`(?s)"errorMessage":"no tea left","errorType":"OutOfStock".*END`,
	)
}

func TestProcessesThatEndInsteadOfAnsweringAreReplaced(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	for payload, want := range map[string]struct{ kind, message string }{
		`{"Panic":true}`:         {"string", `^broken$`},
		`{"Exit":true,"Code":3}`: {"Runtime.ExitError", `^RequestId: \S{36} Error: Runtime exited with error: exit status 3$`},
		`{"Exit":true}`:          {"Runtime.ExitError", `^RequestId: \S{36} Error: Runtime exited without providing a reason$`},
	} {
		before, _ := m.invoke(`{}`)
		if _, failed := m.invoke(payload); failed == nil || failed.Type != want.kind || !regexp.MustCompile(want.message).MatchString(failed.Message) {
			t.Errorf("%s: %+v, want %+v", payload, failed, want)
		}
		if after, failed := m.invoke(`{}`); failed != nil || after.PID == before.PID {
			t.Errorf("after %s: %+v %+v", payload, after, failed)
		}
	}
	m.wantSaid(`Error: Runtime exited with error: exit status 3\nRuntime.ExitError\nEND .*\nREPORT .*Status: error\tError Type: Runtime.ExitError`)
}

func TestFunctionOverItsTimeIsKilled(t *testing.T) {
	t.Parallel()
	quick := echoProgram()
	quick.Timeout = time.Second
	m := newMachine(t, lambda.ProcessOptions{}, quick)
	slow, _ := m.invoke(`{}`)
	_, failed := m.invoke(`{"Say":"at work","Sleep":3600000000000}`)
	if failed == nil || failed.Type != "Sandbox.Timedout" || !regexp.MustCompile(`^RequestId: \S{36} Error: Task timed out after 1.00 seconds$`).MatchString(failed.Message) {
		t.Errorf("a slow function: %+v", failed)
	}
	if err := syscall.Kill(slow.PID, 0); err == nil {
		t.Error("the process lives on")
	}
	m.wantSaid(`at work\n\d{4}-\S+Z \S{36} Task timed out after 1.00 seconds\nEND .*\nREPORT .*Duration: 1\d{3}\.\d\d ms.*Status: timeout\n`)
	if a, failed := m.invoke(`{}`); failed != nil || a.PID == slow.PID {
		t.Errorf("after a timeout: %+v %+v", a, failed)
	}
}

func TestFunctionOverItsMemoryIsKilled(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	if _, failed := m.invoke(`{"AllocateMB":16}`); failed != nil {
		t.Errorf("within the limit: %+v", failed)
	}
	for _, payload := range []string{`{"AllocateMB":160}`, `{"AllocateMB":160,"Sleep":3600000000000}`} {
		_, failed := m.invoke(payload)
		if failed == nil || failed.Type != "Runtime.ExitError" || !strings.HasSuffix(failed.Message, " Error: Runtime exited with error: signal: killed") {
			t.Errorf("%s: %+v", payload, failed)
		}
	}
	m.wantSaid(`REPORT .*Memory Size: 128 MB\tMax Memory Used: 128 MB\t.*Status: error\tError Type: Runtime.ExitError`)
}

func TestAnswerThatIsTooLargeIsAnError(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	_, failed := m.invoke(`{"AnswerBytes":6291557}`)
	if failed == nil || failed.Type != "Function.ResponseSizeTooLarge" ||
		failed.Message != "Response payload size exceeded maximum allowed payload size (6291556 bytes)." {
		t.Errorf("got %+v", failed)
	}
	if a, failed := m.invoke(`{"AnswerBytes":6291000}`); failed != nil || len(a.Value) != 6291000 {
		t.Errorf("one that is not: %d bytes, %+v", len(a.Value), failed)
	}
}

func TestFunctionGoesOnWhenItsCallerHasGone(t *testing.T) {
	t.Parallel()
	one := 1
	alone := echoProgram()
	alone.Reserved = &one
	m := newMachine(t, lambda.ProcessOptions{}, alone)
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, _, err := m.functions.Invoke(ctx, "opsflow-echo", []byte(`{"Say":"at work","Sleep":3600000000000}`))
		gone <- err
	}()
	for changed := m.logs.Changed(); !strings.Contains(m.said(), "at work"); changed = m.logs.Changed() {
		<-changed
	}
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone gets %v", err)
	}
	_, _, err := m.functions.Invoke(t.Context(), "opsflow-echo", []byte(`{}`))
	if refused, ok := errors.AsType[*lambda.APIError](err); !ok || refused.Code != lambda.TooManyRequests {
		t.Errorf("while the function is at work: %v, want it throttled", err)
	}
}

func TestInvocationsAtOnceHaveAProcessEach(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	var wg sync.WaitGroup
	pids := make(chan int, 3)
	for range 3 {
		wg.Go(func() {
			a, _ := m.invoke(`{"Sleep":300000000}`)
			pids <- a.PID
		})
	}
	wg.Wait()
	close(pids)
	seen := map[int]bool{}
	for pid := range pids {
		seen[pid] = true
	}
	if len(seen) != 3 {
		t.Errorf("3 invocations at once ran in %d processes", len(seen))
	}
	if err := m.processes.Close(); err != nil {
		t.Error(err)
	}
	for pid := range seen {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("process %d outlived Close", pid)
		}
	}
}

func TestStartThatTakesTooLongIsTriedAgainWithinTheInvocation(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{Init: time.Nanosecond}, echoProgram())
	if a, failed := m.invoke(`{"Env":"TABLE_NAME"}`); failed != nil || a.Value != "opsflow" {
		t.Errorf("got %+v, %+v", a, failed)
	}
	m.wantSaid(`INIT_START .*\nINIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: timeout\nINIT_START .*\nSTART `)
}

func TestStartThatFailsTwiceFailsTheInvocation(t *testing.T) {
	t.Parallel()
	broken := echoProgram()
	broken.Env = map[string]string{"EXIT_AT_START": "yes"}
	m := newMachine(t, lambda.ProcessOptions{}, broken)
	if _, failed := m.invoke(`{}`); failed == nil || failed.Type != "Runtime.ExitError" || !strings.HasSuffix(failed.Message, "exit status 4") {
		t.Errorf("got %+v", failed)
	}
	m.wantSaid(
		`INIT_REPORT .*\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n`,
		`INIT_REPORT .*\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n(.*\n)*REPORT `,
	)
}

// endings tells of bootstraps that ended.
type endings struct {
	slog.Handler

	ended chan struct{}
}

func (e endings) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "bootstrap ended" {
		e.ended <- struct{}{}
	}
	return nil
}

func (endings) Enabled(context.Context, slog.Level) bool { return true }

func TestProcessWithoutWorkEnds(t *testing.T) {
	t.Parallel()
	e := endings{slog.DiscardHandler, make(chan struct{}, 10)}
	m := newMachine(t, lambda.ProcessOptions{Idle: time.Millisecond, Logger: slog.New(e)}, echoProgram())
	first, _ := m.invoke(`{}`)
	<-e.ended
	if a, failed := m.invoke(`{}`); failed != nil || a.PID == first.PID {
		t.Errorf("after that: %+v, %+v", a, failed)
	}
}

func TestChangedProgramsReplaceTheirProcesses(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	first, _ := m.invoke(`{}`)
	if changed := m.deploy(echoProgram()); changed != nil {
		t.Errorf("nothing has changed, but %v", changed)
	}
	if a, _ := m.invoke(`{}`); a.PID != first.PID {
		t.Error("a process was replaced although nothing had changed")
	}
	other := echoProgram()
	other.Env = map[string]string{"TABLE_NAME": "other"}
	if changed := m.deploy(other); !slices.Equal(changed, []string{"opsflow-echo"}) {
		t.Errorf("changed: %v", changed)
	}
	if a, failed := m.invoke(`{"Env":"TABLE_NAME"}`); failed != nil || a.Value != "other" || a.PID == first.PID {
		t.Errorf("after the change: %+v, %+v", a, failed)
	}
	if m.deploy(); m.functions.Has("opsflow-echo") {
		_, _, err := m.functions.Invoke(t.Context(), "opsflow-echo", nil)
		if err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
			t.Errorf("a function that was removed: %v", err)
		}
	}
}

func TestProgramThatDoesNotBuildSaysWhyAndChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t, lambda.ProcessOptions{}, echoProgram())
	_, err := m.processes.Deploy(t.Context(), []lambda.Program{{Function: lambda.Function{Name: "x"}, Dir: "nowhere"}})
	if err == nil || !strings.Contains(err.Error(), "functions/nowhere") {
		t.Errorf("got %v", err)
	}
	if _, failed := m.invoke(`{}`); failed != nil {
		t.Errorf("what was there before: %+v", failed)
	}
}
