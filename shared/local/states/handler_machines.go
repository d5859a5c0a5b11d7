package states

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

func createStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.CreateStateMachine(ctx, CreateStateMachineInput{
		Name: in.Name, Definition: in.Definition, RoleARN: in.RoleARN, Type: in.Type, Settings: in.Settings, Tags: in.Tags,
		Publication: Publication{in.Publish, in.VersionDescription},
	})
	if err != nil {
		return nil, err
	}
	return object{"stateMachineArn": m.ARN, "creationDate": m.CreatedAt, "stateMachineVersionArn": optional(m.VersionARN)}, nil
}

func updateStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.UpdateStateMachine(ctx, UpdateStateMachineInput{
		ARN: in.StateMachineARN, Definition: in.Definition, RoleARN: in.RoleARN, Settings: in.Settings,
		Publication: Publication{in.Publish, in.VersionDescription},
	})
	if err != nil {
		return nil, err
	}
	return object{
		"updateDate": m.UpdatedAt, "revisionId": optional(m.RevisionID), "stateMachineVersionArn": optional(m.VersionARN),
	}, nil
}

func deleteStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.DeleteStateMachine(ctx, in.StateMachineARN)
}

// machineObject is what descriptions of a state machine, a version and an execution's state machine have in common.
func machineObject(m *StateMachine, in *request) (object, error) {
	o := object{"stateMachineArn": m.ARN, "name": m.Name, "definition": m.Definition, "roleArn": m.RoleARN, "revisionId": optional(m.RevisionID)}
	maps.Copy(o, m.Settings.shown())
	switch in.IncludedData {
	case "", "ALL_DATA":
	case "METADATA_ONLY":
		o["definition"] = "{}"
	default:
		return nil, oneOf("includedData", in.IncludedData, []string{"ALL_DATA", "METADATA_ONLY"})
	}
	return o, nil
}

func describeStateMachine(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.DescribeStateMachine(ctx, in.StateMachineARN)
	if err != nil {
		return nil, err
	}
	o, err := machineObject(m, in)
	if err != nil {
		return nil, err
	}
	o["status"], o["type"], o["creationDate"], o["description"] = "ACTIVE", m.Type, m.CreatedAt, optional(m.Description)
	return o, nil
}

func describeStateMachineForExecution(ctx context.Context, e *Engine, in *request) (any, error) {
	m, err := e.DescribeStateMachineForExecution(ctx, in.ExecutionARN)
	if err != nil {
		return nil, err
	}
	o, err := machineObject(m, in)
	if err != nil {
		return nil, err
	}
	o["updateDate"], o["mapRunArn"], o["label"] = m.UpdatedAt, optional(m.MapRunARN), optional(m.Label)
	return o, nil
}

func listStateMachines(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListStateMachines(ctx, in.page())
	return page("stateMachines", list, next, func(m StateMachine) object {
		return object{"stateMachineArn": m.ARN, "name": m.Name, "type": m.Type, "creationDate": m.CreatedAt}
	}), err
}

// page is the answer of an operation that lists.
func page[T any](name string, list []T, next string, one func(T) object) object {
	all := make([]object, len(list))
	for i, v := range list {
		all[i] = one(v)
	}
	return object{name: all, "nextToken": optional(next)}
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
