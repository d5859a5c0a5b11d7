package signed_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"opsflow/shared/aws/ses"
	"opsflow/shared/aws/sns"
	"opsflow/shared/ops"
)

func now() time.Time { return time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC) }

// serve answers every request with a status, and keeps the last one.
func serve(t *testing.T, status int, answer string) (aws.Config, *http.Request, *string) {
	t.Helper()
	last, body := &http.Request{}, new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*last, *body = *r, string(b)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIA1", "secret", "session"),
	}, last, body
}

func TestAnEmailIsOneSignedRequestToSES(t *testing.T) {
	t.Parallel()
	c, last, body := serve(t, 200, `{"MessageId":"m-1"}`)
	if err := ses.New(c, "ops@example.com", http.DefaultClient, now).SendEmail(t.Context(), "ntf-1", "sam@example.com", "Hello", "How are you?"); err != nil {
		t.Fatal(err)
	}
	var m ses.Message
	if err := json.Unmarshal([]byte(*body), &m); err != nil {
		t.Fatal(err)
	}
	if last.URL.Path != "/v2/email/outbound-emails" || m.FromEmailAddress != "ops@example.com" || m.Destination.ToAddresses[0] != "sam@example.com" ||
		m.Content.Simple.Subject.Data != "Hello" || m.Content.Simple.Body.Text.Data != "How are you?" || m.EmailTags[0].Value != "ntf-1" {
		t.Errorf("%s %s", last.URL.Path, *body)
	}
	auth := last.Header.Get("Authorization")
	if !strings.HasPrefix(auth, "AWS4-HMAC-SHA256 Credential=AKIA1/20261124/eu-west-1/ses/aws4_request") || last.Header.Get("X-Amz-Security-Token") != "session" {
		t.Errorf("signed as %q", auth)
	}
}

func TestAnSMSIsOneSignedRequestToSNS(t *testing.T) {
	t.Parallel()
	c, last, body := serve(t, 200, `<PublishResponse/>`)
	if err := sns.New(c, http.DefaultClient, now).SendSMS(t.Context(), "ntf-1", "+971501234567", "Hello & welcome"); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(*body)
	if err != nil || form.Get("Action") != "Publish" || form.Get("PhoneNumber") != "+971501234567" || form.Get("Message") != "Hello & welcome" {
		t.Errorf("%v %v", form, err)
	}
	if !strings.Contains(last.Header.Get("Authorization"), "/eu-west-1/sns/aws4_request") {
		t.Errorf("signed as %q", last.Header.Get("Authorization"))
	}
}

func TestWhatMayPassIsToldFromWhatWillNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		answer string
		want   ops.Code
	}{
		{400, `{"message":"Email address is not verified."}`, ops.CodeInternal},
		{400, `<Code>Throttling</Code>`, ops.CodeThrottled},
		{429, ``, ops.CodeThrottled},
		{503, ``, ops.CodeUnavailable},
	} {
		cfg, _, _ := serve(t, c.status, c.answer)
		err := sns.New(cfg, http.DefaultClient, now).SendSMS(t.Context(), "ntf-1", "+971501234567", "x")
		if ops.ErrorCode(err) != c.want || !strings.Contains(err.Error(), c.answer) {
			t.Errorf("%d %s: %v", c.status, c.answer, err)
		}
	}
}
