package local_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	evtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// later schedules something in ten minutes.
func (m *machines) later(name string, target types.Target) {
	m.Helper()
	if target.RoleArn == nil {
		target.RoleArn = aws.String(anyRole)
	}
	_, err := m.CreateSchedule(m.Context(), &awsscheduler.CreateScheduleInput{
		Name: &name, ScheduleExpression: aws.String("at(2026-11-24T09:10:00)"), Target: &target,
		FlexibleTimeWindow: &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
	})
	if err != nil {
		m.Fatal(err)
	}
}

func TestScheduleReachesEachKindOfTarget(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	queue := m.newQueue("direct", nil)
	m.newQueue("by-operation", nil)
	m.newQueue("by-bus", nil)
	m.rule(evtypes.Target{Arn: aws.String(sqsARN + "by-bus")})
	machine, err := m.states.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("later"), RoleArn: aws.String(anyRole), Definition: aws.String(`{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	m.later("queue", types.Target{Arn: &queue, Input: aws.String("try <aws.scheduler.attempt-number> of <aws.scheduler.scheduled-time>")})
	m.later("machine", types.Target{Arn: machine.StateMachineArn, Input: aws.String(`{"n": 7}`)})
	m.later("bus", types.Target{
		Arn: aws.String("arn:aws:events:us-east-1:000000000000:event-bus/default"), Input: aws.String(`{"n": 8}`),
		EventBridgeParameters: &types.EventBridgeParameters{DetailType: aws.String("sold"), Source: aws.String("shop")},
	})
	m.later("operation", types.Target{
		Arn: aws.String("arn:aws:scheduler:::aws-sdk:sqs:sendMessage"), Input: aws.String(`{"QueueUrl": "by-operation", "MessageBody": "hi"}`),
	})
	m.advance(10 * time.Minute)
	if got := m.messages("direct"); len(got) != 1 || *got[0].Body != "try 1 of 2026-11-24T09:10:00Z" {
		t.Errorf("in the queue: %+v", got)
	}
	if got := m.messages("by-operation"); len(got) != 1 || *got[0].Body != "hi" {
		t.Errorf("by the operation: %+v", got)
	}
	if got := m.messages("by-bus"); len(got) != 1 || !strings.Contains(*got[0].Body, `"detail":{"n": 8}`) || !strings.Contains(*got[0].Body, `"source":"shop"`) {
		t.Errorf("by the bus: %+v", got)
	}
	list, err := m.states.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: machine.StateMachineArn})
	if err != nil || len(list.Executions) != 1 || list.Executions[0].Status != sfntypes.ExecutionStatusSucceeded {
		t.Errorf("executions: %+v, %v", list, err)
	}
}

func TestDeadLetterOfASchedule(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	lost := m.newQueue("lost", nil)
	m.later("s", types.Target{
		Arn: aws.String(lambdaARN + "nobody"), Input: aws.String(`{"n": 1}`), DeadLetterConfig: &types.DeadLetterConfig{Arn: &lost},
	})
	m.advance(10 * time.Minute)
	got := m.messages("lost")
	if len(got) != 1 || *got[0].Body != `{"n": 1}` {
		t.Fatalf("dead letters %+v", got)
	}
	for name, want := range map[string]string{
		"ERROR_CODE": "NO_RESOURCE", "SCHEDULE_ARN": "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s", "TARGET_ARN": lambdaARN + "nobody",
		"SCHEDULED_TIME": "2026-11-24T09:10:00Z", "RETRY_ATTEMPTS": "0", "IS_PAYLOAD_TRUNCATED": "false",
	} {
		if v := aws.ToString(got[0].MessageAttributes[name].StringValue); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if _, ok := got[0].MessageAttributes["RULE_ARN"]; ok {
		t.Error("it names a rule")
	}
}

// invokeRole is a role of the template for schedules, with one permission.
func invokeRole(action, on string) string {
	return `
  InvokeRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: scheduler.amazonaws.com}, Action: 'sts:AssumeRole'}]}
      Policies: [{PolicyName: p, PolicyDocument: {Statement: [{Effect: Allow, Action: '` + action + `', Resource: '` + on + `'}]}}]
`
}

func TestTemplateMakesSchedules(t *testing.T) {
	t.Parallel()
	m := extended(t, invokeRole("sqs:SendMessage", sqsARN+"work")+`
  Nightly:
    Type: AWS::Scheduler::ScheduleGroup
    Properties: {Name: nightly}
  Report:
    Type: AWS::Scheduler::Schedule
    Properties:
      GroupName: !Ref Nightly
      ScheduleExpression: cron(0 2 * * ? *)
      ScheduleExpressionTimezone: Asia/Dubai
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: 'arn:aws:sqs:us-east-1:000000000000:work', RoleArn: !GetAtt InvokeRole.Arn, Input: '{"report": 1}'}
`)
	got, err := m.GetSchedule(t.Context(), &awsscheduler.GetScheduleInput{Name: aws.String("opsflow-Report"), GroupName: aws.String("nightly")})
	if err != nil || *got.ScheduleExpressionTimezone != "Asia/Dubai" {
		t.Fatalf("got %+v, %v", got, err)
	}
	m.advance(13 * time.Hour)
	if got := m.messages("work"); len(got) != 1 || *got[0].Body != `{"report": 1}` {
		t.Errorf("in the queue: %+v", got)
	}
}

func TestScheduleDoesWhatItsRoleMay(t *testing.T) {
	t.Parallel()
	m := extended(t, invokeRole("sqs:SendMessage", sqsARN+"lost"), refused)
	lost := m.newQueue("lost", nil)
	m.later("s", types.Target{
		Arn: aws.String(sqsARN + "work"), RoleArn: aws.String("arn:aws:iam::000000000000:role/opsflow-InvokeRole"), DeadLetterConfig: &types.DeadLetterConfig{Arn: &lost},
		Input: aws.String("hi"),
	})
	m.advance(10 * time.Minute)
	if got := m.messages("lost"); len(got) != 1 || *got[0].MessageAttributes["ERROR_CODE"].StringValue != "NO_PERMISSIONS" {
		t.Errorf("dead letters %+v", got)
	}
	if got := m.messages("work"); len(got) != 0 {
		t.Errorf("it was sent: %+v", got)
	}
}
