package stack_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// transform has SAM's own translator make CloudFormation of a template. Its functions and state machines get their SAM types
// again, with the roles that were made for them, since these are the types that are read here.
const transform = `
import json, os, sys
os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse
out = Translator({}, Parser()).translate(yaml_parse(sys.stdin.read()), {})
for r in out["Resources"].values():
    p = r.get("Properties", {})
    if r["Type"] == "AWS::Lambda::Function":
        r["Type"], r["Metadata"] = "AWS::Serverless::Function", {"Source": "functions/worker"}
        r["Properties"] = {"FunctionName": p["FunctionName"], "Role": p["Role"]}
    if r["Type"] == "AWS::StepFunctions::StateMachine":
        r["Type"] = "AWS::Serverless::StateMachine"
        r["Properties"] = {"Name": p["StateMachineName"], "Role": p["RoleArn"], "DefinitionUri": "machine.json"}
    if r["Type"] == "AWS::Lambda::EventInvokeConfig":
        r["Properties"] = {}
    r.pop("DependsOn", None)
json.dump(out, sys.stdout)
`

// everyWay grants in each way that SAM knows between resources that are here.
const everyWay = `Transform: AWS::Serverless-2016-10-31
Resources:
  Source:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/worker}
    Properties:
      FunctionName: source
      Tracing: PassThrough
      DeadLetterQueue: {Type: SNS, TargetArn: !Ref Topic}
      EventInvokeConfig:
        DestinationConfig:
          OnSuccess: {Type: EventBridge, Destination: !GetAtt Bus.Arn}
          OnFailure: {Type: SQS, Destination: !GetAtt Queue.Arn}
      Policies:
        - AWSLambdaSQSQueueExecutionRole
        - Statement:
            - {Effect: Deny, Action: "sqs:*", Resource: "*", Condition: {StringEquals: {"aws:PrincipalTag/team": ops}}}
    Connectors:
      Reads:
        Properties:
          Destination: {Id: Table}
          Permissions: [Read]
      Speaks:
        Properties:
          Destination: [{Id: Topic}, {Id: Bus}, {Id: Target}]
          Permissions: [Write]
  Target:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/worker}
    Properties:
      FunctionName: target
      Events:
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        Soon: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), DeadLetterConfig: {Arn: !GetAtt Queue.Arn}}}
        Said: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [a]}}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties: {Name: machine, DefinitionUri: machine.json, Tracing: {Enabled: true}, Policies: [!Ref Managed]}
  Other:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: other
      DefinitionUri: machine.json
      Events:
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}
        Soon: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute), DeadLetterConfig: {Arn: !GetAtt Queue.Arn}}}
        Said: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [a]}}}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [!Ref TargetRole]
      PolicyDocument: {Statement: {Effect: Allow, Action: "events:PutEvents", Resource: !GetAtt Bus.Arn}}
  Beside:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: beside
      Roles: [!Ref RuleRole, !Ref SourceRole]
      PolicyDocument: {Statement: {Effect: Allow, Action: "sns:Publish", Resource: !Ref Topic}}
  ForOne:
    Type: AWS::IAM::RolePolicy
    Properties:
      PolicyName: one
      RoleName: !Ref RuleRole
      PolicyDocument: {Statement: {Effect: Allow, Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn}}
  RuleRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: {Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: events.amazonaws.com}}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: table}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: queue}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: topic}}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: bus}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: rule
      EventBusName: !Ref Bus
      EventPattern: {source: [a]}
      Targets:
        - {Id: machine, Arn: !Ref Machine, RoleArn: !GetAtt RuleRole.Arn}
        - {Id: queue, Arn: !GetAtt Queue.Arn}
        - {Id: topic, Arn: !Ref Topic}
        - {Id: function, Arn: !GetAtt Target.Arn}
`

// connectors are all that SAM has between types of resources that are here, but for what everyWay has.
func connectors() string {
	var out strings.Builder
	for i, c := range []string{
		"Rule Machine Write", "Rule Queue Write", "Rule Topic Write", "Rule Target Write", "Source Table Write", "Source Queue Read,Write",
		"Source Machine Read,Write", "Topic Queue Write", "Topic Target Write", "Queue Target Read,Write", "Machine Target Write",
		"Machine Topic Write", "Machine Queue Write", "Machine Table Read,Write", "Machine Other Read,Write", "Machine Bus Write",
		"Table Target Read",
	} {
		f := strings.Fields(c)
		fmt.Fprintf(&out, "  C%d:\n    Type: AWS::Serverless::Connector\n    Properties: {Source: {Id: %s}, Destination: {Id: %s}, Permissions: [%s]}\n", i, f[0], f[1], f[2])
	}
	out.WriteString(`  ByArn:
    Type: AWS::Serverless::Connector
    Properties:
      Source: {Type: AWS::Serverless::Function, RoleName: !Ref TargetRole}
      Destination: {Type: AWS::SQS::Queue, Arn: "arn:aws:sqs:us-east-1:000000000000:elsewhere"}
      Permissions: [Write]
`)
	return out.String()
}

