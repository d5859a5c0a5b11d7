package eventbridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"opsflow/shared/aws/eventbridge"
	"opsflow/shared/ops"
)

type entry struct {
	Source, DetailType, Detail, EventBusName string
}

// bus is an EventBridge that answers as refuse says and keeps what it accepted.
type bus struct {
	mu       sync.Mutex
	requests [][]entry
	accepted []entry
	refuse   func(request, entry int) string // an error code, or ""
}

func (b *bus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var in struct{ Entries []entry }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answers := make([]map[string]string, len(in.Entries))
	failed := 0
	for i, e := range in.Entries {
		if code := b.refuse(len(b.requests), i); code != "" {
			answers[i] = map[string]string{"ErrorCode": code, "ErrorMessage": "refused"}
			failed++
			continue
		}
		b.accepted = append(b.accepted, e)
		answers[i] = map[string]string{"EventId": fmt.Sprintf("id-%d", len(b.accepted))}
	}
	b.requests = append(b.requests, in.Entries)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	body, err := json.Marshal(map[string]any{"Entries": answers, "FailedEntryCount": failed})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body)
}

func setup(t *testing.T, refuse func(request, entry int) string) (*eventbridge.Client, *bus) {
	t.Helper()
	if refuse == nil {
		refuse = func(int, int) string { return "" }
	}
	b := &bus{refuse: refuse}
	srv := httptest.NewServer(b)
	t.Cleanup(srv.Close)
	return eventbridge.New(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL),
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, "opsflow", impatient{}), b
}

// impatient is a clock whose pauses are over at once.
type impatient struct{ ops.SystemClock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func events(n, size int) []ops.OutEvent {
	out := make([]ops.OutEvent, n)
	for i := range out {
		out[i] = ops.OutEvent{
			ID: fmt.Sprintf("e-%d", i), Type: ops.AlertRaised, Time: time.Unix(1795510800, 0),
			Detail: json.RawMessage(`{"text":"` + strings.Repeat("x", size) + `"}`), Cause: ops.Cause{EventID: "evt-1", Depth: 2},
		}
	}
	return out
}

func TestOwnEventsCarryTheirIDAndCause(t *testing.T) {
	t.Parallel()
	c, b := setup(t, nil)
	if err := c.Put(t.Context(), events(1, 1)...); err != nil {
		t.Fatal(err)
	}
	got := b.accepted[0]
	var detail struct {
		Text    string    `json:"text"`
		EventID string    `json:"event_id"`
		Cause   ops.Cause `json:"cause"`
	}
	if err := json.Unmarshal([]byte(got.Detail), &detail); err != nil {
		t.Fatal(err)
	}
	if got.Source != "opsflow" || got.DetailType != "alert_raised" || got.EventBusName != "opsflow" ||
		detail.EventID != "e-0" || detail.Text != "x" || detail.Cause != (ops.Cause{EventID: "evt-1", Depth: 2}) {
		t.Errorf("sent %+v", got)
	}
}

func TestBatchesStayWithinTenEntriesAndOneMegabyte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ events, size, requests int }{
		{25, 10, 3},       // 10, 10, 5
		{5, 300 << 10, 2}, // 3, 2
		{2, 1 << 19, 2},   // just over a megabyte together
	} {
		client, b := setup(t, nil)
		if err := client.Put(t.Context(), events(c.events, c.size)...); err != nil {
			t.Fatal(err)
		}
		if len(b.requests) != c.requests || len(b.accepted) != c.events {
			t.Errorf("%d events of %d bytes: %d requests, %d accepted", c.events, c.size, len(b.requests), len(b.accepted))
		}
	}
	client, b := setup(t, nil)
	err := client.Put(t.Context(), append(events(1, 1), events(1, 1<<20)...)...)
	if ops.ErrorCode(err) != ops.CodeTooLarge || len(b.requests) != 0 {
		t.Errorf("an event over 1 MB: %v after %d requests", err, len(b.requests))
	}
}

func TestOnlyRefusedEntriesAreSentAgain(t *testing.T) {
	t.Parallel()
	client, b := setup(t, func(request, entry int) string {
		if request == 0 && entry == 1 {
			return "ThrottlingException"
		}
		return ""
	})
	if err := client.Put(t.Context(), events(3, 1)...); err != nil {
		t.Fatal(err)
	}
	if len(b.requests) != 2 || len(b.requests[1]) != 1 || !strings.Contains(b.requests[1][0].Detail, `"e-1"`) {
		t.Errorf("requests %v", b.requests)
	}
}

func TestEntriesThatStayRefusedAreAnError(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		code     ops.Code
		requests int
	}{"ThrottlingException": {ops.CodeThrottled, 5}, "MalformedDetail": {ops.CodeInternal, 1}} {
		client, b := setup(t, func(int, int) string { return code })
		err := client.Put(t.Context(), events(1, 1)...)
		if ops.ErrorCode(err) != want.code || len(b.requests) != want.requests {
			t.Errorf("%s: %v after %d requests", code, err, len(b.requests))
		}
	}
}

func TestDomainEventsKeepTheirSendersSource(t *testing.T) {
	t.Parallel()
	client, b := setup(t, nil)
	id, err := client.PutDomain(t.Context(), "booking", "booking_created", json.RawMessage(`{"booking_id":"bk-1"}`), time.Time{})
	if err != nil || id != "id-1" || b.accepted[0].Source != "booking" || b.accepted[0].Detail != `{"booking_id":"bk-1"}` {
		t.Errorf("%s %v %+v", id, err, b.accepted)
	}
	for _, source := range []string{"", "opsflow", "aws.states"} {
		if _, err := client.PutDomain(t.Context(), source, "x", json.RawMessage(`{}`), time.Time{}); ops.ErrorCode(err) != ops.CodeInvalid {
			t.Errorf("source %q: %v", source, err)
		}
	}
}
