package sqs_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"opsflow/shared/local/sqs"
)

// create makes a queue with attributes.
func (r *rig) create(name string, attributes map[string]string) (url, arn string) {
	r.Helper()
	made, err := r.CreateQueue(r.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		r.Fatal(err)
	}
	return *made.QueueUrl, "arn:aws:sqs:us-east-1:000000000000:" + name
}

// from receives all that a queue has to give at the moment.
func (r *rig) from(url string) []types.Message {
	r.Helper()
	out, err := r.ReceiveMessage(r.Context(), &awssqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		r.Fatal(err)
	}
	return out.Messages
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		t.Fatalf("got %v, want an error of the service", err)
	}
	return e.ErrorCode() + ": " + e.ErrorMessage()
}

func TestQueueAttributesAreSetAndHold(t *testing.T) {
	t.Parallel()
	r := setup(t)
	set := func(attributes map[string]string) error {
		_, err := r.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: r.url, Attributes: attributes})
		return err
	}
	if err := set(map[string]string{"VisibilityTimeout": "5", "DelaySeconds": "2", "MessageRetentionPeriod": "60"}); err != nil {
		t.Fatal(err)
	}
	out, err := r.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: r.url, AttributeNames: []types.QueueAttributeName{"VisibilityTimeout"}})
	if err != nil || len(out.Attributes) != 1 || out.Attributes["VisibilityTimeout"] != "5" {
		t.Fatalf("got %+v, %v", out, err)
	}
	if _, err := r.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: r.url, MessageBody: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	if got := r.receive(); len(got) != 0 {
		t.Fatalf("received before the queue's delay was over: %+v", got)
	}
	r.advance(2 * time.Second)
	if got := r.receive(); len(got) != 1 {
		t.Fatalf("after the delay: %+v", got)
	}
	r.advance(5 * time.Second)
	if got := r.receive(); len(got) != 1 {
		t.Fatalf("after the visibility timeout: %+v", got)
	}
	r.advance(time.Minute)
	if got := r.receive(); len(got) != 0 {
		t.Fatalf("after the retention: %+v", got)
	}
	for want, attributes := range map[string]map[string]string{
		"InvalidAttributeName: Unknown Attribute Colour.":                          {"Colour": "red"},
		"InvalidAttributeValue: Invalid value for the parameter DelaySeconds.":     {"DelaySeconds": "901"},
		"InvalidAttributeName: Unknown Attribute ContentBasedDeduplication.":       {"ContentBasedDeduplication": "true"},
		"Reason: Dead letter target does not exist.":                               {"RedrivePolicy": `{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:no", "maxReceiveCount": 2}`},
		"Reason: Redrive policy does not contain mandatory attribute: maxReceiveC": {"RedrivePolicy": `{"deadLetterTargetArn": "x"}`},
		"valid values are from 1 to 1000 both inclusive.":                          {"RedrivePolicy": `{"deadLetterTargetArn": "x", "maxReceiveCount": "0"}`},
	} {
		if got := refusal(t, set(attributes)); !strings.Contains(got, want) {
			t.Errorf("%v: got %s, want %s", attributes, got, want)
		}
	}
	if _, err := r.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("work"), Attributes: map[string]string{"DelaySeconds": "9"}}); !strings.HasPrefix(refusal(t, err), "QueueAlreadyExists: ") {
		t.Errorf("got %v", err)
	}
}

func TestMessageReceivedTooOftenGoesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	r := setup(t)
	dead, arn := r.create("dead", nil)
	if _, err := r.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: r.url, Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn": "` + arn + `", "maxReceiveCount": "2"}`,
	}}); err != nil {
		t.Fatal(err)
	}
	r.send("poison", 0)
	for range 2 {
		if got := r.receive(); len(got) != 1 {
			t.Fatalf("got %+v", got)
		}
		r.advance(30 * time.Second)
	}
	if got := r.receive(); len(got) != 0 {
		t.Fatalf("received a third time: %+v", got)
	}
	got := r.from(dead)
	if len(got) != 1 || *got[0].Body != "poison" || got[0].Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:us-east-1:000000000000:work" {
		t.Fatalf("in the dead-letter queue: %+v", got)
	}
	sources, err := r.ListDeadLetterSourceQueues(t.Context(), &awssqs.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})
	if err != nil || len(sources.QueueUrls) != 1 || sources.QueueUrls[0] != *r.url {
		t.Errorf("sources: %+v, %v", sources, err)
	}
}

