package iam_test

import (
	"strings"
	"testing"

	"opsflow/shared/local/iam"
)

func TestAConnectorNeedsToKnowItsEnds(t *testing.T) {
	t.Parallel()
	function := iam.End{Type: "AWS::Lambda::Function", ARN: "arn:aws:lambda:us-east-1:000000000000:function:f"}
	for want, c := range map[string]struct {
		to          iam.End
		permissions []string
	}{
		"the connector needs Destination.Arn":                                                {iam.End{Type: "AWS::SQS::Queue"}, []string{"Read"}},
		"the connector needs Destination.Name":                                               {iam.End{Type: "AWS::StepFunctions::StateMachine", ARN: "a"}, []string{"Read"}},
		"'Permissions' cannot be empty; valid values are: Read, Write":                       {iam.End{Type: "AWS::SQS::Queue", ARN: "a"}, nil},
		"unable to create connector from AWS::Lambda::Function to AWS::S3::Bucket; it's not": {iam.End{Type: "AWS::S3::Bucket"}, nil},
	} {
		if _, err := iam.Connect(function, c.to, c.permissions, "us-east-1", "000000000000"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestABoundaryIsTheMostThatARoleMayDo(t *testing.T) {
	t.Parallel()
	role := iam.Role{ARN: "arn:aws:iam::000000000000:role/r", Boundary: parse(t, `{"Statement":[
		{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"},{"Effect":"Deny","Action":"dynamodb:DeleteItem","Resource":"*"}]}`)}
	for _, s := range parse(t, `{"Statement":{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:DeleteItem","sqs:*"],"Resource":"*"}}`) {
		role.Grants = append(role.Grants, iam.Grant{Statement: s})
	}
	for action, want := range map[string]string{
		"dynamodb:GetItem":    "",
		"dynamodb:PutItem":    "because no identity-based policy allows the dynamodb:PutItem action",
		"sqs:SendMessage":     "because no permissions boundary allows the sqs:SendMessage action",
		"dynamodb:DeleteItem": "with an explicit deny in a permissions boundary",
	} {
		err := role.Check("s", iam.Request{Action: action, Resource: arn})
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", action, err, want)
		}
	}
}
