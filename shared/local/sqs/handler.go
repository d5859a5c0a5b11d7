package sqs

import (
	"context"
	"crypto/md5" //nolint:gosec // the protocol's checksum, not a secret
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// TargetPrefix is what X-Amz-Target begins with, up to the dot.
const TargetPrefix = "AmazonSQS"

const maxRequest = 12 << 20 // ten messages and their escapes

// request has the members of every operation's input.
type request struct {
	QueueURL            string `json:"QueueUrl"`
	QueueName           string `json:"QueueName"`
	QueueNamePrefix     string `json:"QueueNamePrefix"`
	MessageBody         string `json:"MessageBody"`
	DelaySeconds        int    `json:"DelaySeconds"`
	MaxNumberOfMessages *int   `json:"MaxNumberOfMessages"`
	VisibilityTimeout   *int   `json:"VisibilityTimeout"`
	WaitTimeSeconds     int    `json:"WaitTimeSeconds"`
	ReceiptHandle       string `json:"ReceiptHandle"`
}

type object map[string]any

// Handler speaks the service's protocol (AWS JSON 1.0): POST with the header X-Amz-Target: AmazonSQS.<Operation>. Signatures
// are not checked.
func Handler(q *Queues) http.Handler {
	operations := map[string]func(context.Context, *request) (any, error){
		"CreateQueue":        q.createQueue,
		"GetQueueUrl":        q.getQueueURL,
		"ListQueues":         q.listQueues,
		"GetQueueAttributes": q.getQueueAttributes,
		"SendMessage":        q.sendMessage,
		"ReceiveMessage":     q.receiveMessage,
		"DeleteQueue":        func(ctx context.Context, in *request) (any, error) { return object{}, q.Delete(ctx, in.QueueURL) },
		"PurgeQueue":         func(ctx context.Context, in *request) (any, error) { return object{}, q.Purge(ctx, in.QueueURL) },
		"DeleteMessage": func(ctx context.Context, in *request) (any, error) {
			return object{}, q.Done(ctx, in.QueueURL, in.ReceiptHandle)
		},
		"ChangeMessageVisibility": q.changeVisibility,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), TargetPrefix+".")
		operation, ok := operations[name]
		if !ok {
			answer(w, nil, &Error{"UnsupportedOperation", "the local queues have no " + name})
			return
		}
		var in request
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		if err != nil {
			answer(w, nil, &Error{"SerializationException", "The request is not valid: " + err.Error()})
			return
		}
		out, err := operation(r.Context(), &in)
		answer(w, out, err)
	})
}

func answer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	if err != nil {
		e := &Error{"InternalError", err.Error()}
		if errors.As(err, &e) {
			status = http.StatusBadRequest
		} else {
			status = http.StatusInternalServerError
		}
		out = object{"__type": "com.amazonaws.sqs#" + e.Code, "message": e.Message}
	}
	text, err := json.Marshal(out)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"__type":"InternalError"}`)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller has gone if this fails
}

func checksum(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as the protocol wants it
	return hex.EncodeToString(sum[:])
}

func (q *Queues) createQueue(ctx context.Context, in *request) (any, error) {
	url, err := q.Create(ctx, in.QueueName)
	return object{"QueueUrl": url}, err
}

func (q *Queues) getQueueURL(ctx context.Context, in *request) (any, error) {
	_, _, _, err := q.Count(ctx, in.QueueName)
	return object{"QueueUrl": q.url(in.QueueName)}, err
}

func (q *Queues) listQueues(ctx context.Context, in *request) (any, error) {
	urls, err := q.List(ctx, in.QueueNamePrefix)
	return object{"QueueUrls": urls}, err
}

func (q *Queues) getQueueAttributes(ctx context.Context, in *request) (any, error) {
	visible, hidden, delayed, err := q.Count(ctx, in.QueueURL)
	return object{"Attributes": map[string]string{
		"QueueArn":                              q.arn(nameIn(in.QueueURL)),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(hidden),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
		"VisibilityTimeout":                     strconv.Itoa(defaultVisibility),
		"MessageRetentionPeriod":                strconv.Itoa(int(retention.Seconds())),
		"MaximumMessageSize":                    strconv.Itoa(maxBody),
		"DelaySeconds":                          "0",
		"ReceiveMessageWaitTimeSeconds":         "0",
	}}, err
}

func (q *Queues) sendMessage(ctx context.Context, in *request) (any, error) {
	id, err := q.Send(ctx, in.QueueURL, in.MessageBody, in.DelaySeconds)
	return object{"MessageId": id, "MD5OfMessageBody": checksum(in.MessageBody)}, err
}

func (q *Queues) receiveMessage(ctx context.Context, in *request) (any, error) {
	most, visibility := 1, defaultVisibility
	if in.MaxNumberOfMessages != nil {
		most = *in.MaxNumberOfMessages
	}
	if in.VisibilityTimeout != nil {
		visibility = *in.VisibilityTimeout
	}
	got, err := q.receive(ctx, in.QueueURL, most, visibility, in.WaitTimeSeconds)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(got))
	for i, m := range got {
		out[i] = object{
			"MessageId": m.ID, "ReceiptHandle": m.Receipt, "Body": m.Body, "MD5OfBody": checksum(m.Body),
			"Attributes": map[string]string{
				"SentTimestamp":                    strconv.FormatInt(m.SentAt, 10),
				"ApproximateReceiveCount":          strconv.Itoa(m.Received),
				"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstAt, 10),
			},
		}
	}
	return object{"Messages": out}, nil
}

func (q *Queues) changeVisibility(ctx context.Context, in *request) (any, error) {
	seconds := defaultVisibility
	if in.VisibilityTimeout != nil {
		seconds = *in.VisibilityTimeout
	}
	return object{}, q.Hide(ctx, in.QueueURL, in.ReceiptHandle, seconds)
}
