package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.etcd.io/bbolt"

	"opsflow/shared/local/events"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/stack"
	"opsflow/shared/ops"
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
	res, err := rt.events.Put(ctx, []events.Entry{{
		Source: "booking", DetailType: detailType, Detail: detail, EventBusName: "opsflow",
	}})
	if err != nil {
		return events.Result{}, err
	}
	return res[0], nil
}

// Break has a function fail until mend is called.
func (rt *Runtime) Break(dir string, failure error) (mend func(), err error) {
	handlers, err := rt.handlers()
	if err != nil {
		return nil, err
	}
	register := func(run lambda.Func) {
		for _, f := range rt.stack().Functions {
			if f.Dir == dir {
				rt.functions.Register(function(f), run)
			}
		}
	}
	register(func(context.Context, []byte) ([]byte, error) { return nil, failure })
	return func() { register(handlers[dir].Invoke) }, nil
}

// Letters puts a message into a dead-letter queue, as another service does.
func (rt *Runtime) Letters(ctx context.Context, name string, bodies ...string) error {
	arn := "arn:aws:sqs:us-east-1:000000000000:" + name
	err := rt.db.Update(ctx, func(tx *bbolt.Tx) error {
		for _, body := range bodies {
			if ok, err := rt.queues.Put(tx, arn, body, nil); !ok || err != nil {
				return err
			}
		}
		return nil
	})
	rt.queues.Wake(arn)
	return err
}

// InQueue counts the messages of a queue.
func (rt *Runtime) InQueue(ctx context.Context, name string) (int, error) {
	client := awssqs.New(awssqs.Options{
		Region: stack.Region, BaseEndpoint: &rt.awsURL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
	out, err := client.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{
		QueueUrl: &name, AttributeNames: []types.QueueAttributeName{"All"},
	})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, attribute := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		some, err := strconv.Atoi(out.Attributes[attribute])
		if err != nil {
			return 0, err
		}
		n += some
	}
	return n, nil
}

// Save stores records as they are.
func (rt *Runtime) Save(ctx context.Context, records ...ops.Record) error {
	return rt.store.Save(ctx, records...)
}

// Delivery is one invocation of a function.
type Delivery struct {
	function string
	payload  []byte
}

// Twice has the functions of a folder do each delivery twice, as if their first answer were lost: whoever invoked them gets
// the second one. once ends that, and gives what was delivered, in its order.
func (rt *Runtime) Twice(dir string) (once func() []Delivery, err error) {
	handlers, err := rt.handlers()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all []Delivery
	for _, f := range rt.stack().Functions {
		if f.Dir != dir {
			continue
		}
		rt.functions.Register(function(f), lambda.Func(func(ctx context.Context, payload []byte) ([]byte, error) {
			mu.Lock()
			all = append(all, Delivery{f.Name, bytes.Clone(payload)})
			mu.Unlock()
			_, _ = handlers[dir].Invoke(ctx, payload) // lost
			again := &lambdacontext.LambdaContext{InvokedFunctionArn: f.ARN, AwsRequestID: rand.Text()}
			return handlers[dir].Invoke(lambdacontext.NewContext(ctx, again), payload)
		}))
	}
	return func() []Delivery {
		for _, f := range rt.stack().Functions {
			if f.Dir == dir {
				rt.functions.Register(function(f), lambda.Func(handlers[dir].Invoke))
			}
		}
		return all
	}, nil
}

// SameTry reports whether another delivery differs by no more than the task token: it is another try of the same state.
func (d Delivery) SameTry(other Delivery) bool {
	return d.function == other.function && bytes.Equal(token.ReplaceAll(d.payload, nil), token.ReplaceAll(other.payload, nil))
}

var token = regexp.MustCompile(`"token":"[^"]*"`)

// Deliver delivers something again, and gives the error of the function.
func (rt *Runtime) Deliver(ctx context.Context, d Delivery) error {
	_, failed, err := rt.functions.Invoke(ctx, d.function, d.payload)
	if failed != nil {
		return failed
	}
	return err
}

// InQueues counts the messages of the template's queues that have any.
func (rt *Runtime) InQueues(ctx context.Context) (map[string]int, error) {
	left := map[string]int{}
	for _, q := range rt.stack().Queues {
		n, err := rt.InQueue(ctx, q.Name)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			left[q.Name] = n
		}
	}
	return left, nil
}

// NextTimer is when the next timer of any record falls due.
func (rt *Runtime) NextTimer(ctx context.Context) (time.Time, error) { return rt.store.NextWake(ctx) }

// Observe tells of each request that is held against a role.
func (o *Options) Observe(told func(Use)) { o.observe = told }

// Observed reports whether somebody is told.
func (o *Options) Observed() bool { return o.observe != nil }

// Edit changes what was read from the template.
func (o *Options) Edit(change func(*stack.Stack)) { o.edit = change }

// Ask writes on a workflow's record that somebody has asked for something, as who dies right after it does.
func (rt *Runtime) Ask(ctx context.Context, id, what string) error {
	i, err := rt.store.Instance(ctx, id)
	if err != nil {
		return err
	}
	now := rt.o.Clock.Now()
	i.Asked = &ops.Asked{What: what, By: "ada", At: now}
	i.SetTimer(ops.TimerLease, now)
	return rt.store.Save(ctx, i)
}
