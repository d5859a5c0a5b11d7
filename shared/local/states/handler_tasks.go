package states

import "context"

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
	a, err := e.CreateActivity(ctx, in.Name, in.Tags...)
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
	list, next, err := e.ListActivities(ctx, in.page())
	return page("activities", list, next, func(a Activity) object { return activityObject(&a) }), err
}

func getActivityTask(ctx context.Context, e *Engine, in *request) (any, error) {
	token, input, err := e.GetActivityTask(ctx, in.ActivityARN, in.WorkerName)
	if err != nil {
		return nil, err
	}
	return object{"taskToken": optional(token), "input": optional(input)}, nil
}
