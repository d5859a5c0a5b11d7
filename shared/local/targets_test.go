package local_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

const (
	sqsARN    = "arn:aws:sqs:us-east-1:000000000000:"
	anyRole   = "arn:aws:iam::000000000000:role/any"
	lambdaARN = "arn:aws:lambda:us-east-1:000000000000:function:"
)

// rule sends the events of source "shop" on the default bus to a target.
func (m *machines) rule(target types.Target) {
	m.Helper()
	if _, err := m.events.PutRule(m.Context(), &eventbridge.PutRuleInput{Name: aws.String("shop"), EventPattern: aws.String(`{"source": ["shop"]}`)}); err != nil {
		m.Fatal(err)
	}
	m.target("t", target)
}

// target adds a target to the rule.
func (m *machines) target(id string, target types.Target) {
	m.Helper()
	target.Id = &id
	if _, err := m.events.PutTargets(m.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("shop"), Targets: []types.Target{target}}); err != nil {
		m.Fatal(err)
	}
}

// sell puts an event of source "shop" on the default bus and waits until nothing goes on any more.
func (m *machines) sell(detail string) {
	m.Helper()
	out, err := m.events.PutEvents(m.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String("shop"), DetailType: aws.String("sold"), Detail: &detail,
	}}})
	if err != nil || out.FailedEntryCount != 0 {
		m.Fatalf("got %+v, %v", out, err)
	}
	m.advance(0)
}

func (m *machines) advance(d time.Duration) {
	m.Helper()
	if err := m.rt.Clock().Advance(m.Context(), d); err != nil {
		m.Fatal(err)
	}
}

// newQueue makes a queue and gives its ARN.
func (m *machines) newQueue(name string, attributes map[string]string) string {
	m.Helper()
	if _, err := m.queues.CreateQueue(m.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes}); err != nil {
		m.Fatal(err)
	}
	return sqsARN + name
}

// messages receives what a queue has.
func (m *machines) messages(name string) []sqstypes.Message {
	m.Helper()
	out, err := m.queues.ReceiveMessage(m.Context(), &awssqs.ReceiveMessageInput{
		QueueUrl: &name, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		m.Fatal(err)
	}
	return out.Messages
}

func TestDeadLetterOfARuleIsReceivedFromItsQueue(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	lost := m.newQueue("lost", nil)
	const machine = "arn:aws:states:us-east-1:000000000000:stateMachine:nothing"
	once := &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(1)}
	for _, c := range []struct {
		target string
		want   map[string]string
	}{
		{lambdaARN + "nobody", map[string]string{
			"ERROR_CODE": "NO_RESOURCE", "RULE_ARN": "arn:aws:events:us-east-1:000000000000:rule/shop", "TARGET_ARN": lambdaARN + "nobody",
			"RETRY_ATTEMPTS": "0",
		}},
		{machine, map[string]string{"ERROR_CODE": "NO_RESOURCE", "TARGET_ARN": machine}},
		{sqsARN + "nowhere", map[string]string{"ERROR_CODE": "NO_RESOURCE", "TARGET_ARN": sqsARN + "nowhere"}},
	} {
		m.rule(types.Target{Arn: &c.target, RoleArn: aws.String(anyRole), RetryPolicy: once, DeadLetterConfig: &types.DeadLetterConfig{Arn: &lost}})
		m.sell(`{"n": 1}`)
		got := m.messages("lost")
		if len(got) != 1 || !strings.Contains(*got[0].Body, `"detail-type":"sold"`) {
			t.Fatalf("%s: in the queue: %+v", c.target, got)
		}
		for name, want := range c.want {
			if v := aws.ToString(got[0].MessageAttributes[name].StringValue); v != want {
				t.Errorf("%s: %s is %q, want %q", c.target, name, v, want)
			}
		}
		if aws.ToString(got[0].MessageAttributes["ERROR_MESSAGE"].StringValue) == "" {
			t.Errorf("%s: no ERROR_MESSAGE in %+v", c.target, got[0].MessageAttributes)
		}
	}
}

func TestQueuesOfTheTemplateAreThoseOfTheService(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	out, err := m.queues.ListQueues(t.Context(), &awssqs.ListQueuesInput{QueueNamePrefix: aws.String("opsflow-")})
	if err != nil || len(out.QueueUrls) != 6 || !slices.ContainsFunc(out.QueueUrls, func(url string) bool {
		return strings.HasSuffix(url, "/000000000000/opsflow-payments-dead-letters")
	}) {
		t.Fatalf("got %v, %v", out, err)
	}
	attributes, err := m.queues.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{
		QueueUrl: aws.String("opsflow-payments-dead-letters"), AttributeNames: []sqstypes.QueueAttributeName{"MessageRetentionPeriod"},
	})
	if err != nil || attributes.Attributes["MessageRetentionPeriod"] != "1209600" {
		t.Errorf("got %+v, %v", attributes, err)
	}
}

