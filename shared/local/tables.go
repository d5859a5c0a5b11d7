package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"opsflow/shared/local/dynamodb"
	"opsflow/shared/local/meter"
	"opsflow/shared/local/stack"
	"opsflow/shared/store"
	"opsflow/shared/table"
	"opsflow/shared/table/dynamo"
	"opsflow/shared/table/embedded"
)

// ownTable is opsflow's own table: the one that its functions are told of. Other tables of the template are whoever's they are.
func (rt *Runtime) ownTable() (stack.Table, error) {
	api, _ := rt.function("api")
	if t, ok := rt.stack().Table(api.Env["TABLE_NAME"]); ok {
		return t, nil
	}
	return stack.Table{}, fmt.Errorf("%s has no table %q, which is the TABLE_NAME of the function api", rt.stack().Path, api.Env["TABLE_NAME"])
}

// openTable opens opsflow's own table, and DynamoDB with it.
func (rt *Runtime) openTable(ctx context.Context) error {
	own, err := rt.ownTable()
	if err != nil {
		return err
	}
	rt.own = own
	open := rt.openEmbedded
	if rt.o.TableURL != "" {
		open = rt.openElsewhere
	}
	if err := open(ctx); err != nil {
		return err
	}
	rt.table = &waking{Table: rt.table, wake: rt.rearm}
	rt.store = store.New(rt.table, rand.Reader, rt.o.Clock.Now)
	return nil
}

// openEmbedded opens the embedded table and, behind the endpoint's DynamoDB, it and all others.
func (rt *Runtime) openEmbedded(ctx context.Context) error {
	t, err := embedded.NewTable(rt.db, rt.own.Name, store.Indexes(), rt.o.Clock.Now)
	if err != nil {
		return err
	}
	rt.table = rt.meter.Table(t)
	service, err := dynamodb.New(ctx, dynamodb.Options{
		DB: rt.db, Now: rt.o.Clock.Now, Account: stack.Account, Region: stack.Region, Used: rt.countTable,
		Own: dynamodb.Own{Name: rt.own.Name, Table: t, Indexes: store.Indexes(), Changed: func(item table.Item) {
			if wakes(item) {
				rt.rearm()
			}
		}},
	})
	if err != nil {
		return err
	}
	rt.dynamodb, rt.declareTable = service, service.Declare
	return nil
}

// openElsewhere uses another DynamoDB endpoint, for opsflow's own table and for whatever is asked of DynamoDB here.
func (rt *Runtime) openElsewhere(ctx context.Context) error {
	who := credentials.NewStaticCredentialsProvider("local", "local", "")
	client := awsdynamodb.New(awsdynamodb.Options{Region: stack.Region, BaseEndpoint: aws.String(rt.o.TableURL), Credentials: who})
	if err := dynamo.EnsureTable(ctx, client, rt.own.Name, store.Indexes()); err != nil {
		return fmt.Errorf("table at %s: %w", rt.o.TableURL, err)
	}
	rt.table = dynamo.New(client, rt.own.Name, store.Indexes(), rt.o.Clock.Now)
	forward, err := dynamodb.Forward(rt.o.TableURL, stack.Region, who)
	if err != nil {
		return err
	}
	rt.dynamodb = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forward.ServeHTTP(w, r)
		rt.rearm() // a timer may have been set
	})
	rt.declareTable = forward.Declare
	return nil
}

// deployTables makes the tables that a template has beside opsflow's own. Those that it has no more stay, with their items.
func (rt *Runtime) deployTables(ctx context.Context, s *stack.Stack) error {
	for _, t := range s.Tables {
		if t.Name == rt.own.Name {
			continue
		}
		if err := rt.declareTable(ctx, t.Properties); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	return nil
}

// countTable counts what is asked of DynamoDB at the endpoint.
func (rt *Runtime) countTable(ctx context.Context, used dynamodb.Used) {
	rt.meter.Add(ctx, func(u *meter.Use) {
		u.ReadUnits += used.ReadUnits
		u.WriteUnits += used.WriteUnits
		n := float64(used.Items)
		switch used.Operation {
		case "GetItem", "TransactGetItems":
			u.Gets += n
		case "BatchGetItem":
			u.BatchGets++
		case "Query", "Scan":
			u.Queries++
		case "TransactWriteItems":
			u.Transactions++
			u.TransactionItems += n
		default:
			u.Writes += n
		}
	})
}

// rearm lets schedules that had nothing to do look again.
func (rt *Runtime) rearm() {
	if rt.events != nil {
		rt.events.Rearm()
	}
}

// waking tells when a timer was set, so that schedules that had nothing to do look again.
type waking struct {
	table.Table
	wake func()
}

func (w *waking) Write(ctx context.Context, wr table.Write) error {
	err := w.Table.Write(ctx, wr)
	for _, p := range wr.Puts {
		if wakes(p.Item) {
			w.wake()
			break
		}
	}
	return err
}

// wakes reports whether an item has a timer.
func wakes(item table.Item) bool {
	_, ok := item.Index["wake"]
	return ok
}
