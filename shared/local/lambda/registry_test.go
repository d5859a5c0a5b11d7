package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/lambda"
)

const arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"

type OutOfStock struct{ item string }

func (e *OutOfStock) Error() string { return "no " + e.item + " left" }

func newRegistry(t *testing.T, run lambda.Func) *lambda.Registry {
	t.Helper()
	r := lambda.New(lambda.Options{Clock: clock.Real(), Later: func(context.Context, string, []byte) error { return nil }})
	r.Register(lambda.Function{Name: "echo", ARN: arn, Timeout: time.Second}, run)
	return r
}

func echo(_ context.Context, payload []byte) ([]byte, error) { return payload, nil }

func TestFunctionIsFoundByNameAndByARN(t *testing.T) {
	t.Parallel()
	r := newRegistry(t, echo)
	for _, function := range []string{"echo", "echo:$LATEST", arn, arn + ":live", "000000000000:function:echo"} {
		out, failed, err := r.Invoke(t.Context(), function, []byte(`{"a":1}`))
		if err != nil || failed != nil || string(out) != `{"a":1}` {
			t.Errorf("%s: %s %v %v", function, out, failed, err)
		}
	}
	_, _, err := r.Invoke(t.Context(), "nobody", nil)
	if e, ok := errors.AsType[*lambda.APIError](err); !ok || e.ErrorCode() != "ResourceNotFoundException" {
		t.Errorf("an unknown function: %v", err)
	}
}

func TestErrorsAreNamedByTheirGoType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		run           lambda.Func
		name, message string
	}{
		{func(context.Context, []byte) ([]byte, error) { return nil, &OutOfStock{"tea"} }, "OutOfStock", "no tea left"},
		{func(context.Context, []byte) ([]byte, error) { return nil, errors.New("plain") }, "errorString", "plain"},
		{func(context.Context, []byte) ([]byte, error) { panic("broken") }, "string", "broken"},
		{func(context.Context, []byte) ([]byte, error) { panic(&OutOfStock{"tea"}) }, "OutOfStock", "no tea left"},
	} {
		_, failed, err := newRegistry(t, c.run).Invoke(t.Context(), "echo", nil)
		if err != nil || failed == nil || failed.Type != c.name || failed.Message != c.message {
			t.Errorf("want %s: %s, got %+v %v", c.name, c.message, failed, err)
			continue
		}
		var payload struct {
			ErrorType    string `json:"errorType"`
			ErrorMessage string `json:"errorMessage"`
		}
		if err := json.Unmarshal(failed.Payload, &payload); err != nil || payload.ErrorType != c.name || payload.ErrorMessage != c.message {
			t.Errorf("payload %s", failed.Payload)
		}
	}
}

