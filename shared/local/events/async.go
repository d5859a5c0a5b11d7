package events

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// Queues takes dead letters.
type Queues interface {
	// Put puts a message into a queue, given by ARN, as part of a transaction. ok is false when there is no such queue.
	Put(tx *bbolt.Tx, queue, body string, attributes map[string]string) (ok bool, err error)
	// Wake says that messages of a queue are committed.
	Wake(queue string)
}

// Async is how Lambda deals with an asynchronous invocation of a function: the EventInvokeConfig.
type Async struct {
	Retries   int           // after the first failure
	MaxAge    time.Duration // 0: 6 hours
	Off       bool          // the function has no concurrency: nothing is tried
	OnFailure string        // ARN of the queue, topic, function or bus that learns of an event which was given up; "": nobody does
}

const maxAsyncAge = 6 * time.Hour

// FunctionFailed is to be the error of Invoke when the function ran and failed. EventBridge has delivered the event then:
// the rest is between Lambda and the function.
type FunctionFailed struct {
	Type, Message string
	Payload       []byte // Lambda's answer: errorMessage, errorType
}

func (f *FunctionFailed) Error() string { return f.Type + ": " + f.Message }

// ErrThrottled is to be in the error of Invoke when the function has as many invocations as it may have. Lambda keeps the event
// then and tries again, without counting, until it is too old.
var ErrThrottled = errors.New("the function is throttled")

// InvokeLater invokes a function asynchronously for somebody who asks Lambda for it. It is on disk when this returns.
func (e *Engine) InvokeLater(ctx context.Context, functionARN string, payload []byte) error {
	defer e.o.Clock.Busy()()
	id, err := e.newID()
	if err != nil {
		return err
	}
	now := e.o.Clock.Now()
	d := &delivery{EventID: id, TargetARN: functionARN, Payload: string(payload), Accepted: now, Deadline: now.Add(maxAsyncAge)}
	err = e.o.DB.Update(ctx, func(tx *bbolt.Tx) error { return d.insert(tx.Bucket(queueBucket)) })
	if err != nil {
		return err
	}
	e.lanes.add(e, d)
	return nil
}

// asyncOf gives Lambda's limits when it is Lambda's to try again: the function has failed, or is throttled.
func (e *Engine) asyncOf(d *delivery, err error) (Async, bool) {
	_, failed := errors.AsType[*FunctionFailed](err)
	if !failed && !errors.Is(err, ErrThrottled) || e.o.Async == nil {
		return Async{}, false
	}
	a := e.o.Async(function(d.TargetARN))
	if a.MaxAge == 0 {
		a.MaxAge = maxAsyncAge
	}
	return a, true
}

// giveUp gives the reason for no further try, as Lambda names it; "" when there is to be one.
func (a Async) giveUp(d *delivery) string {
	switch {
	case a.Off:
		return "ZeroReservedConcurrency"
	case d.Tries > a.Retries: // of those that ran
		return "RetriesExhausted"
	case d.Next.After(d.Accepted.Add(a.MaxAge)):
		return "EventAgeExceeded"
	}
	return ""
}

// letter is a dead letter on its way to a queue or, when Lambda sends it, to another destination.
type letter struct {
	queue      string // ARN
	body       string
	attributes map[string]string
}

// lambdaLetter is what Lambda sends to a function's on-failure destination:
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func (e *Engine) lambdaLetter(d *delivery, a Async, err error, condition string) letter {
	id, idErr := e.newID()
	if idErr != nil {
		id = d.EventID
	}
	record := map[string]any{
		"version": "1.0", "timestamp": e.o.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{
			"requestId": id, "functionArn": d.TargetARN + ":$LATEST", "condition": condition, "approximateInvokeCount": d.Tries,
		},
		"requestPayload": json.RawMessage(d.Payload),
	}
	if failed, ok := errors.AsType[*FunctionFailed](err); ok { // else it did not run
		answer := json.RawMessage(failed.Payload)
		if !json.Valid(answer) {
			answer = json.RawMessage("null")
		}
		record["responseContext"] = map[string]any{"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
		record["responsePayload"] = answer
	}
	return letter{queue: a.OnFailure, body: string(mustJSON(record))}
}

// ruleLetter is what EventBridge sends to a target's dead-letter queue: the event, with the reason in attributes
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
func (e *Engine) ruleLetter(d *delivery, cause string, err error) letter {
	attributes := map[string]string{"TARGET_ARN": d.TargetARN, "ERROR_MESSAGE": d.Reason, "ERROR_CODE": cause}
	if d.Errand != nil {
		d.Errand.describe(attributes)
	} else {
		attributes["RULE_ARN"] = d.ruleARN(e)
	}
	condition := map[string]string{causeTries: "MaximumRetryAttempts", causeAge: "MaximumEventAgeInSeconds"}[cause]
	if condition != "" {
		attributes["ERROR_CODE"], attributes["EXHAUSTED_RETRY_CONDITION"] = "ERROR_FROM_TARGET", condition
		if known, ok := errors.AsType[*TargetError](err); ok {
			attributes["ERROR_CODE"] = known.Code
		}
	}
	attributes["RETRY_ATTEMPTS"] = strconv.Itoa(d.Tries - 1)
	return letter{queue: d.Queue, body: d.Payload, attributes: attributes}
}