func TestDeadLettersAreMovedBack(t *testing.T) {
	t.Parallel()
	r := setup(t)
	dead, arn := r.create("dead", nil)
	_, err := r.StartMessageMoveTask(t.Context(), &awssqs.StartMessageMoveTaskInput{SourceArn: &arn})
	if got := refusal(t, err); !strings.Contains(got, "Source queue must be configured as a Dead Letter Queue.") {
		t.Errorf("got %s", got)
	}
	if _, err := r.SetQueueAttributes(t.Context(), &awssqs.SetQueueAttributesInput{QueueUrl: r.url, Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn": "` + arn + `", "maxReceiveCount": 1}`,
	}}); err != nil {
		t.Fatal(err)
	}
	r.send("poison", 0)
	r.receive()
	r.advance(30 * time.Second)
	r.receive() // gives it up
	if _, err := r.StartMessageMoveTask(t.Context(), &awssqs.StartMessageMoveTaskInput{SourceArn: &arn}); err != nil {
		t.Fatal(err)
	}
	if got := r.from(dead); len(got) != 0 {
		t.Errorf("still there: %+v", got)
	}
	if got := r.from(*r.url); len(got) != 1 || *got[0].Body != "poison" || got[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("back: %+v", got)
	}
	moves, err := r.ListMessageMoveTasks(t.Context(), &awssqs.ListMessageMoveTasksInput{SourceArn: &arn})
	if err != nil || len(moves.Results) != 1 || *moves.Results[0].Status != "COMPLETED" || moves.Results[0].ApproximateNumberOfMessagesMoved != 1 {
		t.Errorf("moves: %+v, %v", moves, err)
	}
}

func TestMessageAttributesComeBackWhenAskedFor(t *testing.T) {
	t.Parallel()
	r := setup(t)
	out, err := r.SendMessage(t.Context(), &awssqs.SendMessageInput{
		QueueUrl: r.url, MessageBody: aws.String("a"), MessageAttributes: map[string]types.MessageAttributeValue{
			"City": {DataType: aws.String("String"), StringValue: aws.String("Any City")},
			"Blob": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
		},
	})
	if err != nil || aws.ToString(out.MD5OfMessageAttributes) != "c4d32d7063445a2c39df21e7f88765d1" {
		t.Fatalf("got %+v, %v", out, err)
	}
	got := r.receive()
	if len(got) != 1 || *got[0].MessageAttributes["City"].StringValue != "Any City" || len(got[0].MessageAttributes["Blob"].BinaryValue) != 2 {
		t.Fatalf("got %+v", got)
	}
	if *got[0].MD5OfMessageAttributes != *out.MD5OfMessageAttributes {
		t.Errorf("the checksums differ: %s %s", *got[0].MD5OfMessageAttributes, *out.MD5OfMessageAttributes)
	}
	r.advance(30 * time.Second)
	plain := r.from(*r.url)
	if len(plain) != 1 || len(plain[0].MessageAttributes) != 0 {
		t.Errorf("attributes that nobody asked for: %+v", plain)
	}
	_, err = r.SendMessage(t.Context(), &awssqs.SendMessageInput{
		QueueUrl: r.url, MessageBody: aws.String("a"),
		MessageAttributes: map[string]types.MessageAttributeValue{"City": {DataType: aws.String("Text"), StringValue: aws.String("x")}},
	})
	if got := refusal(t, err); !strings.Contains(got, "'City' has an invalid message attribute type") {
		t.Errorf("got %s", got)
	}
}

