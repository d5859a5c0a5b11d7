package local_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/local"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// signed sends a request that claims to be signed for a service with a key.
func (s *system) signed(key, service, method, path, target, body string) (status int, header http.Header, answer string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.awsURL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261127/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	switch {
	case target != "":
		req.Header.Set("X-Amz-Target", target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	case strings.HasPrefix(body, "Action="):
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var buf bytes.Buffer
	if _, err := io.Copy(&buf, res.Body); err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, buf.String()
}

func TestAFunctionsKeyOpensNothingThatItsRoleDoesNotGrant(t *testing.T) {
	t.Parallel()
	o := options()
	o.Observe(func(local.Use) {}) // most is refused
	s := newSystem(t, start(t, o))
	const (
		region = "us-east-1:000000000000:"
		denied = "AccessDeniedException"
	)
	for _, c := range []struct{ service, method, path, target, body, code, want string }{
		{"sqs", "POST", "/", "AmazonSQS.SendMessage", `{"QueueUrl":"http://q/000000000000/opsflow-bookings-dead-letters","MessageBody":"a"}`, denied, "sqs:SendMessage on resource: arn:aws:sqs:" + region + "opsflow-bookings-dead-letters"},
		{"sqs", "POST", "/", "AmazonSQS.DeleteMessageBatch", `{"QueueUrl":"http://q/000000000000/q"}`, denied, "sqs:DeleteMessage on resource: arn:aws:sqs:" + region + "q"},
		{"sqs", "POST", "/", "AmazonSQS.ListQueues", `{}`, denied, "sqs:ListQueues on resource: *"},
		{"sqs", "POST", "/", "", "Action=SendMessage&QueueUrl=http%3A%2F%2Fq%2F000000000000%2Fq", denied, "sqs:SendMessage on resource: arn:aws:sqs:" + region + "q"},
		{"sns", "POST", "/", "", "Action=Publish&TopicArn=arn:aws:sns:" + region + "news&Message=a", "AuthorizationError", "sns:Publish on resource: arn:aws:sns:" + region + "news"},
		{"sns", "POST", "/", "", "Action=CreateTopic&Name=news", "AuthorizationError", "sns:CreateTopic on resource: arn:aws:sns:" + region + "news"},
		{"scheduler", "POST", "/schedules/later", "", `{"ScheduleExpression":"at(2026-12-01T00:00:00)"}`, denied, "scheduler:CreateSchedule on resource: arn:aws:scheduler:" + region + "schedule/default/later"},
		{"scheduler", "DELETE", "/schedule-groups/some", "", "", denied, "scheduler:DeleteScheduleGroup on resource: arn:aws:scheduler:" + region + "schedule-group/some"},
		{"scheduler", "GET", "/tags/arn:aws:scheduler:" + region + "schedule-group/some", "", "", denied, "scheduler:ListTagsForResource on resource: arn:aws:scheduler:" + region + "schedule-group/some"},
		{"logs", "POST", "/", "Logs_20140328.DescribeLogGroups", `{}`, denied, "logs:DescribeLogGroups on resource: *"},
		{"logs", "POST", "/", "Logs_20140328.FilterLogEvents", `{"logGroupName":"/opsflow/opsflow"}`, denied, "logs:FilterLogEvents on resource: arn:aws:logs:" + region + "log-group:/opsflow/opsflow:log-stream:"},
		{"secretsmanager", "POST", "/", "secretsmanager.GetSecretValue", `{"SecretId":"opsflow/payments"}`, denied, "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:" + region + "secret:opsflow/payments-000000"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.Scan", `{"TableName":"opsflow","IndexName":"list"}`, denied, "dynamodb:Scan on resource: arn:aws:dynamodb:" + region + "table/opsflow/index/list"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.GetItem", `{"TableName":"other","Key":{"pk":{"S":"a"}}}`, denied, "dynamodb:GetItem on resource: arn:aws:dynamodb:" + region + "table/other"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.BatchWriteItem", `{"RequestItems":{"opsflow":[{"DeleteRequest":{"Key":{"pk":{"S":"a"}}}}]}}`, denied, "dynamodb:BatchWriteItem on resource: arn:aws:dynamodb:" + region + "table/opsflow"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"opsflow","Item":{"pk":{"S":"a"}}}},{"ConditionCheck":{"TableName":"opsflow"}}]}`, denied, "dynamodb:ConditionCheckItem on resource: arn:aws:dynamodb:" + region + "table/opsflow"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.TagResource", `{"ResourceArn":"arn:aws:dynamodb:` + region + `table/opsflow"}`, denied, "dynamodb:TagResource on resource: arn:aws:dynamodb:" + region + "table/opsflow"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.ExecuteStatement", `{"Statement":"SELECT * FROM opsflow"}`, denied, "dynamodb:ExecuteStatement on resource: *"},
		{"dynamodb", "POST", "/", "DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[]}`, denied, "dynamodb:TransactWriteItems on resource: *"},
		{"states", "POST", "/", "AWSStepFunctions.StartExecution", `{"stateMachineArn":"arn:aws:states:` + region + `stateMachine:opsflow-booking_processing-v1"}`, denied, "states:StartExecution on resource: arn:aws:states:" + region + "stateMachine:opsflow-booking_processing-v1"},
		{"states", "POST", "/", "AWSStepFunctions.ListStateMachines", `{}`, denied, "states:ListStateMachines on resource: arn:aws:states:" + region + "stateMachine:*"},
		{"events", "POST", "/", "AWSEvents.PutRule", `{"Name":"r","EventBusName":"opsflow"}`, denied, "events:PutRule on resource: arn:aws:events:" + region + "rule/opsflow/r"},
		{"events", "POST", "/", "AWSEvents.PutEvents", `{"Entries":[{"EventBusName":"opsflow"},{"EventBusName":"default"}]}`, denied, "events:PutEvents on resource: arn:aws:events:" + region + "event-bus/default"},
		{"events", "POST", "/", "AWSEvents.CreateArchive", `{"ArchiveName":"a"}`, denied, "events:CreateArchive on resource: arn:aws:events:" + region + "archive/a"},
		{"lambda", "POST", "/2015-03-31/functions/opsflow-api/invocations", "", `{}`, denied, "lambda:InvokeFunction on resource: arn:aws:lambda:" + region + "function:opsflow-api"},
		{"lambda", "GET", "/2015-03-31/functions/opsflow-api/code-signing-config", "", "", "UnknownOperationException", "GET /2015-03-31/functions/opsflow-api/code-signing-config"},
		{"ses", "POST", "/v2/email/outbound-emails", "", `{"FromEmailAddress":"a@b.c"}`, denied, "ses:SendEmail on resource: arn:aws:ses:" + region + "identity/a@b.c"},
		{"ssm", "POST", "/", "AmazonSSM.GetParameter", `{"Name":"p"}`, denied, "ssm:GetParameter on resource: *"},
		{"s3", "GET", "/bucket/key", "", "", "AccessDenied", "s3:GetObject on resource: arn:aws:s3:::bucket/key"},
		{"s3", "POST", "/bucket/key", "", "", "UnknownOperationException", "POST /bucket/key"},
		{"apigateway", "GET", "/restapis", "", "", "UnknownOperationException", "GET /restapis of apigateway"},
		{"states", "POST", "/", "AWSStepFunctions.StartExecution", `no JSON`, "SerializationException", "not a JSON object"},
	} {
		_, header, answer := s.signed("opsflow-opsflow-score-vendor", c.service, c.method, c.path, c.target, c.body)
		if !strings.Contains(header.Get("X-Amzn-Errortype")+answer, c.code) || !strings.Contains(answer, c.want) {
			t.Errorf("%s%s %s: %v %s, want %s: %s", c.target, c.path, c.body, header, answer, c.code, c.want)
		}
		if c.code == denied && !strings.Contains(answer, "arn:aws:sts::000000000000:assumed-role/opsflow-ScoreVendorRole/opsflow-score-vendor is not authorized") {
			t.Errorf("%s: the answer does not say who was refused: %s", c.target, answer)
		}
		if status, _, answer := s.signed("somebody", c.service, c.method, c.path, c.target, c.body); strings.Contains(answer, "not authorized") {
			t.Errorf("%s%s: a developer was refused: %d %s", c.target, c.path, status, answer)
		}
	}
	if status, _, answer := s.signed("opsflow-nobody", "sqs", "POST", "/", "AmazonSQS.ListQueues", `{}`); status == http.StatusOK || !strings.Contains(answer, "UnrecognizedClientException") {
		t.Errorf("the key of a function that is not there: %d %s", status, answer)
	}
	if status, _, answer := s.signed("opsflow-opsflow-score-vendor", "dynamodb", "POST", "/", "DynamoDB_20120810.GetItem", `{"TableName":"opsflow","Key":{"pk":{"S":"a"},"sk":{"S":"b"}}}`); status != http.StatusOK {
		t.Errorf("what the role grants is refused: %d %s", status, answer)
	}
}

// A queue's own policy lets a function in that has no permission of its own, and keeps another out that has one.
func TestAResourcesPolicyOpensAndClosesItToRoles(t *testing.T) {
	t.Parallel()
	const queue = "arn:aws:sqs:us-east-1:000000000000:opsflow-bookings-dead-letters"
	policy := func(effect, role string) iam.Statement {
		return statement(t, map[string]any{
			"Effect": effect, "Action": "sqs:SendMessage", "Resource": queue, "Principal": map[string]any{"AWS": roles + "opsflow-" + role},
		})
	}
	o := options()
	o.Observe(func(local.Use) {})
	o.Edit(func(s *stack.Stack) {
		s.ResourcePolicies = append(s.ResourcePolicies, policy("Allow", "ScoreVendorRole"), policy("Deny", "MatchBookingsRole"))
	})
	s := newSystem(t, start(t, o))
	send := func(function string) string {
		_, _, answer := s.signed("opsflow-opsflow-"+function, "sqs", "POST", "/", "AmazonSQS.SendMessage", `{"QueueUrl":"`+s.awsURL+`/000000000000/opsflow-bookings-dead-letters","MessageBody":"a"}`)
		return answer
	}
	if answer := send("score-vendor"); !strings.Contains(answer, "MessageId") {
		t.Errorf("the queue lets it in: %s", answer)
	}
	if answer := send("match-bookings"); !strings.Contains(answer, "with an explicit deny in a resource-based policy") {
		t.Errorf("the queue keeps it out: %s", answer)
	}
	if answer := send("run-steps"); !strings.Contains(answer, "because no identity-based policy allows the sqs:SendMessage action") {
		t.Errorf("the queue does not speak of it: %s", answer)
	}
}

func TestAMissingPermissionIsToldOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := options()
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	o.Observe(func(local.Use) {})
	o.Edit(permission{"ScoreVendorRole", "SendEvents", "events:PutEvents", "arn:aws:events:us-east-1:000000000000:event-bus/opsflow"}.without)
	rt, err := local.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := newSystem(t, rt)
	for range 3 {
		s.signed("opsflow-opsflow-score-vendor", "events", "POST", "/", "AWSEvents.PutEvents", `{"Entries":[{"EventBusName":"opsflow","Source":"a","DetailType":"b","Detail":"{}"}]}`)
	}
	if err := rt.Close(); err != nil {
		t.Fatal(err)
	}
	want := `msg="permission missing in the template" role=ScoreVendorRole action=events:PutEvents resource=arn:aws:events:us-east-1:000000000000:event-bus/opsflow error="AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/opsflow-ScoreVendorRole/opsflow-score-vendor is not authorized`
	if strings.Count(log.String(), want) != 1 || strings.Count(log.String(), "missing") != 1 {
		t.Errorf("the log says %s", log.String())
	}
}
