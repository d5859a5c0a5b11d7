package local_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// recordedOnAWS are the cases that others recorded on AWS, with the programs that run them through boto3. They are kept beside
// the checkout, not in it.
const recordedOnAWS = "../../../shared/conformance"

// TestAnswersAsAWSRecorded runs the recorded cases through boto3 against the program as users start it.
func TestAnswersAsAWSRecorded(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(recordedOnAWS); errors.Is(err, fs.ErrNotExist) {
		t.Logf("no %s beside the repository: the recorded cases were not run", recordedOnAWS)
		return
	}
	python, err := filepath.Abs("../../.tools/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("boto3 is not there, `make tools` installs it: %v", err)
	}
	port := freePort(t)
	lambdas := "http://127.0.0.1:" + port
	system := runDev(t, buildOpsflow(t), t.TempDir(), "--no-demo", "--lambda-endpoint", lambdas).system
	for name, c := range map[string]struct {
		args []string
		last string
	}{
		"event patterns": {[]string{"events.py", "--cases", "public/events.json"}, "81 passed, 0 failed"},
		"definitions and executions, with their histories": {
			[]string{"asl.py", "--cases", "public/asl.json", "--dialect", "JSONPath", "--history", "--timeout", "120"}, "393 passed, 0 failed",
		},
		"tasks of functions and activities": {
			[]string{
				"asl.py", "--cases", "public/asl_tasks.json", "--dialect", "JSONPath", "--history", "--timeout", "120", "--threads", "30",
				"--lambda-port", port,
			}, "30 passed, 0 failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), python, append(c.args, "--endpoint", system.awsURL)...)
			cmd.Dir, cmd.Env = recordedOnAWS, append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			out, err := cmd.CombinedOutput()
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if last := lines[len(lines)-1]; err != nil || last != c.last {
				t.Errorf("got %q, %v; want %q\n%s", last, err, c.last, out)
			}
		})
	}
}

// freePort is one that the system chose, for a program that must be told its port.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
