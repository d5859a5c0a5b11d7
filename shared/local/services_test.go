package local_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	evtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awsscheduler "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"opsflow/shared/local"
	"opsflow/shared/local/clock"
)

// machines runs definitions through the SDK.
type machines struct {
	*testing.T
	rt     *local.Runtime
	states *sfn.Client
	queues *awssqs.Client
	events *eventbridge.Client
	*awsscheduler.Client
	queue string
	n     int

	role        string // of the state machines
	credentials string // "Credentials": {...}, of their Task
	last        string // the last execution's ARN
}

func newMachines(t *testing.T) *machines {
	t.Helper()
	return machinesOf(t, options())
}

func machinesOf(t *testing.T, o local.Options) *machines {
	t.Helper()
	o.Clock = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
	return newMachinesOn(t, o)
}

func newMachinesOn(t *testing.T, o local.Options) *machines {
	t.Helper()
	rt := start(t, o)
	who := credentials.NewStaticCredentialsProvider("a", "b", "")
	m := &machines{
		T: t, rt: rt, role: "arn:aws:iam::000000000000:role/r",
		states: sfn.New(sfn.Options{Region: "us-east-1", BaseEndpoint: aws.String(rt.AWSURL()), Credentials: who}),
		queues: awssqs.New(awssqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(rt.AWSURL()), Credentials: who}),
		Client: awsscheduler.New(awsscheduler.Options{Region: "us-east-1", BaseEndpoint: aws.String(rt.AWSURL()), Credentials: who}),
		events: eventbridge.New(eventbridge.Options{Region: "us-east-1", BaseEndpoint: aws.String(rt.AWSURL()), Credentials: who}),
	}
	made, err := m.queues.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("work")})
	if err != nil {
		t.Fatal(err)
	}
	m.queue = *made.QueueUrl
	return m
}

// begin starts a state machine of one Task state.
func (m *machines) begin(resource, parameters, input string) (execution string) {
	m.Helper()
	m.n++
	definition := fmt.Sprintf(`{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::%s", %s"Parameters": %s, "End": true}}}`,
		resource, m.credentials, strings.ReplaceAll(parameters, "QUEUE", m.queue))
	made, err := m.states.CreateStateMachine(m.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(fmt.Sprint("m", m.n)), Definition: &definition, RoleArn: &m.role,
	})
	if err != nil {
		m.Fatal(err)
	}
	out, err := m.states.StartExecution(m.Context(), &sfn.StartExecutionInput{StateMachineArn: made.StateMachineArn, Input: &input})
	if err != nil {
		m.Fatal(err)
	}
	if err := m.rt.Clock().WaitIdle(m.Context()); err != nil {
		m.Fatal(err)
	}
	m.last = *out.ExecutionArn
	return m.last
}

// history is the last execution's, as text.
func (m *machines) history() string {
	m.Helper()
	h, err := m.states.GetExecutionHistory(m.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &m.last})
	if err != nil {
		m.Fatal(err)
	}
	text, err := json.Marshal(h.Events)
	if err != nil {
		m.Fatal(err)
	}
	return string(text)
}

func (m *machines) describe(execution string) *sfn.DescribeExecutionOutput {
	m.Helper()
	x, err := m.states.DescribeExecution(m.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &execution})
	if err != nil {
		m.Fatal(err)
	}
	return x
}

// run gives the output of a Task state, or its error and cause.
func (m *machines) run(resource, parameters, input string) (output map[string]any, errorName, cause string) {
	m.Helper()
	x := m.describe(m.begin(resource, parameters, input))
	if x.Status == types.ExecutionStatusFailed {
		return nil, *x.Error, *x.Cause
	}
	if err := json.Unmarshal([]byte(*x.Output), &output); err != nil {
		m.Fatal(err)
	}
	return output, "", ""
}

const putItem = `{"TableName": "opsflow", "ConditionExpression": "attribute_not_exists(pk)",
	"Item": {"pk": {"S.$": "$.id"}, "sk": {"S": "note"}, "v": {"N": "1"}, "write_id": {"S.$": "$.write"}, "text": {"S": "hello"}}}`

