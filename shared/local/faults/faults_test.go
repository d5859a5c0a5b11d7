package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"go.uber.org/goleak"

	"opsflow/shared/local/boundary"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/faults"
	"opsflow/shared/ops"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

var start = time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC)

// bench is a set of faults with somebody who makes calls.
type bench struct {
	*faults.Set

	t     *testing.T
	clock *clock.Clock

	mu   sync.Mutex
	seen []string // what was carried out, and when
}

func setup(t *testing.T, list ...faults.Fault) *bench {
	t.Helper()
	for i := range list {
		if list[i].Probability == 0 {
			list[i].Probability = 1
		}
	}
	c := clock.Virtual(start)
	b := &bench{Set: faults.New(c, faults.Plan{Seed: 7, Faults: list}), t: t, clock: c}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

var put = boundary.Call{Service: "dynamodb", Operation: "PutItem", Function: "opsflow-run-steps"}

// call makes a call as work of the clock, and gives its error.
func (b *bench) call(name string, c boundary.Call) <-chan error {
	answer := make(chan error, 1)
	done := b.clock.Busy()
	go func() {
		defer done()
		answer <- b.Do(context.Background(), c, b.clock, func(context.Context) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.seen = append(b.seen, name+" "+b.clock.Now().Sub(start).String())
			return nil
		})
	}()
	return answer
}

func (b *bench) advance(d time.Duration) {
	b.t.Helper()
	if err := b.clock.Advance(b.t.Context(), d); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) want(seen ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.seen, seen) {
		b.t.Errorf("carried out: %v, want %v", b.seen, seen)
	}
}

func TestDroppedCallIsNotCarriedOutAndItsMakerHearsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Drop})
	err := <-b.call("a", put)
	lost, ok := errors.AsType[*faults.NoAnswer](err)
	if !ok || lost.Kind != faults.Drop || lost.Call != put {
		t.Errorf("error %v", err)
	}
	b.want()
}

func TestCallWhoseAnswerIsLostIsCarriedOut(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.AnswerLost})
	err := <-b.call("a", put)
	if lost, ok := errors.AsType[*faults.NoAnswer](err); !ok || lost.Kind != faults.AnswerLost {
		t.Errorf("error %v", err)
	}
	b.want("a 0s")
}

func TestThrottledCallIsRefusedAsItsServiceDoes(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Throttle})
	for service, code := range map[string]string{
		"dynamodb": "ThrottlingException", "events": "ThrottlingException", "lambda": "TooManyRequestsException",
		"states": "ThrottlingException", "sqs": "RequestThrottled", "sns": "Throttled",
	} {
		err := <-b.call("a", boundary.Call{Service: service, Operation: "Any"})
		if refused, ok := errors.AsType[*boundary.Error](err); !ok || refused.Code != code {
			t.Errorf("%s: %v, want %s", service, err, code)
		}
	}
	b.want()
}

func TestDelayedCallArrivesLaterOnTheClock(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Delay, By: time.Hour, Times: 1})
	late := b.call("late", put)
	b.advance(59 * time.Minute)
	if err := <-b.call("other", put); err != nil {
		t.Error(err)
	}
	b.advance(time.Minute)
	if err := <-late; err != nil {
		t.Error(err)
	}
	b.want("other 59m0s", "late 1h0m0s")
}

func TestDuplicateIsCarriedOutAgainAtOnceOrLater(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Duplicate, Times: 1}, faults.Fault{Kind: faults.Duplicate, By: time.Hour, Times: 1})
	for _, name := range []string{"a", "b", "c"} {
		if err := <-b.call(name, put); err != nil {
			t.Error(err)
		}
	}
	b.advance(2 * time.Hour)
	b.want("a 0s", "a 0s", "b 0s", "c 0s", "b 1h0m0s")
}

func TestOnlyTheFirstAnswerOfADuplicateIsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Duplicate})
	n := 0
	got, err := faults.Ask(t.Context(), b.Set, put, b.clock, func(context.Context) (int, error) { n++; return n, nil })
	if got != 1 || n != 2 || err != nil {
		t.Errorf("answer %d after %d times, %v", got, n, err)
	}
}

func TestReorderedCallIsOvertakenByTheNext(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Reorder, By: time.Minute, Times: 1})
	first := b.call("first", put)
	b.advance(time.Second)
	if err := errors.Join(<-b.call("second", put), <-first); err != nil {
		t.Error(err)
	}
	b.want("second 1s", "first 1s")
}

