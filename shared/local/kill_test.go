package local_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"opsflow/shared/table/dynamo/dynamolocal"
)

// process is `opsflow dev` as a user runs it.
type process struct {
	cmd    *exec.Cmd
	system *system
}

var urls = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// buildOpsflow gives the path of the program.
func buildOpsflow(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "opsflow")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "opsflow/shared/cmd/opsflow").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// devCommand is the program on a data folder, with ports that the system chooses.
func devCommand(t *testing.T, binary, data string, more ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{
		"dev", "--data", data, "--aws-port", "0", "--api-port", "0", "--template", filepath.Join("..", "..", "template.yaml"),
	}, more...)
	cmd := exec.Command(binary, args...)                  // it is killed
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir()) // a killed program leaves its bootstraps behind
	return cmd
}

// runDev starts the program on a data folder and returns when it says that it is ready.
func runDev(t *testing.T, binary, data string, more ...string) process {
	t.Helper()
	cmd := devCommand(t, binary, data, more...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already
		_ = cmd.Wait()
	})
	s := &system{t: t, settle: func(context.Context) error { return nil }}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.Contains(line, "AWS endpoint"):
			s.awsURL = urls.FindString(line)
		case strings.Contains(line, "API "):
			s.apiURL = urls.FindString(line)
		case strings.Contains(line, "Ctrl-C"):
			go func() { _, _ = io.Copy(io.Discard, out) }() // so that it never blocks on its output
			s.token = s.tokenFor("ada", "admin")
			return process{cmd: cmd, system: s}
		}
	}
	t.Fatalf("opsflow dev ended before it was ready: %v", lines.Err())
	return process{}
}

// eventually asks until the answer is yes: another process can't be watched.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ask() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		<-tick.C
	}
}

func (s *system) paymentStatus(id string) string {
	for _, i := range s.workflows("limit=100&subject=payment/" + id) {
		if i.Template == "payment_processing" {
			return i.Status
		}
	}
	return ""
}

// paymentWaits reports whether a payment's workflow waits for somebody, and no function is at it.
func (s *system) paymentWaits(id string) bool {
	for _, i := range s.workflows("limit=100&subject=payment/" + id) {
		if i.Template == "payment_processing" {
			return i.Status == "waiting_approval" && i.WaitingFor != nil && i.WaitingFor.Kind == "task"
		}
	}
	return false
}

func TestWaitingTaskOutlivesAKill(t *testing.T) {
	t.Parallel()
	binary := buildOpsflow(t)
	endpoint, stop, err := dynamolocal.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	for name, more := range map[string][]string{
		"with the embedded table": nil,
		"with DynamoDB":           {"--table", endpoint},
		"with real bootstraps":    {"--processes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killAndFinish(t, binary, more)
		})
	}
}

func killAndFinish(t *testing.T, binary string, more []string) {
	t.Helper()
	data := t.TempDir()
	first := runDev(t, binary, data, more...)
	first.system.put("payment_received", payment("pay-k"))
	eventually(t, "the payment waits for its approval", func() bool { return first.system.paymentWaits("pay-k") })
	waiting := first.system.awaitsApproval("pay-k")
	first.kill(t)

	second := runDev(t, binary, data, more...).system
	eventually(t, "the payment waits again, after whatever the kill had broken off", func() bool { return second.paymentWaits("pay-k") })
	again := second.awaitsApproval("pay-k")
	if again.ID != waiting.ID || again.WaitingFor.Ref != waiting.WaitingFor.Ref {
		t.Fatalf("after the kill the workflow is %s waiting for %s, want %s waiting for %s",
			again.ID, again.WaitingFor.Ref, waiting.ID, waiting.WaitingFor.Ref)
	}
	second.approve(again, http.StatusOK)
	eventually(t, "the payment is processed", func() bool { return second.paymentStatus("pay-k") == "completed" })
}
