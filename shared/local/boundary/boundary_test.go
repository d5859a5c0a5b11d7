package boundary_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"opsflow/shared/local/boundary"
)

// request is one as the SDKs make it.
func request(t *testing.T, path, service, target, form string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261127/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return r
}

func TestRequestTellsWhatItAsksForInEachProtocol(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, service, target, form string
		want                        boundary.Call
	}{
		{"/", "states", "AWSStepFunctions.StartExecution", "", boundary.Call{Service: "states", Operation: "StartExecution"}},
		{"/", "events", "AWSEvents.PutEvents", "", boundary.Call{Service: "events", Operation: "PutEvents"}},
		{"/", "dynamodb", "DynamoDB_20120810.PutItem", "", boundary.Call{Service: "dynamodb", Operation: "PutItem"}},
		{"/", "sqs", "AmazonSQS.SendMessage", "", boundary.Call{Service: "sqs", Operation: "SendMessage"}},
		{"/", "secretsmanager", "secretsmanager.GetSecretValue", "", boundary.Call{Service: "secretsmanager", Operation: "GetSecretValue"}},
		{"/2015-03-31/functions/opsflow-api/invocations", "lambda", "", "", boundary.Call{Service: "lambda", Operation: "Invoke", Function: "opsflow-api"}},
		{"/v2/email/outbound-emails", "ses", "", "", boundary.Call{Service: "ses", Operation: "SendEmail"}},
		{"/", "sns", "", "Action=Publish&PhoneNumber=%2B1", boundary.Call{Service: "sns", Operation: "Publish"}},
		{"/", "ec2", "", "Action=RunInstances", boundary.Call{}},
		{"/", "x", "Unknown.Operation", "", boundary.Call{Operation: "Operation"}},
	} {
		r := request(t, c.path, c.service, c.target, c.form)
		if got := boundary.FromRequest(r); got != c.want {
			t.Errorf("%s %s %s is taken for %+v, want %+v", c.service, c.path, c.target, got, c.want)
		}
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != c.form {
			t.Errorf("after that the body is %q, %v, want %q", body, err, c.form)
		}
	}
}

func TestRefusalSpeaksTheProtocolOfItsService(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		r      *http.Request
		call   boundary.Call
		status int
		body   []string
		header string
	}{
		{
			"JSON", request(t, "/", "states", "AWSStepFunctions.StartExecution", ""),
			boundary.Call{Service: "states"},
			400,
			[]string{`"__type":"ThrottlingException"`, `"message":"Rate exceeded"`},
			"ThrottlingException",
		},
		{
			"REST", request(t, "/2015-03-31/functions/f/invocations", "lambda", "", ""),
			boundary.Call{Service: "lambda"},
			429,
			[]string{`"message":"Rate Exceeded."`},
			"TooManyRequestsException",
		},
		{
			"query", request(t, "/", "sns", "", "Action=Publish"),
			boundary.Call{Service: "sns"},
			429,
			[]string{"<Code>Throttled</Code>", "<Message>Rate exceeded</Message>"},
			"",
		},
	} {
		w := httptest.NewRecorder()
		boundary.Refuse(w, c.r, boundary.Throttled(c.call))
		if w.Code != c.status || w.Header().Get("X-Amzn-Errortype") != c.header {
			t.Errorf("%s: status %d, header %q", c.name, w.Code, w.Header().Get("X-Amzn-Errortype"))
		}
		for _, part := range c.body {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: %s lacks %s", c.name, w.Body, part)
			}
		}
	}
}
