package sfn_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"opsflow/shared/aws/sfn"
	"opsflow/shared/ops"
)

const machine = "arn:aws:states:us-east-1:000000000000:stateMachine:opsflow-x-v1"

// setup makes a client of a Step Functions that answers every request with status and body; requests arrive in the map by
// operation.
func setup(t *testing.T, status int, body string) (*sfn.Client, map[string]map[string]any) {
	t.Helper()
	requests := map[string]map[string]any{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		in := map[string]any{}
		_ = json.NewDecoder(r.Body).Decode(&in)
		requests[operation] = in
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return sfn.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, "arn:aws:iam::000000000000:role/r"), requests
}

func TestErrorsOfStepFunctionsBecomeOurs(t *testing.T) {
	t.Parallel()
	start := func(c *sfn.Client) error { return c.Start(t.Context(), machine, "wf-1-1", []byte("{}")) }
	succeed := func(c *sfn.Client) error { return c.SucceedTask(t.Context(), "token", []byte("{}")) }
	for _, c := range []struct {
		aws  string
		call func(*sfn.Client) error
		is   error
		code ops.Code
	}{
		{"ExecutionAlreadyExists", start, ops.ErrExecutionExists, ops.CodeInternal},
		{"ExecutionDoesNotExist", func(c *sfn.Client) error { return c.Stop(t.Context(), machine, "wf-1-1", "why") }, ops.ErrNoExecution, ops.CodeInternal},
		{"TaskTimedOut", succeed, ops.ErrTokenUsed, ops.CodeInternal},
		{"InvalidToken", succeed, ops.ErrTokenUsed, ops.CodeInternal},
		{"TaskDoesNotExist", func(c *sfn.Client) error { return c.FailTask(t.Context(), "token", "E", "why") }, ops.ErrTokenUsed, ops.CodeInternal},
		{"ThrottlingException", start, nil, ops.CodeThrottled},
		{"ExecutionLimitExceeded", start, nil, ops.CodeThrottled},
		{"StateMachineDoesNotExist", start, nil, ops.CodeNotFound},
		{"InvalidDefinition", func(c *sfn.Client) error { _, err := c.Create(t.Context(), "n", []byte("{")); return err }, nil, ops.CodeInvalid},
	} {
		client, _ := setup(t, http.StatusBadRequest, `{"__type":"`+c.aws+`","message":"no"}`)
		err := c.call(client)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || ops.ErrorCode(err) != c.code {
			t.Errorf("%s: %v (code %s)", c.aws, err, ops.ErrorCode(err))
		}
	}
}

func TestExecutionsAreNamedByTheirMachineAndName(t *testing.T) {
	t.Parallel()
	c, requests := setup(t, http.StatusOK, `{"status":"FAILED","error":"E","cause":"why","startDate":1795510800,"stopDate":1795510860.5}`)
	e, err := c.Describe(t.Context(), machine, "wf-1-1")
	if err != nil || e.Status != ops.ExecutionFailed || e.Error != "E" || e.Cause != "why" || e.StoppedAt.Sub(e.StartedAt).Seconds() != 60.5 {
		t.Errorf("%+v %v", e, err)
	}
	if arn := requests["DescribeExecution"]["executionArn"]; arn != "arn:aws:states:us-east-1:000000000000:execution:opsflow-x-v1:wf-1-1" {
		t.Errorf("asked for %v", arn)
	}
	if err := c.FailTask(t.Context(), "token", "E", strings.Repeat("é", 20000)); err != nil {
		t.Fatal(err)
	}
	if cause, _ := requests["SendTaskFailure"]["cause"].(string); len(cause) != 32768 {
		t.Errorf("a cause of %d bytes was sent", len(cause))
	}
}
