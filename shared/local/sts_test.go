package local_test

import (
	"encoding/xml"
	"net/url"
	"strings"
	"testing"

	"opsflow/shared/local"
)

// sts asks STS with an access key, and gives what it says.
func (s *system) sts(key, body string) (said struct {
	ARN     string `xml:"GetCallerIdentityResult>Arn"`
	Key     string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Assumed string `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	Code    string `xml:"Error>Code"`
	Message string `xml:"Error>Message"`
},
) {
	s.t.Helper()
	_, _, answer := s.signed(key, "sts", "POST", "/", "", body)
	if err := xml.Unmarshal([]byte(answer), &said); err != nil {
		s.t.Fatalf("%s: %v", answer, err)
	}
	return said
}

func TestADeveloperActsAsARoleOfTheTemplate(t *testing.T) {
	t.Parallel()
	o := options()
	o.Observe(func(local.Use) {})
	s := newSystem(t, start(t, o))
	const mine = "arn:aws:sts::000000000000:assumed-role/opsflow-RunStepsRole/"
	assume := func(role, session string) string {
		return "Action=AssumeRole&RoleArn=" + url.QueryEscape(roles+role) + "&RoleSessionName=" + session
	}
	out := s.sts("somebody", assume("opsflow-RunStepsRole", "me.too"))
	if out.Assumed != mine+"me.too" {
		t.Fatalf("got %+v", out)
	}
	for key, want := range map[string]string{
		"somebody": "arn:aws:iam::000000000000:user/developer", "opsflow-opsflow-run-steps": mine + "opsflow-run-steps", out.Key: mine + "me.too",
	} {
		if got := s.sts(key, "Action=GetCallerIdentity").ARN; got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if _, _, answer := s.signed(out.Key, "sqs", "POST", "/", "AmazonSQS.ListQueues", `{}`); !strings.Contains(answer, mine+"me.too is not authorized to perform: sqs:ListQueues") {
		t.Errorf("it lists queues: %s", answer)
	}
	if _, _, answer := s.signed(out.Key, "dynamodb", "POST", "/", "DynamoDB_20120810.GetItem", `{"TableName":"opsflow","Key":{"pk":{"S":"a"},"sk":{"S":"b"}}}`); strings.Contains(answer, "__type") {
		t.Errorf("it reads the table: %s", answer)
	}
	for name, c := range map[string]struct{ key, body, code, message string }{
		"a role that may not assume others": {out.Key, assume("opsflow-ApiRole", "me"), "AccessDenied", "User: " + mine + "me.too is not authorized to perform: sts:AssumeRole on resource: " + roles + "opsflow-ApiRole"},
		"a role that is not there":          {"somebody", assume("nobody", "me"), "AccessDenied", "not authorized to perform: sts:AssumeRole on resource: " + roles + "nobody"},
		"a session's name":                  {"somebody", assume("opsflow-ApiRole", "a%2Fb"), "ValidationError", "RoleSessionName must be"},
		"another operation":                 {"somebody", "Action=GetSessionToken", "InvalidAction", "GetSessionToken"},
	} {
		if got := s.sts(c.key, c.body); !strings.HasPrefix(got.Code, c.code) || !strings.Contains(got.Message, c.message) {
			t.Errorf("%s: %+v, want %s: %s", name, got, c.code, c.message)
		}
	}
}
