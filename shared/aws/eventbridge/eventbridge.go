// Package eventbridge puts events on an Amazon EventBridge bus.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"opsflow/shared/ops"
)

// Limits of one PutEvents request: entries, and bytes over all entries (raised from 256 KB to 1 MB in January 2026). The
// size of an entry is counted as the EventBridge user guide does: time, source, detail-type and detail.
const (
	maxEntries = 10
	maxBytes   = 1 << 20
	timeBytes  = 14
	tries      = 5
	firstPause = 50 * time.Millisecond
)

// Client is an ops.Bus. It is safe for concurrent use.
type Client struct {
	api   *eventbridge.Client
	bus   string
	clock ops.Clock
}

// New makes a client for the bus of that name or ARN. The clock times retries.
func New(c aws.Config, bus string, clock ops.Clock) *Client {
	return &Client{api: eventbridge.NewFromConfig(c), bus: bus, clock: clock}
}

// Put sends opsflow's own events. See ops.Bus. CodeTooLarge for an event over 1 MB, with nothing sent.
func (c *Client) Put(ctx context.Context, events ...ops.OutEvent) error {
	entries := make([]types.PutEventsRequestEntry, len(events))
	for i, e := range events {
		body, err := e.Body()
		if err != nil {
			return err
		}
		entries[i] = c.entry(ops.Source, string(e.Type), e.Time, string(body))
		if n := size(&entries[i]); n > maxBytes {
			return ops.Errorf(ops.CodeTooLarge, "event %s %s has %d bytes, EventBridge takes %d", e.Type, e.ID, n, maxBytes)
		}
	}
	for len(entries) > 0 {
		n := batch(entries)
		if _, err := c.send(ctx, entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// PutDomain sends one event under its sender's source, unchanged, and gives EventBridge's id of it. CodeInvalid for a source
// that is opsflow's or AWS's own.
func (c *Client) PutDomain(
	ctx context.Context, source, detailType string, detail json.RawMessage, at time.Time,
) (string, error) {
	if source == "" || source == ops.Source || strings.HasPrefix(source, "aws.") {
		return "", ops.Invalid("event", []ops.Fault{{
			Path: "$.source", Expected: "the sender's own name, not " + ops.Source + " and not one that begins with aws.", Got: source,
		}})
	}
	e := c.entry(source, detailType, at, string(detail))
	if n := size(&e); n > maxBytes {
		return "", ops.Errorf(ops.CodeTooLarge, "event %s has %d bytes, EventBridge takes %d", detailType, n, maxBytes)
	}
	ids, err := c.send(ctx, []types.PutEventsRequestEntry{e})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func (c *Client) entry(source, detailType string, at time.Time, detail string) types.PutEventsRequestEntry {
	e := types.PutEventsRequestEntry{
		EventBusName: &c.bus, Source: aws.String(source), DetailType: aws.String(detailType), Detail: aws.String(detail),
	}
	if !at.IsZero() {
		e.Time = &at
	}
	return e
}

// batch is how many of the entries, from the first, fit into one request.
func batch(entries []types.PutEventsRequestEntry) int {
	n, total := 0, 0
	for n < len(entries) && n < maxEntries {
		total += size(&entries[n])
		if total > maxBytes && n > 0 {
			break
		}
		n++
	}
	return n
}

func size(e *types.PutEventsRequestEntry) int {
	n := len(*e.Source) + len(*e.DetailType) + len(*e.Detail)
	if e.Time != nil {
		n += timeBytes
	}
	return n
}

// send sends one batch; entries that EventBridge refuses for the moment are sent again, with full jitter.
func (c *Client) send(ctx context.Context, entries []types.PutEventsRequestEntry) ([]string, error) {
	ids := make([]string, len(entries))
	left := make([]int, len(entries)) // indexes of what is not accepted yet
	for i := range left {
		left[i] = i
	}
	for try := 1; ; try++ {
		request := make([]types.PutEventsRequestEntry, len(left))
		for i, n := range left {
			request[i] = entries[n]
		}
		out, err := c.api.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: request})
		if err != nil {
			return nil, ops.Errorf(ops.CodeUnavailable, "put %d events: %w", len(request), err)
		}
		if len(out.Entries) != len(request) {
			return nil, fmt.Errorf("put %d events: EventBridge answered for %d", len(request), len(out.Entries))
		}
		var refused []int
		var why error
		for i, answer := range out.Entries {
			if answer.ErrorCode == nil {
				ids[left[i]] = aws.ToString(answer.EventId)
				continue
			}
			err := fmt.Errorf("%s: %s", *answer.ErrorCode, aws.ToString(answer.ErrorMessage))
			if !passing(*answer.ErrorCode) {
				return nil, fmt.Errorf("put event %s: %w", *request[i].DetailType, err)
			}
			refused, why = append(refused, left[i]), err
		}
		if len(refused) == 0 {
			return ids, nil
		}
		if try == tries {
			return nil, ops.Errorf(ops.CodeThrottled, "put %d events, tried %d times: %w", len(refused), tries, why)
		}
		left = refused
		if err := c.clock.Sleep(ctx, rand.N(firstPause<<try)); err != nil {
			return nil, errors.Join(why, err)
		}
	}
}

// passing reports whether an entry's error may be gone at the next try.
func passing(code string) bool {
	return code == "ThrottlingException" || code == "InternalFailure" || code == "InternalException"
}
