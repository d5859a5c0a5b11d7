package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsflow/shared/local/stack"
)

func TestEventsOfFunctionsAndStateMachinesAreMadeAsSAMDoes(t *testing.T) {
	t.Parallel()
	path := write(t, `
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/worker}
    Properties:
      Events:
        Nightly:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: cron(0 2 * * ? *)
            ScheduleExpressionTimezone: Asia/Dubai
            Input: '{"a": 1}'
            RetryPolicy: {MaximumRetryAttempts: 3}
            DeadLetterConfig: {Arn: !GetAtt Lost.Arn}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Name: machine
      DefinitionUri: machine.json
      Events:
        Sold: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}, InputPath: $.detail}}
        Hourly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour), Name: hourly, State: DISABLED}}
  Lost:
    Type: AWS::SQS::Queue
    Properties: {QueueName: lost}
`)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "machine.json"), []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := stack.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Schedules) != 2 || len(s.Rules) != 1 {
		t.Fatalf("got %d schedules and %d rules", len(s.Schedules), len(s.Rules))
	}
	for i, want := range []string{
		`{"FlexibleTimeWindow":{"Mode":"OFF"},"Name":"opsflow-WorkerNightly","ScheduleExpression":"cron(0 2 * * ? *)","ScheduleExpressionTimezone":"Asia/Dubai",` +
			`"Target":{"Arn":"arn:aws:lambda:us-east-1:000000000000:function:opsflow-Worker","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:lost"},` +
			`"Input":"{\"a\": 1}","RetryPolicy":{"MaximumRetryAttempts":3},"RoleArn":"arn:aws:iam::000000000000:role/opsflow-WorkerNightlyRole"}}`,
		`{"FlexibleTimeWindow":{"Mode":"OFF"},"Name":"hourly","ScheduleExpression":"rate(1 hour)","State":"DISABLED",` +
			`"Target":{"Arn":"arn:aws:states:us-east-1:000000000000:stateMachine:machine","RoleArn":"arn:aws:iam::000000000000:role/opsflow-MachineHourlyRole"}}`,
	} {
		if got := string(s.Schedules[i].Text); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if target := string(s.Rules[0].Targets[0].Text); !strings.Contains(target, `"InputPath":"$.detail"`) || !strings.Contains(target, `role/opsflow-MachineSoldRole"`) {
		t.Errorf("the rule's target: %s", target)
	}
	for _, role := range []string{"WorkerNightlyRole", "MachineHourlyRole", "MachineSoldRole"} {
		if s.RoleOf("arn:aws:iam::000000000000:role/opsflow-"+role) == nil {
			t.Errorf("there is no %s", role)
		}
	}
}
