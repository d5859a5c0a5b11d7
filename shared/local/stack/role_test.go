package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// functionWith is a template with one function, a queue, and what the test adds.
func functionWith(policies, more string) string {
	return `AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/worker}
    Properties:
      FunctionName: worker
      Policies: ` + policies + `
      Events:
        Tick:
          Type: Schedule
          Properties:
            Name: tick
            Schedule: rate(1 minute)
            DeadLetterConfig:
              Arn: !GetAtt Queue.Arn
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: dead}
` + more
}

const queuePolicy = `  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Statement:
          Effect: Allow
          Principal:
            Service: events.amazonaws.com
          Action: sqs:SendMessage
          Resource: !GetAtt Queue.Arn
          Condition:
            ArnLike:
              "aws:SourceArn": !Sub arn:aws:events:${AWS::Region}:${AWS::AccountId}:rule/tick
`

func TestARoleHasWhatItsPoliciesGrantInEachForm(t *testing.T) {
	t.Parallel()
	s, err := stack.Load(write(t, functionWith(`
        - !Ref Managed
        - SQSPollerPolicy:
            QueueName: !GetAtt Queue.QueueName
        - Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: [states:StartExecution]
              Resource: "*"`, queuePolicy+`  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: events:PutEvents
            Resource: "*"
`)), nil)
	if err != nil {
		t.Fatal(err)
	}
	role := s.RoleOf(s.Functions[0].RoleARN)
	if role == nil || role.LogicalID != "WorkerRole" {
		t.Fatalf("role %+v", role)
	}
	for action, resource := range map[string]string{
		"events:PutEvents": "arn:aws:events:us-east-1:000000000000:event-bus/b", "states:StartExecution": "anything",
		"sqs:ReceiveMessage": "arn:aws:sqs:us-east-1:000000000000:dead",
	} {
		if err := role.Check("worker", iam.Request{Action: action, Resource: resource}); err != nil {
			t.Error(err)
		}
	}
	if role.Check("worker", iam.Request{Action: "sqs:ReceiveMessage", Resource: "arn:aws:sqs:us-east-1:000000000000:other"}) == nil {
		t.Error("the worker may read another queue")
	}
}

func TestPoliciesThatAreNotKnownAreRefusedAtTheirLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ policies, more, want string }{
		{"[AWSLambdaExecute]", queuePolicy, "AWSLambdaExecute is no managed policy of the template, and none of AWS's"},
		{"[{PollyFullAccessPolicy: {LexiconName: k}}]", queuePolicy, "does not know the policy template PollyFullAccessPolicy"},
		{"[]", queuePolicy + "  More:\n    Type: AWS::IAM::Policy\n", "More: a policy document is a mapping"},
		{"[]", queuePolicy + `  More:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: elsewhere
      PolicyDocument: {Statement: {Effect: Allow, Action: "sqs:*", Resource: "*"}}
`, `More: the role "elsewhere" is not one of the template`},
		{"[]", queuePolicy + `  More:
    Type: AWS::Serverless::Connector
    Properties:
      Source: {Id: Worker}
      Destination: {Id: Queue}
      Permissions: [Admin]
`, "connector More: unsupported 'Permissions' provided for connector from AWS::Lambda::Function to AWS::SQS::Queue; valid values are: Read, Write"},
		{"[]", queuePolicy + `  More:
    Type: AWS::Serverless::Connector
    Properties:
      Source: {Id: Queue}
      Destination: {Id: Worker}
      Permissions: [Read]
`, "valid combinations are: Read + Write"},
		{"[]", "", "rule tick can't be delivered: no policy of arn:aws:sqs:us-east-1:000000000000:dead allows sqs:SendMessage"},
	} {
		_, err := stack.Load(write(t, functionWith(c.policies, c.more)), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.policies, err, c.want)
		}
	}
}

