package states_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"opsflow/shared/local/states"
)

const anyRole = "arn:aws:iam::000000000000:role/r"

func TestAStateIsTriedAlone(t *testing.T) {
	t.Parallel()
	const retried = `"Retry": [{"ErrorEquals": ["Bad"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 2}]`
	const caught = `"Catch": [{"ErrorEquals": ["Other"], "Next": "X"}, {"ErrorEquals": ["States.ALL"], "Next": "Recover", "ResultPath": "$.problem"}]`
	task := func(more string) string {
		return `{"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", ` + more + ` "Next": "After"}`
	}
	bad := &states.Mock{Error: &states.MockError{Error: aws.String("Bad"), Cause: aws.String("it is")}}
	result := func(text string) *states.Mock { return &states.Mock{Result: &text} }
	cases := map[string]struct {
		in                    states.TestStateInput
		status, output, error string
		next                  string
		saw                   map[string]any
	}{
		"pass": {
			states.TestStateInput{
				Definition: `{"Type": "Pass", "InputPath": "$.a", "Parameters": {"v.$": "$.b"}, "ResultPath": "$.c", "OutputPath": "$.c", "Next": "N"}`,
				Input:      `{"a":{"b":1}}`,
			},
			"SUCCEEDED", `{"v":1}`, "", "N",
			map[string]any{
				"input": `{"a":{"b":1}}`, "afterInputPath": `{"b":1}`, "afterParameters": `{"v":1}`, "afterResultSelector": `{"v":1}`,
				"afterResultPath": `{"a":{"b":1},"c":{"v":1}}`,
			},
		},
		"pass with a result": {
			states.TestStateInput{Definition: `{"Type": "Pass", "Result": 7, "End": true}`},
			"SUCCEEDED", `7`, "", "",
			map[string]any{"input": `{}`, "result": `7`, "afterResultSelector": `7`, "afterResultPath": `7`},
		},
		"choice": {
			states.TestStateInput{Definition: `{"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Many"}], "Default": "Few"}`, Input: `{"n":2}`},
			"SUCCEEDED", `{"n":2}`, "", "Many",
			map[string]any{"input": `{"n":2}`, "afterInputPath": `{"n":2}`},
		},
		"fail": {
			states.TestStateInput{Definition: `{"Type": "Fail", "Error": "E", "Cause": "c"}`},
			"FAILED", "", "E", "",
			map[string]any{"input": `{}`, "afterInputPath": `{}`},
		},
		"task": {
			states.TestStateInput{Definition: task(`"ResultSelector": {"n.$": "$.x"}, "Assign": {"kept.$": "$.x"},`), Input: `{"x":3}`, Variables: `{"old":1}`},
			"SUCCEEDED", `{"n":3}`, "", "After",
			map[string]any{
				"input": `{"x":3}`, "afterInputPath": `{"x":3}`, "afterParameters": `{"x":3}`, "result": `{"x":3}`,
				"afterResultSelector": `{"n":3}`, "afterResultPath": `{"n":3}`, "variables": `{"old":1,"kept":3}`,
			},
		},
		"task that would be tried again": {
			states.TestStateInput{Definition: task(retried + "," + caught + ","), Mock: bad, Retries: 1},
			"RETRIABLE", "", "Bad", "",
			map[string]any{
				"input": `{}`, "afterInputPath": `{}`, "afterParameters": `{}`,
				"errorDetails": map[string]any{"retryIndex": 0, "retryBackoffIntervalSeconds": int64(6)},
			},
		},
		"task whose tries are used up": {
			states.TestStateInput{Definition: task(retried + "," + caught + ","), Mock: bad, Retries: 2, Input: `{"a":1}`},
			"CAUGHT_ERROR", `{"a":1,"problem":{"Error":"Bad","Cause":"it is"}}`, "Bad", "Recover",
			map[string]any{
				"input": `{"a":1}`, "afterInputPath": `{"a":1}`, "afterParameters": `{"a":1}`, "errorDetails": map[string]any{"catchIndex": 1},
			},
		},
		"a mock for what is not here": {
			states.TestStateInput{
				Definition: `{"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {"Cluster.$": "$$.Execution.Name"}, "End": true}`,
				Mock:       result(`{"Done":true}`), Context: `{"Execution":{"Name":"mine"}}`,
			},
			"SUCCEEDED", `{"Done":true}`, "", "",
			map[string]any{
				"input": `{}`, "afterInputPath": `{}`, "afterParameters": `{"Cluster":"mine"}`, "result": `{"Done":true}`,
				"afterResultSelector": `{"Done":true}`, "afterResultPath": `{"Done":true}`,
			},
		},
		"one state of a definition": {
			states.TestStateInput{
				Definition: `{"StartAt": "M", "States": {"M": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Pass", "Next": "Out"}, "Out": {"Type": "Succeed"}}}}}}`,
				StateName:  "In",
			},
			"SUCCEEDED", `{}`, "", "Out",
			map[string]any{"input": `{}`, "afterInputPath": `{}`, "afterParameters": `{}`, "afterResultSelector": `{}`, "afterResultPath": `{}`},
		},
		"a Map state by its mock": {
			states.TestStateInput{
				Definition: `{"Type": "Map", "ItemsPath": "$.l", "ResultPath": "$.r", "Next": "N", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}`,
				Input:      `{"l":[1]}`, Mock: result(`[2]`),
			},
			"SUCCEEDED", `{"l":[1],"r":[2]}`, "", "N",
			map[string]any{
				"input": `{"l":[1]}`, "afterInputPath": `{"l":[1]}`, "afterItemsPath": `[1]`, "result": `[2]`, "afterResultSelector": `[2]`,
				"afterResultPath": `{"l":[1],"r":[2]}`,
			},
		},
		"a distributed Map by its mock": {
			states.TestStateInput{
				Definition: `{"Type": "Map", "MaxConcurrency": 5, "ToleratedFailureCount": 1, "ItemSelector": {"n.$": "$$.Map.Item.Value"}, "ItemBatcher": {"MaxItemsPerBatch": 2},
					"End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}`,
				Input: `[1,2,3]`, Mock: result(`[0]`),
			},
			"SUCCEEDED", `[0]`, "", "",
			map[string]any{
				"input": `[1,2,3]`, "afterInputPath": `[1,2,3]`, "afterItemsPath": `[1,2,3]`, "afterItemSelector": `[{"n":1},{"n":2},{"n":3}]`,
				"afterItemBatcher": `[{"Items":[{"n":1},{"n":2}]},{"Items":[{"n":3}]}]`, "result": `[0]`, "afterResultSelector": `[0]`, "afterResultPath": `[0]`,
				"maxConcurrency": 5, "toleratedFailureCount": 1,
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.stub("f", stubTask{Behaviour: "echo"})
			if c.in.Mock == nil {
				c.in.RoleARN = anyRole
			}
			got, err := r.engine.TestState(t.Context(), c.in)
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != c.status || deref(got.Output) != c.output || deref(got.Error) != c.error || got.NextState != c.next {
				t.Errorf("got %s, output %s, error %s, next %s", got.Status, deref(got.Output), deref(got.Error), got.NextState)
			}
			if want := mustText(t, c.saw); mustText(t, got.Inspection) != want {
				t.Errorf("got %s\nwant %s", mustText(t, got.Inspection), want)
			}
		})
	}
}

