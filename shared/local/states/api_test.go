package states_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"opsflow/shared/local/states"
)

const (
	waitAnHour = `{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`
	onePass    = `{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`
)

func TestStartIsIdempotentWhileRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, waitAnHour, `{"a":1}`)
	in := states.StartExecutionInput{StateMachineARN: r.describe(t, arn).StateMachineARN, Name: "run", Input: `{"a":1}`}
	again, err := r.engine.StartExecution(t.Context(), in)
	if err != nil || again.ExecutionARN != arn {
		t.Fatalf("got %v, %v", again, err)
	}
	in.Input = `{"a":2}`
	_, err = r.engine.StartExecution(t.Context(), in)
	wantError(t, err, "ExecutionAlreadyExists")
	r.advance(t, time.Hour)
	in.Input = `{"a":1}`
	_, err = r.engine.StartExecution(t.Context(), in)
	wantError(t, err, "ExecutionAlreadyExists")
}

func TestStopAbortsAndIsRemembered(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, waitAnHour, `{}`)
	at, err := r.engine.StopExecution(t.Context(), arn, "Cancelled", "by hand")
	if err != nil {
		t.Fatal(err)
	}
	r.advance(t, 2*time.Hour)
	x := r.describe(t, arn)
	if x.Status != states.StatusAborted || deref(x.Error) != "Cancelled" || deref(x.Cause) != "by hand" || !x.StopDate.Equal(at) {
		t.Fatalf("got %+v", x)
	}
	again, err := r.engine.StopExecution(t.Context(), arn, "Other", "")
	if err != nil || !again.Equal(at) || deref(r.describe(t, arn).Error) != "Cancelled" {
		t.Fatalf("a second stop changed something: %v, %v", again, err)
	}
	_, err = r.engine.StopExecution(t.Context(), arn+"x", "", "")
	wantError(t, err, "ExecutionDoesNotExist")
	wantHistory(t, r, arn, "ExecutionStarted", "WaitStateEntered", "ExecutionAborted")
}

func wantHistory(t *testing.T, r *rig, arn string, want ...string) {
	t.Helper()
	all, err := r.engine.GetExecutionHistory(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range all {
		got = append(got, h.Type)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got history %v, want %v", got, want)
	}
}

func TestStatusChangesAreEmitted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(t, onePass, `{}`)
	r.idle(t)
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, ev := range r.events {
		if ev.Source != "aws.states" || ev.DetailType != "Step Functions Execution Status Change" {
			t.Errorf("got %+v", ev)
		}
		for _, status := range []string{"RUNNING", "SUCCEEDED"} {
			if strings.Contains(string(ev.Detail), `"status":"`+status+`"`) {
				got = append(got, status)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"RUNNING", "SUCCEEDED"}) {
		t.Errorf("got %v", got)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		definition string
		status     string
		errorName  string
	}{
		"machine": {
			`{"TimeoutSeconds": 10, "StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": true}}}`,
			states.StatusTimedOut, "",
		},
		"task":      {strings.Replace(waitForApproval, `"End"`, `"TimeoutSeconds": 10, "End"`, 1), states.StatusFailed, "States.Timeout"},
		"heartbeat": {strings.Replace(waitForApproval, `"End"`, `"HeartbeatSeconds": 10, "End"`, 1), states.StatusFailed, "States.HeartbeatTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			keepToken(r)
			arn := r.start(t, c.definition, `{}`)
			r.advance(t, 9*time.Second)
			if x := r.describe(t, arn); x.Status != states.StatusRunning {
				t.Fatalf("too early: %+v", x)
			}
			r.advance(t, 2*time.Second)
			if x := r.describe(t, arn); x.Status != c.status || deref(x.Error) != c.errorName {
				t.Fatalf("got %s %s", x.Status, deref(x.Error))
			}
		})
	}
}

func TestHeartbeatPutsOffTheTimeout(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	token := keepToken(r)
	arn := r.start(t, strings.Replace(waitForApproval, `"End"`, `"HeartbeatSeconds": 10, "End"`, 1), `{}`)
	for range 5 {
		r.advance(t, 9*time.Second)
		if err := r.engine.SendTaskHeartbeat(t.Context(), token()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.engine.SendTaskFailure(t.Context(), token(), "Refused", "no"); err != nil {
		t.Fatal(err)
	}
	if x := r.describe(t, arn); x.Status != states.StatusFailed || deref(x.Error) != "Refused" || deref(x.Cause) != "no" {
		t.Fatalf("got %+v", x)
	}
	wantHistory(t, r, arn, "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted",
		"TaskFailed", "ExecutionFailed")
}

func TestParentWaitsForChildAlsoOverRestart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "child", Definition: waitAnHour})
	if err != nil {
		t.Fatal(err)
	}
	arn := r.start(t, `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
		"Parameters": {"StateMachineArn": "`+m.ARN+`", "Input": {"b.$": "$.a"}}, "OutputPath": "$.Output", "End": true}}}`, `{"a":7}`)
	r.advance(t, 30*time.Minute)
	r.restart(t)
	r.advance(t, 31*time.Minute)
	r.wantSucceeded(t, arn, `{"b":7}`)
	wantHistory(t, r, arn, "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted",
		"TaskSucceeded", "TaskStateExited", "ExecutionSucceeded")
}

