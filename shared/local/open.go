package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"opsflow/shared/calendar"
	"opsflow/shared/connection"
	"opsflow/shared/httpapi"
	"opsflow/shared/httpapi/console"
	"opsflow/shared/local/boundary"
	"opsflow/shared/local/clock"
	"opsflow/shared/local/events"
	"opsflow/shared/local/events/destination"
	"opsflow/shared/local/issuer"
	"opsflow/shared/local/lambda"
	"opsflow/shared/local/s3"
	"opsflow/shared/local/scheduler"
	"opsflow/shared/local/sqs"
	"opsflow/shared/local/stack"
	"opsflow/shared/local/states"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/table/embedded"
	"opsflow/shared/task/form"
	"opsflow/shared/timeline"
	"opsflow/shared/vendor"
	"opsflow/shared/wire"
	"opsflow/shared/workflow"
)

func (rt *Runtime) openData(context.Context) error {
	db, err := embedded.Open(rt.o.Data, embedded.Options{})
	if err != nil {
		return err
	}
	rt.db = db
	rt.onClose(db.Close)
	return rt.openObjects()
}

// openObjects keeps the objects of S3 beside the data file, where people find them.
func (rt *Runtime) openObjects() error {
	dir := filepath.Join(rt.o.Data, "s3")
	if rt.o.Data == "" {
		var err error
		if dir, err = os.MkdirTemp("", "opsflow-s3-"); err != nil {
			return fmt.Errorf("make a folder for objects: %w", err)
		}
		rt.onClose(func() error { return os.RemoveAll(dir) })
	}
	var err error
	if rt.objects, err = s3.New(dir, rt.o.Clock.Now); err != nil {
		return fmt.Errorf("open the objects in %s: %w", dir, err)
	}
	rt.onClose(rt.objects.Close)
	return nil
}

// openClock goes on from where the time had been moved to: what is kept is not from the future then.
func (rt *Runtime) openClock(ctx context.Context) error {
	kept, err := rt.kept(ctx, "clock")
	if err != nil || len(kept) == 0 {
		return err
	}
	ahead, err := time.ParseDuration(string(kept))
	if err != nil {
		return fmt.Errorf("read how far the clock was moved: %w", err)
	}
	rt.o.Clock.SetAhead(ahead)
	return nil
}

// advance moves the time, and keeps how far. Bootstraps have the machine's time, so that theirs can't be moved.
func (rt *Runtime) advance(ctx context.Context, d time.Duration) error {
	if rt.o.Processes {
		return ops.Errorf(ops.CodeConflict, "with --processes the time can't be moved: bootstraps have the machine's")
	}
	return errors.Join(
		rt.o.Clock.Advance(ctx, d),
		rt.keep(context.WithoutCancel(ctx), "clock", []byte(rt.o.Clock.Ahead().Round(time.Second).String())),
	)
}

// openIssuer takes the signing key of the last run, so that tokens outlive a restart.
func (rt *Runtime) openIssuer(ctx context.Context) error {
	key, err := rt.keptOr(ctx, "issuer key", func() ([]byte, error) { return issuer.NewKey(rand.Reader) })
	if err != nil {
		return err
	}
	if rt.issuer, err = issuer.New(issuer.Config{URL: rt.apiURL, ClientID: ClientID, Key: key, Clock: rt.o.Clock, Vendors: rt.demoVendors()}); err != nil {
		return fmt.Errorf("open the token issuer: %w", err)
	}
	return nil
}

