package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestLogsOfFunctionsAreShown(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.must("tasks", "list")
	if out := o.must("logs"); !line(out, "opsflow-api", "START RequestId:") || !line(out, "opsflow-api", "REPORT RequestId:") {
		t.Errorf("all logs:\n%s", out)
	}
	if out := o.must("logs", "api", "--limit", "1", "--since", "1h"); strings.Count(out, "\n") != 1 || !line(out, "REPORT RequestId:") || strings.Contains(out, "opsflow-api") {
		t.Errorf("the last line of one:\n%s", out)
	}
	var page said
	if err := json.Unmarshal([]byte(o.must("--json", "logs", "api")), &page); err != nil || len(page.Items) == 0 {
		t.Errorf("as JSON: %+v %v", page, err)
	}
	if r := o.run("logs", "nobody"); r.code != exitNotFound || !strings.Contains(r.err, "there is no function nobody: there are opsflow-api") {
		t.Errorf("of an unknown function: %+v", r)
	}
	if r := o.run("--json", "logs", "-f"); r.code != exitInvalid {
		t.Errorf("--json and -f: %+v", r)
	}
}

func TestLogsAreFollowed(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"--api", o.rt.APIURL(), "--token", "", "logs", "api", "-f"}, streams{out: write, err: io.Discard})
		_ = write.Close()
	}()
	o.must("tasks", "list")
	lines := bufio.NewScanner(read)
	for reports := 0; reports < 2 && lines.Scan(); {
		if strings.Contains(lines.Text(), "REPORT") {
			reports++
			o.must("tasks", "list") // while it is followed
		}
	}
	cancel()
	go func() { _, _ = io.Copy(io.Discard, read) }()
	if code := <-ended; code != exitFailed {
		t.Errorf("stopped: exit code %d, want %d", code, exitFailed)
	}
}
