package local_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"opsflow/shared/local/clock"
)

// outside is a system that is not on AWS; it notes what it is asked.
type outside struct {
	*httptest.Server

	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
	answer func(n int, w http.ResponseWriter, r *http.Request) // of the nth request, from 1; nil: 200
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked, o.bodies = append(o.asked, r), append(o.bodies, string(body))
		if o.answer != nil {
			o.answer(len(o.asked), w, r)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// paths are those that were asked for.
func (o *outside) paths() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []string
	for _, r := range o.asked {
		all = append(all, r.URL.RequestURI())
	}
	return strings.Join(all, " ")
}

// newCalls is a runtime that may call this machine.
func newCalls(t *testing.T) *machines {
	t.Helper()
	o := options()
	o.Clock, o.PrivateCalls = clock.Virtual(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)), true
	return newMachinesOn(t, o)
}

// connect makes a connection and an API destination with it, and gives the destination's ARN.
func (m *machines) connect(in eventbridge.CreateConnectionInput, to eventbridge.CreateApiDestinationInput) *string {
	m.Helper()
	in.Name, to.Name = aws.String("partner"), aws.String("orders")
	c, err := m.events.CreateConnection(m.Context(), &in)
	if err != nil {
		m.Fatal(err)
	}
	to.ConnectionArn = c.ConnectionArn
	d, err := m.events.CreateApiDestination(m.Context(), &to)
	if err != nil {
		m.Fatal(err)
	}
	return d.ApiDestinationArn
}

func apiKey() eventbridge.CreateConnectionInput {
	return eventbridge.CreateConnectionInput{
		AuthorizationType: types.ConnectionAuthorizationTypeApiKey,
		AuthParameters: &types.CreateConnectionAuthRequestParameters{
			ApiKeyAuthParameters: &types.CreateConnectionApiKeyAuthRequestParameters{ApiKeyName: aws.String("X-Key"), ApiKeyValue: aws.String("s3cret")},
		},
	}
}

// postTo is an API destination without more.
func postTo(o *outside) eventbridge.CreateApiDestinationInput {
	return eventbridge.CreateApiDestinationInput{InvocationEndpoint: aws.String(o.URL), HttpMethod: types.ApiDestinationHttpMethodPost}
}

func TestRuleCallsAnAPIDestination(t *testing.T) {
	t.Parallel()
	m, partner := newCalls(t), newOutside(t)
	in := apiKey()
	in.AuthParameters.InvocationHttpParameters = &types.ConnectionHttpParameters{
		HeaderParameters:      []types.ConnectionHeaderParameter{{Key: aws.String("X-Shop"), Value: aws.String("ours")}},
		QueryStringParameters: []types.ConnectionQueryStringParameter{{Key: aws.String("v"), Value: aws.String("2"), IsValueSecret: true}},
		BodyParameters:        []types.ConnectionBodyParameter{{Key: aws.String("from"), Value: aws.String("shop")}},
	}
	arn := m.connect(in, eventbridge.CreateApiDestinationInput{InvocationEndpoint: aws.String(partner.URL + "/orders/*/lines?a=1"), HttpMethod: "PUT"})
	m.rule(types.Target{Arn: arn, RoleArn: aws.String(anyRole), InputPath: aws.String("$.detail"), HttpParameters: &types.HttpParameters{
		PathParameterValues: []string{"$.detail.id"}, HeaderParameters: map[string]string{"X-Shop": "theirs", "X-Kind": "$.detail-type"},
		QueryStringParameters: map[string]string{"b": "x y"},
	}})
	m.sell(`{"id": "o/1", "n": 7}`)
	if len(partner.asked) != 1 {
		t.Fatalf("%d calls, want 1", len(partner.asked))
	}
	r := partner.asked[0]
	if r.Method != http.MethodPut || r.URL.RequestURI() != "/orders/o%2F1/lines?a=1&b=x+y&v=2" {
		t.Errorf("asked for %s %s", r.Method, r.URL.RequestURI())
	}
	for name, want := range map[string]string{"X-Key": "s3cret", "X-Shop": "ours", "X-Kind": "sold", "User-Agent": "Amazon/EventBridge/ApiDestinations", "Content-Type": "application/json; charset=utf-8"} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if partner.bodies[0] != `{"from":"shop","id":"o/1","n":7}` {
		t.Errorf("body %s", partner.bodies[0])
	}
	c, err := m.events.DescribeConnection(t.Context(), &eventbridge.DescribeConnectionInput{Name: aws.String("partner")})
	if err != nil || c.ConnectionState != types.ConnectionStateAuthorized || *c.AuthParameters.ApiKeyAuthParameters.ApiKeyName != "X-Key" ||
		c.AuthParameters.InvocationHttpParameters.QueryStringParameters[0].Value != nil || *c.AuthParameters.InvocationHttpParameters.HeaderParameters[0].Value != "ours" {
		t.Errorf("described as %+v, %v", c, err)
	}
}