func (rt *Runtime) openEngines(ctx context.Context) error {
	rt.functions = lambda.New(lambda.Options{
		Clock: rt.o.Clock, Logger: rt.o.Logger, Logs: rt.logs, Elsewhere: rt.elsewhere,
		Later: func(ctx context.Context, functionARN string, payload []byte) error {
			return rt.events.InvokeLater(ctx, functionARN, payload)
		},
	})
	var err error
	rt.queues, err = sqs.New(ctx, sqs.Options{
		DB: rt.db, Clock: rt.o.Clock, Random: rand.Reader, Logger: rt.o.Logger, URL: rt.awsURL, Account: stack.Account, Region: stack.Region,
		Invoke: func(ctx context.Context, function string, payload []byte) ([]byte, error) {
			out, failure, err := rt.invoke(ctx, rt.o.Clock, function, payload)
			if failure != nil {
				return nil, failure
			}
			return out, err
		},
	})
	if err != nil {
		return err
	}
	rt.onClose(func() error { rt.queues.Close(); return nil })
	rt.states, err = states.New(states.Options{
		DB: rt.db, Clock: rt.o.Clock, Account: stack.Account, Region: stack.Region, Logger: rt.o.Logger,
		Rand: rand.Reader, Invoke: rt.invokeTask, Emit: rt.emit, Call: rt.callService, Roles: rt.permissions, Count: rt.countStates, Log: rt.logHistory,
		Across: func(ctx context.Context, operation string, request func(context.Context) error) error {
			return rt.border.carry(ctx, boundary.States, operation, request)
		},
	})
	if err != nil {
		return err
	}
	rt.onClose(func() error { rt.states.Close(); return nil })
	rt.events, err = events.New(events.Options{
		DB: rt.db, Clock: rt.o.Clock, Account: stack.Account, Region: stack.Region, Logger: rt.o.Logger,
		Invoke: rt.invokeTarget, Count: rt.countEvents, Deliver: rt.deliver, Queues: rt.queues, Async: rt.async,
		SkipSlot:  rt.skipSlot,
		MaySendAs: rt.maySendAs,
		May:       rt.may,
		Outside: &destination.Caller{Now: rt.o.Clock.Now, Forbidden: connection.Forbidden, Client: func(address string, timeout time.Duration) destination.Doer {
			return connection.Client(&ops.Connection{BaseURL: address}, timeout, rt.o.PrivateCalls)
		}},
		PrivateCalls: rt.o.PrivateCalls,
	})
	if err != nil {
		return err
	}
	rt.onClose(closeWithin(rt.events.Close))
	rt.scheduler, err = scheduler.New(ctx, scheduler.Options{
		DB: rt.db, Clock: rt.o.Clock, Random: rand.Reader, Logger: rt.o.Logger, Account: stack.Account, Region: stack.Region,
		Dispatch: rt.events.Dispatch, Trusts: rt.permissions.trustsScheduler,
	})
	if err != nil {
		return err
	}
	rt.onClose(func() error { rt.scheduler.Close(); return nil })
	rt.outbox = &outbox{now: rt.o.Clock.Now}
	return nil
}

// skipSlot lets time that is moved jump over the minutes at which sweep-due would find nothing. Whoever sets an earlier timer
// meanwhile has the schedule look again (see waking).
func (rt *Runtime) skipSlot(rule string, slot time.Time) (time.Time, bool) {
	sweep, ok := rt.function("sweep-due")
	if !ok || !rt.o.Clock.Stands() || rule != sweep.Name {
		return time.Time{}, false
	}
	next, err := rt.store.NextWake(context.Background())
	if err != nil || !next.After(slot) && !next.IsZero() {
		return time.Time{}, false // something is due, or nobody knows: sweep
	}
	if next.IsZero() {
		next = slot.AddDate(1, 0, 0)
	}
	return next, true
}

// invokeTask runs a function for a state machine.
func (rt *Runtime) invokeTask(ctx context.Context, function string, payload []byte) ([]byte, *states.FunctionError, error) {
	out, failure, err := rt.invoke(ctx, rt.o.Clock, function, payload)
	if failure == nil {
		return out, nil, err
	}
	return nil, &states.FunctionError{Payload: failure.Payload}, err
}

// async is how the template has a function invoked asynchronously; one that is not in it, by Lambda's defaults.
func (rt *Runtime) async(function string) events.Async {
	f, ok := rt.stack().Function(lambda.Name(function))
	if !ok {
		return events.Async{Retries: 2}
	}
	return events.Async{Retries: f.Retries, MaxAge: f.MaxAge, Off: f.Reserved != nil && *f.Reserved == 0, OnFailure: f.OnFailure}
}

// emit puts Step Functions' own events on the default bus.
func (rt *Runtime) emit(ctx context.Context, e states.Event) error {
	return rt.border.carry(ctx, boundary.Events, "PutEvents", func(ctx context.Context) error {
		return rt.events.PublishAWS(ctx, events.Event{
			ID: e.ID, Source: e.Source, DetailType: e.DetailType, Time: e.Time, Resources: e.Resources, Detail: e.Detail,
		})
	})
}

func (rt *Runtime) openFunctions(ctx context.Context) error {
	if rt.o.Processes {
		if err := rt.openProcesses(ctx); err != nil {
			return err
		}
	}
	return rt.deployFunctions(ctx)
}

// deployFunctions has functions run as the template, the built-in templates and rules and, with processes, the code are now.
func (rt *Runtime) deployFunctions(ctx context.Context) error {
	if rt.processes != nil {
		return rt.deployProcesses(ctx)
	}
	handlers, err := rt.handlers()
	if err != nil {
		return err
	}
	for _, f := range rt.stack().Functions {
		rt.functions.Register(function(f), rt.metered(f, lambda.Func(handlers[f.Dir].Invoke)))
	}
	return nil
}

