package sqs

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"go.etcd.io/bbolt"
)

// batch is the request of the operations that do several things at once.
type batch[T any] struct {
	QueueURL string
	Entries  []T
}

func sendMessageBatch(ctx context.Context, q *Queues, in batch[struct {
	ID string `json:"Id"`
	sending
}],
) (any, error) {
	size, ids := 0, make([]string, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
		size += sizeOf(in.Entries[i].MessageBody, in.Entries[i].MessageAttributes)
	}
	if size > maxBody {
		return nil, &Error{
			"BatchRequestTooLong", "Batch requests cannot be longer than " + strconv.Itoa(maxBody) + " bytes. You have sent " + strconv.Itoa(size) + " bytes.",
		}
	}
	return eachOf(ctx, q, in.QueueURL, "SendMessageBatchRequestEntry", ids, func(i int) (object, error) {
		return in.Entries[i].send(ctx, q, in.QueueURL)
	})
}

type receipt struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout int
}

func idsOf(receipts []receipt) []string {
	ids := make([]string, len(receipts))
	for i := range receipts {
		ids[i] = receipts[i].ID
	}
	return ids
}

func deleteMessageBatch(ctx context.Context, q *Queues, in batch[receipt]) (any, error) {
	return eachOf(ctx, q, in.QueueURL, "DeleteMessageBatchRequestEntry", idsOf(in.Entries), func(i int) (object, error) {
		return object{}, q.done(ctx, in.QueueURL, in.Entries[i].ReceiptHandle)
	})
}

func changeVisibilityBatch(ctx context.Context, q *Queues, in batch[receipt]) (any, error) {
	return eachOf(ctx, q, in.QueueURL, "ChangeMessageVisibilityBatchRequestEntry", idsOf(in.Entries), func(i int) (object, error) {
		return object{}, q.hide(ctx, in.QueueURL, in.Entries[i].ReceiptHandle, in.Entries[i].VisibilityTimeout)
	})
}

// eachOf does a batch's entries one by one and tells what became of each.
func eachOf(ctx context.Context, q *Queues, queue, kind string, ids []string, do func(i int) (object, error)) (any, error) {
	if err := q.view(ctx, queue, func(*bbolt.Tx, *opened) error { return nil }); err != nil {
		return nil, err
	}
	switch {
	case len(ids) == 0:
		return nil, &Error{"EmptyBatchRequest", "There should be at least one " + kind + " in the request."}
	case len(ids) > maxMessages:
		return nil, &Error{"TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent " + strconv.Itoa(len(ids)) + "."}
	}
	successful, failed := []object{}, []object{}
	for i, id := range ids {
		if !validName.MatchString(id) {
			return nil, &Error{"InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."}
		}
		if slices.Contains(ids[:i], id) {
			return nil, &Error{"BatchEntryIdsNotDistinct", "Id " + id + " repeated."}
		}
	}
	for i, id := range ids {
		out, err := do(i)
		refused, ok := errors.AsType[*Error](err)
		switch {
		case ok:
			failed = append(failed, object{"Id": id, "SenderFault": true, "Code": refused.Code, "Message": refused.Message})
		case err != nil:
			return nil, err
		default:
			out["Id"] = id
			successful = append(successful, out)
		}
	}
	return object{"Successful": successful, "Failed": failed}, nil
}
