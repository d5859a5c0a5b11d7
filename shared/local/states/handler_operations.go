package states

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

var operations = map[string]operation{
	"CreateStateMachine":             createStateMachine,
	"UpdateStateMachine":             updateStateMachine,
	"DeleteStateMachine":             deleteStateMachine,
	"DescribeStateMachine":           describeStateMachine,
	"ListStateMachines":              listStateMachines,
	"ValidateStateMachineDefinition": validateDefinition,
	"StartExecution":                 startExecution,
	"StartSyncExecution":             startSyncExecution,
	"TestState":                      testState,
	"StopExecution":                  stopExecution,
	"RedriveExecution":               redriveExecution,
	"DescribeExecution":              describeExecution,
	"ListExecutions":                 listExecutions,
	"GetExecutionHistory":            getExecutionHistory,
	"SendTaskSuccess":                sendTaskSuccess,
	"SendTaskFailure":                sendTaskFailure,
	"SendTaskHeartbeat":              sendTaskHeartbeat,
	"CreateActivity":                 createActivity,
	"DeleteActivity":                 deleteActivity,
	"DescribeActivity":               describeActivity,
	"ListActivities":                 listActivities,
	"GetActivityTask":                getActivityTask,
	"ListTagsForResource":            listTags,
}

func createStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.CreateStateMachine(ctx, CreateStateMachineInput{in.Name, in.Definition, in.RoleARN, in.Type})
	if err != nil {
		return nil, err
	}
	return object{"stateMachineArn": m.ARN, "creationDate": m.CreatedAt}, nil
}

func updateStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.UpdateStateMachine(ctx, in.StateMachineARN, in.Definition, in.RoleARN)
	if err != nil {
		return nil, err
	}
	return object{"updateDate": m.UpdatedAt, "revisionId": optional(m.RevisionID)}, nil
}

func deleteStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.DeleteStateMachine(ctx, in.StateMachineARN)
}

func describeStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.DescribeStateMachine(ctx, in.StateMachineARN)
	if err != nil {
		return nil, err
	}
	return object{
		"stateMachineArn": m.ARN, "name": m.Name, "status": "ACTIVE", "definition": m.Definition, "roleArn": m.RoleARN,
		"type": m.Type, "creationDate": m.CreatedAt, "revisionId": optional(m.RevisionID),
		"loggingConfiguration": object{"level": "OFF", "includeExecutionData": false},
		"tracingConfiguration": object{"enabled": false},
	}, nil
}

func listStateMachines(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListStateMachines(ctx, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(list))
	for i, m := range list {
		out[i] = object{"stateMachineArn": m.ARN, "name": m.Name, "type": m.Type, "creationDate": m.CreatedAt}
	}
	return object{"stateMachines": out, "nextToken": optional(next)}, nil
}

// maxDiagnostics is how many diagnostics one answer has at most.
const maxDiagnostics = 100

func validateDefinition(_ context.Context, e *Engine, in *request) (any, error) {
	kind, err := machineType(in.Type)
	if err != nil {
		return nil, err
	}
	if in.Severity != "" && in.Severity != "ERROR" && in.Severity != "WARNING" {
		return nil, apiError("ValidationException", "severity must be ERROR or WARNING, got %q", in.Severity)
	}
	if in.MaxResults < 0 || in.MaxResults > maxDiagnostics {
		return nil, apiError("ValidationException", "maxResults must be from 0 to %d, got %d", maxDiagnostics, in.MaxResults)
	}
	problems := e.ValidateStateMachineDefinition(in.Definition, kind)
	result := "OK"
	if len(problems) > 0 {
		result = "FAIL"
	}
	shown := min(len(problems), cmp.Or(in.MaxResults, maxDiagnostics))
	return object{
		"result": result, "diagnostics": append([]Diagnostic{}, problems[:shown]...), "truncated": shown < len(problems),
	}, nil
}

func startExecution(ctx context.Context, e *Engine, in *request) (any, error) {
	out, err := e.StartExecution(ctx, StartExecutionInput{
		StateMachineARN: in.StateMachineARN, Name: in.Name, Input: in.Input, TraceHeader: in.TraceHeader,
	})
	if err != nil {
		return nil, err
	}
	return object{"executionArn": out.ExecutionARN, "startDate": out.StartDate}, nil
}

func startSyncExecution(ctx context.Context, e *Engine, in *request) (any, error) {
	x, err := e.StartSyncExecution(ctx, StartExecutionInput{
		StateMachineARN: in.StateMachineARN, Name: in.Name, Input: in.Input, TraceHeader: in.TraceHeader,
	})
	if err != nil {
		return nil, err
	}
	out := executionObject(x)
	out["billingDetails"] = object{
		"billedDurationInMilliseconds": billed(x.StopDate.Sub(x.StartDate)), "billedMemoryUsedInMB": 64,
	}
	return out, nil
}

// billed is the duration that an express execution costs: by 100 ms that have begun, at least one.
func billed(d time.Duration) int64 {
	const step = 100
	return max(step, (d.Milliseconds()+step-1)/step*step)
}

func executionObject(x *Execution) object {
	return object{
		"executionArn": x.ARN, "stateMachineArn": x.StateMachineARN, "name": x.Name, "status": x.Status,
		"startDate": x.StartDate, "stopDate": x.StopDate, "input": x.Input, "output": x.Output,
		"error": x.Error, "cause": x.Cause, "traceHeader": optional(x.TraceHeader),
		"inputDetails": object{"included": true}, "outputDetails": included(x.Output),
	}
}

