package states_test

import (
	"encoding/json"
	"slices"
	"testing"

	"opsflow/shared/local/states"
)

func TestAHistoryIsLoggedAsTheStateMachineSays(t *testing.T) {
	t.Parallel()
	const definition = `{"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "F"}, "F": {"Type": "Fail", "Error": "E"}}}`
	var group states.LogDestination
	group.LogGroup.ARN = "arn:aws:logs:us-east-1:000000000000:log-group:/mine:*"
	for _, kind := range []string{states.TypeStandard, states.TypeExpress} {
		for level, want := range map[string][]string{
			"ALL":   {"ExecutionStarted", "PassStateEntered", "PassStateExited", "FailStateEntered", "ExecutionFailed"},
			"ERROR": {"FailStateEntered", "ExecutionFailed"},
			"FATAL": {"ExecutionFailed"},
			"OFF":   nil,
		} {
			for _, withData := range []bool{true, false} {
				r := newRig(t)
				m := createMachine(t, r, states.CreateStateMachineInput{Name: "m", Type: kind, Definition: definition, Settings: states.Settings{
					Logging: &states.Logging{Level: level, IncludeExecutionData: withData, Destinations: []states.LogDestination{group}},
				}})
				out, err := r.engine.StartExecution(t.Context(), states.StartExecutionInput{StateMachineARN: m.ARN, Input: `{"a":1}`})
				if err != nil {
					t.Fatal(err)
				}
				r.idle(t)
				var got []string
				for i, line := range r.logs["/mine states/m/2026-11-24-09"] {
					var e struct {
						ID, Type     string
						ExecutionARN string `json:"execution_arn"`
						Details      struct{ Input, Error string }
					}
					if err := json.Unmarshal([]byte(line), &e); err != nil || e.ExecutionARN != out.ExecutionARN {
						t.Errorf("got %s, %v", line, err)
					}
					if i == 0 && level == "ALL" && (e.Details.Input == `{"a":1}`) != withData {
						t.Errorf("with data %v: got %s", withData, line)
					}
					got = append(got, e.Type)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s %s: got %v, want %v", kind, level, got, want)
				}
			}
		}
	}
}