func TestWorkerTakesActivityTask(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a, err := r.engine.CreateActivity(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	arn := r.start(t, `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "`+a.ARN+`", "End": true}}}`, `{"n":1}`)
	r.restart(t) // nobody has taken it: it is offered again
	token, input, err := r.engine.GetActivityTask(t.Context(), a.ARN, "me")
	if err != nil || input != `{"n":1}` {
		t.Fatalf("got %q, %v", input, err)
	}
	if err := r.engine.SendTaskSuccess(t.Context(), token, `{"n":2}`); err != nil {
		t.Fatal(err)
	}
	r.wantSucceeded(t, arn, `{"n":2}`)
	wantHistory(t, r, arn, "ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted",
		"ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded")
}

func TestToleratedFailuresOfDistributedMap(t *testing.T) {
	t.Parallel()
	definition := func(tolerated string) string {
		return `{"StartAt": "M", "States": {"M": {"Type": "Map", "ToleratedFailureCount": ` + tolerated + `, "End": true,
			"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "C", "States": {
				"C": {"Type": "Choice", "Choices": [{"Variable": "$.bad", "IsPresent": true, "Next": "F"}], "Default": "P"},
				"F": {"Type": "Pass", "InputPath": "$.missing", "End": true}, "P": {"Type": "Pass", "End": true}}}}}}`
	}
	for tolerated, want := range map[string]string{"1": states.StatusSucceeded, "0": states.StatusFailed} {
		r := newRig(t)
		arn := r.start(t, definition(tolerated), `[{"ok":1},{"bad":1}]`)
		r.idle(t)
		x := r.describe(t, arn)
		if x.Status != want {
			t.Errorf("%s tolerated: got %s %s", tolerated, x.Status, deref(x.Cause))
		}
		if want == states.StatusFailed && deref(x.Error) != "States.ExceedToleratedFailureThreshold" {
			t.Errorf("got error %s", deref(x.Error))
		}
	}
}

func TestJSONataIsRefusedClearly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{
		Name: "m", Definition: `{"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`,
	})
	wantError(t, err, "InvalidDefinition")
	if !strings.Contains(err.Error(), "JSONata dialect is not supported") {
		t.Errorf("got %v", err)
	}
}

func TestANameThatStandsTwiceIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for definition, want := range map[string]string{
		`{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}, "P": {"Type": "Pass", "End": true}}}`: "DUPLICATE_STATE_NAME: Duplicate State name: P at /States/P",
		`{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true, "Type": "Succeed"}}}`:                  "INVALID_JSON_DESCRIPTION: Duplicate field 'Type' at /States/P/Type",
		`{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "M", "States": {
			"M": {"Type": "Pass", "End": true}}}}}}`: "DUPLICATE_STATE_NAME: Duplicate State name: M",
	} {
		_, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "m", Definition: definition})
		wantError(t, err, "InvalidDefinition")
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if problems := r.engine.ValidateStateMachineDefinition(definition, states.TypeStandard); len(problems) == 0 {
			t.Errorf("it is said to be valid: %s", definition)
		}
	}
}

func TestRunsAfterUpdateKeepTheirDefinition(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	arn := r.start(t, waitAnHour, `{}`)
	machine := r.describe(t, arn).StateMachineARN
	if _, err := r.engine.UpdateStateMachine(t.Context(), states.UpdateStateMachineInput{
		ARN: machine, Definition: `{"StartAt": "F", "States": {"F": {"Type": "Fail"}}}`,
	}); err != nil {
		t.Fatal(err)
	}
	r.restart(t)
	r.advance(t, time.Hour)
	r.wantSucceeded(t, arn, `{}`)
}

