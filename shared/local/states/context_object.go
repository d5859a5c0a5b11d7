package states

import (
	"time"

	"opsflow/shared/local/states/value"
)

// scope is what the expressions of the thread's state see; $ is the state's raw input.
func (x *execution) scope(t *thread) *scope {
	var made any
	return &scope{
		input: t.Input.V,
		context: func() any {
			if made == nil {
				made = x.contextObject(t)
			}
			return made
		},
		variable: func(name string) (any, bool) { return x.variable(t, name) },
		random:   x.e.random,
	}
}

// variable looks in the thread's scope, then in those around it. An iteration of a distributed Map is an execution of
// its own, which sees no outer variables.
func (x *execution) variable(t *thread, name string) (any, bool) {
	for t != nil {
		if t.Vars != nil {
			if v, ok := t.Vars.Get(name); ok {
				return v, true
			}
		}
		t = x.threads[t.Parent]
	}
	return nil, false
}

func (x *execution) contextObject(t *thread) *value.Object {
	if x.trial != nil && x.trial.context != nil {
		return x.trial.context
	}
	execution := value.ObjectOf(
		value.Member{Key: "Id", Value: x.arn},
		value.Member{Key: "Input", Value: x.input},
		value.Member{Key: "StartTime", Value: time.UnixMilli(x.rec.StartedAt).UTC().Format(isoMillis)},
		value.Member{Key: "Name", Value: x.rec.Name},
		value.Member{Key: "RoleArn", Value: x.rec.Role},
		value.Member{Key: "RedriveCount", Value: number(int64(x.rec.Redrives))},
	)
	if x.rec.RedrivenAt > 0 {
		execution.Set("RedriveTime", time.UnixMilli(x.rec.RedrivenAt).UTC().Format(isoMillis))
	}
	at := value.ObjectOf(
		value.Member{Key: "Name", Value: t.State},
		value.Member{Key: "EnteredTime", Value: time.UnixMilli(t.EnteredAt).UTC().Format(isoMillis)},
	)
	switch t.state().kind {
	case "Task", "Parallel", "Map": // only these can be retried
		at.Set("RetryCount", number(t.Retried))
	}
	o := value.ObjectOf(
		value.Member{Key: "Execution", Value: execution},
		value.Member{Key: "StateMachine", Value: value.ObjectOf(
			value.Member{Key: "Id", Value: x.e.machineARN(x.rec.Machine)},
			value.Member{Key: "Name", Value: x.rec.Machine},
		)},
		value.Member{Key: "State", Value: at},
	)
	for at := t; at != nil; at = x.threads[at.Parent] {
		if at.Item != nil {
			o.Set("Map", mapItem(at.Index, at.Item.V))
			break
		}
	}
	if t.Task != nil && t.Task.Token != "" {
		o.Set("Task", value.ObjectOf(value.Member{Key: "Token", Value: t.Task.Token}))
	}
	return o
}

func mapItem(index int, item any) *value.Object {
	return value.ObjectOf(value.Member{Key: "Item", Value: value.ObjectOf(
		value.Member{Key: "Index", Value: number(int64(index))},
		value.Member{Key: "Value", Value: item},
	)})
}