func TestWhatCannotBeTried(t *testing.T) {
	t.Parallel()
	text := `[1]`
	list, bad := &states.Mock{Result: &text}, &states.Mock{Error: &states.MockError{Error: aws.String("E"), Cause: aws.String("c")}}
	const parallel = `{"Type": "Parallel", "End": true, "Branches": [{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}, {"StartAt": "Q", "States": {"Q": {"Type": "Pass", "End": true}}}]}`
	for name, c := range map[string]struct {
		in   states.TestStateInput
		code string
	}{
		"no role":                  {states.TestStateInput{Definition: `{"Type": "Pass", "End": true}`}, "ValidationException"},
		"bad role":                 {states.TestStateInput{Definition: `{"Type": "Pass", "End": true}`, RoleARN: "r"}, "InvalidArn"},
		"bad definition":           {states.TestStateInput{Definition: `{"Type": "Pass"}`, RoleARN: anyRole}, "InvalidDefinition"},
		"no such state":            {states.TestStateInput{Definition: onePass, StateName: "X", RoleARN: anyRole}, "ValidationException"},
		"bad input":                {states.TestStateInput{Definition: `{"Type": "Pass", "End": true}`, RoleARN: anyRole, Input: `{`}, "InvalidExecutionInput"},
		"bad variables":            {states.TestStateInput{Definition: `{"Type": "Pass", "End": true}`, RoleARN: anyRole, Variables: `1`}, "ValidationException"},
		"Parallel without a mock":  {states.TestStateInput{Definition: parallel, RoleARN: anyRole}, "InvalidDefinition"},
		"activity without a mock":  {states.TestStateInput{Definition: `{"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:a", "End": true}`, RoleARN: anyRole}, "InvalidDefinition"},
		"token without a mock":     {states.TestStateInput{Definition: `{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": {"QueueUrl": "q", "MessageBody": "b"}, "End": true}`, RoleARN: anyRole}, "InvalidDefinition"},
		"mock of a Pass":           {states.TestStateInput{Definition: `{"Type": "Pass", "End": true}`, Mock: bad}, "ValidationException"},
		"two mocks":                {states.TestStateInput{Definition: parallel, Mock: &states.Mock{Result: &text, Error: bad.Error}}, "ValidationException"},
		"result of one branch":     {states.TestStateInput{Definition: parallel, Mock: list}, "ValidationException"},
		"bad validation mode":      {states.TestStateInput{Definition: parallel, Mock: &states.Mock{Error: bad.Error, FieldValidationMode: "SOME"}}, "ValidationException"},
		"context without a mock":   {states.TestStateInput{Definition: `{"Type": "Pass", "End": true}`, RoleARN: anyRole, Context: `{}`}, "ValidationException"},
		"an answer that is a list": {states.TestStateInput{Definition: `{"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "b"}, "End": true}`, Mock: list}, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newRig(t).engine.TestState(t.Context(), c.in)
			wantError(t, err, c.code)
		})
	}
}

