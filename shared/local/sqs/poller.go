package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// Mapping is an event source mapping: it invokes a function with the messages of a queue.
type Mapping struct {
	Queue    string // ARN
	Function string // name or ARN
	Batch    int    // messages at once, at most
	// Partial: the function's answer names the messages that come again (ReportBatchItemFailures); else all do, when it fails.
	Partial bool
}

// poller hands out the messages of one queue, a batch at a time. What a function did not take comes again when the queue's
// visibility timeout is over.
type poller struct {
	q       *Queues
	mapping Mapping

	running, again bool        // with the lock of the queues
	stop           func() bool // its own, while it runs: ends the timer of the first hidden message
}

// Map begins to hand out a queue's messages, those of an earlier run first. Another mapping of the queue ends with the batch
// that it has handed out.
func (q *Queues) Map(m Mapping) {
	q.mu.Lock()
	if p := q.pollers[nameIn(m.Queue)]; p == nil || p.mapping != m {
		q.pollers[nameIn(m.Queue)] = &poller{q: q, mapping: m}
	}
	q.mu.Unlock()
	q.Wake(m.Queue)
}

// Unmap has a queue's messages stay in it.
func (q *Queues) Unmap(queue string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.pollers, nameIn(queue))
}

// Wake says that there may be more to receive from a queue.
func (q *Queues) Wake(queue string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.arrival)
	q.arrival = make(chan struct{})
	p := q.pollers[nameIn(queue)]
	if p == nil || q.closed {
		return
	}
	p.again = true
	if p.running {
		return
	}
	p.running = true
	done := q.o.Clock.Busy()
	q.work.Go(func() {
		defer done()
		p.run()
	})
}

// run hands out until nothing can be handed out; then a timer looks at what is hidden.
func (p *poller) run() {
	for {
		p.q.mu.Lock()
		if !p.again || p.q.closed || p.q.pollers[nameIn(p.mapping.Queue)] != p {
			p.running = false
			p.q.mu.Unlock()
			return
		}
		p.again = false
		p.q.mu.Unlock()
		more, err := p.round()
		if err != nil && p.q.ctx.Err() == nil {
			p.q.o.Logger.Error("messages stay in their queue", "queue", p.mapping.Queue, "error", err)
		}
		if more {
			p.q.mu.Lock()
			p.again = true
			p.q.mu.Unlock()
		}
	}
}

// round hands out one batch; more says that there may be another.
func (p *poller) round() (more bool, err error) {
	batch, next, err := p.q.take(p.q.ctx, p.mapping.Queue, p.mapping.Batch, nil)
	if err != nil {
		return false, err
	}
	if len(batch) == 0 {
		p.lookAgain(next)
		return false, nil
	}
	records := make([]any, len(batch))
	for i := range batch {
		records[i] = p.record(&batch[i].message)
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		return false, fmt.Errorf("write a batch: %w", err)
	}
	answer, err := p.q.o.Invoke(p.q.ctx, p.mapping.Function, payload)
	if err != nil { // they are hidden now, others may be handed out
		return true, fmt.Errorf("%s: %w", p.mapping.Function, err)
	}
	again, err := p.refused(answer)
	if err != nil {
		return true, err
	}
	var taken []string
	for _, m := range batch {
		if !again[m.ID] {
			taken = append(taken, m.Receipt)
		}
	}
	return true, p.q.done(context.WithoutCancel(p.q.ctx), p.mapping.Queue, taken...)
}

// lookAgain looks at the queue when the first hidden message may be received.
func (p *poller) lookAgain(at time.Time) {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
	if !at.IsZero() {
		p.stop = p.q.o.Clock.AfterFunc(at, func() { p.q.Wake(p.mapping.Queue) })
	}
}

// refused reads which messages a function wants again. As on Lambda, an answer that can't be read means all.
func (p *poller) refused(answer []byte) (map[string]bool, error) {
	again := map[string]bool{}
	if !p.mapping.Partial || len(answer) == 0 {
		return again, nil
	}
	var out struct {
		Failures []struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, fmt.Errorf("the answer of %s names no messages: %w", p.mapping.Function, err)
	}
	for _, f := range out.Failures {
		if f.ID == "" {
			return nil, errors.New("the answer names a message without itemIdentifier")
		}
		again[f.ID] = true
	}
	return again, nil
}

// record is a message as a function gets it.
func (p *poller) record(m *message) map[string]any {
	attributes := map[string]any{}
	for name, a := range m.Attributes {
		one := map[string]any{"dataType": a.DataType, "stringListValues": []string{}, "binaryListValues": []string{}}
		if a.isBinary() {
			one["binaryValue"] = a.BinaryValue
		} else {
			one["stringValue"] = a.StringValue
		}
		attributes[name] = one
	}
	return map[string]any{
		"messageId": m.ID, "receiptHandle": m.Receipt, "body": m.Body, "attributes": m.system(),
		"messageAttributes": attributes, "md5OfBody": checksum(m.Body),
		"eventSource": "aws:sqs", "eventSourceARN": p.mapping.Queue, "awsRegion": p.q.o.Region,
	}
}

// system are the attributes that SQS itself gives a message.
func (m *message) system() map[string]string {
	all := map[string]string{
		"SenderId": "opsflow", "SentTimestamp": strconv.FormatInt(m.SentAt, 10),
		"ApproximateReceiveCount": strconv.Itoa(m.Received), "ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstAt, 10),
		"MessageGroupId": m.Group, "MessageDeduplicationId": m.Dedup, "SequenceNumber": m.Sequence,
		"AWSTraceHeader": m.Trace, "DeadLetterQueueSourceArn": m.Source,
	}
	maps.DeleteFunc(all, func(_, v string) bool { return v == "" })
	return all
}
