package local

import (
	"context"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/events"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/states"
	"opsflow/shared/table"
)

// WrapTable puts something around the table. For benchmarks, right after Start: nothing may be going on yet.
func (rt *Runtime) WrapTable(wrap func(table.Table) table.Table) {
	w := rt.table.(*waking) //nolint:errcheck // openTable makes it so
	w.Table = wrap(w.Table)
}

// Commits counts the commits of everything that this machine keeps: table, events and executions.
func (rt *Runtime) Commits() uint64 { return rt.db.Commits() }

// CommitNothing writes one small value to disk.
func (rt *Runtime) CommitNothing(ctx context.Context) error {
	return rt.db.Update(ctx, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("local.bench"))
		if err != nil {
			return err
		}
		return b.Put([]byte("key"), []byte("value"))
	})
}

// PutEvent puts an event on the event engine, as the AWS endpoint does once it has read the request.
func (rt *Runtime) PutEvent(ctx context.Context, detailType, detail string) (events.Result, error) {
	res, err := rt.events.Put(ctx, "somebody", []events.Entry{{
		Source: "booking", DetailType: detailType, Detail: detail, EventBusName: "opsflow",
	}})
	if err != nil {
		return events.Result{}, err
	}
	return res[0], nil
}

// CountEvents counts the events that come to the bus opsflow, by a rule of its own that takes everything.
func (rt *Runtime) CountEvents(ctx context.Context) (*atomic.Int64, error) {
	count := new(atomic.Int64)
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:bench-count"
	rt.functions.Register("bench-count", arn, time.Minute, lambda.Func(func(context.Context, []byte) ([]byte, error) {
		count.Add(1)
		return nil, nil
	}))
	if _, err := rt.events.PutRule(ctx, events.Rule{Name: "bench-count", Bus: "opsflow", Pattern: `{"source":[{"prefix":""}]}`}); err != nil {
		return nil, err
	}
	return count, rt.events.PutTargets(ctx, "opsflow", "bench-count", events.Target{ID: "count", ARN: arn})
}

// CountInvocations counts the invocations of functions from now on.
func (rt *Runtime) CountInvocations() (*atomic.Int64, error) {
	count := new(atomic.Int64)
	handlers, err := rt.handlers()
	if err != nil {
		return nil, err
	}
	for _, f := range rt.stack.Functions {
		run := handlers[f.Dir].Invoke
		rt.functions.Register(f.Name, f.ARN, f.Timeout, func(ctx context.Context, payload []byte) ([]byte, error) {
			count.Add(1)
			return run(ctx, payload)
		})
	}
	return count, nil
}

// Executions gives the history of every execution that there has been.
func (rt *Runtime) Executions(ctx context.Context) (map[string][]states.HistoryEvent, error) {
	all := map[string][]states.HistoryEvent{}
	machines, _, err := rt.states.ListStateMachines(ctx, 1000, "")
	if err != nil {
		return nil, err
	}
	for _, m := range machines {
		list, _, err := rt.states.ListExecutions(ctx, m.ARN, "", 1000, "")
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			if all[x.ARN], err = rt.states.GetExecutionHistory(ctx, x.ARN); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}
