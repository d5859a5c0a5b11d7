// Package lambda is AWS Lambda on this machine: functions by name and ARN, invoked in this process (Func) or as the real
// bootstraps against a Lambda Runtime API (Processes), and the HTTP protocol of Invoke (Handler).
package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/local/logs"
)

// Options are what a Registry works with.
type Options struct {
	// Clock counts invocations as work. Required.
	Clock *clock.Clock
	// Logs keeps what functions say; nil: nobody does.
	Logs *logs.Store
	// Logger hears of panics in this process; nil: nobody does.
	Logger *slog.Logger
	// Later keeps an asynchronous invocation until it is done, and tries it again; nil: there are none.
	Later func(ctx context.Context, functionARN string, payload []byte) error
	// Elsewhere is another Lambda endpoint, which Invoke asks for functions that are not registered; nil: none.
	Elsewhere *url.URL
}

// Function is what Lambda knows of a function.
type Function struct {
	Name     string
	ARN      string
	Timeout  time.Duration // in real time; 0: Lambda's default of 3 s
	MemoryMB int           // 0: 128
	Reserved *int          // reserved concurrency; nil: it shares the account's
	LogGroup string        // empty: /aws/lambda/<name>
}

// Registry knows functions and invokes them. All methods are safe for concurrent use.
type Registry struct {
	o       Options
	running concurrency

	mu        sync.RWMutex
	functions map[string]registered
	reserved  int // by all functions
}

type registered struct {
	Function

	run    Runner
	stream *logs.Stream // of what runs in this process
}

// New makes a registry without functions.
func New(o Options) *Registry {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Registry{o: o, functions: map[string]registered{}}
}

// Register adds a function, or replaces the one of that name. Invocations that are going on are not disturbed.
func (r *Registry) Register(f Function, run Runner) {
	if f.Timeout <= 0 {
		f.Timeout = 3 * time.Second
	}
	if f.MemoryMB <= 0 {
		f.MemoryMB = 128
	}
	made := registered{Function: f, run: run}
	if r.o.Logs != nil {
		made.stream = r.o.Logs.Of(f.Name, f.LogGroup).Stream()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.functions[f.Name] = made
	r.reserved = 0
	for _, one := range r.functions {
		if one.Reserved != nil {
			r.reserved += *one.Reserved
		}
	}
}

// Remove forgets a function.
func (r *Registry) Remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.functions, name)
}

// Has reports whether there is a function of that name or ARN.
func (r *Registry) Has(function string) bool {
	_, _, err := r.find(function)
	return err == nil
}

// Name gives the name in what Lambda takes for a function: a name, a partial or a whole ARN, each with or without a
// version or alias.
func Name(function string) string {
	parts := strings.Split(function, ":")
	switch {
	case len(parts) >= 7 && parts[0] == "arn": // arn:aws:lambda:region:account:function:name[:qualifier]
		return parts[6]
	case len(parts) >= 3 && parts[1] == "function": // account:function:name[:qualifier]
		return parts[2]
	}
	return parts[0]
}

func (r *Registry) find(function string) (f registered, reserved int, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f, ok := r.functions[Name(function)]
	if !ok {
		return f, 0, notFound(function)
	}
	return f, r.reserved, nil
}

// Invoke runs a function, given by name or ARN, and waits for its answer. The FunctionError is the function's own failure,
// a timeout ("Sandbox.Timedout") included; the error is an *APIError, or that of ctx when it ended first.
func (r *Registry) Invoke(ctx context.Context, function string, payload []byte) ([]byte, *FunctionError, error) {
	return r.invoke(ctx, function, &invocation{payload: payload, said: &transcript{}})
}

func (r *Registry) invoke(ctx context.Context, function string, in *invocation) ([]byte, *FunctionError, error) {
	f, reserved, err := r.find(function)
	if err != nil {
		if r.o.Elsewhere != nil {
			return r.invokeElsewhere(ctx, function, in.payload)
		}
		return nil, nil, err
	}
	defer r.o.Clock.Busy()()
	release, err := r.running.take(f.Function, reserved)
	if err != nil {
		return nil, nil, err
	}
	in.release = release
	defer func() { in.release() }()
	if in.trace == "" {
		in.trace = traceHeader()
	}
	in.id, in.function, in.stream, in.logger = requestID(), f.Function, f.stream, r.o.Logger
	out, err := f.run.run(ctx, in)
	if failed, ok := errors.AsType[*FunctionError](err); ok {
		return nil, failed, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("invoke %s: %w", f.Name, err)
	}
	if len(out) > maxResponse {
		return nil, tooLarge(), nil
	}
	return out, nil, nil
}

// InvokeAsync takes an event as Lambda takes an asynchronous invocation: it is run later, at least once.
func (r *Registry) InvokeAsync(ctx context.Context, function string, payload []byte) error {
	f, _, err := r.find(function)
	if err != nil {
		return err
	}
	if r.o.Later == nil {
		return &APIError{Code: "ServiceException", Message: "asynchronous invocations are not possible here"}
	}
	return r.o.Later(ctx, f.ARN, payload)
}
