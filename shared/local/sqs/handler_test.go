package sqs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/sqs"
	"opsflow/shared/table/embedded"
)

type rig struct {
	*testing.T
	clock *clock.Clock
	*awssqs.Client
	queues *sqs.Queues
	url    *string

	mu       sync.Mutex
	payloads [][]byte
	answer   func() ([]byte, error) // of the function that has a queue's messages; nil: it takes them
}

func (r *rig) invoked(payload []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.payloads = append(r.payloads, payload)
	if r.answer != nil {
		return r.answer()
	}
	return nil, nil
}

// setup makes a queue named work, behind the SDK.
func setup(t *testing.T) *rig {
	t.Helper()
	db, err := embedded.Open("", embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, clock: clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))}
	queues, err := sqs.New(t.Context(), sqs.Options{
		DB: db, Clock: r.clock, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler),
		URL: "http://127.0.0.1:4566", Account: "000000000000", Region: "us-east-1",
		Invoke: func(_ context.Context, _ string, payload []byte) ([]byte, error) { return r.invoked(payload) },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.queues = queues
	server := httptest.NewServer(sqs.Handler(queues))
	t.Cleanup(func() {
		server.Close()
		queues.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	r.Client = awssqs.New(awssqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	made, err := r.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: aws.String("work")})
	if err != nil {
		t.Fatal(err)
	}
	r.url = made.QueueUrl
	return r
}

func (r *rig) send(body string, delay int32) {
	r.Helper()
	if _, err := r.SendMessage(r.Context(), &awssqs.SendMessageInput{QueueUrl: r.url, MessageBody: &body, DelaySeconds: delay}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) receive() []types.Message {
	r.Helper()
	out, err := r.ReceiveMessage(r.Context(), &awssqs.ReceiveMessageInput{
		QueueUrl: r.url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		r.Fatal(err)
	}
	return out.Messages
}

func (r *rig) advance(d time.Duration) {
	r.Helper()
	if err := r.clock.Advance(r.Context(), d); err != nil {
		r.Fatal(err)
	}
}

func TestReceivedMessageComesAgainUnlessDeleted(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.send("one", 0)
	r.send("two", 0)
	first := r.receive()
	if len(first) != 2 || *first[0].Body != "one" || *first[1].Body != "two" {
		t.Fatalf("got %+v", first)
	}
	if again := r.receive(); len(again) != 0 {
		t.Fatalf("received at once again: %+v", again)
	}
	del := &awssqs.DeleteMessageInput{QueueUrl: r.url, ReceiptHandle: first[0].ReceiptHandle}
	for range 2 { // the second finds nothing, which is no error
		if _, err := r.DeleteMessage(t.Context(), del); err != nil {
			t.Fatal(err)
		}
	}
	r.advance(31 * time.Second)
	second := r.receive()
	if len(second) != 1 || *second[0].Body != "two" || second[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("got %+v", second)
	}
	// The receipt of the first time does not delete what somebody else has now.
	if _, err := r.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: r.url, ReceiptHandle: first[1].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ChangeMessageVisibility(t.Context(), &awssqs.ChangeMessageVisibilityInput{
		QueueUrl: r.url, ReceiptHandle: second[0].ReceiptHandle, VisibilityTimeout: 0,
	}); err != nil {
		t.Fatal(err)
	}
	if third := r.receive(); len(third) != 1 {
		t.Fatalf("got %+v", third)
	}
}

func TestDelayedMessageIsCountedAndComesLater(t *testing.T) {
	t.Parallel()
	r := setup(t)
	r.send("later", 60)
	if got := r.receive(); len(got) != 0 {
		t.Fatalf("got %+v", got)
	}
	out, err := r.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: r.url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || out.Attributes["ApproximateNumberOfMessagesDelayed"] != "1" || out.Attributes["QueueArn"] != "arn:aws:sqs:us-east-1:000000000000:work" {
		t.Fatalf("got %+v, %v", out, err)
	}
	r.advance(time.Minute)
	if got := r.receive(); len(got) != 1 {
		t.Fatalf("got %+v", got)
	}
	if _, err := r.PurgeQueue(t.Context(), &awssqs.PurgeQueueInput{QueueUrl: r.url}); err != nil {
		t.Fatal(err)
	}
	r.advance(time.Minute)
	if got := r.receive(); len(got) != 0 {
		t.Fatalf("purged, got %+v", got)
	}
}

func TestLongPollGetsWhatIsSentMeanwhile(t *testing.T) {
	t.Parallel()
	r := setup(t)
	got := make(chan *awssqs.ReceiveMessageOutput, 1)
	go func() {
		out, _ := r.ReceiveMessage(context.WithoutCancel(t.Context()), &awssqs.ReceiveMessageInput{QueueUrl: r.url, WaitTimeSeconds: 20})
		got <- out
	}()
	r.send("now", 0)
	if out := <-got; out == nil || len(out.Messages) != 1 {
		t.Fatalf("got %+v", out)
	}
}

func TestQueueErrorsAreTyped(t *testing.T) {
	t.Parallel()
	r := setup(t)
	var none *types.QueueDoesNotExist
	if _, err := r.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: aws.String(*r.url + "x"), MessageBody: aws.String("a")}); !errors.As(err, &none) {
		t.Errorf("got %v", err)
	}
	if _, err := r.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: aws.String("none")}); !errors.As(err, &none) {
		t.Errorf("got %v", err)
	}
	var bad *types.ReceiptHandleIsInvalid
	if _, err := r.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: r.url, ReceiptHandle: aws.String("x")}); !errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
	if _, err := r.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: r.url, MessageBody: aws.String(string(bytes.Repeat([]byte("a"), 1<<20+1)))}); err == nil {
		t.Error("a message of more than 1 MiB was taken")
	}
	for _, name := range []string{"work", "wor"} {
		list, err := r.ListQueues(t.Context(), &awssqs.ListQueuesInput{QueueNamePrefix: &name})
		if err != nil || len(list.QueueUrls) != 1 || list.QueueUrls[0] != *r.url {
			t.Errorf("got %+v, %v", list, err)
		}
	}
}