// handlers wires the handlers of the template's functions, by their folder below functions/.
func (rt *Runtime) handlers() (map[string]awslambda.Handler, error) {
	api, ok := rt.function("api")
	if !ok {
		return nil, fmt.Errorf("%s has no function built from functions/api", rt.stack().Path)
	}
	steps, ok := rt.function("run-steps")
	if !ok {
		return nil, fmt.Errorf("%s has no function built from functions/run-steps", rt.stack().Path)
	}
	hours, err := calendar.Parse(api.Env["BUSINESS_ZONE"], api.Env["BUSINESS_HOURS"], api.Env["BUSINESS_HOLIDAYS"])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rt.stack().Path, err)
	}
	local := bus{engine: rt.events, name: api.Env["BUS_NAME"], permissions: rt.permissions, border: rt.border}
	links, err := timeline.NewLinks(api.Env["TIMELINE_KEY"])
	if err != nil {
		return nil, err
	}
	own := rt.builtins
	if own == nil {
		own = &builtins{}
	}
	handlers, err := parts{
		Parts: wire.Parts{
			Templates: own.templates, BuiltinRules: own.rules,
			Store:      store.New(rt.guardTable(&remoteTable{rt.table, rt.border}, store.Indexes()), rand.Reader, rt.o.Clock.Now),
			Executions: executions{engine: rt.states, role: api.Env["STATE_MACHINE_ROLE_ARN"], permissions: rt.permissions, border: rt.border}, Bus: local,
			Clock: clock.Invocation{Clock: rt.o.Clock}, Random: rand.Reader, Logger: rt.functionLogger(), Calendar: hours, MachinePrefix: api.Env["STATE_MACHINE_PREFIX"],
			Forms:     form.Checker{},
			Functions: workflow.Functions{RunSteps: api.Env["RUN_STEPS_ARN"], OpenTask: api.Env["OPEN_TASK_ARN"], RecordOutcome: api.Env["RECORD_OUTCOME_ARN"]},
		},
		links:        links,
		bus:          local,
		webhook:      rt.apiURL + "/dev/outbox",
		secretPrefix: steps.Env["SECRET_PREFIX"], private: steps.Env["PRIVATE_CALLS"] == "on",
		aws: aws.Config{
			Region: stack.Region, BaseEndpoint: aws.String(rt.awsURL),
			Credentials: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: rt.permissions.accessKey(ctx), SecretAccessKey: "local"}, nil
			}),
		},
		verifier: httpapi.NewOIDC(httpapi.OIDCConfig{Issuer: rt.apiURL, ClientIDs: []string{ClientID}, HTTPClient: http.DefaultClient, Now: rt.o.Clock.Now}),
		signIn: console.SignIn{
			Issuer: rt.apiURL, ClientID: api.Env["CONSOLE_CLIENT_ID"], SessionKey: api.Env["CONSOLE_SESSION_KEY"], HTTPClient: http.DefaultClient, Now: time.Now,
		},
		local: workbench{rt},
	}.handlers()
	if err != nil {
		return nil, err
	}
	return handlers, checkHandlers(rt.stack(), handlers)
}

// function finds the function that is built from a folder below functions/.
func (rt *Runtime) function(dir string) (stack.Function, bool) {
	for _, f := range rt.stack().Functions {
		if f.Dir == dir {
			return f, true
		}
	}
	return stack.Function{}, false
}

// demoVendors are the identities of the demo vendors; none without them.
func (rt *Runtime) demoVendors() []issuer.Identity {
	if !rt.o.Demo {
		return nil
	}
	var list []issuer.Identity
	for _, v := range vendor.Demo() {
		list = append(list, issuer.Identity{User: v.ID, Groups: []string{string(ops.Vendors)}, Does: v.Name})
	}
	return list
}

// demoChunk is how many records of the demo vendors' past are stored at once.
const demoChunk = 80

// loadDemo stores the demo vendors that are not there.
func (rt *Runtime) loadDemo(ctx context.Context) error {
	if !rt.o.Demo {
		return nil
	}
	defer rt.meter.Pause()() // nobody asked for it
	for _, v := range vendor.Demo() {
		v.CreatedAt = rt.o.Clock.Now().Truncate(time.Second)
		if err := rt.store.Save(ctx, v); err != nil && ops.AsConflict(err) == nil {
			return fmt.Errorf("load demo vendor %s: %w", v.ID, err)
		}
	}
	if !rt.o.DemoPast {
		return nil
	}
	now := rt.o.Clock.Now()
	past := vendor.DemoPast(now)
	var tallies []ops.Record
	for _, t := range past {
		tallies = append(tallies, t)
	}
	for chunk := range slices.Chunk(append(tallies, vendor.DemoTrend(past, now)...), demoChunk) {
		err := rt.store.Save(ctx, chunk...)
		if ops.AsConflict(err) != nil {
			return nil // loaded by an earlier run
		}
		if err != nil {
			return fmt.Errorf("load what the demo vendors have done: %w", err)
		}
	}
	return nil
}
