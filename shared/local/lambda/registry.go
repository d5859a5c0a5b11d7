// Package lambda is AWS Lambda on this machine: functions by name and ARN, invoked in this process (Register) or as the
// real bootstraps against a Lambda Runtime API (Processes), and the HTTP protocol of Invoke (Handler).
package lambda

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"opsflow/shared/local/clock"
)

// FunctionError is the failure of a function's own code. Payload is what Lambda answers for it: a JSON object with
// errorMessage and errorType.
type FunctionError struct {
	Type    string // the Go type of the error, without package
	Message string
	Payload []byte
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// APIError is an error of Lambda itself, with the name that AWS gives it.
type APIError struct {
	Code    string
	Message string
}

func (e *APIError) Error() string { return e.Code + ": " + e.Message }

// ErrorCode is the AWS name, such as ResourceNotFoundException.
func (e *APIError) ErrorCode() string { return e.Code }

// Func runs one invocation. Its context ends at the function's timeout and carries a lambdacontext.LambdaContext. An error
// becomes a FunctionError; a *FunctionError is taken as it is.
type Func func(ctx context.Context, payload []byte) ([]byte, error)

// Options are what a Registry works with.
type Options struct {
	// Clock counts invocations as work. Required.
	Clock *clock.Clock
	// Logger hears of panics; nil: nobody does.
	Logger *slog.Logger
	// Later keeps an asynchronous invocation until it is done, and tries it again; nil: there are none.
	Later func(ctx context.Context, functionARN string, payload []byte) error
	// Elsewhere is another Lambda endpoint, which Invoke asks for functions that are not registered; nil: none.
	Elsewhere *url.URL
}

// Registry knows functions and invokes them. All methods are safe for concurrent use.
type Registry struct {
	clock *clock.Clock
	log   *slog.Logger

	elsewhere *url.URL

	later func(ctx context.Context, functionARN string, payload []byte) error

	mu        sync.RWMutex
	functions map[string]registered
}

type registered struct {
	arn     string
	timeout time.Duration
	run     Func
}

// New makes a registry without functions.
func New(o Options) *Registry {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Registry{clock: o.Clock, log: log, elsewhere: o.Elsewhere, later: o.Later, functions: map[string]registered{}}
}

// Register adds a function, or replaces the one of that name. Timeout is in real time; 0 is Lambda's default of 3 s.
func (r *Registry) Register(name, arn string, timeout time.Duration, run Func) {
	if timeout <= 0 {
		timeout = 3 * time.Second
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.functions[name] = registered{arn: arn, timeout: timeout, run: run}
}

// Has reports whether there is a function of that name or ARN.
func (r *Registry) Has(function string) bool {
	_, err := r.find(function)
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

func (r *Registry) find(function string) (registered, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f, ok := r.functions[Name(function)]
	if !ok {
		return f, &APIError{"ResourceNotFoundException", "Function not found: " + function}
	}
	return f, nil
}

// Invoke runs a function, given by name or ARN, and waits for its answer. The FunctionError is the function's own failure,
// a timeout ("Sandbox.Timedout") included; the error is an *APIError, or that of ctx when it ended first.
func (r *Registry) Invoke(ctx context.Context, function string, payload []byte) ([]byte, *FunctionError, error) {
	f, err := r.find(function)
	if err != nil {
		if r.elsewhere != nil {
			return r.invokeElsewhere(ctx, function, payload)
		}
		return nil, nil, err
	}
	defer r.clock.Busy()()
	id := requestID()
	inner, cancel := context.WithTimeout(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: id, InvokedFunctionArn: f.arn,
	}), f.timeout)
	defer cancel()

	type answer struct {
		payload []byte
		err     error
	}
	done := make(chan answer, 1)
	go func() {
		out, err := r.run(inner, f, payload)
		done <- answer{out, err}
	}()
	select {
	case a := <-done:
		if a.err == nil {
			return a.payload, nil, nil
		}
		if ctx.Err() == nil && inner.Err() == nil {
			return nil, functionError(a.err), nil
		}
	case <-inner.Done():
	}
	if ctx.Err() != nil {
		return nil, nil, fmt.Errorf("invoke %s: %w", Name(function), ctx.Err())
	}
	// Lambda kills the sandbox; here the context has ended, and whatever the handler still answers is dropped.
	return nil, timedOut(id, f.timeout), nil
}

// run calls a handler and turns its panic into the error that Lambda reports for one.
func (r *Registry) run(ctx context.Context, f registered, payload []byte) (out []byte, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		r.log.ErrorContext(ctx, "function panicked", "function", Name(f.arn), "panic", fmt.Sprint(p))
		name := cmp.Or(typeName(p), "panic")
		err = failure(name, fmt.Sprint(p))
	}()
	return f.run(ctx, payload)
}

// InvokeAsync takes an event as Lambda takes an asynchronous invocation: it is run later, at least once.
func (r *Registry) InvokeAsync(ctx context.Context, function string, payload []byte) error {
	f, err := r.find(function)
	if err != nil {
		return err
	}
	if r.later == nil {
		return &APIError{"ServiceException", "asynchronous invocations are not possible here"}
	}
	return r.later(ctx, f.arn, payload)
}

// functionError makes what Lambda answers for a handler's error, by the rules of aws-lambda-go.
func functionError(err error) *FunctionError {
	if e, ok := errors.AsType[*FunctionError](err); ok {
		return e
	}
	if m, ok := errors.AsType[messages.InvokeResponse_Error](err); ok {
		return failure(m.Type, m.Message)
	}
	return failure(typeName(err), err.Error())
}

func timedOut(id string, timeout time.Duration) *FunctionError {
	return failure("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, timeout.Seconds()))
}

func failure(name, message string) *FunctionError {
	payload, err := json.Marshal(struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{message, name})
	if err != nil { // two strings always marshal
		payload = []byte(`{}`)
	}
	return &FunctionError{Type: name, Message: message, Payload: payload}
}

// typeName is the name of a value's type, of what it points to if it is a pointer.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// requestID makes a version 4 UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
