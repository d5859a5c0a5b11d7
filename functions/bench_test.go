// Package functions_test measures the programs that Lambda starts: how big they are and how long they take to ask for
// their first invocation.
package functions_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// empty is the smallest program that aws-lambda-go makes of a handler.
const empty = `package main

import "github.com/aws/aws-lambda-go/lambda"

func main() { lambda.Start(func() error { return nil }) }
`

// tags are the Makefile's TAGS.
const tags = "lambda.norpc,timetzdata,nethttpomithttp2"

// environment is what the programs want to know before they ask for work.
func environment(api string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local",
		"TABLE_NAME=opsflow", "BUS_NAME=opsflow", "SECRET_PREFIX=opsflow", "STATE_MACHINE_PREFIX=arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-",
	}
}

// BenchmarkBootstrap builds the hot functions as template.yaml does. MB is the stripped arm64 program; ms/start, of the same
// program for this machine, is the median time from its start to its first poll of the Runtime API, and x-empty the ratio
// to an empty handler. The two are started in turn, so that a noisy machine is noisy for both.
func BenchmarkBootstrap(b *testing.B) {
	root, err := filepath.Abs("..")
	if err != nil {
		b.Fatal(err)
	}
	// The empty program is in no folder of the module: the build is told that one of its files reads so.
	dir := b.TempDir()
	source, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	write(b, source, empty)
	write(b, overlay, fmt.Sprintf(`{"Replace": {%q: %q}}`, filepath.Join(root, "functions", "empty", "main.go"), source))
	build := func(b *testing.B, function, tags, arch string) string {
		b.Helper()
		out := filepath.Join(dir, function+"-"+arch)
		cmd := exec.CommandContext(b.Context(), "go", "build", "-overlay", overlay, "-trimpath", "-buildvcs=false", //nolint:gosec // our own
			"-tags", tags, "-ldflags", "-s -w", "-o", out, "./functions/"+function)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("build %s: %v\n%s", function, err, text)
		}
		return out
	}
	for _, function := range []string{"match-rules", "run-steps"} {
		b.Run(function, func(b *testing.B) {
			if runtime.GOOS != "linux" {
				b.Fatal("Lambda's programs start on Linux only")
			}
			info, err := os.Stat(build(b, function, tags, "arm64"))
			if err != nil {
				b.Fatal(err)
			}
			program, nothing := build(b, function, tags, runtime.GOARCH), build(b, "empty", "lambda.norpc", runtime.GOARCH)
			api := newRuntimeAPI(b)
			api.start(b, program) // both are in memory from here on
			api.start(b, nothing)
			b.ResetTimer()
			// One start is too few for a ratio: each round is 20 of both.
			var ours, theirs []time.Duration
			for range b.N {
				for range 20 {
					ours = append(ours, api.start(b, program))
					theirs = append(theirs, api.start(b, nothing))
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(info.Size())/1e6, "MB")
			b.ReportMetric(median(ours).Seconds()*1e3, "ms/start")
			b.ReportMetric(median(ours).Seconds()/median(theirs).Seconds(), "x-empty")
		})
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func write(b *testing.B, path, text string) {
	b.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// runtimeAPI notes when a program asks for work, and never has any.
type runtimeAPI struct {
	address string
	polled  chan time.Time
}

func newRuntimeAPI(b *testing.B) *runtimeAPI {
	b.Helper()
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	a := &runtimeAPI{address: l.Addr().String(), polled: make(chan time.Time, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(_ http.ResponseWriter, r *http.Request) {
		a.polled <- time.Now()
		<-r.Context().Done()
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return a
}

// start runs a program until it polls and gives the time that took.
func (a *runtimeAPI) start(b *testing.B, program string) time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = environment(a.address)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	select {
	case at := <-a.polled:
		return at.Sub(began)
	case <-ctx.Done():
		b.Fatalf("%s does not ask for work within 10 s", filepath.Base(program))
		return 0
	}
}