func TestFunctionThatTakesTooLongIsGivenUpAtItsTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		r := newRegistry(t, func(ctx context.Context, _ []byte) ([]byte, error) {
			if lc, ok := lambdacontext.FromContext(ctx); !ok || lc.AwsRequestID == "" || lc.InvokedFunctionArn != arn {
				t.Errorf("lambda context: %+v", lc)
			}
			time.Sleep(time.Hour) // ignores its context
			return nil, nil
		})
		_, failed, err := r.Invoke(t.Context(), "echo", nil)
		if err != nil || failed == nil || failed.Type != "Sandbox.Timedout" || !strings.Contains(failed.Message, "timed out after 1.00 seconds") {
			t.Errorf("got %+v %v", failed, err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("given up after %s", took)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestAsynchronousInvocationsAreHandedOnByARN(t *testing.T) {
	t.Parallel()
	var kept []string
	r := lambda.New(lambda.Options{Clock: clock.Real(), Later: func(_ context.Context, function string, payload []byte) error {
		kept = append(kept, function+" "+string(payload))
		return nil
	}})
	r.Register(lambda.Function{Name: "echo", ARN: arn}, lambda.Func(echo))
	if err := r.InvokeAsync(t.Context(), "echo", []byte(`{"a":1}`)); err != nil || len(kept) != 1 || kept[0] != arn+` {"a":1}` {
		t.Errorf("kept %v, %v", kept, err)
	}
	err := r.InvokeAsync(t.Context(), "nobody", []byte(`{}`))
	if e, ok := errors.AsType[*lambda.APIError](err); !ok || e.Code != "ResourceNotFoundException" || len(kept) != 1 {
		t.Errorf("an unknown function: %v, kept %v", err, kept)
	}
}

func client(t *testing.T, r *lambda.Registry, fallback *url.URL) *awslambda.Client {
	t.Helper()
	srv := httptest.NewServer(lambda.Handler(r, fallback))
	t.Cleanup(srv.Close)
	return awslambda.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

func TestSDKInvokesFunctions(t *testing.T) {
	t.Parallel()
	c := client(t, newRegistry(t, func(_ context.Context, p []byte) ([]byte, error) {
		if strings.Contains(string(p), "fail") {
			return nil, &OutOfStock{"tea"}
		}
		return p, nil
	}), nil)
	ok, err := c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String(arn), Payload: []byte(`{"a":1}`)})
	if err != nil || ok.StatusCode != http.StatusOK || string(ok.Payload) != `{"a":1}` || ok.FunctionError != nil || aws.ToString(ok.ExecutedVersion) != "$LATEST" {
		t.Errorf("RequestResponse: %+v %v", ok, err)
	}
	bad, err := c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte(`"fail"`)})
	if err != nil || aws.ToString(bad.FunctionError) != "Unhandled" || !strings.Contains(string(bad.Payload), `"errorType":"OutOfStock"`) {
		t.Errorf("a failing function: %+v %v", bad, err)
	}
	for kind, status := range map[types.InvocationType]int32{types.InvocationTypeEvent: 202, types.InvocationTypeDryRun: 204} {
		out, err := c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo"), InvocationType: kind})
		if err != nil || out.StatusCode != status {
			t.Errorf("%s: %+v %v", kind, out, err)
		}
	}
	_, err = c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("nobody")})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("an unknown function: %v", err)
	}
	_, err = c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("echo"), Payload: []byte("{")})
	if _, ok := errors.AsType[*types.InvalidRequestContentException](err); !ok {
		t.Errorf("a payload that is no JSON: %v", err)
	}
}

func TestUnknownFunctionsAreAskedForElsewhere(t *testing.T) {
	t.Parallel()
	other := newRegistry(t, echo)
	other.Register(lambda.Function{Name: "theirs", ARN: "arn:aws:lambda:us-east-1:000000000000:function:theirs"}, lambda.Func(echo))
	srv := httptest.NewServer(lambda.Handler(other, nil))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := client(t, newRegistry(t, echo), u)
	out, err := c.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: aws.String("theirs"), Payload: []byte(`7`)})
	if err != nil || string(out.Payload) != "7" {
		t.Errorf("got %+v %v", out, err)
	}
}

func TestFunctionsThatAreNotHereAreInvokedElsewhere(t *testing.T) {
	t.Parallel()
	other := newRegistry(t, func(_ context.Context, payload []byte) ([]byte, error) {
		if string(payload) == `"break"` {
			return nil, &OutOfStock{"bread"}
		}
		return payload, nil
	})
	srv := httptest.NewServer(lambda.Handler(other, nil))
	t.Cleanup(srv.Close)
	elsewhere, err := lambda.ParseEndpoint(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := lambda.New(lambda.Options{Clock: clock.Real(), Elsewhere: elsewhere})

	out, failed, err := r.Invoke(t.Context(), arn, []byte(`{"a":1}`))
	if err != nil || failed != nil || string(out) != `{"a":1}` {
		t.Errorf("got %s, %v, %v", out, failed, err)
	}
	if _, failed, err = r.Invoke(t.Context(), "echo", []byte(`"break"`)); err != nil || failed == nil || failed.Type != "OutOfStock" {
		t.Errorf("a failing function: %v, %v", failed, err)
	}
	_, _, err = r.Invoke(t.Context(), "nobody", []byte(`{}`))
	if e, ok := errors.AsType[*lambda.APIError](err); !ok || e.Code != "ResourceNotFoundException" {
		t.Errorf("an unknown function: %v", err)
	}
}

func TestLambdaEndpointMustBeAURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"127.0.0.1:9001", "ftp://x", "http://", "nope"} {
		if u, err := lambda.ParseEndpoint(text); err == nil {
			t.Errorf("%s: got %v", text, u)
		}
	}
}
