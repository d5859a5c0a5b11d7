package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		http.DefaultClient.CloseIdleConnections()
		os.Exit(code)
	}), goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// operator types commands at a running system.
type operator struct {
	t  *testing.T
	rt *local.Runtime
}

func setup(t *testing.T) *operator {
	t.Helper()
	return setupOn(t, clock.Real())
}

// setupOn starts the system with a clock of its own.
func setupOn(t *testing.T, c *clock.Clock) *operator {
	t.Helper()
	rt, err := local.Start(t.Context(), local.Options{
		AWSAddr: "127.0.0.1:0", APIAddr: "127.0.0.1:0", Clock: c, Demo: true,
		Template: filepath.Join("..", "..", "..", "template.yaml"),
	})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &operator{t: t, rt: rt}
}

// result is what a command left: its exit code and what it printed.
type result struct {
	code     int
	out, err string
}

// typed runs a command line by itself, with in as its standard input.
func typed(ctx context.Context, in string, args ...string) result {
	var out, err bytes.Buffer
	code := run(ctx, args, streams{in: strings.NewReader(in), out: &out, err: &err})
	return result{code, out.String(), err.String()}
}

func (o *operator) run(args ...string) result {
	o.t.Helper()
	return typed(o.t.Context(), "", append([]string{"--api", o.rt.APIURL(), "--token", ""}, args...)...)
}

// must runs a command that has to succeed and gives what it printed on stdout.
func (o *operator) must(args ...string) string {
	o.t.Helper()
	r := o.run(args...)
	if r.code != 0 {
		o.t.Fatalf("opsflow %s: exit code %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// read runs a command with --json and decodes the one document that it prints.
func (o *operator) read(v any, args ...string) {
	o.t.Helper()
	text := o.must(append(args, "--json")...)
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(v); err != nil {
		o.t.Fatalf("opsflow %s --json printed %s: %v", strings.Join(args, " "), text, err)
	}
	if d.More() {
		o.t.Errorf("opsflow %s --json printed more than one document: %s", strings.Join(args, " "), text)
	}
}

// idle returns when nothing is going on any more.
func (o *operator) idle() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	if err := o.rt.Clock().WaitIdle(ctx); err != nil {
		o.t.Fatalf("the system does not come to rest: %v", err)
	}
}

const payment = `{"payment_id":"pay-1","booking_id":"bk-1","amount":120.5,"currency":"AED","method":"card"}`

// awaitsApproval puts a payment on the bus and gives its workflow and the task that this waits for.
func (o *operator) awaitsApproval() (workflow, task string) {
	o.t.Helper()
	o.must("events", "put", "payment_received", payment)
	o.idle()
	var tasks struct {
		Items []struct {
			ID       string `json:"id"`
			Workflow string `json:"instance"`
		} `json:"items"`
	}
	o.read(&tasks, "tasks", "list", "--team", "finance", "--status", "open")
	if len(tasks.Items) != 1 {
		o.t.Fatalf("Finance has %d open tasks, want 1", len(tasks.Items))
	}
	return tasks.Items[0].Workflow, tasks.Items[0].ID
}

// line finds the line of a table that holds all of the words.
func line(table string, words ...string) bool {
	for l := range strings.Lines(table) {
		has := true
		for _, w := range words {
			has = has && strings.Contains(l, w)
		}
		if has {
			return true
		}
	}
	return false
}

// file writes a file for a test and gives its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