// TestSDKWorksUnchanged drives the protocol through aws-sdk-go-v2.
func TestSDKWorksUnchanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	server := httptest.NewServer(states.Handler(r.engine))
	defer server.Close()
	c := sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	ctx := t.Context()
	m, err := c.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String("m"), Definition: aws.String(onePass), RoleArn: aws.String("arn:aws:iam::000000000000:role/r"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var last *sfn.StartExecutionOutput
	for range 3 {
		if last, err = c.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: m.StateMachineArn, Input: aws.String(`{"a":1}`)}); err != nil {
			t.Fatal(err)
		}
		r.advance(t, time.Second)
	}
	x, err := c.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: last.ExecutionArn})
	if err != nil || x.Status != types.ExecutionStatusSucceeded || aws.ToString(x.Output) != `{"a":1}` {
		t.Fatalf("got %+v, %v", x, err)
	}
	if want := time.Date(2026, 11, 24, 9, 0, 2, 0, time.UTC); !x.StartDate.Equal(want) {
		t.Errorf("got start %v, want %v", x.StartDate, want)
	}
	listed := 0
	pages := sfn.NewListExecutionsPaginator(c, &sfn.ListExecutionsInput{StateMachineArn: m.StateMachineArn, MaxResults: 2})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if listed == 0 && aws.ToString(page.Executions[0].ExecutionArn) != aws.ToString(last.ExecutionArn) {
			t.Error("the newest is not the first")
		}
		listed += len(page.Executions)
	}
	if listed != 3 {
		t.Errorf("listed %d executions", listed)
	}
	h, err := c.GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{ExecutionArn: last.ExecutionArn, ReverseOrder: true, MaxResults: 1})
	if err != nil || len(h.Events) != 1 || h.NextToken == nil || h.Events[0].ExecutionSucceededEventDetails == nil {
		t.Fatalf("got %+v, %v", h, err)
	}
	wantTypedErrors(ctx, t, c)
}

func wantTypedErrors(ctx context.Context, t *testing.T, c *sfn.Client) {
	t.Helper()
	var noExecution *types.ExecutionDoesNotExist
	_, err := c.DescribeExecution(ctx, &sfn.DescribeExecutionInput{
		ExecutionArn: aws.String("arn:aws:states:us-east-1:000000000000:execution:m:none"),
	})
	if !errors.As(err, &noExecution) {
		t.Errorf("got %v", err)
	}
	var badDefinition *types.InvalidDefinition
	_, err = c.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String("b"), Definition: aws.String(`{"StartAt": "X", "States": {"P": {"Type": "Pass", "Next": "Y"}}}`),
		RoleArn: aws.String("arn:aws:iam::000000000000:role/r"),
	})
	if !errors.As(err, &badDefinition) || !strings.Contains(err.Error(), "/States/P/Next") {
		t.Errorf("got %v", err)
	}
	var badARN *types.InvalidArn
	_, err = c.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String("b"), Definition: aws.String(`{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`),
		RoleArn: aws.String("admin"),
	})
	if !errors.As(err, &badARN) {
		t.Errorf("got %v", err)
	}
	var badToken *types.InvalidToken
	if _, err = c.ListStateMachines(ctx, &sfn.ListStateMachinesInput{NextToken: aws.String("none")}); !errors.As(err, &badToken) {
		t.Errorf("got %v", err)
	}
	if _, err = c.ListActivities(ctx, &sfn.ListActivitiesInput{NextToken: aws.String("none")}); !errors.As(err, &badToken) {
		t.Errorf("got %v", err)
	}
	if _, err = c.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: aws.String("x")}); !errors.As(err, &badToken) {
		t.Errorf("got %v", err)
	}
}

func TestUnknownResourceIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for resource, known := range map[string]bool{
		"arn:aws:states:::lambda:invoke.sync":                   false,
		"arn:aws:states:::lambda:remove":                        false,
		"arn:aws:states:::dynamodb:query":                       false, // only by aws-sdk
		"arn:aws:states:::dynamodb:getItem.waitForTaskToken":    false,
		"arn:aws:states:::nothing:here":                         false,
		"arn:aws:states:::aws-sdk:dynamodb":                     false,
		"arn:aws:states:::aws-sdk:dynamodb:query.sync":          false,
		"arn:aws:states:::aws-sdk:dynamodb:query":               true,
		"arn:aws:states:::aws-sdk:s3:getObject":                 true, // fails when it runs
		"arn:aws:states:::ecs:runTask.sync":                     true,
		"arn:aws:states:::sqs:sendMessage.waitForTaskToken":     true,
		"arn:aws:lambda:us-east-1:000000000000:function:f:live": true,
	} {
		problems := r.engine.ValidateStateMachineDefinition(
			`{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "`+resource+`", "End": true}}}`, states.TypeStandard)
		if known != (len(problems) == 0) {
			t.Errorf("%s: got %v", resource, problems)
		}
		if !known && (problems[0].Location != "/States/T/Resource" || !strings.Contains(problems[0].Message, resource+" is not recognized")) {
			t.Errorf("%s: got %+v", resource, problems[0])
		}
	}
}