func TestRuleSendsToQueuesAndTopics(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	m.newQueue("plain", nil)
	m.newQueue("line.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	const topic = "arn:aws:sns:us-east-1:000000000000:news"
	m.rule(types.Target{Arn: aws.String(sqsARN + "plain"), InputPath: aws.String("$.detail")})
	m.target("line", types.Target{Arn: aws.String(sqsARN + "line.fifo"), SqsParameters: &types.SqsParameters{MessageGroupId: aws.String("sales")}})
	m.target("topic", types.Target{Arn: aws.String(topic), Input: aws.String(`"sold something"`)})
	m.sell(`{"n": 1}`)
	if got := m.messages("plain"); len(got) != 1 || *got[0].Body != `{"n": 1}` {
		t.Errorf("in the queue: %+v", got)
	}
	if got := m.messages("line.fifo"); len(got) != 1 || got[0].Attributes["MessageGroupId"] != "sales" {
		t.Errorf("in the FIFO queue: %+v", got)
	}
	var box struct{ Items []local.Message }
	newSystem(t, m.rt).get("/dev/outbox", &box)
	if len(box.Items) != 1 || box.Items[0].To != topic || box.Items[0].Text != `"sold something"` {
		t.Errorf("in the outbox: %+v", box.Items)
	}
}

func TestBusSendsToAnotherBusButNotToAThird(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	busARN := func(name string) *string {
		return aws.String("arn:aws:events:us-east-1:000000000000:event-bus/" + name)
	}
	for _, bus := range []string{"second", "third"} {
		if _, err := m.events.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &bus}); err != nil {
			t.Fatal(err)
		}
		queue := m.newQueue(bus, nil)
		for target, arn := range map[string]*string{"queue": &queue, "back": busARN("default"), "on": busARN("third")} {
			name := bus + "-" + target
			if _, err := m.events.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: &name, EventBusName: &bus, EventPattern: aws.String(`{"source": ["shop"]}`)}); err != nil {
				t.Fatal(err)
			}
			if _, err := m.events.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: &name, EventBusName: &bus, Targets: []types.Target{{Id: &target, Arn: arn}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.rule(types.Target{Arn: busARN("second")})
	m.sell(`{"n": 1}`)
	if got := m.messages("second"); len(got) != 1 || !strings.Contains(*got[0].Body, `"source":"shop"`) {
		t.Errorf("on the second bus: %+v", got)
	}
	if got := m.messages("third"); len(got) != 0 {
		t.Errorf("on the third bus: %+v", got)
	}
}

func TestRuleWritesToALogGroup(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	m := newMachinesOn(t, o)
	m.rule(types.Target{Arn: aws.String("arn:aws:logs:us-east-1:000000000000:log-group:/shop/sales")})
	m.sell(`{"n": 1}`)
	var got struct {
		Events []struct{ Message string }
	}
	newSystem(t, m.rt).logsAPI("FilterLogEvents", map[string]any{"logGroupName": "/shop/sales"}, &got)
	if len(got.Events) != 1 || !strings.Contains(got.Events[0].Message, `"detail":{"n":1}`) {
		t.Errorf("got %+v", got)
	}
}

func TestTargetIsRefusedAsAWSDoes(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	m.rule(types.Target{Arn: aws.String(sqsARN + "work")})
	for want, target := range map[string]types.Target{
		"RoleArn is required for target arn:aws:states:us-east-1:000000000000:stateMachine:m.": {Arn: aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:m")},
		"Parameter nonsense is not valid. Reason: Provided Arn is not in correct format.":      {Arn: aws.String("nonsense")},
		"Parameter(s) MessageGroupId must be specified for target: x.":                         {Arn: aws.String(sqsARN + "a.fifo")},
	} {
		target.Id = aws.String("x")
		_, err := m.events.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: aws.String("shop"), Targets: []types.Target{target}})
		if err == nil || !strings.HasSuffix(err.Error(), "ValidationException: "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestPolicyOfABusKeepsASourceOut(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	const policy = `{"Version": "2012-10-17", "Statement": [{"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "events:PutEvents",
		"Resource": "arn:aws:events:us-east-1:000000000000:event-bus/default", "Condition": {"StringEquals": {"events:source": "shop"}}}]}`
	if _, err := m.events.PutPermission(t.Context(), &eventbridge.PutPermissionInput{Policy: aws.String(policy)}); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{"shop": "NotAuthorizedForSourceException", "market": ""} {
		out, err := m.events.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
			Source: &source, DetailType: aws.String("sold"), Detail: aws.String("{}"),
		}}})
		if err != nil || aws.ToString(out.Entries[0].ErrorCode) != want {
			t.Errorf("%s: got %+v, %v", source, out, err)
		}
	}
}
