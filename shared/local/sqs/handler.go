package sqs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/awsjson"
	"opsflow/shared/local/paging"
)

const maxRequest = 12 << 20 // ten messages and their escapes

type object map[string]any

type operation func(ctx context.Context, q *Queues, body []byte) (any, error)

// typed makes an operation of a function with a request type.
func typed[T any](f func(ctx context.Context, q *Queues, in T) (any, error)) operation {
	return func(ctx context.Context, q *Queues, body []byte) (any, error) {
		var in T
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, &Error{"SerializationException", "The request is not valid: " + err.Error()}
		}
		return f(ctx, q, in)
	}
}

// onQueue is the request of operations that only name a queue.
type onQueue struct{ QueueURL string }

func operations() map[string]operation {
	return map[string]operation{
		"CreateQueue":                  typed(createQueue),
		"GetQueueUrl":                  typed(getQueueURL),
		"ListQueues":                   typed(listQueues),
		"ListDeadLetterSourceQueues":   typed(listSources),
		"GetQueueAttributes":           typed(getQueueAttributes),
		"SetQueueAttributes":           typed(setQueueAttributes),
		"TagQueue":                     typed(tagQueue),
		"UntagQueue":                   typed(untagQueue),
		"ListQueueTags":                typed(listQueueTags),
		"SendMessage":                  typed(sendMessage),
		"SendMessageBatch":             typed(sendMessageBatch),
		"ReceiveMessage":               typed(receiveMessage),
		"DeleteMessage":                typed(deleteMessage),
		"DeleteMessageBatch":           typed(deleteMessageBatch),
		"ChangeMessageVisibility":      typed(changeVisibility),
		"ChangeMessageVisibilityBatch": typed(changeVisibilityBatch),
		"StartMessageMoveTask":         typed(startMove),
		"ListMessageMoveTasks":         typed(listMoves),
		"CancelMessageMoveTask":        typed(cancelMove),
		"DeleteQueue":                  typed(func(ctx context.Context, q *Queues, in onQueue) (any, error) { return nil, q.Delete(ctx, in.QueueURL) }),
		"PurgeQueue":                   typed(func(ctx context.Context, q *Queues, in onQueue) (any, error) { return nil, q.purge(ctx, in.QueueURL) }),
	}
}

// Handler speaks the service's protocol (AWS JSON 1.0): POST with the header X-Amz-Target: AmazonSQS.<Operation>. Signatures
// are not checked.
func Handler(q *Queues) http.Handler {
	operations := operations()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, name := awsjson.Target(r)
		operation, ok := operations[name]
		if !ok {
			answer(w, nil, &Error{"UnsupportedOperation", "the local queues have no " + name})
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			answer(w, nil, &Error{"SerializationException", "The request is not valid: " + err.Error()})
			return
		}
		out, err := operation(r.Context(), q, body)
		answer(w, out, err)
	})
}

// queryCodes are the names that errors had in the protocol before this one: SDKs show them still.
var queryCodes = map[string]string{
	"QueueDoesNotExist":            "AWS.SimpleQueueService.NonExistentQueue",
	"QueueNameExists":              "QueueAlreadyExists",
	"EmptyBatchRequest":            "AWS.SimpleQueueService.EmptyBatchRequest",
	"TooManyEntriesInBatchRequest": "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
	"BatchEntryIdsNotDistinct":     "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
	"BatchRequestTooLong":          "AWS.SimpleQueueService.BatchRequestTooLong",
	"InvalidBatchEntryId":          "AWS.SimpleQueueService.InvalidBatchEntryId",
	"UnsupportedOperation":         "AWS.SimpleQueueService.UnsupportedOperation",
}

func answer(w http.ResponseWriter, out any, err error) {
	if err == nil {
		awsjson.Answer(w, awsjson.Version10, http.StatusOK, out)
		return
	}
	status, e := http.StatusBadRequest, &Error{"InternalError", err.Error()}
	if !errors.As(err, &e) {
		status = http.StatusInternalServerError
	}
	w.Header().Set("X-Amzn-Query-Error", cmp.Or(queryCodes[e.Code], e.Code)+";Sender")
	awsjson.Refuse(w, awsjson.Version10, status, "com.amazonaws.sqs#"+e.Code, e.Message)
}

func createQueue(ctx context.Context, q *Queues, in struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
},
) (any, error) {
	url, err := q.Create(ctx, in.QueueName, in.Attributes, in.Tags)
	return object{"QueueUrl": url}, err
}

func getQueueURL(ctx context.Context, q *Queues, in struct{ QueueName string }) (any, error) {
	err := q.view(ctx, in.QueueName, func(*bbolt.Tx, *opened) error { return nil })
	return object{"QueueUrl": q.url(in.QueueName)}, err
}

