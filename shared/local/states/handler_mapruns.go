package states

import "context"

func listMapRuns(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListMapRuns(ctx, in.ExecutionARN, in.page())
	return page("mapRuns", list, next, func(r MapRun) object {
		return object{
			"executionArn": r.ExecutionARN, "mapRunArn": r.ARN, "stateMachineArn": r.StateMachineARN,
			"startDate": r.StartDate, "stopDate": r.StopDate,
		}
	}), err
}

func describeMapRun(ctx context.Context, e *Engine, in *request) (any, error) {
	r, err := e.DescribeMapRun(ctx, in.MapRunARN)
	if err != nil {
		return nil, err
	}
	return object{
		"executionArn": r.ExecutionARN, "mapRunArn": r.ARN, "status": r.Status, "startDate": r.StartDate, "stopDate": r.StopDate,
		"maxConcurrency": r.MaxConcurrency, "toleratedFailureCount": r.Count, "toleratedFailurePercentage": r.Percentage,
		"itemCounts": r.Items, "executionCounts": r.Executions, "redriveCount": r.RedriveCount, "redriveDate": r.RedriveDate,
	}, nil
}

func updateMapRun(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.UpdateMapRun(ctx, in.MapRunARN, in.MaxConcurrency, in.ToleratedCount, in.ToleratedPercentage)
}