func TestFailedCallIsRepeatedOnlyWhereItMayHelp(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{503: 3, 429: 3, 401: 3, 400: 1, 404: 1, 302: 1} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			m, partner := newCalls(t), newOutside(t)
			partner.answer = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
			lost := m.newQueue("lost", nil)
			arn := m.connect(apiKey(), postTo(partner))
			m.rule(types.Target{
				Arn: arn, RoleArn: aws.String(anyRole), RetryPolicy: &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(2)},
				DeadLetterConfig: &types.DeadLetterConfig{Arn: &lost},
			})
			m.sell(`{}`)
			m.advance(time.Hour)
			if len(partner.asked) != want {
				t.Errorf("%d calls, want %d", len(partner.asked), want)
			}
			got := m.messages("lost")
			if len(got) != 1 || *got[0].MessageAttributes["ERROR_CODE"].StringValue != "SDK_CLIENT_ERROR" ||
				!strings.Contains(*got[0].MessageAttributes["ERROR_MESSAGE"].StringValue, strconv.Itoa(status)) {
				t.Fatalf("dead letters %+v", got)
			}
			if _, exhausted := got[0].MessageAttributes["EXHAUSTED_RETRY_CONDITION"]; exhausted != (want == 3) {
				t.Errorf("attributes %+v", got[0].MessageAttributes)
			}
		})
	}
}

func TestCallWaitsAsLongAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	m, partner := newCalls(t), newOutside(t)
	partner.answer = func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	arn := m.connect(apiKey(), postTo(partner))
	m.rule(types.Target{Arn: arn, RoleArn: aws.String(anyRole)})
	m.sell(`{}`)
	m.advance(599 * time.Second)
	if len(partner.asked) != 1 {
		t.Fatalf("%d calls before the time, want 1", len(partner.asked))
	}
	m.advance(time.Second)
	if len(partner.asked) != 2 {
		t.Errorf("%d calls, want 2", len(partner.asked))
	}
}

func TestCallsKeepToTheRateOfTheirDestination(t *testing.T) {
	t.Parallel()
	m, partner := newCalls(t), newOutside(t)
	arn := m.connect(apiKey(), eventbridge.CreateApiDestinationInput{
		InvocationEndpoint: aws.String(partner.URL), HttpMethod: "POST", InvocationRateLimitPerSecond: aws.Int32(2),
	})
	m.rule(types.Target{Arn: arn, RoleArn: aws.String(anyRole)})
	for range 5 {
		m.sell(`{}`)
	}
	for second, want := range []int{2, 4, 5} {
		if len(partner.asked) != want {
			t.Fatalf("%d calls after %d seconds, want %d", len(partner.asked), second, want)
		}
		m.advance(time.Second)
	}
}

