package states

import "opsflow/shared/local/uuid"

// statusChanged emits the status-change event, best effort as on AWS. Express executions have none.
func (e *Engine) statusChanged(rec *record) {
	if rec.Express {
		return
	}
	arn := e.executionARN(rec)
	orNull := func(at int64) any {
		if at == 0 {
			return nil
		}
		return at
	}
	redrive, reason := e.redriveStatus(rec)
	id, err := uuid.New(e.random)
	if err != nil {
		e.report(err)
		return
	}
	ev := Event{
		ID: id, Time: e.now(), Source: "aws.states", DetailType: "Step Functions Execution Status Change",
		Resources: []string{arn},
		Detail: mustJSON(map[string]any{
			"executionArn": arn, "stateMachineArn": e.machineARN(rec.Machine), "name": rec.Name, "status": rec.Status,
			"stateMachineVersionArn": optional(e.versionARN(rec.Machine, rec.Version)), "stateMachineAliasArn": optional(e.aliasARN(rec.Machine, rec.Alias)),
			"startDate": rec.StartedAt, "stopDate": orNull(rec.StoppedAt), "input": rec.Input, "output": rec.Output,
			"inputDetails": map[string]any{"included": true}, "outputDetails": included(rec.Output),
			"error": rec.Error, "cause": rec.Cause,
			"redriveCount": rec.Redrives, "redriveDate": orNull(rec.RedrivenAt), "redriveStatus": redrive,
			"redriveStatusReason": optional(reason),
		}),
	}
	e.goBusy(func() { e.report(e.emit(e.ctx, ev)) })
}

func included(output *string) any {
	if output == nil {
		return nil
	}
	return map[string]any{"included": true}
}
