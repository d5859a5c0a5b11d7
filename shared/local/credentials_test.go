package local_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"

	"opsflow/shared/local"
	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

const roles = "arn:aws:iam::000000000000:role/"

// statement reads a policy's statement.
func statement(t *testing.T, members map[string]any) iam.Statement {
	t.Helper()
	s, err := iam.ParseStatement(members)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// acting adds a role of a state machine, which may do some things, and one that it may act as, which can read the table.
func acting(t *testing.T, may []string, trusted any) func(*stack.Stack) {
	t.Helper()
	machine := &stack.Role{LogicalID: "Machine", Role: iam.Role{ARN: roles + "machine", Trust: []iam.Statement{statement(t, map[string]any{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": stack.StepFunctions},
	})}}}
	if len(may) > 0 {
		list := make([]any, len(may))
		for i, action := range may {
			list[i] = action
		}
		machine.Grants = []iam.Grant{{Policy: "inline", Statement: statement(t, map[string]any{"Effect": "Allow", "Action": list, "Resource": "*"})}}
	}
	reader := &stack.Role{LogicalID: "Reader", Role: iam.Role{
		ARN: roles + "reader",
		Grants: []iam.Grant{{Policy: "inline", Statement: statement(t, map[string]any{
			"Effect": "Allow", "Action": []any{"dynamodb:GetItem", "lambda:InvokeFunction"}, "Resource": "*",
		})}},
		Trust: []iam.Statement{statement(t, map[string]any{
			"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"AWS": trusted},
			"Condition": map[string]any{"StringEqualsIfExists": map[string]any{"sts:ExternalId": "arn:aws:states:us-east-1:000000000000:stateMachine:m1"}},
		})},
	}}
	return func(s *stack.Stack) { s.Roles = append(s.Roles, machine, reader) }
}

func TestATaskIsDoneAsTheRoleOfItsCredentials(t *testing.T) {
	t.Parallel()
	const (
		get  = `{"TableName": "opsflow", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}`
		put  = `{"TableName": "opsflow", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}`
		as   = `"Credentials": {"RoleArn.$": "$.role"}, `
		deny = "The role " + roles + "machine is not authorized to assume the task state's role, " + roles
	)
	assume := []string{"sts:AssumeRole"}
	for name, c := range map[string]struct {
		may                                     []string
		trusted                                 any
		resource, parameters, credentials, role string
		errorName, cause                        string
	}{
		"its own role may not read":           {assume, roles + "machine", "dynamodb:getItem", get, "", "", "DynamoDB.AccessDeniedException", "assumed-role/machine/"},
		"its own role may read":               {[]string{"dynamodb:GetItem"}, nil, "dynamodb:getItem", get, "", "", "", ""},
		"the other may read":                  {assume, roles + "machine", "dynamodb:getItem", get, as, "reader", "", ""},
		"the other is trusted by its account": {assume, "000000000000", "dynamodb:getItem", get, as, "reader", "", ""},
		"the other may not write":             {assume, roles + "machine", "dynamodb:putItem", put, as, "reader", "DynamoDB.AccessDeniedException", "assumed-role/reader/"},
		"the other may not send": {
			assume, roles + "machine", "aws-sdk:sqs:sendMessage", `{"QueueUrl": "QUEUE", "MessageBody": "a"}`, as, "reader",
			"Sqs.AccessDeniedException", "sqs:SendMessage on resource: arn:aws:sqs:us-east-1:000000000000:work",
		},
		"the other may not publish": {
			assume, roles + "machine", "sns:publish", `{"TopicArn": "arn:aws:sns:us-east-1:000000000000:news", "Message": "a"}`, as, "reader",
			"SNS.AuthorizationErrorException", "sns:Publish on resource: arn:aws:sns:us-east-1:000000000000:news",
		},
		"the other may invoke": {assume, roles + "machine", "lambda:invoke", `{"FunctionName": "opsflow-sweep-due", "Payload": {}}`, as, "reader", "", ""},
		"its own role may not invoke": {
			assume, roles + "machine", "lambda:invoke", `{"FunctionName": "opsflow-sweep-due", "Payload": {}}`, "", "",
			"Lambda.AWSLambdaException", "lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:000000000000:function:opsflow-sweep-due",
		},
		"its own role may not assume":           {nil, roles + "machine", "dynamodb:getItem", get, as, "reader", "States.TaskFailed", deny + "reader."},
		"the other trusts somebody else":        {assume, roles + "another", "dynamodb:getItem", get, as, "reader", "States.TaskFailed", deny + "reader."},
		"the other is not there":                {assume, roles + "machine", "dynamodb:getItem", get, as, "nobody", "States.TaskFailed", deny + "nobody."},
		"the credentials name no role":          {assume, roles + "machine", "dynamodb:getItem", get, `"Credentials": {"RoleArn": "reader"}, `, "", "States.Runtime", "The Credentials of the state name no role"},
		"nobody knows a role of other accounts": {assume, roles + "machine", "dynamodb:getItem", get, `"Credentials": {"RoleArn": "arn:aws:iam::111122223333:role/r"}, `, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trusted := c.trusted
			if trusted == nil {
				trusted = roles + "machine"
			}
			o := options()
			o.Edit(acting(t, c.may, trusted))
			o.Observe(func(local.Use) {})
			m := machinesOf(t, o)
			m.role, m.credentials = roles+"machine", c.credentials
			_, errorName, cause := m.run(c.resource, c.parameters, `{"role": "`+roles+c.role+`"}`)
			if errorName != c.errorName || !strings.Contains(cause, c.cause) {
				t.Errorf("got %s: %s\nwant %s: %s", errorName, cause, c.errorName, c.cause)
			}
			if want := `"TaskCredentials":{"RoleArn":"` + roles + "reader"; c.role == "reader" && !strings.Contains(m.history(), want) {
				t.Errorf("the history does not show the role: %s", m.history())
			}
		})
	}
}

// childrens is a definition that waits for another state machine's execution, inside of a Map.
const childrens = `{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "T", "States": {"T": {
	"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", CREDENTIALS"Parameters": {"StateMachineArn": "m"}, "End": true}}}}}}`

func TestAStateMachineIsRefusedARoleThatCannotRunIt(t *testing.T) {
	t.Parallel()
	all := []string{"events:PutTargets", "events:PutRule", "events:DescribeRule"}
	as := `"Credentials": {"RoleArn": "` + roles + `reader"}, `
	for name, c := range map[string]struct {
		may               []string
		role, credentials string
		want              string
	}{
		"it may hear of its children":      {all, "machine", "", ""},
		"it may not make the rule":         {all[:1], "machine", "", "'" + roles + "machine' is not authorized to create managed-rule."},
		"another role waits":               {nil, "machine", as, ""},
		"it does not let the service in":   {nil, "reader", as, "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role."},
		"a role that is not known may all": {nil, "unknown", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Edit(acting(t, c.may, roles+"machine"))
			o.Observe(func(local.Use) {})
			m := machinesOf(t, o)
			_, err := m.states.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
				Name: aws.String("m"), RoleArn: aws.String(roles + c.role), Definition: aws.String(strings.Replace(childrens, "CREDENTIALS", c.credentials, 1)),
			})
			var denied smithy.APIError
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &denied) || denied.ErrorCode() != "AccessDeniedException" || denied.ErrorMessage() != c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
