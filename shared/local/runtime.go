// Package local is AWS on this machine, as far as opsflow needs it: one process that reads template.yaml and runs what it
// describes, with the real handlers, an interpreter of state machines, event buses, schedules, the table and an API
// gateway, behind an AWS endpoint that the SDKs and the AWS CLI can speak to.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
	"opsflow/shared/local/faults"
	"opsflow/shared/local/issuer"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/logs"
	"opsflow/shared/local/meter"
	"opsflow/shared/local/s3"
	"opsflow/shared/local/scheduler"
	"opsflow/shared/local/sqs"
	"opsflow/shared/local/stack"
	"opsflow/shared/local/states"
	"opsflow/shared/store"
	"opsflow/shared/table"
	"opsflow/shared/table/embedded"
)

// ClientID is the client that the local issuer's tokens are for.
const ClientID = "opsflow-local"

// Options of Start.
type Options struct {
	AWSAddr        string // host:port of the AWS endpoint; port 0: the system chooses
	APIAddr        string // host:port of the HTTP API
	Data           string // folder that keeps everything; empty: memory
	Clock          *clock.Clock
	TableURL       string      // a DynamoDB endpoint to use instead of the embedded table
	Processes      bool        // run the real bootstraps
	LambdaEndpoint string      // URL of the Lambda that is asked for functions which the template has not; empty: nobody is
	PrivateCalls   bool        // connections may lead to this machine and its network, and by plain HTTP
	Demo           bool        // load the demo vendors when there are none
	DemoPast       bool        // with what they did in the months before
	Template       string      // path of template.yaml
	Faults         faults.Plan // what goes wrong at the AWS boundary from the start
	Quotas         bool        // hold requests to AWS's default quotas
	Logger         *slog.Logger
	Progress       io.Writer // told what takes long; nil: nobody
	Echo           io.Writer // gets what functions say, beside their logs; nil: nobody

	observe func(Use)          // told of what is held against roles; nil: nobody
	edit    func(*stack.Stack) // changes what was read from the template; nil: nothing
}

// Runtime is a running system. Its parts are opened one after the other, as start lists them, and closed in reverse order: each
// says by onClose what its end is.
type Runtime struct {
	o     Options
	began time.Time
	ready time.Duration

	// Where it is reached, and who gets through.
	awsURL      string
	apiURL      string
	awsHandler  http.Handler // all services, without the border
	border      *border
	permissions *permissions
	issuer      *issuer.Issuer

	// What it is to run.
	template  atomic.Pointer[stack.Stack]
	builtins  *builtins // nil: those of this program
	elsewhere *url.URL  // where functions that are not here are; nil: nowhere

	// What it keeps.
	db           *embedded.DB
	objects      *s3.Store
	own          stack.Table // opsflow's own
	table        table.Table // the same
	dynamodb     http.Handler
	declareTable func(ctx context.Context, properties []byte) error
	store        *store.Store
	logs         *logs.Store
	outbox       *outbox

	// What runs.
	functions *lambda.Registry
	processes *lambda.Processes // nil: the handlers are run in this process
	states    *states.Engine
	events    *events.Engine
	scheduler *scheduler.Engine
	queues    *sqs.Queues
	day       player

	// What is counted.
	meter  meter.Meter
	traced sync.Map // trace of an invocation -> meter.Who

	ending  context.Context // ends when Close begins: nobody waits for news any more
	end     context.CancelFunc
	closers []func() error // ended in reverse order
}

// Start brings the system up and returns when it serves. An error leaves nothing behind.
func Start(ctx context.Context, o Options) (*Runtime, error) {
	rt := &Runtime{o: o, began: time.Now()}
	rt.ending, rt.end = context.WithCancel(context.Background())
	if o.Logger == nil {
		rt.o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		rt.o.Progress = io.Discard
	}
	if err := rt.start(ctx); err != nil {
		return nil, errors.Join(err, rt.Close())
	}
	rt.ready = time.Since(rt.began)
	return rt, nil
}

func (rt *Runtime) start(ctx context.Context) error {
	if rt.o.Processes && rt.o.Clock.IsVirtual() {
		return errors.New("--processes needs the real clock: bootstraps have their own")
	}
	var err error
	if rt.elsewhere, err = lambda.ParseEndpoint(rt.o.LambdaEndpoint); err != nil {
		return err
	}
	awsListener, err := rt.listen(ctx, "AWS endpoint", rt.o.AWSAddr)
	if err != nil {
		return err
	}
	apiListener, err := rt.listen(ctx, "API", rt.o.APIAddr)
	if err != nil {
		return err
	}
	rt.awsURL, rt.apiURL = "http://"+awsListener.Addr().String(), "http://"+apiListener.Addr().String()
	for _, open := range []func(context.Context) error{
		rt.openData, rt.openLogs, rt.loadStack, rt.openBorder, rt.openClock, rt.openTable, rt.openIssuer, rt.openEngines, rt.openFunctions, rt.deploy, rt.loadDemo,
	} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	rt.awsHandler = rt.awsEndpoint()
	rt.serve(awsListener, rt.border.handler(rt.awsHandler))
	rt.serve(apiListener, rt.apiEndpoint())
	if err := rt.states.Resume(ctx); err != nil {
		return fmt.Errorf("take up executions: %w", err)
	}
	if err := rt.events.Resume(ctx); err != nil {
		return fmt.Errorf("take up events: %w", err)
	}
	if err := rt.scheduler.Resume(); err != nil {
		return fmt.Errorf("take up schedules: %w", err)
	}
	rt.mapQueues()
	rt.onClose(rt.day.stop)
	return nil
}

func (rt *Runtime) listen(ctx context.Context, what, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("the %s can't listen on %s: %w", what, addr, err)
	}
	rt.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}

// shutdownGrace is how long requests that are going on have at the end.
const shutdownGrace = 5 * time.Second

func (rt *Runtime) serve(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(rt.o.Logger.Handler(), slog.LevelWarn)}
	go func() {
		if err := s.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			rt.o.Logger.Error("serve", "address", l.Addr(), "error", err)
		}
	}()
	rt.onClose(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			return s.Close() // a request would not end
		}
		return nil
	})
}

func (rt *Runtime) onClose(f func() error) { rt.closers = append(rt.closers, f) }

// Close ends everything in order; what is stored can be taken up again by Start.
func (rt *Runtime) Close() error {
	rt.end()
	var errs []error
	for len(rt.closers) > 0 {
		last := len(rt.closers) - 1
		errs = append(errs, rt.closers[last]())
		rt.closers = rt.closers[:last]
	}
	return errors.Join(errs...)
}

// AWSURL is the AWS endpoint: "http://127.0.0.1:4566".
func (rt *Runtime) AWSURL() string { return rt.awsURL }

// APIURL is the HTTP API, without /v1.
func (rt *Runtime) APIURL() string { return rt.apiURL }

// DataDir is the folder that keeps everything; empty when nothing is kept.
func (rt *Runtime) DataDir() string { return rt.o.Data }

// TableName says which table is used, for people.
func (rt *Runtime) TableName() string {
	if rt.o.TableURL != "" {
		return rt.own.Name + " at " + rt.o.TableURL
	}
	return rt.own.Name + ", embedded"
}

// Clock is the time of everything that runs.
func (rt *Runtime) Clock() *clock.Clock { return rt.o.Clock }

// ReadyIn is how long Start took.
func (rt *Runtime) ReadyIn() time.Duration { return rt.ready }