func TestStateMachineReadsAndWritesTheTable(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	const get = `{"TableName": "opsflow", "ConsistentRead": true, "Key": {"pk": {"S.$": "$.id"}, "sk": {"S": "note"}}}`
	if out, name, cause := m.run("dynamodb:getItem", get, `{"id": "n-1"}`); out == nil || out["Item"] != nil || out["SdkHttpMetadata"] == nil {
		t.Fatalf("an absent item: got %v %s %s", out, name, cause)
	}
	if out, name, cause := m.run("dynamodb:putItem", putItem, `{"id": "n-1", "write": "a"}`); out == nil {
		t.Fatalf("got %s %s", name, cause)
	}
	if _, name, cause := m.run("dynamodb:putItem", putItem, `{"id": "n-1", "write": "b"}`); name != "DynamoDB.ConditionalCheckFailedException" ||
		!strings.Contains(cause, "The conditional request failed (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ConditionalCheckFailedException;") {
		t.Fatalf("got %s %s", name, cause)
	}
	if _, name, _ := m.run("aws-sdk:dynamodb:putItem", putItem, `{"id": "n-1", "write": "b"}`); name != "DynamoDb.ConditionalCheckFailedException" {
		t.Fatalf("got %s", name)
	}
	for _, resource := range []string{"dynamodb:getItem", "aws-sdk:dynamodb:getItem"} {
		out, name, cause := m.run(resource, get, `{"id": "n-1"}`)
		item, _ := out["Item"].(map[string]any)
		if text, _ := item["text"].(map[string]any); text["S"] != "hello" {
			t.Fatalf("%s: got %v %s %s", resource, out, name, cause)
		}
	}
	const elsewhere = `{"TableName": "none", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}`
	if _, name, cause := m.run("dynamodb:getItem", elsewhere, `{}`); name != "DynamoDB.ResourceNotFoundException" {
		t.Fatalf("got %s %s", name, cause)
	}
}

func TestStateMachineSendsToAQueueAndATopic(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	out, name, cause := m.run("sqs:sendMessage", `{"QueueUrl": "QUEUE", "MessageBody": {"n.$": "$.n"}}`, `{"n": 7}`)
	if out["MessageId"] == nil || out["MD5OfMessageBody"] == nil {
		t.Fatalf("got %v %s %s", out, name, cause)
	}
	got, err := m.queues.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &m.queue})
	if err != nil || len(got.Messages) != 1 || *got.Messages[0].Body != `{"n":7}` {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, name, _ := m.run("sqs:sendMessage", `{"QueueUrl": "QUEUEx", "MessageBody": "a"}`, `{}`); name != "SQS.AmazonSQSException" {
		t.Errorf("got %s", name)
	}
	if _, name, _ := m.run("aws-sdk:sqs:sendMessage", `{"QueueUrl": "QUEUEx", "MessageBody": "a"}`, `{}`); name != "Sqs.QueueDoesNotExistException" {
		t.Errorf("got %s", name)
	}
	const topic = "arn:aws:sns:us-east-1:000000000000:news"
	if out, name, cause := m.run("sns:publish", `{"TopicArn": "`+topic+`", "Subject": "Hi", "Message.$": "$"}`, `{"a": 1}`); out["MessageId"] == nil {
		t.Fatalf("got %v %s %s", out, name, cause)
	}
	var box struct{ Items []local.Message }
	newSystem(t, m.rt).get("/dev/outbox", &box)
	sent := box.Items
	if len(sent) != 1 || sent[0].Channel != "topic" || sent[0].To != topic || sent[0].Title != "Hi" || sent[0].Text != `{"a":1}` {
		t.Errorf("got %+v", sent)
	}
}

func TestTokenInAQueueCompletesTheTask(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	execution := m.begin("sqs:sendMessage.waitForTaskToken", `{"QueueUrl": "QUEUE", "MessageBody": {"token.$": "$$.Task.Token"}}`, `{}`)
	got, err := m.queues.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &m.queue})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	var said struct{ Token string }
	if err := json.Unmarshal([]byte(*got.Messages[0].Body), &said); err != nil {
		t.Fatal(err)
	}
	if _, err := m.states.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &said.Token, Output: aws.String(`{"ok":true}`)}); err != nil {
		t.Fatal(err)
	}
	if x := m.describe(execution); aws.ToString(x.Output) != `{"ok":true}` {
		t.Fatalf("got %+v", x)
	}
	h, err := m.states.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &execution})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, ev := range h.Events {
		kinds = append(kinds, string(ev.Type))
	}
	if want := "ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSubmitted TaskSucceeded TaskStateExited ExecutionSucceeded"; strings.Join(kinds, " ") != want {
		t.Errorf("got %v", kinds)
	}
	d := h.Events[2].TaskScheduledEventDetails
	if *d.ResourceType != "sqs" || *d.Resource != "sendMessage.waitForTaskToken" {
		t.Errorf("got %+v", d)
	}
}