// page cuts a list of URLs for MaxResults and NextToken.
func page(name string, all []string, limit *int, token string) (any, error) {
	most := 1000
	if limit != nil {
		if most = *limit; most < 1 || most > 1000 {
			return nil, invalid("Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000.")
		}
	}
	part, next, ok := paging.Cut(all, func(url *string) string { return *url }, most, token)
	if !ok {
		return nil, invalid("Value %s for parameter NextToken is invalid.", token)
	}
	out := object{name: part}
	if limit != nil && next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

func listQueues(ctx context.Context, q *Queues, in struct {
	QueueNamePrefix, NextToken string
	MaxResults                 *int
},
) (any, error) {
	names, err := q.list(ctx, in.QueueNamePrefix)
	if err != nil {
		return nil, err
	}
	urls := make([]string, len(names))
	for i, name := range names {
		urls[i] = q.url(name)
	}
	return page("QueueUrls", urls, in.MaxResults, in.NextToken)
}

func listSources(ctx context.Context, q *Queues, in struct {
	QueueURL, NextToken string
	MaxResults          *int
},
) (any, error) {
	urls, err := q.sourcesOf(ctx, in.QueueURL)
	if err != nil {
		return nil, err
	}
	return page("queueUrls", urls, in.MaxResults, in.NextToken)
}

func getQueueAttributes(ctx context.Context, q *Queues, in struct {
	QueueURL       string
	AttributeNames []string
},
) (any, error) {
	all, err := q.attributes(ctx, in.QueueURL, in.AttributeNames)
	return object{"Attributes": all}, err
}

func setQueueAttributes(ctx context.Context, q *Queues, in struct {
	QueueURL   string
	Attributes map[string]string
},
) (any, error) {
	return nil, q.SetAttributes(ctx, in.QueueURL, in.Attributes)
}

func tagQueue(ctx context.Context, q *Queues, in struct {
	QueueURL string
	Tags     map[string]string
},
) (any, error) {
	return nil, q.retag(ctx, in.QueueURL, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

func untagQueue(ctx context.Context, q *Queues, in struct {
	QueueURL string
	TagKeys  []string
},
) (any, error) {
	return nil, q.retag(ctx, in.QueueURL, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func listQueueTags(ctx context.Context, q *Queues, in onQueue) (any, error) {
	out := object{}
	err := q.view(ctx, in.QueueURL, func(_ *bbolt.Tx, o *opened) error {
		if len(o.settings.Tags) > 0 {
			out["Tags"] = o.settings.Tags
		}
		return nil
	})
	return out, err
}

// sending is a message as the API has it.
type sending struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]MessageAttribute
	MessageSystemAttributes map[string]MessageAttribute
	MessageGroupID          string `json:"MessageGroupId"`
	MessageDeduplicationID  string `json:"MessageDeduplicationId"`
}

func (s *sending) send(ctx context.Context, q *Queues, queue string) (object, error) {
	id, sequence, err := q.Send(ctx, queue, Message{
		Body: s.MessageBody, Attributes: s.MessageAttributes, Delay: s.DelaySeconds, Group: s.MessageGroupID,
		DeduplicationID: s.MessageDeduplicationID, Trace: s.MessageSystemAttributes["AWSTraceHeader"].StringValue,
	})
	out := object{"MessageId": id, "MD5OfMessageBody": checksum(s.MessageBody)}
	if sum := attributesChecksum(s.MessageAttributes); sum != "" {
		out["MD5OfMessageAttributes"] = sum
	}
	if sum := attributesChecksum(s.MessageSystemAttributes); sum != "" {
		out["MD5OfMessageSystemAttributes"] = sum
	}
	if sequence != "" {
		out["SequenceNumber"] = sequence
	}
	return out, err
}

func sendMessage(ctx context.Context, q *Queues, in struct {
	QueueURL string
	sending
},
) (any, error) {
	return in.send(ctx, q, in.QueueURL)
}

func receiveMessage(ctx context.Context, q *Queues, in struct {
	QueueURL                                                           string
	AttributeNames, MessageSystemAttributeNames, MessageAttributeNames []string
	MaxNumberOfMessages, VisibilityTimeout, WaitTimeSeconds            *int
},
) (any, error) {
	most := 1
	if in.MaxNumberOfMessages != nil {
		most = *in.MaxNumberOfMessages
	}
	got, err := q.receive(ctx, in.QueueURL, most, in.VisibilityTimeout, in.WaitTimeSeconds)
	if err != nil || len(got) == 0 {
		return nil, err
	}
	asked := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	out := make([]object, len(got))
	for i := range got {
		m := &got[i].message
		out[i] = object{"MessageId": m.ID, "ReceiptHandle": m.Receipt, "Body": m.Body, "MD5OfBody": checksum(m.Body)}
		system := m.system()
		maps.DeleteFunc(system, func(name, _ string) bool { return !slices.Contains(asked, name) && !slices.Contains(asked, "All") })
		if len(system) > 0 {
			out[i]["Attributes"] = system
		}
		if own := chosen(m.Attributes, in.MessageAttributeNames); len(own) > 0 {
			out[i]["MessageAttributes"], out[i]["MD5OfMessageAttributes"] = own, attributesChecksum(own)
		}
	}
	return object{"Messages": out}, nil
}

func deleteMessage(ctx context.Context, q *Queues, in struct{ QueueURL, ReceiptHandle string }) (any, error) {
	return nil, q.done(ctx, in.QueueURL, in.ReceiptHandle)
}

func changeVisibility(ctx context.Context, q *Queues, in struct {
	QueueURL, ReceiptHandle string
	VisibilityTimeout       *int
},
) (any, error) {
	if in.VisibilityTimeout == nil {
		return nil, &Error{"MissingParameter", "The request must contain the parameter VisibilityTimeout."}
	}
	return nil, q.hide(ctx, in.QueueURL, in.ReceiptHandle, *in.VisibilityTimeout)
}
