package local

import (
	"context"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/events"
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
