// Package dynamolocal runs Amazon's DynamoDB Local for tests: a Java program, in memory, on a port of the system's choice.
package dynamolocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	jar         = "DynamoDBLocal.jar"
	startWithin = time.Minute
	portTries   = 3
)

// Start runs DynamoDB Local until stop is called (from TestMain: once for a test binary) and gives its URL when it
// answers. It finds the program in .tools/dynamodb-local above the working directory, where `make tools` puts it, or where
// OPSFLOW_DYNAMODB_LOCAL says.
func Start(ctx context.Context) (endpoint string, stop func(), err error) {
	dir, err := find()
	if err != nil {
		return "", nil, err
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return "", nil, fmt.Errorf("DynamoDB Local needs Java 17 or newer: %w", err)
	}
	for range portTries { // another process may take the port before Java does
		if endpoint, stop, err = run(ctx, java, dir); err == nil {
			return endpoint, stop, nil
		}
	}
	return "", nil, err
}

func find() (string, error) {
	if dir := os.Getenv("OPSFLOW_DYNAMODB_LOCAL"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, jar)); err != nil { //nolint:gosec // the caller says where
			return "", fmt.Errorf("OPSFLOW_DYNAMODB_LOCAL: %w", err)
		}
		return filepath.Abs(dir)
	}
	from, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := from; ; at = filepath.Dir(at) {
		dir := filepath.Join(at, ".tools", "dynamodb-local")
		if _, err := os.Stat(filepath.Join(dir, jar)); err == nil {
			return dir, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no %s in .tools/dynamodb-local above %s; run: make tools", jar, from)
		}
	}
}

func run(ctx context.Context, java, dir string) (string, func(), error) {
	port, err := freePort(ctx)
	if err != nil {
		return "", nil, err
	}
	var said strings.Builder
	cmd := exec.CommandContext(context.WithoutCancel(ctx), java, //nolint:gosec // found by us; ends with stop
		"-Xmx768m", "-Djava.library.path="+filepath.Join(dir, "DynamoDBLocal_lib"), "-jar", filepath.Join(dir, jar),
		"-inMemory", "-port", strconv.Itoa(port))
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is killed in the end; what it said tells why it went before
		close(exited)
	}()
	stop := func() {
		_ = cmd.Process.Kill()
		<-exited
	}
	endpoint := "http://127.0.0.1:" + strconv.Itoa(port)
	if err := await(ctx, endpoint, exited); err != nil {
		stop()
		return "", nil, fmt.Errorf("start DynamoDB Local: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return endpoint, stop, nil
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close() //nolint:errcheck // it has served its purpose
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("find a free port: %s is not one of TCP", l.Addr())
	}
	return addr.Port, nil
}

// await asks until there is an answer of any kind: an unsigned request gets a 400.
func await(ctx context.Context, endpoint string, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, http.NoBody)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			return nil
		}
		select {
		case <-exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