func TestOAuthConnectionGetsItsTokens(t *testing.T) {
	t.Parallel()
	m, partner := newCalls(t), newOutside(t)
	issued := 0
	partner.answer = func(n int, w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token":
			issued++
			_, _ = fmt.Fprintf(w, `{"access_token": "t%d", "token_type": "bearer", "expires_in": 3600}`, issued)
		case r.Header.Get("Authorization") == "Bearer t1" && n > 3: // it was revoked
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	arn := m.connect(eventbridge.CreateConnectionInput{
		AuthorizationType: types.ConnectionAuthorizationTypeOauthClientCredentials,
		AuthParameters: &types.CreateConnectionAuthRequestParameters{OAuthParameters: &types.CreateConnectionOAuthRequestParameters{
			AuthorizationEndpoint: aws.String(partner.URL + "/token"), HttpMethod: types.ConnectionOAuthHttpMethodPost,
			ClientParameters:    &types.CreateConnectionOAuthClientRequestParameters{ClientID: aws.String("shop"), ClientSecret: aws.String("s3cret")},
			OAuthHttpParameters: &types.ConnectionHttpParameters{BodyParameters: []types.ConnectionBodyParameter{{Key: aws.String("audience"), Value: aws.String("orders")}}},
		}},
	}, eventbridge.CreateApiDestinationInput{InvocationEndpoint: aws.String(partner.URL + "/orders"), HttpMethod: "POST"})
	m.rule(types.Target{Arn: arn, RoleArn: aws.String(anyRole)})
	m.sell(`{}`)
	m.sell(`{}`)
	if partner.paths() != "/token /orders /orders" || partner.bodies[0] != "audience=orders&client_id=shop&client_secret=s3cret&grant_type=client_credentials" {
		t.Fatalf("asked for %s with %s", partner.paths(), partner.bodies[0])
	}
	m.sell(`{}`) // refused, so that a new token is fetched
	m.advance(time.Second)
	if partner.paths() != "/token /orders /orders /orders /token /orders" || partner.asked[5].Header.Get("Authorization") != "Bearer t2" {
		t.Errorf("asked for %s", partner.paths())
	}
	m.advance(time.Hour)
	m.sell(`{}`)
	if issued != 3 {
		t.Errorf("%d tokens, want a third after the second has ended", issued)
	}
}

func TestConnectionsAreRefusedListedAndDeleted(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	ctx := t.Context()
	bad := apiKey()
	bad.Name, bad.AuthorizationType = aws.String("a b"), "NONE"
	_, err := m.events.CreateConnection(ctx, &bad)
	if want := `2 validation errors detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+; ` +
		`Value 'NONE' at 'authorizationType' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]`; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	m.connect(apiKey(), eventbridge.CreateApiDestinationInput{InvocationEndpoint: aws.String("https://partner.example/orders"), HttpMethod: "POST"})
	_, err = m.events.UpdateApiDestination(ctx, &eventbridge.UpdateApiDestinationInput{Name: aws.String("orders"), InvocationEndpoint: aws.String("http://127.0.0.1:1")})
	if err == nil || !strings.Contains(err.Error(), "Parameter InvocationEndpoint is not valid.") {
		t.Errorf("an address without https: %v", err)
	}
	list, err := m.events.ListApiDestinations(ctx, &eventbridge.ListApiDestinationsInput{})
	if err != nil || len(list.ApiDestinations) != 1 || *list.ApiDestinations[0].InvocationRateLimitPerSecond != 300 || list.ApiDestinations[0].ApiDestinationState != types.ApiDestinationStateActive {
		t.Errorf("listed %+v, %v", list, err)
	}
	deleted, err := m.events.DeleteConnection(ctx, &eventbridge.DeleteConnectionInput{Name: aws.String("partner")})
	if err != nil || deleted.ConnectionState != types.ConnectionStateDeleting {
		t.Errorf("deleted %+v, %v", deleted, err)
	}
	_, err = m.events.DescribeConnection(ctx, &eventbridge.DescribeConnectionInput{Name: aws.String("partner")})
	if err == nil || !strings.HasSuffix(err.Error(), "ResourceNotFoundException: Failed to describe the connection(s). Connection 'partner' does not exist.") {
		t.Errorf("got %v", err)
	}
}

func TestNoCallLeadsIntoOurOwnNetwork(t *testing.T) {
	t.Parallel()
	m := newMachines(t)
	lost := m.newQueue("lost", nil)
	arn := m.connect(apiKey(), eventbridge.CreateApiDestinationInput{InvocationEndpoint: aws.String("https://127.0.0.1:443/"), HttpMethod: "POST"})
	m.rule(types.Target{Arn: arn, RoleArn: aws.String(anyRole), DeadLetterConfig: &types.DeadLetterConfig{Arn: &lost}})
	m.sell(`{}`)
	got := m.messages("lost")
	if len(got) != 1 || *got[0].MessageAttributes["ERROR_CODE"].StringValue != "CONNECTION_FAILURE" || *got[0].MessageAttributes["RETRY_ATTEMPTS"].StringValue != "0" {
		t.Errorf("dead letters %+v", got)
	}
}