// TestSyncOperationsAreReached by clients that put sync- before the endpoint's host, as AWS's endpoints want it, and by those
// that are told not to.
func TestSyncOperationsAreReached(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	machine := expressMachine(t, r, onePass)
	server := httptest.NewServer(states.Handler(r.engine))
	defer server.Close()
	loopback := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String()) // as a name does that resolves on loopback
	}}}
	options := sfn.Options{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
	for name, c := range map[string]*sfn.Client{
		"prefixed": sfn.New(options, func(o *sfn.Options) { o.BaseEndpoint, o.HTTPClient = aws.String("http://aws.localhost:4566"), loopback }),
		"not prefixed": sfn.New(options, func(o *sfn.Options) {
			o.BaseEndpoint, o.HTTPClient = aws.String(server.URL), server.Client()
			o.APIOptions = append(o.APIOptions, withoutHostPrefix)
		}),
	} {
		x, err := c.StartSyncExecution(t.Context(), &sfn.StartSyncExecutionInput{
			StateMachineArn: &machine, Name: aws.String("n"), Input: aws.String(`{"a":1}`), TraceHeader: aws.String("Root=1"),
		})
		if err != nil || x.Status != types.SyncExecutionStatusSucceeded || aws.ToString(x.Output) != `{"a":1}` ||
			x.BillingDetails.BilledDurationInMilliseconds != 100 || x.BillingDetails.BilledMemoryUsedInMB != 64 || aws.ToString(x.TraceHeader) != "Root=1" {
			t.Errorf("%s: got %+v, %v", name, x, err)
		}
		s, err := c.TestState(t.Context(), &sfn.TestStateInput{
			Definition: aws.String(`{"Type": "Pass", "Result": 1, "Next": "N"}`), RoleArn: aws.String(anyRole), InspectionLevel: types.InspectionLevelDebug,
		})
		if err != nil || s.Status != types.TestExecutionStatusSucceeded || aws.ToString(s.NextState) != "N" || aws.ToString(s.InspectionData.Result) != "1" {
			t.Errorf("%s: got %+v, %v", name, s, err)
		}
	}
}

// withoutHostPrefix is how a client of aws-sdk-go-v2 leaves sync- out.
func withoutHostPrefix(s *middleware.Stack) error {
	return s.Initialize.Add(middleware.InitializeMiddlewareFunc("NoHostPrefix", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
	}), middleware.Before)
}
