package lambda_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/logs"
)

// busy is a function that is at work n times until the test ends it.
func busy(t *testing.T, r *lambda.Registry, f lambda.Function, n int) {
	t.Helper()
	begun, end := make(chan struct{}), make(chan struct{})
	r.Register(f, lambda.Func(func(context.Context, []byte) ([]byte, error) {
		begun <- struct{}{}
		<-end
		return []byte(`{}`), nil
	}))
	ended := make(chan struct{}, n)
	for range n {
		go func() {
			_, _, _ = r.Invoke(context.WithoutCancel(t.Context()), f.Name, nil)
			ended <- struct{}{}
		}()
		<-begun
	}
	t.Cleanup(func() {
		close(end)
		for range n {
			<-ended
		}
	})
}

func TestConcurrencyIsLimitedAsReserved(t *testing.T) {
	t.Parallel()
	number := func(n int) *int { return &n }
	for name, c := range map[string]struct {
		reserved *int
		atOnce   int
		others   *int // what another function has reserved
		reason   types.ThrottleReason
	}{
		"reserved":    {number(2), 2, nil, types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded},
		"none":        {number(0), 0, nil, types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded},
		"the account": {nil, 5, number(995), types.ThrottleReasonConcurrentInvocationLimitExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := lambda.New(lambda.Options{Clock: clock.Real()})
			r.Register(lambda.Function{Name: "other", Reserved: c.others}, lambda.Func(echo))
			busy(t, r, lambda.Function{Name: "echo", ARN: arn, Timeout: time.Hour, Reserved: c.reserved}, c.atOnce)
			_, err := client(t, r, nil).Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo")})
			refused, ok := errors.AsType[*types.TooManyRequestsException](err)
			if !ok || refused.Reason != c.reason || refused.ErrorMessage() != "Rate Exceeded." {
				t.Errorf("got %v", err)
			}
			if c.others != nil {
				if _, _, err := r.Invoke(t.Context(), "other", []byte(`{}`)); err != nil {
					t.Errorf("a function with concurrency of its own: %v", err)
				}
			}
		})
	}
}

func TestEndedInvocationsMakeRoomForOthers(t *testing.T) {
	t.Parallel()
	one := 1
	r := lambda.New(lambda.Options{Clock: clock.Real()})
	r.Register(lambda.Function{Name: "echo", ARN: arn, Reserved: &one}, lambda.Func(echo))
	for range 3 {
		if _, _, err := r.Invoke(t.Context(), "echo", []byte(`{}`)); err != nil {
			t.Error(err)
		}
	}
}

func TestPayloadsOverTheirLimitAreRefused(t *testing.T) {
	t.Parallel()
	c := client(t, newRegistry(t, echo), nil)
	text := func(n int) []byte { return []byte(`"` + strings.Repeat("x", n-2) + `"`) }
	for _, p := range []struct {
		kind types.InvocationType
		size int
		want string // empty: it is taken
	}{
		{types.InvocationTypeRequestResponse, 6 << 20, ""},
		{types.InvocationTypeRequestResponse, 6<<20 + 1, "Request must be smaller than 6291456 bytes for the InvokeFunction operation"},
		{types.InvocationTypeEvent, 1 << 20, ""},
		{types.InvocationTypeEvent, 1<<20 + 1, "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"},
	} {
		_, err := c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo"), InvocationType: p.kind, Payload: text(p.size)})
		said := fmt.Sprint(err)
		if taken := err == nil; taken != (p.want == "") || !taken && (!strings.Contains(said, p.want) || !strings.Contains(said, "StatusCode: 413")) {
			t.Errorf("%s of %d bytes: %v, want %q", p.kind, p.size, err, p.want)
		}
	}
}

func TestAnswerOverTheLimitIsTheFunctionsError(t *testing.T) {
	t.Parallel()
	_, failed, err := newRegistry(t, func(context.Context, []byte) ([]byte, error) { return make([]byte, 6291557), nil }).Invoke(t.Context(), "echo", nil)
	if err != nil || failed == nil || failed.Type != "Function.ResponseSizeTooLarge" {
		t.Errorf("got %+v %v", failed, err)
	}
}

func TestInvokeAnswersWithTheEndOfTheLog(t *testing.T) {
	t.Parallel()
	store, err := logs.Open(logs.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	var terminal bytes.Buffer
	logger := slog.New(lambda.LogHandler(slog.NewTextHandler(&terminal, nil), true)).With("service", "tea")
	r := lambda.New(lambda.Options{Clock: clock.Real(), Logs: store})
	r.Register(lambda.Function{Name: "echo", ARN: arn, MemoryMB: 256}, lambda.Func(func(ctx context.Context, p []byte) ([]byte, error) {
		logger.InfoContext(ctx, "at work", "payload", string(p))
		logger.WarnContext(ctx, "hardly any left")
		logger.InfoContext(ctx, strings.Repeat("x", len(p)*100))
		return nil, &OutOfStock{"tea"}
	}))
	c := client(t, r, nil)
	out, err := c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(`7`), LogType: types.LogTypeTail})
	if err != nil {
		t.Fatal(err)
	}
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil || !regexp.MustCompile(`^START RequestId: \S{36} Version: \$LATEST\n`+
		`\{"time":"[^"]+","level":"INFO","msg":"at work","service":"tea","payload":"7"\}\n\{[^\n]+"hardly any left"[^\n]+\n\{[^\n]+xxx[^\n]+\n`+
		`\{"errorMessage":"no tea left","errorType":"OutOfStock"\}\n`+
		`END RequestId: \S{36}\nREPORT RequestId: \S{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\t\n$`).Match(tail) {
		t.Errorf("the tail: %s %v", tail, err)
	}
	lines, _, err := store.Read(logs.Query{Function: "echo"})
	if err != nil || len(lines) != 7 {
		t.Errorf("the log has %d lines, %v", len(lines), err)
	}
	if got := terminal.String(); !strings.Contains(got, "hardly any left") || strings.Contains(got, "at work") {
		t.Errorf("the terminal shows %s", got)
	}
	out, err = c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(`"` + strings.Repeat("y", 100) + `"`), LogType: types.LogTypeTail})
	if tail, err2 := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult)); err != nil || err2 != nil || len(tail) != 4<<10 {
		t.Errorf("of a long log: %d bytes, %v %v", len(tail), err, err2)
	}
	if out, err = c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo")}); err != nil || out.LogResult != nil {
		t.Errorf("without being asked for: %v %v", out.LogResult, err)
	}
}
