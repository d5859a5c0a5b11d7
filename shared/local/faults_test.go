package local_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/faults"
)

// faultReport is what /dev/faults shows.
type faultReport struct {
	Seed   uint64
	Faults []struct {
		Kind         string
		Calls, Fired int
	}
}

func TestFaultsOfTheDoorHappenAreCountedAndEnd(t *testing.T) {
	t.Parallel()
	o := options()
	o.Clock = clock.Virtual(time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC))
	s := newSystem(t, start(t, o))
	var r faultReport
	s.ask(http.MethodPost, "/dev/faults", "", object{"seed": 3, "faults": []object{
		{"kind": "drop", "service": "lambda", "function": "opsflow-match-payments", "times": 1},
		{"kind": "throttle", "service": "dynamodb", "function": "opsflow-run-steps", "times": 1},
	}}, http.StatusOK, &r)
	if r.Seed != 3 || len(r.Faults) != 2 || r.Faults[1].Kind != "throttle" {
		t.Errorf("set as %+v", r)
	}
	s.put("payment_received", payment("pay-f"))
	if list := s.workflows("subject=payment/pay-f"); len(list) != 0 {
		t.Errorf("the event whose delivery is dropped has led to %+v", list)
	}
	s.advance("10m") // it is delivered again
	s.approve(s.awaitsApproval("pay-f"), http.StatusOK)
	s.advance("10m") // the steps behind, whose table was busy, are run again
	if i := s.workflow("payment_processing", "payment/pay-f"); i.Status != "completed" {
		t.Errorf("the payment is %s", i.Status)
	}
	s.get("/dev/faults", &r)
	for _, f := range r.Faults {
		if f.Fired != 1 || f.Calls < 2 {
			t.Errorf("%s happened %d times in %d calls, want once and more", f.Kind, f.Fired, f.Calls)
		}
	}
	s.ask(http.MethodDelete, "/dev/faults", "", nil, http.StatusOK, &r)
	if len(r.Faults) != 0 {
		t.Errorf("after the end there are %+v", r.Faults)
	}
}

func TestFaultsOfTheOptionsHoldForClientsOfTheEndpointWhoTryAgain(t *testing.T) {
	t.Parallel()
	o := options()
	o.Faults = faults.Plan{Faults: []faults.Fault{
		{Kind: faults.Drop, Service: "events", Operation: "PutEvents", Probability: 1, Times: 1},
		{Kind: faults.Throttle, Service: "events", Operation: "PutEvents", Probability: 1, Times: 1},
	}}
	s := newSystem(t, start(t, o))
	s.put("payment_received", payment("pay-e")) // by the SDK
	s.awaitsApproval("pay-e")
}

// Two thousand starts at once are 700 more than the bucket holds. Who does not try again is refused by AWS's name; who does
// gets through.
func TestQuotasThrottleAndTheSDKGetsThrough(t *testing.T) {
	t.Parallel()
	o := options()
	o.Quotas = true
	o.Clock = clock.Virtual(time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC))
	rt := start(t, o)
	s := newSystem(t, rt)
	once := sfn.NewFromConfig(s.config(), func(o *sfn.Options) { o.Retryer = aws.NopRetryer{} })
	m, err := once.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("quick"), RoleArn: aws.String("arn:aws:iam::000000000000:role/any"),
		Definition: aws.String(`{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	begin := func(c *sfn.Client, name string) error {
		_, err := c.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: m.StateMachineArn, Name: aws.String(name)})
		return err
	}
	for n := range 1300 {
		if err := begin(once, fmt.Sprint("run-", n)); err != nil {
			t.Fatalf("start %d: %v", n, err)
		}
	}
	err = begin(once, "run-1300")
	if refused, ok := errors.AsType[smithy.APIError](err); !ok || refused.ErrorCode() != "ThrottlingException" || refused.ErrorMessage() != "Rate exceeded" {
		t.Errorf("the start over the quota: %v", err)
	}
	tried := 0
	patient := sfn.NewFromConfig(s.config(), func(o *sfn.Options) {
		o.Retryer = backoff{aws.NopRetryer{}, func() error {
			tried++
			return rt.Clock().Advance(t.Context(), time.Second)
		}}
	})
	if err := begin(patient, "run-1300"); err != nil || tried != 1 {
		t.Errorf("the SDK tried %d times more: %v", tried, err)
	}
}

// backoff is a retryer of the SDK for throttled requests, whose pauses pass on the virtual clock.
type backoff struct {
	aws.NopRetryer
	pass func() error
}

func (b backoff) MaxAttempts() int { return 3 }

func (b backoff) GetRetryToken(context.Context, error) (func(error) error, error) {
	return func(error) error { return nil }, nil
}
func (b backoff) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

func (b backoff) IsErrorRetryable(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "ThrottlingException" && b.pass() == nil
}

// A state machine that starts another one meets what any client of Step Functions meets, and its retrier sees it through.
func TestStateMachineThatStartsAnotherMeetsFaultsAndTriesAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind  faults.Kind
		error string // by which the task fails first; "": it does not
	}{
		{faults.Throttle, "StepFunctions.ThrottlingException"},
		{faults.Drop, "StepFunctions.SdkClientException"},
		{faults.AnswerLost, "StepFunctions.SdkClientException"},
		{faults.Duplicate, ""},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Clock = clock.Virtual(time.Date(2026, 11, 9, 9, 0, 0, 0, time.UTC))
			s := newSystem(t, start(t, o))
			client := sfn.NewFromConfig(s.config())
			machine := func(name, definition string) *string {
				m, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
					Name: &name, RoleArn: aws.String("arn:aws:iam::000000000000:role/any"), Definition: &definition,
				})
				if err != nil {
					t.Fatal(err)
				}
				return m.StateMachineArn
			}
			child := machine("child", `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":5,"End":true}}}`)
			parent := machine("parent", `{"StartAt":"Pause","States":{"Pause":{"Type":"Wait","Seconds":10,"Next":"Start"},
				"Start":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.sync:2","End":true,
					"Parameters":{"StateMachineArn":"`+*child+`","Name.$":"$$.Execution.Name","Input":{}},
					"Retry":[{"ErrorEquals":["StepFunctions.ThrottlingException","StepFunctions.SdkClientException"],"IntervalSeconds":1}]}}}`)
			x, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: parent, Name: aws.String("one")})
			if err != nil {
				t.Fatal(err)
			}
			s.ask(http.MethodPost, "/dev/faults", "", object{"faults": []object{{"kind": c.kind, "service": "states", "operation": "StartExecution", "times": 1}}},
				http.StatusOK, nil)
			s.advance("1m")
			end, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: x.ExecutionArn})
			if err != nil || end.Status != "SUCCEEDED" {
				t.Errorf("the execution is %s, %s, %v", end.Status, aws.ToString(end.Error), err)
			}
			history, err := client.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: x.ExecutionArn})
			if err != nil {
				t.Fatal(err)
			}
			failed := ""
			for _, e := range history.Events {
				if d := e.TaskFailedEventDetails; d != nil && failed == "" {
					failed = *d.Error
				}
			}
			children, err := client.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: child})
			if err != nil || len(children.Executions) != 1 || failed != c.error {
				t.Errorf("%d children, want one; the task failed first with %q, want %q; %v", len(children.Executions), failed, c.error, err)
			}
		})
	}
}