func TestSDKIntegrationsOfOtherServices(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	out, name, cause := m.run("aws-sdk:sfn:listStateMachines", `{"MaxResults": 1}`, `{}`)
	list, _ := out["StateMachines"].([]any)
	if len(list) != 1 {
		t.Fatalf("got %v %s %s", out, name, cause)
	}
	if one, _ := list[0].(map[string]any); one["StateMachineArn"] == nil {
		t.Errorf("members are not in PascalCase: %v", list)
	}
	out, name, cause = m.run("aws-sdk:eventbridge:putEvents", `{"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}`, `{}`)
	if out["FailedEntryCount"] != 0.0 {
		t.Errorf("got %v %s %s", out, name, cause)
	}
	if _, name, _ = m.run("aws-sdk:sfn:describeExecution", `{"ExecutionArn": "arn:aws:states:us-east-1:000000000000:execution:m:none"}`, `{}`); name != "Sfn.ExecutionDoesNotExistException" {
		t.Errorf("got %s", name)
	}
	_, err := m.states.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("wrong"), RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), Definition: aws.String(`{"StartAt": "T", "States": {"T": {"Type": "Task",
			"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "a", "Body": "b"}, "End": true}}}`),
	})
	if err == nil || !strings.Contains(err.Error(), `The field "Body" is not supported by Step Functions`) {
		t.Errorf("got %v", err)
	}
	for resource, want := range map[string]string{"aws-sdk:s3:getObject": "S3.S3Exception", "aws-sdk:ecs:listTasks": "States.Runtime"} {
		if _, name, cause = m.run(resource, `{}`, `{}`); name != want {
			t.Errorf("%s: got %s %s, want %s", resource, name, cause, want)
		}
	}
}

func TestTasksReadAndWriteObjects(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	object := func(operation, more string) (out map[string]any, name string) {
		out, name, _ = m.run("aws-sdk:s3:"+operation, `{"Bucket": "data"`+more+`}`, `{"v":{"n":1}}`)
		return out, name
	}
	if _, name := object("getObject", `, "Key": "k"`); name != "S3.NoSuchBucketException" {
		t.Errorf("got %s", name)
	}
	for _, operation := range []string{"createBucket", "headBucket"} {
		if _, name := object(operation, ``); name != "" {
			t.Errorf("%s: got %s", operation, name)
		}
	}
	if out, name := object("putObject", `, "Key": "a/k", "Body.$": "$.v"`); name != "" || out["ETag"] == nil {
		t.Errorf("got %v %s", out, name)
	}
	if out, name := object("getObject", `, "Key": "a/k"`); name != "" || out["Body"] != `{"n":1}` || out["ContentLength"] != 7.0 {
		t.Errorf("got %v %s", out, name)
	}
	if out, name := object("listObjectsV2", `, "Prefix": "a/"`); name != "" || out["KeyCount"] != 1.0 {
		t.Errorf("got %v %s", out, name)
	}
	if _, name := object("restoreObject", `, "Key": "a/k"`); name != "S3.NotImplementedException" {
		t.Errorf("got %s", name)
	}
}

func TestEventsOfATaskAreHeldToWhatPutEventsTakes(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	m.newQueue("sold", nil)
	m.rule(evtypes.Target{Arn: aws.String(sqsARN + "sold")})
	const good = `{"Source": "shop", "DetailType": "sold", "Detail": {"n": 1}, "Resources": ["mine"]}`
	out, name, cause := m.run("events:putEvents", `{"Entries": [`+good+`]}`, `{}`)
	if out["FailedEntryCount"] != 0.0 {
		t.Fatalf("got %v %s %s", out, name, cause)
	}
	got := m.messages("sold")
	if len(got) != 1 || !strings.Contains(*got[0].Body, `"resources":["mine","arn:aws:states:us-east-1:000000000000:stateMachine:m1","arn:aws:states:us-east-1:000000000000:execution:m1:`) {
		t.Errorf("on the bus: %+v", got)
	}
	for entries, want := range map[string][2]string{
		good + `, {"DetailType": "sold", "Detail": {}}`: {
			"EventBridge.FailedEntry", `{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Source is not valid. Reason: Source is a required argument."}],"FailedEntryCount":1}`,
		},
		`{"Source": "shop", "DetailType": "sold", "Detail": "\"text\""}`: {
			"EventBridge.FailedEntry", `{"Entries":[{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}],"FailedEntryCount":1}`,
		},
		`{"Source": "aws.shop", "DetailType": "sold", "Detail": {}}`: {"EventBridge.FailedEntry", "NotAuthorizedForSourceException"},
		strings.Repeat(good+",", 10) + good: {
			"EventBridge.AmazonEventBridgeException", "at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10",
		},
	} {
		if _, name, cause := m.run("events:putEvents", `{"Entries": [`+entries+`]}`, `{}`); name != want[0] || !strings.Contains(cause, want[1]) {
			t.Errorf("%.80s: got %s %s, want %v", entries, name, cause, want)
		}
	}
}
