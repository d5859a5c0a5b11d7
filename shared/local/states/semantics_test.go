package states_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"opsflow/shared/local/states"
)

func TestAnItemThatCannotBeSelectedFailsItsIterationOnly(t *testing.T) {
	t.Parallel()
	const selector = `"ItemSelector": {"x.$": "States.StringToJson($$.Map.Item.Value)"}`
	inline := `"ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}`
	cases := map[string]struct {
		state, want string
	}{
		"the Map state's Catch takes it": {
			`"M": {"Type": "Map", ` + selector + `, ` + inline + `, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}], "End": true},
			 "Caught": {"Type": "Pass", "Result": "caught", "End": true}`, `"caught"`,
		},
		"the Catch of a Parallel state around it takes it": {
			`"M": {"Type": "Parallel", "Branches": [{"StartAt": "I", "States": {"I": {"Type": "Map", ` + selector + `, ` + inline + `, "End": true}}}],
			   "Catch": [{"ErrorEquals": ["States.IntrinsicFailure"], "Next": "Caught"}], "End": true},
			 "Caught": {"Type": "Pass", "Result": "caught outside", "End": true}`, `"caught outside"`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			arn := r.start(t, `{"StartAt": "M", "States": {`+c.state+`}}`, `["1", "no json", "3"]`)
			r.wantSucceeded(t, arn, c.want)
		})
	}
}

func TestAChildThatNobodyWaitsForAnyMoreIsStopped(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		more string
		end  func(t *testing.T, r *rig, parent string)
	}{
		"the task times out": {`"TimeoutSeconds": 60,`, func(t *testing.T, r *rig, _ string) { r.advance(t, 2*time.Minute) }},
		"the parent is stopped": {``, func(t *testing.T, r *rig, parent string) {
			if _, err := r.engine.StopExecution(t.Context(), parent, "", ""); err != nil {
				t.Fatal(err)
			}
			r.idle(t)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			m, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "child", Definition: waitAnHour})
			if err != nil {
				t.Fatal(err)
			}
			parent := r.start(t, `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", `+c.more+`
				"Parameters": {"StateMachineArn": "`+m.ARN+`", "Name": "it"}, "End": true}}}`, `{}`)
			r.idle(t)
			child := strings.Replace(m.ARN, "stateMachine:child", "execution:child:it", 1)
			if x := r.describe(t, child); x.Status != states.StatusRunning {
				t.Fatalf("the child is %s before", x.Status)
			}
			c.end(t, r, parent)
			if x := r.describe(t, child); x.Status != states.StatusAborted {
				t.Errorf("the child is %s", x.Status)
			}
			if x := r.describe(t, parent); x.Status == states.StatusRunning {
				t.Error("the parent runs")
			}
		})
	}
}

func TestTheFirstToleranceThatIsExceededEndsAMapRun(t *testing.T) {
	t.Parallel()
	for tolerance, want := range map[string]string{
		`"ToleratedFailurePercentage": 50`:                               states.StatusSucceeded,
		`"ToleratedFailurePercentage": 49`:                               states.StatusFailed,
		`"ToleratedFailureCount": 1`:                                     states.StatusSucceeded,
		`"ToleratedFailureCount": 0, "ToleratedFailurePercentage": 50`:   states.StatusFailed,
		`"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 49`:   states.StatusFailed,
		`"ToleratedFailureCount": 5, "ToleratedFailurePercentage": 50.5`: states.StatusSucceeded,
	} {
		r := newRig(t)
		arn := r.start(t, `{"StartAt": "M", "States": {"M": {"Type": "Map", `+tolerance+`, "End": true,
			"ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "C", "States": {
				"C": {"Type": "Choice", "Choices": [{"Variable": "$.bad", "IsPresent": true, "Next": "F"}], "Default": "P"},
				"F": {"Type": "Fail"}, "P": {"Type": "Pass", "End": true}}}}}}`, `[{"ok":1},{"bad":1}]`)
		r.idle(t)
		if x := r.describe(t, arn); x.Status != want {
			t.Errorf("%s: got %s", tolerance, x.Status)
		}
	}
}

func TestAParentSeesItsChildAsDescribeExecutionDoes(t *testing.T) {
	t.Parallel()
	const child = `"ExecutionArn":"arn:aws:states:us-east-1:000000000000:execution:child:c","Input":%s,"InputDetails":{"Included":true},"Name":"c",` +
		`"Output":%s,"OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE",` +
		`"RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":1795510800000,` +
		`"StateMachineArn":"arn:aws:states:us-east-1:000000000000:stateMachine:child",` +
		`"StateMachineVersionArn":"arn:aws:states:us-east-1:000000000000:stateMachine:child:1","Status":"SUCCEEDED","StopDate":1795510800000`
	for pattern, want := range map[string]string{
		".sync":   fmt.Sprintf(child, `"{\"k\":1}"`, `"7"`),
		".sync:2": fmt.Sprintf(child, `{"k":1}`, `7`),
	} {
		r := newRig(t)
		m := createMachine(t, r, states.CreateStateMachineInput{Name: "child", Definition: resultIs(7), Publication: states.Publication{Publish: true}})
		arn := r.start(t, `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution`+pattern+`",
			"Parameters": {"StateMachineArn": "`+m.VersionARN+`", "Name": "c", "Input": {"k": 1}}, "End": true}}}`, `{}`)
		r.idle(t)
		r.wantSucceeded(t, arn, "{"+want+"}")
	}
	r := newRig(t)
	m := createMachine(t, r, states.CreateStateMachineInput{Name: "child", Definition: `{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E", "Cause": "c"}}}`})
	arn := r.start(t, `{"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
		"Parameters": {"StateMachineArn": "`+m.ARN+`", "Name": "c", "Input": {"k": 1}}, "End": true}}}`, `{}`)
	r.idle(t)
	x := r.describe(t, arn)
	if cause := deref(x.Cause); deref(x.Error) != "States.TaskFailed" || !strings.HasPrefix(cause, `{"Cause":"c","Error":"E","ExecutionArn":`) ||
		!strings.Contains(cause, `"Input":"{\"k\":1}"`) || !strings.Contains(cause, `"Status":"FAILED","StopDate":1795510800000}`) {
		t.Errorf("got %s %s", deref(x.Error), cause)
	}
}