func TestWhatLambdaNeedsOfAFunctionsRoleIsAskedWhenTheTemplateIsRead(t *testing.T) {
	t.Parallel()
	const more = `  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {EventSourceArn: !GetAtt Queue.Arn, FunctionName: !Ref Worker}
  Own:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/worker}
    Properties:
      FunctionName: own
      Role: !GetAtt Role.Arn
      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Queue.Arn}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: {Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: lambda.amazonaws.com}}}
`
	const own = `  OwnPolicy:
    Type: AWS::IAM::RolePolicy
    Properties: {RoleName: !Ref Role, PolicyName: own, PolicyDocument: {Statement: {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn}}}
`
	for _, c := range []struct{ actions, more, want string }{
		{"sqs:ReceiveMessage, sqs:GetQueueAttributes, sqs:DeleteMessage", own, ""},
		{"sqs:GetQueueAttributes, sqs:DeleteMessage", own, "messages for function worker can't be delivered: AccessDeniedException: User: arn:aws:sts::000000000000:assumed-role/opsflow-WorkerRole/aws is not authorized to perform: sqs:ReceiveMessage"},
		{"sqs:ReceiveMessage, sqs:GetQueueAttributes", own, "not authorized to perform: sqs:DeleteMessage"},
		{"sqs:ReceiveMessage, sqs:DeleteMessage", own, "not authorized to perform: sqs:GetQueueAttributes"},
		{"sqs:ReceiveMessage, sqs:GetQueueAttributes, sqs:DeleteMessage", "", "failures of function own can't be delivered: AccessDeniedException"},
	} {
		policies := `[{Statement: [{Effect: Allow, Action: [` + c.actions + `], Resource: !GetAtt Queue.Arn}]}]`
		_, err := stack.Load(write(t, functionWith(policies, queuePolicy+more+c.more)), nil)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.actions, err, c.want)
		}
	}
}

func TestARoleMustLetInTheServiceThatItIsGivenTo(t *testing.T) {
	t.Parallel()
	role := func(trusted string) string {
		return "  Role:\n    Type: AWS::IAM::Role\n    Properties: {AssumeRolePolicyDocument: {Statement: {Effect: Allow, Action: \"sts:AssumeRole\", " +
			"Principal: {Service: " + trusted + "}, Condition: {StringEquals: {\"aws:SourceAccount\": \"000000000000\"}}}}}\n"
	}
	for _, c := range []struct{ of, trusted, want string }{
		{"  F: {Type: AWS::Serverless::Function, Metadata: {Source: functions/worker}, Properties: {Role: !GetAtt Role.Arn}}\n", "lambda.amazonaws.com", "function F: the role defined for the function cannot be assumed by Lambda"},
		{"  M: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: machine.json, Role: !GetAtt Role.Arn}}\n", "states.us-east-1.amazonaws.com", "state machine M: neither the global service principal states.amazonaws.com, nor the regional one"},
		{"  R: {Type: AWS::Events::Rule, Properties: {EventPattern: {source: [a]}, Targets: [{Id: a, Arn: \"arn:aws:states:us-east-1:000000000000:stateMachine:m\", RoleArn: !GetAtt Role.Arn}]}}\n" +
			"  P: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: !Ref Role, PolicyName: p, PolicyDocument: {Statement: {Effect: Allow, Action: \"states:*\", Resource: \"*\"}}}}\n", "events.amazonaws.com", "cannot be assumed by principal 'events.amazonaws.com'"},
	} {
		for _, trusted := range []string{c.trusted, "ec2.amazonaws.com"} {
			path := write(t, functionWith("[]", queuePolicy+role(trusted)+c.of))
			if err := os.WriteFile(filepath.Join(filepath.Dir(path), "machine.json"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := stack.Load(path, nil)
			if (err == nil) != (trusted == c.trusted) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s with a role for %s: %v", c.of, trusted, err)
			}
		}
	}
}

// What EventBridge may not do shows nowhere at AWS: the event is gone. So it must show here.
func TestEveryStatementOfTheQueuePolicyIsNeeded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before, after, _ := strings.Cut(string(text), "\n  QueuePolicy:\n")
	statement, _, _ := strings.Cut(after, "            Condition:\n")
	_, statement, _ = strings.Cut(statement, "            Resource:\n")
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "statemachines"), os.DirFS(filepath.Join(root, "statemachines"))); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(statement, "\n")
	for _, line := range lines[:len(lines)-1] {
		path := filepath.Join(dir, "template.yaml")
		if err := os.WriteFile(path, []byte(before+"\n  QueuePolicy:\n"+strings.Replace(after, line, "", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := stack.Load(path, map[string]string{"OidcIssuer": "https://issuer.test"}); err == nil || !strings.Contains(err.Error(), "allows sqs:SendMessage to events.amazonaws.com") {
			t.Errorf("without %s: %v", strings.TrimSpace(line), err)
		}
	}
	if len(lines) < 5 {
		t.Errorf("the queue policy has %d queues", len(lines)-1)
	}
}
