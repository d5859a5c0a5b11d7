package states

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

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
		"stateMachineVersionArn": optional(x.VersionARN), "stateMachineAliasArn": optional(x.AliasARN),
		"mapRunArn": optional(x.MapRunARN),
	}
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
	list, next, err := e.ListExecutions(ctx, ListExecutionsInput{in.StateMachineARN, in.MapRunARN, in.StatusFilter, in.RedriveFilter, in.page()})
	return page("executions", list, next, func(x Execution) object {
		o := object{
			"executionArn": x.ARN, "stateMachineArn": x.StateMachineARN, "name": x.Name, "status": x.Status,
			"startDate": x.StartDate, "stopDate": x.StopDate, "redriveCount": x.RedriveCount, "redriveDate": x.RedriveDate,
			"stateMachineVersionArn": optional(x.VersionARN), "stateMachineAliasArn": optional(x.AliasARN),
			"mapRunArn": optional(x.MapRunARN),
		}
		if x.MapRunARN != "" {
			o["itemCount"] = x.Items
		}
		return o
	}), err
}

func getExecutionHistory(ctx context.Context, e *Engine, in *request) (any, error) {
	p := in.page()
	limit, err := p.size()
	if err != nil {
		return nil, err
	}
	list := listName("history", in.ExecutionARN, strconv.FormatBool(in.ReverseOrder))
	start, err := e.pageStart(list, p.Token)
	if err != nil {
		return nil, err
	}
	all, err := e.GetExecutionHistory(ctx, in.ExecutionARN)
	if err != nil {
		return nil, err
	}
	if in.ReverseOrder {
		slices.Reverse(all)
	}
	from := 0 // in reverse too: an event that comes meanwhile must shift nothing
	if start != nil {
		id := int64(beUint64(start)) //nolint:gosec // as it is written below
		if from = slices.IndexFunc(all, func(h HistoryEvent) bool { return h.ID == id }); from < 0 {
			return nil, errInvalidToken()
		}
	}
	to := min(len(all), from+limit)
	out := page("events", all[from:to], "", func(h HistoryEvent) object {
		ev := object{"id": h.ID, "previousEventId": h.PreviousID, "timestamp": h.Time(), "type": h.Type}
		if len(h.Details) > 0 {
			ev[h.DetailsField()] = detailsFor(h.Details, in.IncludeExecutionData == nil || *in.IncludeExecutionData)
		}
		return ev
	})
	if to < len(all) {
		out["nextToken"] = e.pageToken(list, binary.BigEndian.AppendUint64(nil, uint64(all[to].ID))) //nolint:gosec // an event's id
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
