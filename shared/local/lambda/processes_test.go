package lambda_test

import (
	"encoding/json"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/lambda"
)

type answer struct {
	PID   int
	Value string
}

func invoke(t *testing.T, r *lambda.Registry, payload string) (answer, *lambda.FunctionError) {
	t.Helper()
	out, failed, err := r.Invoke(t.Context(), "opsflow-echo", []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if failed == nil {
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	return a, failed
}

func TestBootstrapsRunAsOnLambda(t *testing.T) {
	t.Parallel()
	p, err := lambda.NewProcesses(t.Context(), lambda.ProcessOptions{Root: "testdata", Endpoint: "http://127.0.0.1:1"}, []lambda.Program{{
		Name: "opsflow-echo", ARN: arn, Dir: "echo", Env: map[string]string{"TABLE_NAME": "opsflow"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := lambda.New(lambda.Options{Clock: clock.Real()})
	r.Register("opsflow-echo", arn, 3*time.Second, p.Func("opsflow-echo"))

	for name, want := range map[string]string{
		"TABLE_NAME": "opsflow", "AWS_ACCESS_KEY_ID": "opsflow-opsflow-echo", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "HOME": "",
	} {
		if a, failed := invoke(t, r, `{"Env":"`+name+`"}`); failed != nil || a.Value != want {
			t.Errorf("%s is %q %v, want %q", name, a.Value, failed, want)
		}
	}
	first, _ := invoke(t, r, `{}`)
	if again, _ := invoke(t, r, `{}`); again.PID != first.PID {
		t.Error("an idle process was not used again")
	}
	if _, failed := invoke(t, r, `{"Fail":true}`); failed == nil || failed.Type != "OutOfStock" || failed.Message != "no tea left" {
		t.Errorf("an error: %+v", failed)
	}
	if _, failed := invoke(t, r, `{"Panic":true}`); failed == nil || failed.Type != "string" || failed.Message != "broken" {
		t.Errorf("a panic: %+v", failed)
	}
	if a, failed := invoke(t, r, `{}`); failed != nil || a.PID == first.PID {
		t.Errorf("after a panic: %+v %+v", a, failed)
	}
	if _, failed := invoke(t, r, `{"Exit":true}`); failed == nil || failed.Type != "Runtime.ExitError" {
		t.Errorf("an exit: %+v", failed)
	}

	slow, _ := invoke(t, r, `{}`)
	if _, failed := invoke(t, r, `{"Sleep":3600000000000}`); failed == nil || failed.Type != "Sandbox.Timedout" {
		t.Errorf("a slow function: %+v", failed)
	}
	if a, failed := invoke(t, r, `{}`); failed != nil || a.PID == slow.PID {
		t.Errorf("after a timeout: %+v %+v", a, failed)
	}

	var wg sync.WaitGroup
	pids := make(chan int, 3)
	for range 3 {
		wg.Go(func() {
			a, _ := invoke(t, r, `{"Sleep":300000000}`)
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

	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for pid := range seen {
		if err := syscall.Kill(pid, 0); err == nil {
			t.Errorf("process %d outlived Close", pid)
		}
	}
}

func TestProgramThatDoesNotBuildSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := lambda.NewProcesses(t.Context(), lambda.ProcessOptions{Root: "testdata"}, []lambda.Program{{Name: "x", Dir: "nowhere"}})
	if err == nil || !strings.Contains(err.Error(), "build functions/nowhere") {
		t.Errorf("got %v", err)
	}
}