// templates uses each of SAM's policy templates that are known.
func templates(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("  Many:\n    Type: AWS::Serverless::Function\n    Metadata: {Source: functions/worker}\n    Properties:\n      FunctionName: many\n      Policies:\n")
	_, err := iam.ExpandTemplate("none", nil, stack.Region, stack.Account)
	_, list, ok := strings.Cut(fmt.Sprint(err), "it knows ")
	if !ok {
		t.Fatalf("got %v", err)
	}
	for name := range strings.SplitSeq(list, ", ") {
		parameters := map[string]string{}
		for {
			_, err := iam.ExpandTemplate(name, parameters, stack.Region, stack.Account)
			if err == nil {
				break
			}
			_, parameter, ok := strings.Cut(err.Error(), " needs ")
			if !ok {
				t.Fatal(err)
			}
			parameters[parameter] = "x"
		}
		fmt.Fprintf(&out, "        - %s: {", name)
		for _, p := range slices.Sorted(maps.Keys(parameters)) {
			fmt.Fprintf(&out, "%s: my-%s,", p, p)
		}
		out.WriteString("}\n")
	}
	return out.String()
}

func TestWhatATemplateGrantsIsWhatSAMMakesOfIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := everyWay + connectors() + templates(t)
	path := filepath.Join(dir, "template.yaml")
	for name, content := range map[string]string{path: text, filepath.Join(dir, "machine.json"): `{}`} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := stack.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}

	// The translator wants to know more of functions and state machines.
	full := strings.ReplaceAll(text, "FunctionName:", "Runtime: provided.al2023, Handler: bootstrap, CodeUri: s3://b/k, FunctionName:")
	full = strings.ReplaceAll(full, "      Runtime: provided.al2023, Handler: bootstrap, CodeUri: s3://b/k, FunctionName:", "      Runtime: provided.al2023\n      Handler: bootstrap\n      CodeUri: s3://b/k\n      FunctionName:")
	full = strings.ReplaceAll(full, "DefinitionUri: machine.json", "DefinitionUri: s3://b/k")
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, ".tools", "venv", "bin", "python"), "-c", transform)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(full), &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("AWS SAM translator (make tools installs it): %v: %s", err, said.String())
	}
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	want, err := stack.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Roles) != 10 {
		t.Errorf("%d roles", len(want.Roles))
	}
	for _, role := range want.Roles {
		own := got.RoleOf(role.ARN)
		if own == nil {
			t.Errorf("there is no role %s", role.ARN)
			continue
		}
		compare(t, role.LogicalID, atoms(statements(own)), atoms(statements(role)))
		compare(t, role.LogicalID+"'s trust", atoms(own.Trust), atoms(role.Trust))
	}
	compare(t, "resources", atoms(got.ResourcePolicies), atoms(want.ResourcePolicies))
}

func statements(role *stack.Role) []iam.Statement {
	var out []iam.Statement
	for _, g := range role.Grants {
		out = append(out, g.Statement)
	}
	return out
}

// atoms are statements cut into one action on one resource each.
func atoms(statements []iam.Statement) map[string]bool {
	out := map[string]bool{}
	for _, s := range statements {
		resources := s.Resources
		if resources == nil {
			resources = []string{"-"}
		}
		conditions := ""
		for _, c := range s.Conditions {
			conditions += fmt.Sprint(c.Operator, c.Key, c.Values)
		}
		for _, a := range s.Actions {
			for _, r := range resources {
				out[fmt.Sprint(s.Deny, " ", strings.ToLower(a), " ", r, " ", s.Principals, conditions)] = true
			}
		}
	}
	return out
}

func compare(t *testing.T, what string, got, want map[string]bool) {
	t.Helper()
	for _, a := range slices.Sorted(maps.Keys(want)) {
		if !got[a] {
			t.Errorf("%s lack %s", what, a)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(got)) {
		if !want[a] {
			t.Errorf("%s have %s", what, a)
		}
	}
}