func testState(ctx context.Context, e *Engine, in *request) (any, error) {
	levels := []string{"", "INFO", "DEBUG", "TRACE"}
	if !slices.Contains(levels, in.InspectionLevel) {
		return nil, invalid("inspectionLevel must be INFO, DEBUG or TRACE, got %q", in.InspectionLevel)
	}
	if in.RevealSecrets && in.Mock != nil {
		return nil, invalid("TestState does not support RevealSecrets when a mock is specified.")
	}
	out, err := e.TestState(ctx, TestStateInput{
		Definition: in.Definition, StateName: in.StateName, RoleARN: in.RoleARN, Input: in.Input, Variables: in.Variables,
		Context: in.Context, Mock: in.Mock, Retries: in.StateConfiguration.RetrierRetryCount,
	})
	if err != nil {
		return nil, err
	}
	answer := object{
		"status": out.Status, "output": out.Output, "error": out.Error, "cause": out.Cause, "nextState": optional(out.NextState),
	}
	if slices.Index(levels, in.InspectionLevel) > 1 {
		answer["inspectionData"] = out.Inspection
	}
	return answer, nil
}

func stopExecution(ctx context.Context, e *Engine, in *request) (any, error) {
	at, err := e.StopExecution(ctx, in.ExecutionARN, in.Error, in.Cause)
	return object{"stopDate": at}, err
}

func redriveExecution(ctx context.Context, e *Engine, in *request) (any, error) {
	at, err := e.RedriveExecution(ctx, in.ExecutionARN, in.ClientToken)
	return object{"redriveDate": at}, err
}

func describeExecution(ctx context.Context, e *Engine, in *request) (any, error) {
	x, err := e.DescribeExecution(ctx, in.ExecutionARN)
	if err != nil {
		return nil, err
	}
	out := executionObject(x)
	out["redriveCount"], out["redriveDate"] = x.RedriveCount, x.RedriveDate
	out["redriveStatus"], out["redriveStatusReason"] = x.RedriveStatus, optional(x.RedriveReason)
	return out, nil
}

func listExecutions(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListExecutions(ctx, in.StateMachineARN, in.StatusFilter, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(list))
	for i := range list {
		x := &list[i]
		out[i] = object{
			"executionArn": x.ARN, "stateMachineArn": x.StateMachineARN, "name": x.Name, "status": x.Status,
			"startDate": x.StartDate, "stopDate": x.StopDate, "redriveCount": x.RedriveCount, "redriveDate": x.RedriveDate,
		}
	}
	return object{"executions": out, "nextToken": optional(next)}, nil
}

func getExecutionHistory(ctx context.Context, e *Engine, in *request) (any, error) {
	all, err := e.GetExecutionHistory(ctx, in.ExecutionARN)
	if err != nil {
		return nil, err
	}
	if in.ReverseOrder {
		slices.Reverse(all)
	}
	from := 0
	if in.NextToken != "" {
		if from, err = strconv.Atoi(in.NextToken); err != nil || from < 0 || from > len(all) {
			return nil, errInvalidToken()
		}
	}
	to := min(len(all), from+pageSize(in.MaxResults))
	events := make([]object, 0, to-from)
	for _, h := range all[from:to] {
		ev := object{"id": h.ID, "previousEventId": h.PreviousID, "timestamp": h.Time(), "type": h.Type}
		if len(h.Details) > 0 {
			ev[h.DetailsField()] = detailsFor(h.Details, in.IncludeExecutionData == nil || *in.IncludeExecutionData)
		}
		events = append(events, ev)
	}
	out := object{"events": events}
	if to < len(all) {
		out["nextToken"] = strconv.Itoa(to)
	}
	return out, nil
}

// detailsFor leaves out the data that went through an execution, unless it is wanted.
func detailsFor(details json.RawMessage, withData bool) any {
	if withData {
		return details
	}
	var d map[string]any
	if err := json.Unmarshal(details, &d); err != nil {
		return details
	}
	for _, name := range []string{"input", "output", "parameters", "assignedVariables"} {
		delete(d, name)
	}
	return d
}

func sendTaskSuccess(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.SendTaskSuccess(ctx, in.TaskToken, in.Output)
}

func sendTaskFailure(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.SendTaskFailure(ctx, in.TaskToken, in.Error, in.Cause)
}

func sendTaskHeartbeat(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.SendTaskHeartbeat(ctx, in.TaskToken)
}

func activityObject(a *Activity) object {
	return object{"activityArn": a.ARN, "name": a.Name, "creationDate": a.CreatedAt}
}

func createActivity(ctx context.Context, e *Engine, in *request) (any, error) {
	a, err := e.CreateActivity(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return object{"activityArn": a.ARN, "creationDate": a.CreatedAt}, nil
}

func deleteActivity(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.DeleteActivity(ctx, in.ActivityARN)
}

func describeActivity(ctx context.Context, e *Engine, in *request) (any, error) {
	a, err := e.DescribeActivity(ctx, in.ActivityARN)
	if err != nil {
		return nil, err
	}
	return activityObject(a), nil
}

func listActivities(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListActivities(ctx, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := make([]object, len(list))
	for i := range list {
		out[i] = activityObject(&list[i])
	}
	return object{"activities": out, "nextToken": optional(next)}, nil
}

func getActivityTask(ctx context.Context, e *Engine, in *request) (any, error) {
	token, input, err := e.GetActivityTask(ctx, in.ActivityARN, in.WorkerName)
	if err != nil {
		return nil, err
	}
	return object{"taskToken": optional(token), "input": optional(input)}, nil
}

// listTags answers what clients ask for alongside a state machine; there are no tags here.
func listTags(context.Context, *Engine, *request) (any, error) {
	return object{"tags": []any{}}, nil
}