func TestReorderedCallThatNothingOvertakesGoesOnAfterItsTime(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Reorder, By: time.Minute})
	first := b.call("first", put)
	b.advance(time.Hour)
	if err := <-first; err != nil {
		t.Error(err)
	}
	b.want("first 1m0s")
}

func TestCallsThatAreHeldGoOnWhenTheFaultsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Reorder, By: time.Hour})
	held := b.call("held", put)
	b.advance(time.Second)
	b.Put(faults.Plan{})
	if err := <-held; err != nil {
		t.Error(err)
	}
	b.want("held 1s")
}

func TestHeldCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, kind := range []faults.Kind{faults.Delay, faults.Reorder} {
		b := setup(t, faults.Fault{Kind: kind, By: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		done := b.clock.Busy()
		err := b.Do(ctx, put, b.clock, func(context.Context) error { t.Error("it was carried out"); return nil })
		done()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestFaultMatchesByServiceOperationAndFunction(t *testing.T) {
	t.Parallel()
	b := setup(t, faults.Fault{Kind: faults.Drop, Service: "dynamodb", Operation: "PutItem", Function: "opsflow-run-steps"})
	for _, c := range []boundary.Call{
		{Service: "events", Operation: "PutItem", Function: "opsflow-run-steps"},
		{Service: "dynamodb", Operation: "GetItem", Function: "opsflow-run-steps"},
		{Service: "dynamodb", Operation: "PutItem", Function: "opsflow-api"},
	} {
		if err := <-b.call("a", c); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
	if err := <-b.call("a", put); err == nil {
		t.Error("the call that it matches is carried out")
	}
	if r := b.Report(); r.Faults[0].Calls != 1 || r.Faults[0].Fired != 1 {
		t.Errorf("counts are %+v", r.Faults[0])
	}
}

func TestFaultsAreDrawnByTheSeedAsOftenAsTheirProbabilitySays(t *testing.T) {
	t.Parallel()
	draw := func(seed uint64) (drawn []bool) {
		b := setup(t)
		b.Put(faults.Plan{Seed: seed, Faults: []faults.Fault{{Kind: faults.Drop, Probability: 0.25}}})
		for range 2000 {
			drawn = append(drawn, b.Do(t.Context(), put, b.clock, func(context.Context) error { return nil }) != nil)
		}
		if fired := b.Report().Faults[0].Fired; fired < 420 || fired > 580 {
			t.Errorf("seed %d: drawn %d times of 2000, want about 500", seed, fired)
		}
		return drawn
	}
	first := draw(1)
	if !slices.Equal(first, draw(1)) {
		t.Error("the same seed draws others")
	}
	if slices.Equal(first, draw(2)) {
		t.Error("another seed draws the same")
	}
}

func TestPlanNamesEachFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	const kinds, times = "drop, delay, duplicate, reorder, throttle or answer_lost", "a duration above 0, like 30s or 5m"
	for text, want := range map[string]ops.Fault{
		`[]`:                        {Path: "$", Expected: `an object like {"seed":7,"faults":[{"kind":"drop","service":"events"}]}`, Got: `"[]"`},
		`{"seed":-1}`:               {Path: "$.seed", Expected: "a whole number, 0 or more", Got: "-1"},
		`{"seeds":1}`:               {Path: "$.seeds", Expected: "absent: there is no such field", Got: "1"},
		`{"faults":{}}`:             {Path: "$.faults", Expected: "a list of faults", Got: "{}"},
		`{"faults":[{}]}`:           {Path: "$.faults[0].kind", Expected: kinds, Got: "nothing"},
		`{"faults":[{"kind":"x"}]}`: {Path: "$.faults[0].kind", Expected: kinds, Got: `"x"`},
		`{"faults":[{"kind":"drop"},{"kind":"drop","service":"ec2"}]}`: {
			Path: "$.faults[1].service", Expected: "dynamodb, events, lambda, scheduler, secretsmanager, ses, sns, sqs or states", Got: `"ec2"`,
		},
		`{"faults":[{"kind":"drop","operation":""}]}`:  {Path: "$.faults[0].operation", Expected: "an operation as the API has it, such as PutItem, or absent", Got: `""`},
		`{"faults":[{"kind":"drop","function":1}]}`:    {Path: "$.faults[0].function", Expected: "the name of a function, such as opsflow-run-steps", Got: "1"},
		`{"faults":[{"kind":"drop","probability":0}]}`: {Path: "$.faults[0].probability", Expected: "a number above 0, at most 1", Got: "0"},
		`{"faults":[{"kind":"drop","probability":2}]}`: {Path: "$.faults[0].probability", Expected: "a number above 0, at most 1", Got: "2"},
		`{"faults":[{"kind":"drop","times":0}]}`:       {Path: "$.faults[0].times", Expected: "a whole number above 0", Got: "0"},
		`{"faults":[{"kind":"drop","times":1.5}]}`:     {Path: "$.faults[0].times", Expected: "a whole number above 0", Got: "1.5"},
		`{"faults":[{"kind":"drop","by":"1s"}]}`:       {Path: "$.faults[0].by", Expected: "absent: drop takes no time", Got: `"1s"`},
		`{"faults":[{"kind":"delay"}]}`:                {Path: "$.faults[0].by", Expected: times, Got: "nothing"},
		`{"faults":[{"kind":"delay","by":"soon"}]}`:    {Path: "$.faults[0].by", Expected: times, Got: `"soon"`},
		`{"faults":[{"kind":"duplicate","by":"-1s"}]}`: {Path: "$.faults[0].by", Expected: times, Got: `"-1s"`},
		`{"faults":[{"kind":"drop","after":"1s"}]}`:    {Path: "$.faults[0].after", Expected: "absent: there is no such field", Got: `"1s"`},
		`{"faults":[{"kind":"drop","service":null}]}`:  {Path: "$.faults[0].service", Expected: "dynamodb, events, lambda, scheduler, secretsmanager, ses, sns, sqs or states", Got: "null"},
	} {
		_, err := faults.Parse([]byte(text))
		refused, ok := errors.AsType[*ops.Error](err)
		if !ok || refused.Code != ops.CodeInvalid || len(refused.Faults) != 1 || refused.Faults[0] != want {
			t.Errorf("%s: %v, want %+v", text, err, want)
		}
	}
}

func TestReportReadsBackAsThePlanThatWasSet(t *testing.T) {
	t.Parallel()
	plan, err := faults.Parse([]byte(`{"seed":7,"faults":[
		{"kind":"throttle","service":"dynamodb","operation":"PutItem","function":"opsflow-api","probability":0.5,"times":3},
		{"kind":"reorder"},{"kind":"delay","by":"90s"},{"kind":"duplicate"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []faults.Fault{
		{Kind: faults.Throttle, Service: "dynamodb", Operation: "PutItem", Function: "opsflow-api", Probability: 0.5, Times: 3},
		{Kind: faults.Reorder, Probability: 1, By: time.Minute},
		{Kind: faults.Delay, Probability: 1, By: 90 * time.Second},
		{Kind: faults.Duplicate, Probability: 1},
	}
	if plan.Seed != 7 || !slices.Equal(plan.Faults, want) {
		t.Errorf("read as %+v", plan)
	}
	b := setup(t)
	b.Put(plan)
	text, err := json.Marshal(b.Report())
	if err != nil {
		t.Fatal(err)
	}
	again, err := faults.Parse([]byte(strings.ReplaceAll(string(text), `,"calls":0,"fired":0`, "")))
	if err != nil || !slices.Equal(again.Faults, want) {
		t.Errorf("%s reads as %+v, %v", text, again, err)
	}
}

// An endpoint that only counts, behind faults.
func endpoint(t *testing.T, list ...faults.Fault) (*eventbridge.Client, func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	b := setup(t, list...)
	server := httptest.NewServer(b.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write([]byte(`{"FailedEntryCount":0,"Entries":[]}`))
	}), boundary.FromRequest))
	t.Cleanup(server.Close)
	client := eventbridge.New(eventbridge.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		Retryer: aws.NopRetryer{}, HTTPClient: server.Client(),
	})
	return client, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func TestClientOfTheEndpointMeetsEachFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind    faults.Kind
		arrived int
		says    string // of the client's error; "": none
	}{
		{faults.Drop, 0, "EOF"},
		{faults.AnswerLost, 1, "EOF"},
		{faults.Throttle, 0, "ThrottlingException: Rate exceeded"},
		{faults.Duplicate, 2, ""},
		{faults.Delay, 1, ""},
		{faults.Reorder, 1, ""},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			client, arrived := endpoint(t, faults.Fault{Kind: c.kind, Service: "events", Operation: "PutEvents", By: duration(c.kind)})
			_, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Source: aws.String("booking")}}})
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || arrived() != c.arrived {
				t.Errorf("it arrived %d times, want %d; the client has %v, want %q", arrived(), c.arrived, err, c.says)
			}
		})
	}
}

// duration is what a kind needs.
func duration(k faults.Kind) time.Duration {
	if k == faults.Delay || k == faults.Reorder {
		return time.Hour // for a visitor, no time while it stands still
	}
	return 0
}
