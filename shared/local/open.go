package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"opsflow/shared/connection"
	"opsflow/shared/local/boundary"
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
	"opsflow/shared/table/embedded"
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
