package local

import (
	"context"
	"net/http"

	"opsflow/shared/local/action"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/faults"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/quota"
	"opsflow/shared/table"
)

// border is what calls to AWS meet on their way: quotas, when there are any, and faults.
type border struct {
	clock       *clock.Clock
	faults      *faults.Set
	quotas      *quota.Limiter // nil: none
	permissions *permissions   // knows which function a context belongs to
}

func (rt *Runtime) openBorder(context.Context) error {
	rt.border = &border{clock: rt.o.Clock, faults: faults.New(rt.o.Clock, rt.o.Faults), permissions: rt.permissions}
	rt.onClose(rt.border.faults.Close)
	if rt.o.Quotas {
		rt.border.quotas = quota.New(rt.o.Clock, func() int { return rt.states.Running() })
	}
	return nil
}

// handler puts the border before the AWS endpoint.
func (b *border) handler(next http.Handler) http.Handler {
	call := func(r *http.Request) boundary.Call {
		c := boundary.FromRequest(r)
		if c.Service == boundary.Lambda {
			c.Function = lambda.Name(c.Function)
		} else if f, ok := b.permissions.holder(key(r)); ok {
			c.Function = f.Name
		}
		return c
	}
	return b.quotas.Handler(b.faults.Handler(next, call), call)
}

// key is the access key of a request.
func key(r *http.Request) string {
	id, _ := action.Signer(r)
	return id
}

// ask carries out a call that code of a function makes.
func ask[T any](ctx context.Context, b *border, service, operation string, run func(context.Context) (T, error)) (T, error) {
	c := boundary.Call{Service: service, Operation: operation}
	if f, ok := b.permissions.caller(ctx); ok {
		c.Function = f.Name
	}
	return send(ctx, b, c, clock.Invocation{Clock: b.clock}, run)
}

// do is ask for a call that has no answer.
func (b *border) do(ctx context.Context, service, operation string, run func(context.Context) error) error {
	_, err := ask(ctx, b, service, operation, func(ctx context.Context) (struct{}, error) { return struct{}{}, run(ctx) })
	return err
}

// send carries out any call.
func send[T any](
	ctx context.Context, b *border, c boundary.Call, sleeper faults.Sleeper, run func(context.Context) (T, error),
) (answer T, err error) {
	if refused := b.quotas.Take(c); refused != nil {
		return answer, refused
	}
	return faults.Ask(ctx, b.faults, c, sleeper, run)
}

// carry carries out a call that one service makes to another.
func (b *border) carry(ctx context.Context, service, operation string, run func(context.Context) error) error {
	_, err := send(ctx, b, boundary.Call{Service: service, Operation: operation}, b.clock,
		func(ctx context.Context) (struct{}, error) { return struct{}{}, run(ctx) })
	return err
}

// invoked is what a function answers.
type invoked struct {
	out    []byte
	failed *lambda.FunctionError
}

// invoke has Lambda run a function. The sleeper is that of whoever asks for it.
func (rt *Runtime) invoke(ctx context.Context, sleeper faults.Sleeper, function string, payload []byte) ([]byte, *lambda.FunctionError, error) {
	a, err := send(ctx, rt.border, boundary.Invocation(lambda.Name(function)), sleeper, func(ctx context.Context) (a invoked, err error) {
		a.out, a.failed, err = rt.functions.Invoke(ctx, function, payload)
		return a, err
	})
	return a.out, a.failed, err
}

// remoteTable is a table on the other side of the border.
type remoteTable struct {
	table.Table
	border *border
}

func (t *remoteTable) Get(ctx context.Context, key table.Key) (table.Item, bool, error) {
	type found struct {
		item table.Item
		ok   bool
	}
	f, err := ask(ctx, t.border, boundary.DynamoDB, "GetItem", func(ctx context.Context) (f found, err error) {
		f.item, f.ok, err = t.Table.Get(ctx, key)
		return f, err
	})
	return f.item, f.ok, busy(err)
}

func (t *remoteTable) BatchGet(ctx context.Context, keys []table.Key) (map[table.Key]table.Item, error) {
	items, err := ask(ctx, t.border, boundary.DynamoDB, "BatchGetItem", func(ctx context.Context) (map[table.Key]table.Item, error) {
		return t.Table.BatchGet(ctx, keys)
	})
	return items, busy(err)
}

func (t *remoteTable) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := ask(ctx, t.border, boundary.DynamoDB, "Query", func(ctx context.Context) (table.Page, error) {
		return t.Table.Query(ctx, q)
	})
	return page, busy(err)
}

func (t *remoteTable) Write(ctx context.Context, w table.Write) error {
	operation := "TransactWriteItems"
	if len(w.Puts)+len(w.Counters)+len(w.Deletes) == 1 {
		switch {
		case len(w.Puts) == 1:
			operation = "PutItem"
		case len(w.Counters) == 1:
			operation = "UpdateItem"
		default:
			operation = "DeleteItem"
		}
	}
	return busy(t.border.do(ctx, boundary.DynamoDB, operation, func(ctx context.Context) error { return t.Table.Write(ctx, w) }))
}

// busy gives DynamoDB's refusal for load the type that the table's users know.
func busy(err error) error {
	if refused, ok := err.(*boundary.Error); ok { //nolint:errorlint // the border's own error, not wrapped
		return &table.ThrottleError{Err: refused}
	}
	return err
}