func TestFIFOQueueKeepsOrderInAGroupAndDropsRepeats(t *testing.T) {
	t.Parallel()
	r := setup(t)
	url, _ := r.create("line.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	send := func(body, group string) *awssqs.SendMessageOutput {
		out, err := r.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: &group})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := send("a1", "a")
	if again := send("a1", "a"); *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
		t.Fatalf("a repeat got its own place: %+v %+v", first, again)
	}
	one, err := r.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &url})
	if err != nil || len(one.Messages) != 1 || *one.Messages[0].Body != "a1" {
		t.Fatalf("got %+v, %v", one, err)
	}
	send("a2", "a")
	send("b1", "b")
	if got := r.from(url); len(got) != 1 || *got[0].Body != "b1" || got[0].Attributes["MessageGroupId"] != "b" {
		t.Fatalf("while the first of group a is with somebody: %+v", got)
	}
	if _, err := r.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: one.Messages[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	if got := r.from(url); len(got) != 1 || *got[0].Body != "a2" {
		t.Fatalf("after it: %+v", got)
	}
	r.advance(5 * time.Minute)
	if again := send("a1", "a"); *again.MessageId == *first.MessageId {
		t.Error("a message was dropped that came five minutes later")
	}
	_, err = r.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
	if got := refusal(t, err); got != "MissingParameter: The request must contain the parameter MessageGroupId." {
		t.Errorf("got %s", got)
	}
	_, err = r.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("x.fifo")})
	if got := refusal(t, err); !strings.HasPrefix(got, "InvalidParameterValue: Can only include") {
		t.Errorf("got %s", got)
	}
}

func TestBatchTellsWhatBecameOfEachEntry(t *testing.T) {
	t.Parallel()
	r := setup(t)
	out, err := r.SendMessageBatch(t.Context(), &awssqs.SendMessageBatchInput{QueueUrl: r.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("good"), MessageBody: aws.String("a")},
		{Id: aws.String("bad"), MessageBody: aws.String("b"), DelaySeconds: 901},
	}})
	if err != nil || len(out.Successful) != 1 || *out.Successful[0].Id != "good" || len(out.Failed) != 1 || *out.Failed[0].Code != "InvalidParameterValue" {
		t.Fatalf("got %+v, %v", out, err)
	}
	got := r.receive()
	del, err := r.DeleteMessageBatch(t.Context(), &awssqs.DeleteMessageBatchInput{QueueUrl: r.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got[0].ReceiptHandle}, {Id: aws.String("2"), ReceiptHandle: aws.String("nonsense")},
	}})
	if err != nil || len(del.Successful) != 1 || len(del.Failed) != 1 || *del.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Fatalf("got %+v, %v", del, err)
	}
	_, err = r.SendMessageBatch(t.Context(), &awssqs.SendMessageBatchInput{QueueUrl: r.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("a")}, {Id: aws.String("a"), MessageBody: aws.String("b")},
	}})
	if got := refusal(t, err); got != "AWS.SimpleQueueService.BatchEntryIdsNotDistinct: Id a repeated." {
		t.Errorf("got %s", got)
	}
}

func TestMappedFunctionHasMessagesUntilItTakesThem(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.send("one", 0)
	r.send("two", 0)
	first := true
	r.answer = func() ([]byte, error) {
		if !first {
			return nil, nil
		}
		first = false
		var in struct {
			Records []struct {
				MessageID string `json:"messageId"`
				Body      string `json:"body"`
			} `json:"Records"`
		}
		if err := json.Unmarshal(r.payloads[0], &in); err != nil {
			return nil, err
		}
		return []byte(`{"batchItemFailures": [{"itemIdentifier": "` + in.Records[1].MessageID + `"}]}`), nil
	}
	r.queues.Map(sqs.Mapping{Queue: "arn:aws:sqs:us-east-1:000000000000:work", Function: "taker", Batch: 10, Partial: true})
	r.advance(29 * time.Second)
	if n := len(r.payloads); n != 1 {
		t.Fatalf("%d invocations before the visibility timeout, want 1", n)
	}
	r.advance(time.Second)
	if n := len(r.payloads); n != 2 || !strings.Contains(string(r.payloads[1]), `"ApproximateReceiveCount":"2"`) || strings.Contains(string(r.payloads[1]), `"body":"one"`) {
		t.Fatalf("%d invocations, the last of %s", n, r.payloads[n-1])
	}
	r.advance(time.Hour)
	if got := r.receive(); len(got) != 0 || len(r.payloads) != 2 {
		t.Errorf("left over: %+v after %d invocations", got, len(r.payloads))
	}
}
