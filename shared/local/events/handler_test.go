package events_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"opsflow/shared/local/events"
)

// client speaks to the engine's API.
func (b *bundle) client() *eventbridge.Client {
	b.t.Helper()
	server := httptest.NewServer(events.Handler(b.Engine))
	transport := &http.Transport{}
	b.t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return eventbridge.New(eventbridge.Options{
		BaseEndpoint: aws.String(server.URL), Region: "us-east-1", HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""), RetryMaxAttempts: 1,
	})
}

func TestSDKPutsAnEventThroughARule(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *events.Options) {
		o.MaySendAs = func(_ context.Context, _, source string) bool { return source == "shop" }
	})
	c := b.client()
	ctx := t.Context()
	bus := aws.String(bookings)
	made, err := c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: bus})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: aws.String("r"), EventBusName: made.EventBusArn, EventPattern: aws.String(`{"source":["shop"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), EventBusName: bus, Targets: []types.Target{{
		Id: aws.String("fn"), Arn: aws.String(fnARN), InputPath: aws.String("$.time"),
		RetryPolicy:      &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(1)},
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(dlqARN)},
	}}}); err != nil {
		t.Fatal(err)
	}
	entry := types.PutEventsRequestEntry{
		Source: aws.String("shop"), DetailType: aws.String("x"), Detail: aws.String("{}"), EventBusName: bus,
		Time: aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
	}
	bad := entry
	bad.Detail = aws.String("no")
	out, err := c.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry, bad}})
	if err != nil {
		t.Fatal(err)
	}
	if out.FailedEntryCount != 1 || aws.ToString(out.Entries[0].EventId) == "" || aws.ToString(out.Entries[1].ErrorCode) != "MalformedDetail" {
		t.Errorf("got %+v", out)
	}
	if got := b.calls(); len(got) != 1 || got[0].payload != `"2026-01-02T03:04:05Z"` {
		t.Errorf("delivered %v", got)
	}
	entry.Source = aws.String("elsewhere")
	out, err = c.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}})
	if err != nil || aws.ToString(out.Entries[0].ErrorCode) != "NotAuthorizedForSourceException" {
		t.Errorf("a source that may not be used: %+v %v", out, err)
	}
	targets, err := c.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: aws.String("r"), EventBusName: bus})
	if err != nil || len(targets.Targets) != 1 || aws.ToInt32(targets.Targets[0].RetryPolicy.MaximumRetryAttempts) != 1 {
		t.Errorf("targets %+v %v", targets, err)
	}
}

func TestSDKKnowsTheErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.client()
	ctx := t.Context()
	_, err := c.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: aws.String("none")})
	if notFound, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || notFound.ErrorMessage() == "" {
		t.Errorf("rule: %v", err)
	}
	_, err = c.TestEventPattern(ctx, &eventbridge.TestEventPatternInput{EventPattern: aws.String(`{"a":1}`), Event: aws.String("{}")})
	if _, ok := errors.AsType[*types.InvalidEventPatternException](err); !ok {
		t.Errorf("pattern: %v", err)
	}
	_, err = c.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("default")})
	if _, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); !ok {
		t.Errorf("bus: %v", err)
	}
	_, err = c.CreateEndpoint(ctx, &eventbridge.CreateEndpointInput{
		Name: aws.String("x"), EventBuses: []types.EndpointEventBus{}, RoutingConfig: &types.RoutingConfig{FailoverConfig: &types.FailoverConfig{
			Primary: &types.Primary{HealthCheck: aws.String("h")}, Secondary: &types.Secondary{Route: aws.String("r")},
		}},
	})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "UnknownOperationException" {
		t.Errorf("operation: %v", err)
	}
}

func TestSDKReadsListsPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		b.rule(events.Rule{Name: "rule-" + name, Pattern: `{"a":[1]}`})
	}
	c := b.client()
	var names []string
	in := &eventbridge.ListRulesInput{Limit: aws.Int32(2), NamePrefix: aws.String("rule-")}
	for {
		out, err := c.ListRules(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Rules {
			names = append(names, aws.ToString(r.Name))
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if got := strings.Join(names, " "); got != "rule-a rule-b rule-c rule-d rule-e" {
		t.Errorf("got %s", got)
	}
}

func TestSDKArchivesAndReplays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bookingRule()
	c := b.client()
	ctx := t.Context()
	bus, err := c.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String(bookings)})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.CreateArchive(ctx, &eventbridge.CreateArchiveInput{ArchiveName: aws.String("all"), EventSourceArn: bus.Arn})
	if err != nil {
		t.Fatal(err)
	}
	b.put(`{}`)
	described, err := c.DescribeArchive(ctx, &eventbridge.DescribeArchiveInput{ArchiveName: aws.String("all")})
	if err != nil || described.EventCount != 1 {
		t.Errorf("archive %+v %v", described, err)
	}
	if _, err := c.StartReplay(ctx, &eventbridge.StartReplayInput{
		ReplayName: aws.String("again"), EventSourceArn: a.ArchiveArn, Destination: &types.ReplayDestination{Arn: bus.Arn},
		EventStartTime: aws.Time(start.Add(-time.Minute)), EventEndTime: aws.Time(start.Add(time.Minute)),
	}); err != nil {
		t.Fatal(err)
	}
	replay, err := c.DescribeReplay(ctx, &eventbridge.DescribeReplayInput{ReplayName: aws.String("again")})
	if err != nil || replay.State != types.ReplayStateCompleted {
		t.Errorf("replay %+v %v", replay, err)
	}
	if got := b.calls(); len(got) != 2 {
		t.Errorf("%d deliveries, want two", len(got))
	}
}

func TestRequestsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ target, body, want string }{
		{"AWSEvents.PutEvents", `{"Entries": [`, "SerializationException"},
		{"AWSEvents.PutEvents", `{"Entries": [{"Time": "soon"}]}`, "SerializationException"},
		{"AWSEvents.PutEvents", ``, "ValidationException"},
		{"AWSEvents.PutEvents", strings.Repeat(" ", 9<<20), "RequestEntityTooLargeException"},
		{"AWSEvents.Dance", `{}`, "UnknownOperationException"},
		{"DynamoDB_20120810.GetItem", `{}`, "UnknownOperationException"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(c.body))
		r.Header.Set("X-Amz-Target", c.target)
		events.Handler(b.Engine).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || fields(t, w.Body.String())["__type"] != c.want {
			t.Errorf("%s: got %d %s, want %s", c.target, w.Code, w.Body, c.want)
		}
	}
}
